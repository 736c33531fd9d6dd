//! Desired and live side by side, as people see them: with secrets masked and ignored fields left out.

use gitops_app::Application;
use gitops_apply::{LiveObject, Target};
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
    /// As an apply makes it, where that is more than desired: with what the target and others set.
    pub predicted: Option<Value>,
    /// Whether that counts as a difference.
    pub modified: bool,
}

impl Pair {
    /// An object's two sides as they are. `modified`: whether they differ where both are there.
    pub(crate) fn plain(id: ObjectId, desired: Option<&Value>, live: Option<&Value>, modified: bool) -> Pair {
        let modified = modified || desired.is_some() != live.is_some();
        let masked = Masker::new().mask(desired.unwrap_or(&Value::Null), live.unwrap_or(&Value::Null));
        let shown = |v: Value| Some(v).filter(|v| !v.is_null());
        Pair { id, desired: shown(masked.desired), live: shown(masked.live), predicted: None, modified }
    }

    /// An object's two sides as `target` sees them.
    pub(crate) fn new(
        id: ObjectId,
        desired: Option<&Manifest>,
        live: Option<&LiveObject>,
        target: &dyn Target,
        rules: &[IgnoreRule],
    ) -> Pair {
        let modified = match (desired, live) {
            (Some(desired), Some(live)) => target.differs(desired, live, rules),
            (desired, live) => desired.is_some() || live.is_some(),
        };
        let seen = live.and_then(|live| target.seen(desired, live, rules));
        let shown = |v: Value| Some(v).filter(|v| !v.is_null());
        let mask = |desired: &Value, live: &Value| Masker::new().mask(desired, live);
        let (body, found) = (desired.map_or(&Value::Null, Manifest::body), live.map_or(&Value::Null, |l| l.manifest.body()));
        match seen {
            None => Pair::plain(id, Some(body), Some(found), modified),
            // Masks tell equal from changed within one pair only, and it is these two that people compare.
            Some(seen) => {
                let predicted = if desired.is_some() { &seen.predicted } else { &Value::Null };
                let masked = mask(predicted, &seen.live);
                let desired = shown(mask(body, found).desired);
                Pair { id, desired, live: shown(masked.live), predicted: shown(masked.desired), modified }
            }
        }
    }

    /// The difference as unified text over YAML, from live to desired.
    pub fn text(&self) -> String {
        let side = |v: &Option<Value>| v.clone().unwrap_or_default();
        let labels = (format!("live/{}", self.id), format!("desired/{}", self.id));
        let becomes = if self.predicted.is_some() { &self.predicted } else { &self.desired };
        gitops_diff::unified(&side(&self.live), &side(becomes), (&labels.0, &labels.1), CONTEXT)
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
