//! What is wrong with a kustomization.

use gitops_manifest::Location;
use gitops_manifest::yaml::ParseError;
use gitops_tree::{TreeError, TreePath};

use crate::field_spec::{ConfigError, FieldError};
use crate::openapi::{OpenApiError, Schemas};
use crate::overrides::OverrideError;
use crate::resource::Resource;
use crate::resource_file::ResourceFileError;
use crate::selector::SelectorError;

/// Why a build failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file is no YAML.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A file of resources holds something else.
    #[error(transparent)]
    ResourceFile(#[from] ResourceFileError),
    /// A directory without a kustomization file.
    #[error("{}: there is no kustomization file: no {}", place(.directory), crate::kustomization::FILE_NAMES.join(", no "))]
    NoKustomization {
        /// The directory.
        directory: TreePath,
    },
    /// A directory with several.
    #[error("{}: there is more than one kustomization file: keep one of {}", place(.directory), .found.join(", "))]
    SeveralKustomizations {
        /// The directory.
        directory: TreePath,
        /// The files.
        found: Vec<&'static str>,
    },
    /// A field of a file is not as it should be.
    #[error("{at}: `{field}`: {message}")]
    Field {
        /// Where.
        at: Box<Location>,
        /// The field, as `patches[0].target`.
        field: String,
        /// What is wrong.
        message: String,
        /// The name that was probably meant.
        similar: Option<String>,
    },
    /// A file or directory that a field names.
    #[error("{at}: `{field}`: `{path}` {problem}")]
    Path {
        /// Where.
        at: Box<Location>,
        /// The field.
        field: String,
        /// What is written there.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
        /// The name that was probably meant.
        similar: Option<String>,
    },
    /// Something that only a program could do.
    #[error("{at}: `{field}`: {what} is not run here: {instead}")]
    Refused {
        /// Where.
        at: Box<Location>,
        /// The field.
        field: String,
        /// What it asks for.
        what: String,
        /// What to do.
        instead: &'static str,
    },
    /// A chart that nobody renders.
    #[error("{at}: `helmCharts`: {reason}")]
    Chart {
        /// Where.
        at: Box<Location>,
        /// Why.
        reason: String,
    },
    /// Resources do not go together.
    #[error("{at}: {field}: {error}")]
    Resources {
        /// The kustomization file.
        at: Box<Location>,
        /// The field at work.
        field: String,
        /// What is wrong.
        error: Box<ResourceError>,
    },
    /// What an Application says on top does not go with the kustomization.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// In a base or component.
    #[error("{error}\n  in `{path}`, which {at} names in `{field}`")]
    Inside {
        /// Where it is named.
        at: Box<Location>,
        /// The field.
        field: String,
        /// What is written there.
        path: String,
        /// What is wrong inside.
        error: Box<BuildError>,
    },
    /// More than the limits allow.
    #[error("{at}: {what}")]
    Limit {
        /// Where.
        at: Box<Location>,
        /// Which.
        what: String,
    },
}

/// What is wrong with a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// Nothing.
    #[error("does not exist")]
    NotFound,
    /// A directory where a file should be.
    #[error("is a directory, and should be a file")]
    Directory,
    /// A file where a directory should be.
    #[error("is a file, and should be a directory with a kustomization file")]
    File,
    /// Outside of the kustomization's directory.
    #[error("is not in or below `{root}`: move it there, or load without restrictions")]
    Restricted {
        /// The directory.
        root: String,
    },
    /// Out of what may be read at all.
    #[error("leaves what may be read here")]
    Leaves,
    /// A base that leads back to itself.
    #[error("leads in a circle: `{root}` contains a directory that is being built")]
    Circle {
        /// The directory.
        root: String,
    },
    /// `a..b`, which is most likely two entries run together.
    #[error("has `..` inside of a name: look for a wrong indentation")]
    Ambiguous,
    /// Absolute.
    #[error("is absolute: write it from the kustomization's directory")]
    Absolute,
    /// Nothing is written there.
    #[error("is empty")]
    Empty,
    /// Remote, and there is nobody to fetch it.
    #[error("is remote{0}")]
    Remote(String),
    /// Symbolic links in a circle.
    #[error("goes through symbolic links that lead back to themselves")]
    LinkLoop,
}

