//! What comes before what: phase, then wave, then kind, then name.
//!
//! Waves are `i32`, lower first, negative allowed. Rules: Argo CD `docs/user-guide/sync-waves.md` and the kind order of its
//! sync engine; only the kind's name counts, not its group.

use std::fmt;

use gitops_manifest::Manifest;

/// The annotation that gives an object its wave.
const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Helm's order of hooks, read where [`WAVE`] is absent.
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";

/// Kinds in the order in which they are applied. Every other kind comes after them.
const KINDS: &[&str] = &[
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// Where a kind stands in the order of applying; kinds that the order does not know share the last place.
pub fn kind_rank(kind: &str) -> u16 {
    let at = KINDS.iter().position(|k| *k == kind).unwrap_or(KINDS.len());
    u16::try_from(at).expect("the list of kinds is short")
}

/// A phase of a sync, in the order of running. `SyncFail` is a branch taken after a failure, not a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Before anything is applied.
    PreSync,
    /// Objects, and hooks among them.
    Sync,
    /// After everything is applied and healthy.
    PostSync,
    /// After a failure.
    SyncFail,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 4] = [Phase::PreSync, Phase::Sync, Phase::PostSync, Phase::SyncFail];

    /// The name that annotations and results use.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::PreSync => "PreSync",
            Phase::Sync => "Sync",
            Phase::PostSync => "PostSync",
            Phase::SyncFail => "SyncFail",
        }
    }

    /// Reads [`Phase::as_str`] back.
    pub fn parse(text: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A wave: lower first, 0 unless an annotation says otherwise. Only [`Wave::of`] makes one from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Wave(i32);

impl Wave {
    /// The wave that the object's annotations give it: `argocd.argoproj.io/sync-wave`, else `helm.sh/hook-weight`, else 0.
    /// What is not an integer counts as 0.
    pub fn of(manifest: &Manifest) -> Wave {
        let text = manifest.annotation(WAVE).or_else(|| manifest.annotation(HOOK_WEIGHT));
        Wave(text.and_then(|t| t.parse().ok()).unwrap_or(0))
    }

    /// The number.
    pub fn number(self) -> i32 {
        self.0
    }

    pub(crate) const fn from_number(number: i32) -> Wave {
        Wave(number)
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::object;

    #[test]
    fn waves_from_annotations() {
        for (annotations, wave) in [
            (&[][..], 0),
            (&[("argocd.argoproj.io/sync-wave", "3")], 3),
            (&[("argocd.argoproj.io/sync-wave", "-12")], -12),
            (&[("argocd.argoproj.io/sync-wave", "+4")], 4),
            (&[("argocd.argoproj.io/sync-wave", "first")], 0),
            (&[("argocd.argoproj.io/sync-wave", "99999999999")], 0),
            (&[("helm.sh/hook-weight", "-5")], -5),
            (&[("argocd.argoproj.io/sync-wave", "1"), ("helm.sh/hook-weight", "-5")], 1),
            (&[("argocd.argoproj.io/sync-wave", "x"), ("helm.sh/hook-weight", "-5")], 0),
        ] {
            assert_eq!(Wave::of(&object("v1", "ConfigMap", "", "a", annotations)).number(), wave, "{annotations:?}");
        }
    }

    #[test]
    fn known_kinds_first() {
        let mut kinds = ["Widget", "Deployment", "Secret", "APIService", "Namespace", "CustomResourceDefinition", "Ingress"];
        kinds.sort_by_key(|k| kind_rank(k));
        assert_eq!(kinds, ["Namespace", "Secret", "CustomResourceDefinition", "Deployment", "Ingress", "APIService", "Widget"]);
    }
}
