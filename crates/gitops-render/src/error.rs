//! What is wrong with a source, all of it at once.
//!
//! Every problem names its file, and the line where one is known. No text of the file is repeated, except names.

use std::fmt;

use gitops_manifest::yaml::ParseError;
use gitops_manifest::{Location, ManifestError, ObjectId};
use gitops_tree::{ReadSet, TreeError};

/// A render that failed: every problem that was found, and what was read to find them.
#[derive(Debug)]
pub struct RenderError {
    problems: Vec<Problem>,
    reads: ReadSet,
}

impl RenderError {
    pub(crate) fn new(problems: Vec<Problem>, reads: ReadSet) -> RenderError {
        RenderError { problems, reads }
    }

    /// The problems, in the order they were found; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All that was read or looked for. While it stays the same, so does the failure: there is no need to render again.
    pub fn reads(&self) -> &ReadSet {
        &self.reads
    }
}

impl fmt::Display for RenderError {
    /// One problem a line, its hint after it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
            if let Some(hint) = problem.hint() {
                write!(f, ": {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for RenderError {}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file is not the YAML or JSON that it should be.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A document is no object.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A kustomization cannot be built.
    #[error(transparent)]
    Kustomize(Box<gitops_kustomize::BuildError>),
    /// A chart cannot be rendered.
    #[error("{at}: {reason}")]
    Helm {
        /// The chart.
        at: Location,
        /// Why, in Helm's words: chart, template and line.
        reason: String,
    },
    /// A renderer of the embedding program failed.
    #[error("{at}: plugin `{renderer}`: {reason}")]
    Renderer {
        /// What it rendered.
        at: Location,
        /// Its name.
        renderer: String,
        /// Why, in its words.
        reason: String,
    },
    /// There is no renderer of that name.
    #[error("{at}: no plugin `{name}` (there are: {})", list(.known))]
    NoRenderer {
        /// What needs it.
        at: Location,
        /// As written; empty when discovery should find one.
        name: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// Another problem, whose message held a decrypted value.
    #[error("{text}")]
    Redacted {
        /// The message, without the value.
        text: String,
    },
    /// More than one document in a file of ours.
    #[error("{at}: a second document begins here: a file of settings is one document")]
    SecondDocument {
        /// Where it begins.
        at: Location,
    },
    /// The path of the source does not exist or is no directory.
    #[error("{at}: the source's path is {found}")]
    Path {
        /// The path.
        at: Location,
        /// What was found instead of a directory.
        found: &'static str,
    },
    /// A symbolic link points out of the repository.
    #[error("{at}: the symbolic link points to `{target}`, which leaves the repository")]
    LinkLeaves {
        /// The link.
        at: Location,
        /// What it points to.
        target: String,
    },
    /// Symbolic links that lead back to themselves.
    #[error("{at}: the symbolic link leads back to itself")]
    LinkLoop {
        /// The link where it was noticed.
        at: Location,
    },
    /// A symbolic link to nothing.
    #[error("{at}: the symbolic link points to nothing in the repository")]
    LinkBroken {
        /// The link.
        at: Location,
    },
    /// A Git LFS pointer where content was expected.
    #[error("{at}: a Git LFS pointer, not the file itself")]
    LfsPointer {
        /// The file.
        at: Location,
    },
    /// The files are together larger than the limit.
    #[error("{at}: with this file the source is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The file that went over.
        at: Location,
        /// [`crate::Limits::max_total_bytes`].
        limit: u64,
    },
    /// There are more files than the limit.
    #[error("{at}: with this the source has more than {limit} files and directories")]
    TooMany {
        /// The entry that went over.
        at: Location,
        /// [`crate::Limits::max_entries`].
        limit: usize,
    },
    /// Something that only an engine which is not there yet can render.
    #[error("{at}: needs the engine `{engine}`, which is not there yet")]
    EngineMissing {
        /// What needs it.
        at: Location,
        /// Its name.
        engine: String,
    },
    /// `include` or `exclude` is no glob.
    #[error("{field}: `{pattern}` is not a glob: {reason}")]
    Glob {
        /// Path of the field in the Application's source.
        field: &'static str,
        /// As written.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// Two objects with one identity in an environment layout.
    #[error("{second}: {id} is already defined in {first}")]
    Repeated {
        /// The identity: group, kind, namespace, name.
        id: Box<ObjectId>,
        /// The first.
        first: Location,
        /// The second.
        second: Location,
    },
    /// The environment that was asked for is not there.
    #[error("{at}: there is no environment `{name}` (there are: {})", list(.known))]
    UnknownEnvironment {
        /// Where environments are named.
        at: Location,
        /// As written.
        name: String,
        /// Those that exist.
        known: Vec<String>,
        /// The nearest of them.
        similar: Option<String>,
    },
    /// The layout needs to know the environment.
    #[error("{at}: no environment was chosen (there are: {})", list(.known))]
    NoEnvironment {
        /// Where environments are named.
        at: Location,
        /// Those that exist.
        known: Vec<String>,
    },
    /// The directory is in neither of the two layouts.
    #[error("{at}: no environment layout: neither a platform.yaml nor a directory `environments`")]
    NoLayout {
        /// The directory.
        at: Location,
    },
    /// A field of a file of ours that does not exist.
    #[error("{at}: unknown field `{field}` (there are: {})", list(.known))]
    UnknownField {
        /// Where.
        at: Location,
        /// As written, with its path.
        field: String,
        /// Those that exist.
        known: Vec<String>,
        /// The nearest of them.
        similar: Option<String>,
    },
    /// A value of the wrong kind in a file of ours.
    #[error("{at}: {field} must be {expected}, found a {found}")]
    Expected {
        /// Where.
        at: Location,
        /// Path of the field, or what the file is.
        field: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// An agent or web app without its manifest.
    #[error("{at}: has no manifest.json")]
    ManifestMissing {
        /// The directory.
        at: Location,
    },
    /// Two files for one thing, which differ in their extension.
    #[error("{at}: there is also {first}: keep one of the two")]
    TwoFiles {
        /// The second.
        at: Location,
        /// The first.
        first: Location,
    },
    /// Directories nested too deep.
    #[error("{at}: more than {limit} directories deep")]
    TooDeep {
        /// The directory that went over.
        at: Location,
        /// [`crate::Limits::max_depth`].
        limit: usize,
    },
    /// The directory that was given for schemas cannot be used.
    #[error("{at}: schemas: {reason}")]
    SchemasPath {
        /// The root of the layout.
        at: Location,
        /// Why.
        reason: String,
    },
    /// A name that no object may have.
    #[error(
        "{at}: `{name}` cannot name an object: use lower-case letters, digits, `-` and `.`, at most 253, beginning and ending with a letter or digit"
    )]
    Name {
        /// The file or directory that gives the name.
        at: Location,
        /// The name.
        name: String,
    },
    /// Content that does not fit its JSON Schema.
    #[error("{at}: {pointer}: {message} (schema {schema})")]
    Mismatch {
        /// The file that the value comes from.
        at: Location,
        /// JSON pointer into the merged content, `/` for all of it.
        pointer: String,
        /// What does not fit, without the value.
        message: String,
        /// The file of the schema.
        schema: String,
    },
    /// A file that is no JSON Schema, or refers to another one.
    #[error("{at}: not a JSON Schema that can be used: {reason}")]
    Schema {
        /// The schema's file.
        at: Location,
        /// Why.
        reason: String,
    },
    /// A reference to a secret that cannot be followed as it is written.
    #[error("{at}: {pointer}: malformed `{scheme}://` reference: {reason}")]
    Reference {
        /// The file that the value comes from.
        at: Location,
        /// JSON pointer into the merged content.
        pointer: String,
        /// `vault`, `env` or `file`.
        scheme: &'static str,
        /// What is wrong, without the text: it may hold what someone took for the place of a secret.
        reason: &'static str,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Problem {
    /// What to do about it, as one sentence.
    pub fn hint(&self) -> Option<String> {
        let fixed = match self {
            Problem::UnknownEnvironment { similar, .. } | Problem::UnknownField { similar, .. } => {
                return similar.as_ref().map(|name| format!("did you mean `{name}`?"));
            }
            Problem::Kustomize(error) => return error.hint(),
            Problem::NoEnvironment { .. } => "set spec.source.plugin: {name: environment, parameters: [{name: environment, string: …}]}",
            Problem::NoRenderer { .. } => {
                "`plugins` of the server's configuration names the programs that may render, and has none of itself"
            }
            Problem::LfsPointer { .. } => "commit the file without LFS: configuration is read from git alone",
            Problem::Path { .. } => "correct spec.source.path: it is seen from the root of the repository",
            Problem::ManifestMissing { .. } => "add manifest.json, or remove the directory",
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}
