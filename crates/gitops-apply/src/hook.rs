//! Hooks: objects that run at a point of the sync instead of being kept in sync.
//!
//! In: annotations of Argo CD (`argocd.argoproj.io/hook`, `…/hook-delete-policy`) and of Helm (`helm.sh/hook`,
//! `helm.sh/hook-delete-policy`). Out: what sort of object it is, its phases, and when it is removed.
//! Argo CD's annotation with at least one valid phase hides Helm's; the delete policies of both are joined.
//! `PreDelete` and `PostDelete` run when an application is deleted: a sync leaves them alone.

use gitops_manifest::Manifest;

use crate::order::Phase;

const HOOK: &str = "argocd.argoproj.io/hook";
const DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const HELM_HOOK: &str = "helm.sh/hook";
const HELM_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// When what a hook left is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeletePolicy {
    /// Before the hook runs again. The default.
    BeforeHookCreation,
    /// When the whole operation succeeded.
    HookSucceeded,
    /// When the operation failed.
    HookFailed,
}

impl DeletePolicy {
    /// The name that annotations use.
    pub fn as_str(self) -> &'static str {
        match self {
            DeletePolicy::BeforeHookCreation => "BeforeHookCreation",
            DeletePolicy::HookSucceeded => "HookSucceeded",
            DeletePolicy::HookFailed => "HookFailed",
        }
    }

    /// Reads [`DeletePolicy::as_str`] back.
    pub fn parse(text: &str) -> Option<DeletePolicy> {
        use DeletePolicy::{BeforeHookCreation, HookFailed, HookSucceeded};
        [BeforeHookCreation, HookSucceeded, HookFailed].into_iter().find(|p| p.as_str() == text)
    }

    fn parse_helm(text: &str) -> Option<DeletePolicy> {
        match text {
            "before-hook-creation" => Some(DeletePolicy::BeforeHookCreation),
            "hook-succeeded" => Some(DeletePolicy::HookSucceeded),
            "hook-failed" => Some(DeletePolicy::HookFailed),
            _ => None,
        }
    }
}

/// What the hook annotations make of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// An ordinary object, kept in sync.
    Object,
    /// Left out altogether (`Skip`).
    Skipped,
    /// A hook. Without phases (unknown types, or those of deletion and of `helm test`) a sync never runs it.
    Hook(Hook),
}

/// A hook's phases and delete policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// When it runs: in the order of running, each once. Empty: not in a sync.
    pub phases: Vec<Phase>,
    /// When it is removed: never empty.
    pub delete: Vec<DeletePolicy>,
}

impl HookKind {
    /// Reads an object's annotations.
    pub fn of(manifest: &Manifest) -> HookKind {
        let own = manifest.annotation(HOOK);
        let helm = manifest.annotation(HELM_HOOK);
        let mut phases: Vec<Phase> = own.map(|text| items(text).filter_map(Phase::parse).collect()).unwrap_or_default();
        if phases.is_empty() {
            match (own, helm) {
                (None, None) => return HookKind::Object,
                // A definition that Helm installs early is an ordinary object here: kinds are ordered anyway.
                (None, Some(text)) if items(text).any(|t| t == "crd-install") => return HookKind::Object,
                (Some(text), _) if items(text).any(|t| t == "Skip") => return HookKind::Skipped,
                _ => phases = helm.map(|text| items(text).filter_map(helm_phase).collect()).unwrap_or_default(),
            }
        }
        phases.sort_unstable();
        phases.dedup();
        HookKind::Hook(Hook { phases, delete: delete_policies(manifest) })
    }
}

fn delete_policies(manifest: &Manifest) -> Vec<DeletePolicy> {
    let own = manifest.annotation(DELETE_POLICY).into_iter().flat_map(items).filter_map(DeletePolicy::parse);
    let helm = manifest.annotation(HELM_DELETE_POLICY).into_iter().flat_map(items).filter_map(DeletePolicy::parse_helm);
    let mut all: Vec<DeletePolicy> = own.chain(helm).collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() { vec![DeletePolicy::BeforeHookCreation] } else { all }
}

fn helm_phase(text: &str) -> Option<Phase> {
    match text {
        "pre-install" | "pre-upgrade" => Some(Phase::PreSync),
        "post-install" | "post-upgrade" => Some(Phase::PostSync),
        _ => None,
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::object;

    fn shown(annotations: &[(&str, &str)]) -> String {
        match HookKind::of(&object("batch/v1", "Job", "", "a", annotations)) {
            HookKind::Object => "object".into(),
            HookKind::Skipped => "skipped".into(),
            HookKind::Hook(hook) => {
                let phases: Vec<_> = hook.phases.iter().map(|p| p.as_str()).collect();
                let delete: Vec<_> = hook.delete.iter().map(|p| p.as_str()).collect();
                format!("{} / {}", phases.join(" "), delete.join(" "))
            }
        }
    }

    #[test]
    fn cases() {
        for (annotations, expected) in [
            (&[][..], "object"),
            (&[(HOOK, "PreSync")], "PreSync / BeforeHookCreation"),
            (&[(HOOK, " PostSync , Sync,PostSync")], "Sync PostSync / BeforeHookCreation"),
            (&[(HOOK, "Skip")], "skipped"),
            (&[(HOOK, "Skip,SyncFail")], "SyncFail / BeforeHookCreation"),
            (&[(HOOK, "Whenever")], " / BeforeHookCreation"),
            (&[(HOOK, "Whenever"), (HELM_HOOK, "pre-install")], "PreSync / BeforeHookCreation"),
            (&[(HOOK, "Sync"), (HELM_HOOK, "pre-install")], "Sync / BeforeHookCreation"),
            (&[(HOOK, "PreDelete")], " / BeforeHookCreation"),
            (&[(HELM_HOOK, "crd-install")], "object"),
            (&[(HELM_HOOK, "pre-install,pre-upgrade")], "PreSync / BeforeHookCreation"),
            (&[(HELM_HOOK, "post-upgrade,test")], "PostSync / BeforeHookCreation"),
            (&[(HELM_HOOK, "test")], " / BeforeHookCreation"),
            (&[(HELM_HOOK, "pre-rollback")], " / BeforeHookCreation"),
            (&[(HOOK, "Sync"), (DELETE_POLICY, "HookSucceeded")], "Sync / HookSucceeded"),
            (&[(HOOK, "Sync"), (DELETE_POLICY, "HookFailed"), (HELM_DELETE_POLICY, "hook-succeeded")], "Sync / HookSucceeded HookFailed"),
            (&[(HOOK, "Sync"), (DELETE_POLICY, "Never")], "Sync / BeforeHookCreation"),
            (
                &[(HELM_HOOK, "pre-install"), (HELM_DELETE_POLICY, "before-hook-creation, hook-failed")],
                "PreSync / BeforeHookCreation HookFailed",
            ),
        ] {
            assert_eq!(shown(annotations), expected, "{annotations:?}");
        }
    }
}
