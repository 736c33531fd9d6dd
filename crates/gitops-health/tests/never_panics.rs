//! Whatever an object holds, its health is found without a panic, and the same each time.

use gitops_manifest::{Map, Value};
use proptest::prelude::*;

/// Fields that rules look at, so that arbitrary values come to stand where lists, maps, numbers or texts are expected.
const KEYS: &[&str] = &[
    "active",
    "aggregatedStatus",
    "ancestors",
    "annotations",
    "availableNodes",
    "conditions",
    "containerStatuses",
    "environments",
    "finalizers",
    "generation",
    "health",
    "ingress",
    "labels",
    "listeners",
    "message",
    "metadata",
    "name",
    "observedGeneration",
    "parents",
    "paused",
    "phase",
    "racks",
    "ready",
    "readyReplicas",
    "reason",
    "replicas",
    "size",
    "spec",
    "state",
    "status",
    "statuses",
    "type",
    "updateStrategy",
    "updatedReplicas",
];

const KINDS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Pod"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("argoproj.io/v1alpha1", "Rollout"),
    ("apps.kruise.io/v1alpha1", "CloneSet"),
    ("apps.kruise.io/v1alpha1", "DaemonSet"),
    ("game.kruise.io/v1alpha1", "GameServer"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "BackendTLSPolicy"),
    ("gloo.solo.io/v1", "Proxy"),
    ("promoter.argoproj.io/v1alpha1", "PromotionStrategy"),
    ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch"),
    ("cassandra.rook.io/v1", "Cluster"),
    ("aws.upbound.io/v1", "Thing"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("example.org/v1", "Unheard"),
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(True|False|Unknown|Ready|Running|Failed|[A-Za-z ]{0,12}|\\PC{0,6})".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..7)
                .prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_object(kind in prop::sample::select(KINDS), metadata in value(), spec in value(), status in value()) {
        let entries = [("apiVersion", kind.0.into()), ("kind", kind.1.into()), ("metadata", metadata), ("spec", spec), ("status", status)];
        let object = Value::Map(entries.into_iter().collect());
        prop_assert_eq!(gitops_health::assess(&object), gitops_health::assess(&object));
        let _ = gitops_health::of_known(&object);
        let _ = gitops_health::by_convention(&object);
    }

    #[test]
    fn any_value(value in value()) {
        let _ = gitops_health::assess(&value);
    }

    #[test]
    fn patterns_end(pattern in "[a*?/]{0,40}", text in "[ab/]{0,60}") {
        let _ = gitops_health::matches(&pattern, &text);
    }
}
