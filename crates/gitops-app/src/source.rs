//! Where manifests come from: [`ApplicationSource`] and its tool blocks. `application.md` §1.1 to §1.5.
//!
//! `helm`, `kustomize` and `directory.jsonnet` are checked against the contract's fields but kept as JSON: the crates that
//! render them read them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::wire::is_false;

/// One source of manifests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationSource {
    /// Git URL, Helm repository URL (with `chart`), or `oci://…`.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Directory inside the repository, relative.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Branch, tag, commit, version or constraint; empty is `HEAD` for Git.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
    /// Helm chart name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// Key by which other sources use this one: `$ref/…`.
    #[serde(rename = "ref", skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Label for people and for `sourceNames`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Only tags with this prefix take part in choosing a version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag_prefix: String,
    /// Helm block, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<Json>,
    /// Kustomize block, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Json>,
    /// Plain-directory block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// Plugin block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Plugin>,
}

impl ApplicationSource {
    /// The revision to resolve: `HEAD` when none is written.
    pub fn revision_spec(&self) -> &str {
        if self.target_revision.is_empty() { "HEAD" } else { &self.target_revision }
    }

    /// Whether it only lends files to other sources and renders nothing.
    pub fn is_reference_only(&self) -> bool {
        !self.reference.is_empty() && self.path.is_empty() && self.chart.is_empty() && !self.repo_url.starts_with("oci://")
    }

    /// The tool blocks that say something. An empty block counts as absent, as Argo CD drops it when it normalises.
    pub fn tool_blocks(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        let says = |block: &Option<Json>| block.as_ref().is_some_and(|b| !is_zero(b));
        if says(&self.helm) {
            found.push("helm");
        }
        if says(&self.kustomize) {
            found.push("kustomize");
        }
        let plain = Directory { jsonnet: None, ..self.directory.clone().unwrap_or_default() } == Directory::default();
        if !plain || self.directory.as_ref().is_some_and(|d| says(&d.jsonnet)) {
            found.push("directory");
        }
        if self.plugin.as_ref().is_some_and(|p| *p != Plugin::default()) {
            found.push("plugin");
        }
        found
    }
}

/// Whether a JSON value says nothing: `null`, `false`, `0`, empty, or made of such only.
fn is_zero(v: &Json) -> bool {
    match v {
        Json::Null => true,
        Json::Bool(b) => !b,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(s) => s.is_empty(),
        Json::Array(a) => a.is_empty(),
        Json::Object(o) => o.values().all(is_zero),
    }
}

/// How a directory of plain files is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Directory {
    /// Descend into sub-directories.
    #[serde(skip_serializing_if = "is_false")]
    pub recurse: bool,
    /// Glob of what is kept.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub include: String,
    /// Glob of what is left out; tested first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exclude: String,
    /// Read files whatever their ending.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_extension_filter: bool,
    /// Jsonnet settings, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jsonnet: Option<Json>,
}

/// A config-management plugin and what it is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Plugin {
    /// Name of the plugin; empty leaves the choice to discovery.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Environment; the plugin sees `ARGOCD_ENV_<name>`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<NameValue>,
    /// Parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<PluginParameter>,
}

/// A name and its value, both always written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameValue {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// One parameter of a plugin: text, map or list. An empty map or list is something else than none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginParameter {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Value as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// Value as a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, String>>,
    /// Value as a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<Vec<String>>,
}