/// Why resources do not go together, or cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// Two of one identity.
    #[error("there are two resources {id}: rename or remove one")]
    Duplicate {
        /// Which.
        id: String,
    },
    /// None where one is needed.
    #[error("there is no resource {id}")]
    NoMatch {
        /// Which.
        id: String,
    },
    /// Several where one is needed.
    #[error("there is more than one resource {id}")]
    SeveralMatches {
        /// Which.
        id: String,
    },
    /// A generator that changes what is not there.
    #[error("there is no {id} for the behavior `{behavior}`")]
    NothingToMerge {
        /// Which.
        id: String,
        /// What was to be done.
        behavior: &'static str,
    },
    /// A generator that creates what is there.
    #[error("{id} exists already: with the behavior `{behavior}` it cannot be generated; say merge or replace")]
    Exists {
        /// Which.
        id: String,
        /// What was to be done.
        behavior: &'static str,
    },
    /// A Secret to merge into.
    #[error("`stringData.{key}` is not a text")]
    StringDataNotText {
        /// The key.
        key: String,
    },
    /// A field that a transformer cannot set.
    #[error("{id}: field `{path}`: {message}")]
    Field {
        /// Of which resource.
        id: String,
        /// The path of the field spec.
        path: String,
        /// What is wrong there.
        message: String,
    },
    /// `replicas` for nothing.
    #[error("no resource that can be scaled is named `{name}`")]
    NoReplicas {
        /// The name.
        name: String,
    },
    /// A name that several resources had.
    #[error("{referrer}: field `{path}`: the name `{name}` could mean {candidates}")]
    Ambiguous {
        /// Who names it.
        referrer: String,
        /// In which field.
        path: String,
        /// What is written there.
        name: String,
        /// Whom it could mean.
        candidates: String,
    },
    /// A var.
    #[error("var `{name}`: {message}")]
    Var {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// Field specs that contradict each other.
    #[error("{message}")]
    Config {
        /// How.
        message: String,
    },
    /// A resource that a transformer left without name or kind.
    #[error("{id} has no {missing} any more")]
    Lost {
        /// Which.
        id: String,
        /// What is gone.
        missing: &'static str,
    },
    /// A resource that cannot be printed.
    #[error("{id}: {message}")]
    Meaning {
        /// Which.
        id: String,
        /// Why.
        message: String,
    },
    /// A validator that changes something.
    #[error("a validator changes {id}: validators only look")]
    Changed {
        /// What.
        id: String,
    },
    /// Anything in a replacement.
    #[error("{message}")]
    Replacement {
        /// What.
        message: String,
    },
    /// Options that do not go together.
    #[error("{message}")]
    Options {
        /// How.
        message: String,
    },
    /// A patch.
    #[error(transparent)]
    Patch(Box<PatchProblem>),
}

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchProblem {
    /// No kind of patch.
    #[error("this is no patch: as resources: {merge}; as JSON patch operations: {json}")]
    Neither {
        /// Why it is no strategic merge patch.
        merge: Box<ResourceFileError>,
        /// Why it is no JSON patch.
        json: String,
    },
    /// Its resource is not there, or there twice.
    #[error("the patch finds no place: {0}")]
    Target(ResourceError),
    /// A JSON patch that is for nothing.
    #[error("a JSON patch needs a `target`")]
    NoTarget,
    /// Several documents with one target.
    #[error("a `target` goes with one strategic merge patch, and here are several documents")]
    SeveralWithTarget,
    /// A target that cannot be used.
    #[error("target: {0}")]
    Selector(SelectorError),
    /// A strategic merge patch does not fit.
    #[error("{id}: {error}")]
    Merge {
        /// Which resource.
        id: String,
        /// What is wrong.
        error: String,
    },
    /// A JSON patch does not fit.
    #[error("{id}: {error}")]
    Json {
        /// Which resource.
        id: String,
        /// What is wrong.
        error: String,
    },
    /// Fields of a patch that do not go together.
    #[error("{0}")]
    Fields(&'static str),
}

impl ResourceError {
    /// A field that could not be set.
    pub(crate) fn field(resource: &Resource, schemas: &Schemas, error: FieldError) -> ResourceError {
        ResourceError::Field { id: resource.id(schemas).to_string(), path: error.path, message: error.message }
    }
}

impl From<ConfigError> for ResourceError {
    fn from(error: ConfigError) -> ResourceError {
        ResourceError::Config { message: error.to_string() }
    }
}

impl From<OpenApiError> for ResourceError {
    fn from(error: OpenApiError) -> ResourceError {
        ResourceError::Config { message: error.to_string() }
    }
}

impl BuildError {
    /// What was probably meant, on a line of its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            BuildError::Field { similar: Some(similar), .. } | BuildError::Path { similar: Some(similar), .. } => {
                Some(format!("did you mean `{similar}`?"))
            }
            BuildError::Override(error) => error.similar.as_ref().map(|similar| format!("did you mean `{similar}`?")),
            BuildError::Inside { error, .. } => error.hint(),
            _ => None,
        }
    }
}

fn place(directory: &TreePath) -> &str {
    if directory.is_root() { "." } else { directory.as_str() }
}
