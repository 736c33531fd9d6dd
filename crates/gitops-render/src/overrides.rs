//! Override files in the repository: what a commit may change of an Application's source.
//!
//! Rule: Argo CD's `.argocd-source.yaml`, then `.argocd-source-<app>.yaml`, both in the source's path, each a JSON merge
//! patch on the source. `repoURL`, `path`, `chart` and `targetRevision` cannot be overridden. The engine is detected
//! after the patch, so the caller applies the patches before it makes a [`crate::Source`].

use gitops_manifest::Value;
use gitops_manifest::yaml::DuplicateKeys;
use gitops_tree::{ReadSet, Recorder, Tree, TreePath};

use crate::document::parse_yaml;
use crate::error::{Problem, RenderError};
use crate::files::{Files, at};
use crate::limits::Limits;

/// What cannot be overridden.
const FIXED: [&str; 4] = ["repoURL", "path", "chart", "targetRevision"];

/// One override file.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceOverride {
    /// The file.
    pub path: TreePath,
    /// A JSON merge patch for the Application's source, for [`gitops_manifest::patch::merge::apply`].
    pub patch: Value,
}

/// Whether a file of this name is one of these, and so no manifest.
pub(crate) fn is_override_file(name: &str) -> bool {
    name == ".argocd-source.yaml" || (name.starts_with(".argocd-source-") && name.ends_with(".yaml"))
}

/// Reads the override files for application `app` (`<namespace>_<name>` when it is not in the engine's own namespace),
/// in the order in which they are to be applied, and what was looked for.
///
/// # Errors
/// When one of them is not a YAML map, or is a link out of the repository.
pub fn source_overrides(
    tree: &dyn Tree,
    path: &TreePath,
    app: &str,
    limits: &Limits,
) -> Result<(Vec<SourceOverride>, ReadSet), RenderError> {
    let recorder = Recorder::new(tree);
    let mut files = Files::new(&recorder, limits);
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    // An application's name has no `/`; one that had would name another directory.
    let own = (!app.contains('/')).then(|| format!(".argocd-source-{app}.yaml"));
    for name in [".argocd-source.yaml".to_owned()].into_iter().chain(own) {
        match read(&mut files, &path.child(&name)) {
            Ok(patch) => found.extend(patch),
            Err(problem) => problems.push(problem),
        }
    }
    let reads = recorder.into_read_set();
    if problems.is_empty() { Ok((found, reads)) } else { Err(RenderError::new(problems, reads)) }
}

fn read(files: &mut Files<'_>, path: &TreePath) -> Result<Option<SourceOverride>, Problem> {
    let Some(text) = files.read_at(path)? else { return Ok(None) };
    let Some(document) = parse_yaml(&text, path, DuplicateKeys::LastWins, files.limits())?.documents.into_iter().next() else {
        return Ok(None);
    };
    match document.value {
        Value::Null => Ok(None),
        Value::Map(mut map) => {
            map.retain(|key, _| !FIXED.contains(&key));
            Ok(Some(SourceOverride { path: path.clone(), patch: Value::Map(map) }))
        }
        other => Err(Problem::Expected { at: at(path), field: "the file".into(), expected: "a map", found: other.kind_name() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_manifest::json;
    use gitops_tree::MemoryTree;

    #[test]
    fn the_general_file_comes_first_and_identity_stays() {
        let tree = MemoryTree::new()
            .with("app/.argocd-source.yaml", "directory: {recurse: true}\nrepoURL: https://elsewhere.example\n")
            .with("app/.argocd-source-web.yaml", "directory: {include: '*.yaml'}\n")
            .with("app/.argocd-source-other.yaml", "directory: {recurse: false}\n");
        let path = TreePath::parse("app").unwrap();
        let (patches, reads) = source_overrides(&tree, &path, "web", &Limits::default()).unwrap();
        let patches: Vec<String> = patches.iter().map(|o| json::print(&o.patch)).collect();
        assert_eq!(patches, [r#"{"directory":{"recurse":true}}"#, r#"{"directory":{"include":"*.yaml"}}"#]);
        assert!(!reads.holds_in(&tree.clone().with("app/.argocd-source.yaml", "{}")).unwrap());
        assert!(reads.holds_in(&tree.clone().with("app/.argocd-source-other.yaml", "{}")).unwrap());
        let (none, reads) = source_overrides(&MemoryTree::new(), &path, "web", &Limits::default()).unwrap();
        assert!(none.is_empty());
        assert!(!reads.holds_in(&tree).unwrap(), "a file that appears counts");
    }
}
