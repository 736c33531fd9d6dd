//! What of a live application stays when its set changes it. `applicationset.md` §4.

use std::collections::BTreeMap;

use gitops_app::{Application, ApplicationSet, IgnoreApplicationDifference};
use gitops_manifest::patch::merge;
use gitops_manifest::{Location, Manifest, Value};

/// Annotations that others write while an application lives.
const KEPT_ANNOTATIONS: [&str; 3] = ["notified.notifications.argoproj.io", "argocd.argoproj.io/refresh", "argocd.argoproj.io/hydrate"];
/// Finalizers, and what they begin with when a stage follows, that the engine writes.
const KEPT_FINALIZERS: [&str; 2] = ["pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io"];

/// `live` as the set wants it: spec, labels, annotations and finalizers of `desired`, and what must stay.
///
/// # Errors
/// When an ignored difference cannot be read, or leaves something that is no application.
pub(crate) fn updated(set: &ApplicationSet, live: &Application, desired: &Application) -> Result<Application, String> {
    let preserved = set.spec.preserved_fields.clone().unwrap_or_default();
    let mut next = live.clone();
    next.spec = desired.spec.clone();
    next.metadata.labels = keep(&live.metadata.labels, &desired.metadata.labels, |k| preserved.labels.iter().any(|p| p == k));
    next.metadata.annotations = keep(&live.metadata.annotations, &desired.metadata.annotations, |k| {
        KEPT_ANNOTATIONS.contains(&k) || preserved.annotations.iter().any(|p| p == k)
    });
    next.metadata.finalizers = desired.metadata.finalizers.clone();
    for finalizer in &live.metadata.finalizers {
        let kept = KEPT_FINALIZERS.iter().any(|k| finalizer.strip_prefix(k).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        if kept && !next.metadata.finalizers.contains(finalizer) {
            next.metadata.finalizers.push(finalizer.clone());
        }
    }
    if let Some(owners) = desired.metadata.other.get("ownerReferences") {
        next.metadata.other.insert("ownerReferences".to_owned(), owners.clone());
    }
    let rules: Vec<&IgnoreApplicationDifference> =
        set.spec.ignore_application_differences.iter().filter(|r| r.name.is_empty() || r.name == live.metadata.name).collect();
    if rules.is_empty() { Ok(next) } else { with_ignored(live, &next, &rules) }
}

fn keep(live: &BTreeMap<String, String>, desired: &BTreeMap<String, String>, kept: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let mut out = desired.clone();
    out.extend(live.iter().filter(|(k, _)| kept(k)).map(|(k, v)| (k.clone(), v.clone())));
    out
}

/// Live differences at ignored paths stay: both sides are compared without them, and what differs then is put onto `live`. A
/// list is replaced as a whole as soon as anything else in it differs.
fn with_ignored(live: &Application, next: &Application, rules: &[&IgnoreApplicationDifference]) -> Result<Application, String> {
    let (mut from, mut to) = (live.to_value(), next.to_value());
    let mut result = from.clone();
    for rule in rules {
        for text in &rule.json_pointers {
            let steps = pointer_steps(text).ok_or_else(|| format!("ignoreApplicationDifferences: `{text}` is no JSON pointer"))?;
            remove(&mut from, &steps);
            remove(&mut to, &steps);
        }
        for text in &rule.jq_path_expressions {
            let steps = jq_steps(text).ok_or_else(|| {
                format!("ignoreApplicationDifferences: jq path `{text}` is not understood here; write `.a.b`, `.a[0].b`, `.a[].b`, or a JSON pointer")
            })?;
            remove(&mut from, &steps);
            remove(&mut to, &steps);
        }
    }
    merge::apply(&mut result, &merge::diff(&from, &to));
    let manifest = Manifest::from_value(result, Location::file("live application")).map_err(|e| e.to_string())?;
    Application::from_manifest(&manifest).map_err(|e| e.to_string())
}

enum Step {
    Key(String),
    Every,
}

fn pointer_steps(text: &str) -> Option<Vec<Step>> {
    let parts = text.strip_prefix('/')?.split('/');
    Some(parts.map(|p| Step::Key(p.replace("~1", "/").replace("~0", "~"))).collect())
}

/// The plain paths of jq: `.a.b`, `.a[0]`, `.a[]`, `."a-b"`, `.["a-b"]`.
fn jq_steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text.trim();
    if !rest.starts_with('.') {
        return None;
    }
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix(".[").or_else(|| rest.strip_prefix('[')) {
            let (index, after) = inner.split_once(']')?;
            let quoted = index.strip_prefix('"').and_then(|i| i.strip_suffix('"'));
            match quoted {
                Some(key) => steps.push(Step::Key(key.to_owned())),
                None if index.is_empty() => steps.push(Step::Every),
                None => steps.push(Step::Key(index.parse::<usize>().ok()?.to_string())),
            }
            rest = after;
        } else {
            let inner = rest.strip_prefix('.')?;
            let (key, after) = match inner.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => inner.split_at(inner.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(inner.len())),
            };
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

fn remove(value: &mut Value, steps: &[Step]) {
    let Some((first, rest)) = steps.split_first() else { return };
    match (first, value) {
        (Step::Key(key), Value::Map(map)) if rest.is_empty() => {
            map.remove(key);
        }
        (Step::Key(key), Value::Map(map)) => {
            if let Some(inner) = map.get_mut(key) {
                remove(inner, rest);
            }
        }
        (Step::Key(key), Value::List(items)) => {
            if let Some(i) = key.parse::<usize>().ok().filter(|i| *i < items.len()) {
                if rest.is_empty() {
                    items.remove(i);
                } else {
                    remove(&mut items[i], rest);
                }
            }
        }
        (Step::Every, Value::List(items)) if rest.is_empty() => items.clear(),
        (Step::Every, Value::List(items)) => items.iter_mut().for_each(|v| remove(v, rest)),
        _ => {}
    }
}
