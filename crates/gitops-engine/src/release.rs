//! Helm's hooks of a first installation and of an upgrade, told apart by the history.
//!
//! Argo CD renders each time as for a first installation and runs both kinds at every sync. Here the history knows: a hook
//! that Helm runs at installations only (`pre-install`, `post-install`) is left out once something was deployed, and one of
//! upgrades only (`pre-upgrade`, `post-upgrade`) before that. A hook of both runs each time, and Argo CD's own annotation
//! counts more than Helm's. Templates still see an installation (`.Release.IsInstall`), as with Argo CD.

use std::borrow::Cow;

use gitops_app::Application;
use gitops_manifest::Manifest;

use crate::engine::Inner;
use crate::slot::Slot;

/// Whether nothing of the application was ever deployed; `None` when no history is kept that could tell. Blocking.
pub(crate) fn is_first(inner: &Inner, slot: &Slot, app: &Application) -> Option<bool> {
    if app.spec.history_limit() == 0 {
        return None;
    }
    inner.store.history(&slot.key).ok().map(|history| history.is_empty())
}

/// The objects without the hooks that are for the other kind of release.
pub(crate) fn for_release(desired: &[Manifest], is_first: Option<bool>) -> Cow<'_, [Manifest]> {
    let Some(is_first) = is_first else { return Cow::Borrowed(desired) };
    if desired.iter().all(|manifest| concerns(manifest, is_first)) {
        return Cow::Borrowed(desired);
    }
    Cow::Owned(desired.iter().filter(|manifest| concerns(manifest, is_first)).cloned().collect())
}

fn concerns(manifest: &Manifest, is_first: bool) -> bool {
    let Some(events) = manifest.annotation("helm.sh/hook") else { return true };
    if manifest.annotation("argocd.argoproj.io/hook").is_some() {
        return true;
    }
    let has = |wanted: [&str; 2]| events.split(',').any(|event| wanted.contains(&event.trim()));
    let (install, upgrade) = (has(["pre-install", "post-install"]), has(["pre-upgrade", "post-upgrade"]));
    if is_first { install || !upgrade } else { upgrade || !install }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_manifest::{Location, yaml};

    fn names(is_first: Option<bool>) -> Vec<String> {
        let text = "
{kind: Job, apiVersion: batch/v1, metadata: {name: install, annotations: {helm.sh/hook: 'pre-install, post-install'}}}
---
{kind: Job, apiVersion: batch/v1, metadata: {name: upgrade, annotations: {helm.sh/hook: pre-upgrade}}}
---
{kind: Job, apiVersion: batch/v1, metadata: {name: both, annotations: {helm.sh/hook: 'pre-install,pre-upgrade'}}}
---
{kind: Job, apiVersion: batch/v1, metadata: {name: test, annotations: {helm.sh/hook: test}}}
---
{kind: Job, apiVersion: batch/v1, metadata: {name: own, annotations: {helm.sh/hook: pre-install, argocd.argoproj.io/hook: Sync}}}
---
{kind: ConfigMap, apiVersion: v1, metadata: {name: plain}}
";
        let parsed = yaml::parse(text.as_bytes(), "hooks", &yaml::ParseOptions::default()).expect("YAML");
        let manifests = parsed.documents.into_iter().map(|d| Manifest::from_value(d.value, Location::file("hooks")).expect("an object"));
        let manifests: Vec<Manifest> = manifests.collect();
        for_release(&manifests, is_first).iter().map(|m| m.id().name.clone()).collect()
    }

    #[test]
    fn hooks_of_the_other_kind_are_left_out() {
        assert_eq!(names(Some(true)), ["install", "both", "test", "own", "plain"]);
        assert_eq!(names(Some(false)), ["upgrade", "both", "test", "own", "plain"]);
        assert_eq!(names(None).len(), 6);
    }
}
