//! Kinds with rules of their own, one object per branch: `group/Kind`, the parts of the object as JSON, and what is said of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gitops_manifest::json;

const CASES: &[(&str, &str, &str)] = &[
    ("cert-manager.io/Issuer", r#""status": {}"#, "Progressing Initializing issuer"),
    ("cert-manager.io/Issuer", r#""status": {"conditions": [{"type": "Ready", "status": "True", "message": "ok"}]}"#, "Healthy ok"),
    ("argoproj.io/Experiment", r#""status": {"phase": "Error"}"#, "Degraded Experiment had an error"),
    ("batch/CronJob", r#""spec": {"suspend": true}, "status": {}"#, "Healthy CronJob is Suspended"),
    ("batch/CronJob", "", "Progressing Waiting for CronJob"),
    ("serving.knative.dev/Service", "", "Progressing Waiting for status update."),
    (
        "serving.knative.dev/Service",
        r#""status": {"conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}]}"#,
        "Degraded Ready is False, since R. m\n",
    ),
    (
        "serving.knative.dev/Service",
        r#""status": {"conditions": [{"type": "ConfigurationsReady", "status": "True"}, {"type": "Ready", "status": "True"},
            {"type": "RoutesReady", "status": "True"}]}"#,
        "Healthy Knative Service is healthy.",
    ),
    ("kubevirt.io/VirtualMachine", r#""status": {"conditions": [{"type": "Paused", "status": "True"}]}"#, "Suspended Paused"),
    (
        "kubevirt.io/VirtualMachine",
        r#""status": {"created": true, "printableStatus": "Starting", "conditions": [{"type": "Ready", "status": "False"}]}"#,
        "Progressing Starting",
    ),
    (
        "kubevirt.io/VirtualMachine",
        r#""status": {"printableStatus": "Stopped", "conditions": [{"type": "Ready", "status": "False"}]}"#,
        "Suspended Stopped",
    ),
    ("gateway.networking.k8s.io/GRPCRoute", "", "Progressing Waiting for GRPCRoute status"),
    (
        "gateway.networking.k8s.io/GRPCRoute",
        r#""status": {"parents": [{"parentRef": {"name": "g"}, "conditions": [{"type": "Accepted", "status": "True"}]}]}"#,
        "Healthy GRPCRoute is healthy",
    ),
    (
        "operators.coreos.com/Subscription",
        r#""status": {"state": "UpgradePending"}"#,
        "Progressing An install plan for a subscription is pending installation",
    ),
    (
        "operators.coreos.com/Subscription",
        r#""spec": {"installPlanApproval": "Manual"}, "status": {"state": "UpgradePending", "installedCSV": "a"}"#,
        "Healthy UpgradePending",
    ),
    (
        "operators.coreos.com/Subscription",
        r#""status": {"conditions": [{"type": "ResolutionFailed", "status": "True", "message": "no"}]}"#,
        "Degraded no",
    ),
    ("cluster.x-k8s.io/MachineDeployment", r#""status": {"phase": "ScalingUp"}"#, "Progressing Cluster is spinning up machines"),
    ("helm.toolkit.fluxcd.io/HelmRelease", r#""spec": {"suspend": true}"#, "Suspended HelmRelease is suspended"),
    ("helm.toolkit.fluxcd.io/HelmRelease", "", "Progressing Status unknown"),
    ("aws.upbound.io/ProviderConfig", r#""status": {"users": 1}"#, "Healthy Resource is in use."),
    ("s3.upbound.upbound.io/Bucket", "", "Progressing Provisioning ..."),
    ("kafka.strimzi.io/KafkaMirrorMaker2", r#""status": {"conditions": [{"type": "Ready", "status": "True"}]}"#, "Healthy "),
    ("rabbitmq.com/Queue", r#""status": {"conditions": [{"type": "Ready", "status": "True"}]}"#, "Healthy RabbitMQ queue ready"),
    ("gloo.solo.io/Settings", r#""status": {"statuses": {"a": {"state": "Accepted"}}}"#, "Healthy The resource has been validated"),
    ("acid.zalan.do/postgresql", r#""status": {"PostgresClusterStatus": "UpdateFailed"}"#, "Degraded UpdateFailed"),
    ("core.gardener.cloud/Shoot", r#""status": {"lastOperation": {"state": "Processing", "description": "d"}}"#, "Progressing d"),
    // Left to users, and kinds of Kubernetes without a health.
    ("argoproj.io/Application", r#""status": {"conditions": [{"type": "Ready", "status": "True"}]}"#, "none"),
    ("storage.k8s.io/StorageClass", r#""status": {"phase": "Failed"}"#, "none"),
    // Kinds nobody has listed: what they show decides, and nothing is asked of those that show nothing.
    ("unheard.example.org/Tape", "", "none"),
    ("unheard.example.org/Tape", r#""status": {"serial": "7"}"#, "none"),
    ("unheard.example.org/Tape", r#""status": {"phase": "WaitingForDrive"}"#, "Progressing WaitingForDrive"),
    ("unheard.example.org/Tape", r#""status": {"state": "WriteFailed", "message": "torn"}"#, "Degraded torn"),
    ("unheard.example.org/Tape", r#""spec": {"paused": true}"#, "Suspended Tape is paused"),
    (
        "unheard.example.org/Tape",
        r#""metadata": {"generation": 3}, "status": {"observedGeneration": 2, "phase": "Ready"}"#,
        "Progressing Waiting for the latest spec to be observed",
    ),
    (
        "unheard.example.org/Tape",
        r#""status": {"conditions": [{"type": "Reconciling", "status": "True", "message": "winding"}, {"type": "Ready", "status": "False"}]}"#,
        "Progressing winding",
    ),
    (
        "unheard.example.org/Tape",
        r#""status": {"conditions": [{"type": "Stalled", "status": "True", "message": "torn"}]}"#,
        "Degraded torn",
    ),
    ("unheard.example.org/Tape", r#""spec": {"replicas": 3}, "status": {"readyReplicas": 1}"#, "Progressing 1 of 3 replicas are ready"),
];

#[test]
fn each_branch() {
    let mut wrong = Vec::new();
    for (name, parts, expected) in CASES {
        let (group, kind) = name.split_once('/').unwrap();
        let comma = if parts.is_empty() { "" } else { ", " };
        let text = format!(r#"{{"apiVersion": "{group}/v1", "kind": "{kind}"{comma}{parts}}}"#);
        let object = json::parse(text.as_bytes(), name).unwrap();
        let found = gitops_health::assess(&object).map_or_else(|| "none".to_owned(), |h| format!("{} {}", h.status, h.message));
        if found != *expected {
            wrong.push(format!("{name} {parts}\n    expected {expected:?}\n    found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
