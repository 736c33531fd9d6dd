//! What is to be rendered: a directory of a tree, and how to read it.
//!
//! These are this crate's own plain types, so that it can be used without Applications: whoever has an Application
//! converts its `spec.source` into a [`Source`].

use gitops_kustomize::LoadRestrictor;
use gitops_manifest::Value;
use gitops_tree::TreePath;

use crate::nearest::nearest;

/// A directory of a tree and the engine that turns it into objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The directory, from the root of the tree.
    pub path: TreePath,
    /// How to read it.
    pub engine: EngineChoice,
}

/// Which engine reads a directory.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum EngineChoice {
    /// Found by looking at the files: see [`crate::render`] for the order.
    #[default]
    Detect,
    /// Plain manifests, chosen: a `kustomization.yaml` or `Chart.yaml` among them changes nothing.
    Directory(DirectoryOptions),
    /// A kustomization, chosen.
    Kustomize(KustomizeOptions),
    /// An environment layout, chosen.
    Environment(EnvironmentOptions),
    /// A Helm chart, chosen.
    Helm(HelmOptions),
    /// A [`crate::Renderer`] of the embedding program, chosen.
    Custom(CustomOptions),
    /// An engine that was asked for by name and does not exist here. Rendering fails and says so.
    Unsupported {
        /// As the user wrote it, e.g. `helm`.
        name: String,
    },
}

/// A Helm chart: `spec.source.helm`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HelmOptions {
    /// The block as written in the Application.
    pub block: Option<Value>,
    /// The build environment, for `$NAME` in the block.
    pub environment: Vec<(String, String)>,
}

/// What a renderer of the embedding program gets: `spec.source.plugin`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CustomOptions {
    /// Which; empty for the one whose discovery matches.
    pub name: String,
    /// The block as written in the Application.
    pub block: Value,
    /// The build environment, and what the block adds to it.
    pub environment: Vec<(String, String)>,
}

/// Plain manifests in a directory: `spec.source.directory`.
///
/// Rules (Argo CD's directory applications): files ending in `.yaml`, `.yml`, `.json`, `.jsonnet`, in the order of their
/// paths; `exclude` is tested before `include`; a `.json` file is one object, a YAML file any number of documents; `null`
/// documents are skipped; a `*List` with `items` is its items; a file that contains `+argocd:skip-file-rendering` is
/// skipped; a YAML file that fails is an error only when it looks like a manifest or holds other objects, and is left out
/// with a warning otherwise; of two objects with one identity the last is used, with a warning that names both places;
/// of two equal keys the last wins, with a warning.
///
/// Ours: links to directories are followed inside the repository; every file is read before anything is reported;
/// a submodule is left out with a warning; `.jsonnet` is refused until that engine is there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DirectoryOptions {
    /// Whether sub-directories are read too.
    pub recurse: bool,
    /// A glob on the path below the source's path; only matches are read. `*` also crosses `/`; `{a,b}` are alternatives.
    pub include: Option<String>,
    /// A glob as `include`; matches are left out, tested before `include`.
    pub exclude: Option<String>,
    /// Read files of every extension (as YAML), not only `.yaml`, `.yml` and `.json`.
    pub disable_extension_filter: bool,
}

/// A kustomization: `spec.source.kustomize`, and what the server says about all of them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct KustomizeOptions {
    /// The block as written in the Application; see [`gitops_kustomize::Overrides`].
    pub block: Option<Value>,
    /// The build environment, for `$NAME` in the block.
    pub environment: Vec<(String, String)>,
    /// Which files the kustomization may read.
    pub load_restrictor: Option<LoadRestrictor>,
}

/// The parameters of the plugin named `environment`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EnvironmentOptions {
    /// Which environment; empty when none was given.
    pub environment: String,
    /// Which of the two layouts; found by looking when `None`.
    pub layout: Option<Layout>,
    /// Directory of the JSON Schemas, from the root of the layout; `schemas` when `None`.
    pub schemas: Option<String>,
}

/// The two environment layouts; the README of `examples/` shows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `platform.yaml`, `agents/<name>/…`, `webapps/<name>/…`.
    Platform,
    /// `environments/<name>/*.json`.
    Environments,
}

/// Why the parameters of the `environment` plugin are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// No such parameter.
    #[error("plugin `environment` has no parameter `{name}`: it has environment, layout and schemas{}", did_you_mean(.similar.as_deref()))]
    Unknown {
        /// As written.
        name: String,
        /// The nearest that exists.
        similar: Option<String>,
    },
    /// The layout has no such value.
    #[error("plugin `environment`: parameter layout is `{value}`, which is neither `platform` nor `environments`")]
    Layout {
        /// As written.
        value: String,
    },
}

/// The tail of a message that proposes a name.
pub(crate) fn did_you_mean(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

impl EnvironmentOptions {
    /// Reads the plugin's parameters: `environment`, `layout` (`platform` or `environments`), `schemas`.
    ///
    /// # Errors
    /// For a parameter that does not exist, and for a layout that does not.
    pub fn from_parameters<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<EnvironmentOptions, ParameterError> {
        let mut options = EnvironmentOptions::default();
        for (name, value) in parameters {
            match name {
                "environment" => options.environment = value.to_owned(),
                "schemas" => options.schemas = Some(value.to_owned()),
                "layout" => {
                    options.layout = Some(match value {
                        "platform" => Layout::Platform,
                        "environments" => Layout::Environments,
                        _ => return Err(ParameterError::Layout { value: value.to_owned() }),
                    });
                }
                _ => {
                    let similar = nearest(name, ["environment", "layout", "schemas"]).map(str::to_owned);
                    return Err(ParameterError::Unknown { name: name.to_owned(), similar });
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_parameter_is_answered_with_the_right_one() {
        let e = EnvironmentOptions::from_parameters([("enviroment", "production")]).expect_err("misspelt");
        assert!(e.to_string().ends_with("did you mean `environment`?"), "{e}");
        let o = EnvironmentOptions::from_parameters([("environment", "staging"), ("layout", "platform")]).expect("valid");
        assert_eq!((o.environment.as_str(), o.layout), ("staging", Some(Layout::Platform)));
    }
}
