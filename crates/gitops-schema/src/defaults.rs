//! What the API server fills in by code, so that its documents do not say it.
//!
//! Only fields whose default is one value are here, and only those that matter: inside lists and maps that are replaced as a
//! whole, a field that the server filled in is told from one that a person removed by its value alone. Source: the
//! `SetDefaults_` functions of Kubernetes' `pkg/apis`, and what `cargo test --test no_false_drift` sees.

use gitops_manifest::Value;

enum Default {
    Text(&'static str),
    Number(i64),
    False,
    Empty,
}

use Default::{Empty, False, Number, Text};

/// Definition (without `io.k8s.api.`), field, value.
const DEFAULTS: &[(&str, &str, Default)] = &[
    ("admissionregistration.v1.MatchResources", "matchPolicy", Text("Equivalent")),
    ("admissionregistration.v1.MatchResources", "namespaceSelector", Empty),
    ("admissionregistration.v1.MatchResources", "objectSelector", Empty),
    ("admissionregistration.v1.NamedRuleWithOperations", "scope", Text("*")),
    ("admissionregistration.v1.RuleWithOperations", "scope", Text("*")),
    ("admissionregistration.v1.ServiceReference", "port", Number(443)),
    ("batch.v1.PodFailurePolicyOnPodConditionsPattern", "status", Text("True")),
    ("core.v1.AzureDiskVolumeSource", "cachingMode", Text("ReadWrite")),
    ("core.v1.ConfigMapVolumeSource", "defaultMode", Number(420)),
    ("core.v1.Container", "terminationMessagePath", Text("/dev/termination-log")),
    ("core.v1.Container", "terminationMessagePolicy", Text("File")),
    ("core.v1.DownwardAPIVolumeSource", "defaultMode", Number(420)),
    ("core.v1.EndpointPort", "protocol", Text("TCP")),
    ("core.v1.HTTPGetAction", "path", Text("/")),
    ("core.v1.HTTPGetAction", "scheme", Text("HTTP")),
    ("core.v1.HostPathVolumeSource", "type", Text("")),
    ("core.v1.ISCSIVolumeSource", "iscsiInterface", Text("default")),
    ("core.v1.ObjectFieldSelector", "apiVersion", Text("v1")),
    ("core.v1.PersistentVolumeClaim", "apiVersion", Text("v1")),
    ("core.v1.PersistentVolumeClaim", "kind", Text("PersistentVolumeClaim")),
    ("core.v1.PersistentVolumeClaimSpec", "volumeMode", Text("Filesystem")),
    ("core.v1.PersistentVolumeClaimStatus", "phase", Text("Pending")),
    ("core.v1.PersistentVolumeSpec", "persistentVolumeReclaimPolicy", Text("Retain")),
    ("core.v1.PersistentVolumeSpec", "volumeMode", Text("Filesystem")),
    ("core.v1.ResourceFieldSelector", "divisor", Text("0")),
    ("core.v1.PodSpec", "dnsPolicy", Text("ClusterFirst")),
    ("core.v1.PodSpec", "restartPolicy", Text("Always")),
    ("core.v1.PodSpec", "schedulerName", Text("default-scheduler")),
    ("core.v1.PodSpec", "terminationGracePeriodSeconds", Number(30)),
    ("core.v1.Probe", "failureThreshold", Number(3)),
    ("core.v1.Probe", "periodSeconds", Number(10)),
    ("core.v1.Probe", "successThreshold", Number(1)),
    ("core.v1.Probe", "timeoutSeconds", Number(1)),
    ("core.v1.ProjectedVolumeSource", "defaultMode", Number(420)),
    ("core.v1.RBDVolumeSource", "keyring", Text("/etc/ceph/keyring")),
    ("core.v1.RBDVolumeSource", "pool", Text("rbd")),
    ("core.v1.RBDVolumeSource", "user", Text("admin")),
    ("core.v1.ScaleIOVolumeSource", "fsType", Text("xfs")),
    ("core.v1.ScaleIOVolumeSource", "storageMode", Text("ThinProvisioned")),
    ("core.v1.SecretVolumeSource", "defaultMode", Number(420)),
    ("core.v1.ServiceAccountTokenProjection", "expirationSeconds", Number(3600)),
    ("core.v1.ServiceSpec", "internalTrafficPolicy", Text("Cluster")),
    ("core.v1.ServiceSpec", "sessionAffinity", Text("None")),
    ("core.v1.ServiceSpec", "type", Text("ClusterIP")),
    ("core.v1.TypedLocalObjectReference", "apiGroup", Text("")),
    ("discovery.v1.Endpoint", "conditions", Empty),
    ("discovery.v1.EndpointPort", "name", Text("")),
    ("discovery.v1.EndpointPort", "protocol", Text("TCP")),
    ("flowcontrol.v1.LimitResponse", "type", Text("Reject")),
    ("networking.v1.IngressClassParametersReference", "scope", Text("Cluster")),
    ("networking.v1.NetworkPolicyPort", "protocol", Text("TCP")),
    ("rbac.v1.Subject", "apiGroup", Text("rbac.authorization.k8s.io")),
    ("rbac.v1.RoleRef", "apiGroup", Text("rbac.authorization.k8s.io")),
    ("resource.v1.DeviceToleration", "operator", Text("Equal")),
    ("resource.v1.ExactDeviceRequest", "allocationMode", Text("ExactCount")),
    ("resource.v1.ExactDeviceRequest", "count", Number(1)),
    ("resource.v1.DeviceSubRequest", "allocationMode", Text("ExactCount")),
    ("resource.v1.DeviceSubRequest", "count", Number(1)),
    ("batch.v1.JobSpec", "suspend", False),
];

/// What the server fills a field of a built-in definition with.
pub(crate) fn default_in_code(definition: &str, field: &str) -> Option<Value> {
    let name = definition.strip_prefix("io.k8s.api.")?;
    let (.., default) = DEFAULTS.iter().find(|(owner, known, _)| *owner == name && *known == field)?;
    Some(match default {
        Text(text) => Value::from(*text),
        Number(number) => Value::from(*number),
        False => Value::Bool(false),
        Empty => Value::Map(gitops_manifest::Map::new()),
    })
}
