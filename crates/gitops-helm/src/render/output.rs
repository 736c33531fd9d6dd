//! What a rendering gives.

use crate::instance::{Id, Instances};
use crate::manifest::{self, Document, Hook, HookEvent};
use crate::path_match::PathPattern;
use crate::{RenderError, chart};

/// The outcome of one rendering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Every template that was run with its exact output, in the order of running; NOTES.txt and blank ones too.
    pub templates: Vec<(String, String)>,
    /// The files of `crds/`, as they are; only with `include_crds`.
    pub crds: Vec<Document>,
    /// The documents that are no hooks, by kind.
    pub manifests: Vec<Document>,
    /// The hooks, by kind.
    pub hooks: Vec<Hook>,
    /// The output of the chart's own NOTES.txt.
    pub notes: String,
    /// What Helm would log.
    pub warnings: Vec<String>,
    /// Functions that were called whose results are not the same each time.
    pub drift: Vec<&'static str>,
}

impl Rendered {
    /// The documents that are no hooks, each behind a line that names its template.
    pub fn manifest_text(&self) -> String {
        let documents = self.crds.iter().chain(&self.manifests);
        let mut out = String::with_capacity(documents.clone().map(|d| d.text.len() + d.path.len() + 20).sum());
        for document in documents {
            push(&mut out, &document.path, &document.text);
        }
        out
    }

    /// All that `helm template` prints.
    pub fn to_text(&self) -> String {
        let mut out = self.manifest_text();
        let trimmed = out.trim_end().len();
        out.truncate(trimmed);
        let start = out.len() - out.trim_start().len();
        out.drain(..start);
        out.push('\n');
        for hook in &self.hooks {
            push(&mut out, &hook.path, &hook.text);
        }
        out
    }

    /// What `helm template --show-only …` prints: the documents of the templates that match, in the order of the patterns.
    ///
    /// # Errors
    /// When a pattern matches no template.
    pub fn show_only(&self, patterns: &[String]) -> Result<String, RenderError> {
        let text = self.to_text();
        let documents: Vec<(&str, &str)> =
            manifest::split(&text).into_iter().filter_map(|document| source(document).map(|path| (path, document))).collect();
        let mut out = String::new();
        for pattern in patterns {
            let matcher = PathPattern::parse(pattern).ok();
            let before = out.len();
            for (path, document) in &documents {
                if matcher.as_ref().is_some_and(|m| m.matches(path)) {
                    out.push_str("---\n");
                    out.push_str(document);
                    out.push('\n');
                }
            }
            if out.len() == before {
                return Err(RenderError::NoSuchTemplate(pattern.clone()));
            }
        }
        Ok(out)
    }

    /// Whether a hook is a test.
    pub fn is_test(hook: &Hook) -> bool {
        hook.events.contains(&HookEvent::Test)
    }
}

fn push(out: &mut String, path: &str, text: &str) {
    for part in ["---\n# Source: ", path, "\n", text, "\n"] {
        out.push_str(part);
    }
}

/// The path behind `# Source: CHART/`.
fn source(document: &str) -> Option<&str> {
    const MARK: &str = "# Source: ";
    document.match_indices(MARK).find_map(|(at, _)| {
        let line = document[at + MARK.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

/// The files of `crds/`: the chart's own, then those of its sub-charts.
pub(super) fn crds(instances: &Instances) -> Vec<Document> {
    let mut documents = Vec::new();
    collect(instances, Instances::ROOT, &mut documents);
    documents
}

fn collect(instances: &Instances, id: Id, documents: &mut Vec<Document>) {
    let node = instances.node(id);
    let is_manifest = |name: &str| [".yaml", ".yml", ".json"].contains(&chart::load::extension(name).to_ascii_lowercase().as_str());
    for file in node.data.files.iter().filter(|f| f.name.starts_with("crds/") && is_manifest(&f.name)) {
        documents.push(Document {
            path: format!("{}/{}", instances.full_path(id), file.name),
            kind: "CustomResourceDefinition".to_owned(),
            text: String::from_utf8_lossy(&file.data).into_owned(),
        });
    }
    for child in &node.children {
        collect(instances, *child, documents);
    }
}
