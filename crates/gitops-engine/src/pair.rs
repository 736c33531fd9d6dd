//! Desired and live side by side, as people see them: with secrets masked and ignored fields left out.

use gitops_app::Application;
use gitops_diff::{IgnoreRule, IgnoreSpec, Masker};
use gitops_manifest::{Manifest, ObjectId, Value};

/// Lines of context in a diff.
const CONTEXT: usize = 3;

/// One object's two sides, masked.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Which.
    pub id: ObjectId,
    /// As it is to be; `None` when it is to go.
    pub desired: Option<Value>,
    /// As it is; `None` when it is missing.
    pub live: Option<Value>,
    /// Whether that counts as a difference.
    pub modified: bool,
}

impl Pair {
    /// `modified`: whether the two differ for the target, where both are there.
    pub(crate) fn new(id: ObjectId, desired: Option<&Value>, live: Option<&Value>, modified: bool) -> Pair {
        let modified = modified || desired.is_some() != live.is_some();
        let masked = Masker::new().mask(desired.unwrap_or(&Value::Null), live.unwrap_or(&Value::Null));
        let shown = |v: Value| Some(v).filter(|v| !v.is_null());
        Pair { id, desired: shown(masked.desired), live: shown(masked.live), modified }
    }

    /// The difference as unified text over YAML, from live to desired.
    pub fn text(&self) -> String {
        let side = |v: &Option<Value>| v.clone().unwrap_or_default();
        let labels = (format!("live/{}", self.id), format!("desired/{}", self.id));
        gitops_diff::unified(&side(&self.live), &side(&self.desired), (&labels.0, &labels.1), CONTEXT)
    }
}

/// A manifest as people may see it.
pub fn shown(manifest: &Manifest) -> Value {
    Masker::new().mask(manifest.body(), &Value::Null).desired
}

/// `spec.ignoreDifferences`, ready to use.
pub(crate) fn rules(app: &Application) -> Result<Vec<IgnoreRule>, String> {
    app.spec
        .ignore_differences
        .iter()
        .enumerate()
        .map(|(i, rule)| {
            let spec = IgnoreSpec {
                group: rule.group.clone(),
                kind: rule.kind.clone(),
                name: rule.name.clone(),
                namespace: rule.namespace.clone(),
                json_pointers: rule.json_pointers.clone(),
                jq_path_expressions: rule.jq_path_expressions.clone(),
                managed_fields_managers: rule.managed_fields_managers.clone(),
            };
            IgnoreRule::new(&spec).map_err(|e| format!("spec.ignoreDifferences[{i}]: {e}"))
        })
        .collect()
}
