//! kustomize's own field specs: where each transformer looks when no `configurations` file says more, in the order in
//! which they are tried.

use super::{BackReference, FieldSpec};

const fn found(group: &'static str, version: &'static str, kind: &'static str, path: &'static str) -> FieldSpec {
    FieldSpec::fixed(group, version, kind, path, false)
}

const fn made(group: &'static str, version: &'static str, kind: &'static str, path: &'static str) -> FieldSpec {
    FieldSpec::fixed(group, version, kind, path, true)
}

/// `namePrefix`
pub(super) static NAME_PREFIX: [FieldSpec; 1] = [found("", "", "", "metadata/name")];

/// `nameSuffix`
pub(super) static NAME_SUFFIX: [FieldSpec; 1] = [found("", "", "", "metadata/name")];

/// `namespace`
pub(super) static NAMESPACE: [FieldSpec; 3] = [
    made("", "", "Namespace", "metadata/name"),
    found("apiextensions.k8s.io", "", "CustomResourceDefinition", "spec/conversion/webhook/clientConfig/service/namespace"),
    made("apiregistration.k8s.io", "", "APIService", "spec/service/namespace"),
];

/// `commonLabels`
pub(super) static COMMON_LABELS: [FieldSpec; 32] = [
    made("", "v1", "Service", "spec/selector"),
    found(
        "apps",
        "",
        "Deployment",
        "spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    ),
    found(
        "apps",
        "",
        "Deployment",
        "spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    ),
    found(
        "apps",
        "",
        "Deployment",
        "spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    ),
    found(
        "apps",
        "",
        "Deployment",
        "spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    ),
    found("apps", "", "Deployment", "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"),
    made("", "", "Deployment", "spec/selector/matchLabels"),
    made("", "", "Deployment", "spec/template/metadata/labels"),
    made("apps", "", "StatefulSet", "spec/selector/matchLabels"),
    found(
        "apps",
        "",
        "StatefulSet",
        "spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    ),
    found(
        "apps",
        "",
        "StatefulSet",
        "spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    ),
    found(
        "apps",
        "",
        "StatefulSet",
        "spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    ),
    found(
        "apps",
        "",
        "StatefulSet",
        "spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    ),
    found("apps", "", "StatefulSet", "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"),
    made("apps", "", "StatefulSet", "spec/template/metadata/labels"),
    made("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels"),
    found("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
    made("batch", "", "CronJob", "spec/jobTemplate/metadata/labels"),
    made("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
    found("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels"),
    found("batch", "", "Job", "spec/selector/matchLabels"),
    made("batch", "", "Job", "spec/template/metadata/labels"),
    found("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels"),
    found("networking.k8s.io", "", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels"),
    found("networking.k8s.io", "", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels"),
    made("", "v1", "ReplicationController", "spec/selector"),
    made("", "v1", "ReplicationController", "spec/template/metadata/labels"),
    made("", "", "DaemonSet", "spec/selector/matchLabels"),
    made("", "", "DaemonSet", "spec/template/metadata/labels"),
    made("", "", "ReplicaSet", "spec/selector/matchLabels"),
    made("", "", "ReplicaSet", "spec/template/metadata/labels"),
    made("", "", "", "metadata/labels"),
];

/// `templateLabels`
pub(super) static TEMPLATE_LABELS: [FieldSpec; 9] = [
    made("", "", "Deployment", "spec/template/metadata/labels"),
    made("apps", "", "StatefulSet", "spec/template/metadata/labels"),
    made("batch", "", "CronJob", "spec/jobTemplate/metadata/labels"),
    made("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
    made("batch", "", "Job", "spec/template/metadata/labels"),
    made("", "v1", "ReplicationController", "spec/template/metadata/labels"),
    made("", "", "DaemonSet", "spec/template/metadata/labels"),
    made("", "", "ReplicaSet", "spec/template/metadata/labels"),
    made("", "", "", "metadata/labels"),
];

/// `volumeClaimTemplateLabels`
pub(super) static VOLUME_CLAIM_TEMPLATE_LABELS: [FieldSpec; 1] =
    [made("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels")];

/// `commonAnnotations`
pub(super) static COMMON_ANNOTATIONS: [FieldSpec; 9] = [
    made("", "", "Deployment", "spec/template/metadata/annotations"),
    made("", "", "StatefulSet", "spec/template/metadata/annotations"),
    made("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations"),
    made("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations"),
    made("batch", "", "Job", "spec/template/metadata/annotations"),
    made("", "v1", "ReplicationController", "spec/template/metadata/annotations"),
    made("", "", "DaemonSet", "spec/template/metadata/annotations"),
    made("", "", "ReplicaSet", "spec/template/metadata/annotations"),
    made("", "", "", "metadata/annotations"),
];

/// `varReference`
pub(super) static VAR_REFERENCE: [FieldSpec; 72] = [
    found("", "", "Service", "spec/ports/port"),
    found("", "", "Service", "spec/ports/targetPort"),
    found("", "", "PersistentVolume", "spec/nfs/server"),
    found("", "", "Deployment", "spec/template/spec/containers/args"),
    found("", "", "Deployment", "spec/template/spec/containers/command"),
    found("", "", "Deployment", "spec/template/spec/containers/env/value"),
    found("", "", "Deployment", "spec/template/spec/containers/volumeMounts/mountPath"),
    found("", "", "Deployment", "spec/template/spec/initContainers/args"),
    found("", "", "Deployment", "spec/template/spec/initContainers/command"),
    found("", "", "Deployment", "spec/template/spec/initContainers/env/value"),
    found("", "", "Deployment", "spec/template/spec/initContainers/volumeMounts/mountPath"),
    found("", "", "Deployment", "spec/template/spec/volumes/nfs/server"),
    found("", "", "Deployment", "spec/template/metadata/annotations"),
    found("", "", "StatefulSet", "spec/template/spec/containers/args"),
    found("", "", "StatefulSet", "spec/template/spec/containers/command"),
    found("", "", "StatefulSet", "spec/template/spec/containers/env/value"),
    found("", "", "StatefulSet", "spec/template/spec/containers/volumeMounts/mountPath"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/args"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/command"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/env/value"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/volumeMounts/mountPath"),
    found("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/args"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/command"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/env/value"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/volumeMounts/mountPath"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/args"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/command"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/env/value"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/volumeMounts/mountPath"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
    found("", "", "DaemonSet", "spec/template/spec/containers/args"),
    found("", "", "DaemonSet", "spec/template/spec/containers/command"),
    found("", "", "DaemonSet", "spec/template/spec/containers/env/value"),
    found("", "", "DaemonSet", "spec/template/spec/containers/volumeMounts/mountPath"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/args"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/command"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/env/value"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/volumeMounts/mountPath"),
    found("", "", "DaemonSet", "spec/template/spec/volumes/nfs/server"),
    found("", "", "Ingress", "spec/rules/host"),
    found("", "", "Ingress", "spec/tls/hosts"),
    found("", "", "Ingress", "spec/tls/secretName"),
    found("", "", "Job", "spec/template/spec/containers/args"),
    found("", "", "Job", "spec/template/spec/containers/command"),
    found("", "", "Job", "spec/template/spec/containers/env/value"),
    found("", "", "Job", "spec/template/spec/containers/volumeMounts/mountPath"),
    found("", "", "Job", "spec/template/spec/initContainers/args"),
    found("", "", "Job", "spec/template/spec/initContainers/command"),
    found("", "", "Job", "spec/template/spec/initContainers/env/value"),
    found("", "", "Job", "spec/template/spec/initContainers/volumeMounts/mountPath"),
    found("", "", "Job", "spec/template/spec/volumes/nfs/server"),
    found("", "", "Pod", "spec/containers/args"),
    found("", "", "Pod", "spec/containers/command"),
    found("", "", "Pod", "spec/containers/env/value"),
    found("", "", "Pod", "spec/containers/volumeMounts/mountPath"),
    found("", "", "Pod", "spec/initContainers/args"),
    found("", "", "Pod", "spec/initContainers/command"),
    found("", "", "Pod", "spec/initContainers/env/value"),
    found("", "", "Pod", "spec/initContainers/volumeMounts/mountPath"),
    found("", "", "Pod", "spec/volumes/nfs/server"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/args"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/command"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/env/value"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/volumeMounts/mountPath"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/args"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/command"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/env/value"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/volumeMounts/mountPath"),
    found("", "", "ReplicaSet", "spec/template/spec/volumes/nfs/server"),
    found("", "", "", "metadata/labels"),
    found("", "", "", "metadata/annotations"),
];

/// `images`
pub(super) static IMAGES: [FieldSpec; 7] = [
    made("", "", "", "spec/containers[]/image"),
    made("", "", "", "spec/initContainers[]/image"),
    made("", "", "", "spec/volumes[]/image/reference"),
    made("", "", "", "spec/template/spec/containers[]/image"),
    made("", "", "", "spec/template/spec/initContainers[]/image"),
    made("", "", "", "spec/template/spec/volumes[]/image/reference"),
    made("", "", "", "spec/jobTemplate/spec/template/spec/volumes[]/image/reference"),
];

/// `replicas`
pub(super) static REPLICAS: [FieldSpec; 4] = [
    made("", "", "Deployment", "spec/replicas"),
    made("", "", "StatefulSet", "spec/replicas"),
    made("", "", "ReplicaSet", "spec/replicas"),
    made("", "", "ReplicationController", "spec/replicas"),
];

static STORAGE_CLASS_NAMES: [FieldSpec; 3] = [
    found("", "", "PersistentVolume", "spec/storageClassName"),
    found("", "", "PersistentVolumeClaim", "spec/storageClassName"),
    found("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
];

static SERVICE_ACCOUNT_NAMES: [FieldSpec; 9] = [
    found("rbac.authorization.k8s.io", "", "RoleBinding", "subjects"),
    found("rbac.authorization.k8s.io", "", "ClusterRoleBinding", "subjects"),
    found("", "", "Pod", "spec/serviceAccountName"),
    found("", "", "StatefulSet", "spec/template/spec/serviceAccountName"),
    found("", "", "Deployment", "spec/template/spec/serviceAccountName"),
    found("", "", "ReplicationController", "spec/template/spec/serviceAccountName"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/serviceAccountName"),
    found("", "", "Job", "spec/template/spec/serviceAccountName"),
    found("", "", "DaemonSet", "spec/template/spec/serviceAccountName"),
];

static ROLE_NAMES: [FieldSpec; 1] = [found("rbac.authorization.k8s.io", "", "RoleBinding", "roleRef/name")];

static CLUSTER_ROLE_NAMES: [FieldSpec; 2] = [
    found("rbac.authorization.k8s.io", "", "RoleBinding", "roleRef/name"),
    found("rbac.authorization.k8s.io", "", "ClusterRoleBinding", "roleRef/name"),
];

static CONFIG_MAP_NAMES: [FieldSpec; 52] = [
    found("", "v1", "Pod", "spec/volumes/configMap/name"),
    found("", "v1", "Pod", "spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "v1", "Pod", "spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "v1", "Pod", "spec/containers/envFrom/configMapRef/name"),
    found("", "v1", "Pod", "spec/initContainers/envFrom/configMapRef/name"),
    found("", "v1", "Pod", "spec/volumes/projected/sources/configMap/name"),
    found("", "", "PodTemplate", "template/spec/volumes/configMap/name"),
    found("", "", "PodTemplate", "template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "PodTemplate", "template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "PodTemplate", "template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "PodTemplate", "template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "PodTemplate", "template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "Deployment", "spec/template/spec/volumes/configMap/name"),
    found("", "", "Deployment", "spec/template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "Deployment", "spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "Deployment", "spec/template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "Deployment", "spec/template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "Deployment", "spec/template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "ReplicaSet", "spec/template/spec/volumes/configMap/name"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "DaemonSet", "spec/template/spec/volumes/configMap/name"),
    found("", "", "DaemonSet", "spec/template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "StatefulSet", "spec/template/spec/volumes/configMap/name"),
    found("", "", "StatefulSet", "spec/template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "Job", "spec/template/spec/volumes/configMap/name"),
    found("", "", "Job", "spec/template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "Job", "spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "Job", "spec/template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "Job", "spec/template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "Job", "spec/template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/volumes/configMap/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/volumes/projected/sources/configMap/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/env/valueFrom/configMapKeyRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/envFrom/configMapRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/envFrom/configMapRef/name"),
    found("", "", "Node", "spec/configSource/configMap"),
    found("", "", "Role", "rules/resourceNames"),
    found("", "", "ClusterRole", "rules/resourceNames"),
    found("", "", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"),
];

static SECRET_NAMES: [FieldSpec; 70] = [
    found("", "v1", "Pod", "spec/volumes/secret/secretName"),
    found("", "v1", "Pod", "spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "v1", "Pod", "spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "v1", "Pod", "spec/containers/envFrom/secretRef/name"),
    found("", "v1", "Pod", "spec/initContainers/envFrom/secretRef/name"),
    found("", "v1", "Pod", "spec/imagePullSecrets/name"),
    found("", "v1", "Pod", "spec/volumes/projected/sources/secret/name"),
    found("", "", "PodTemplate", "template/spec/volumes/secret/secretName"),
    found("", "", "PodTemplate", "template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "PodTemplate", "template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "PodTemplate", "template/spec/containers/envFrom/secretRef/name"),
    found("", "", "PodTemplate", "template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "PodTemplate", "template/spec/imagePullSecrets/name"),
    found("", "", "PodTemplate", "template/spec/volumes/projected/sources/secret/name"),
    found("", "", "Deployment", "spec/template/spec/volumes/secret/secretName"),
    found("", "", "Deployment", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "Deployment", "spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "Deployment", "spec/template/spec/containers/envFrom/secretRef/name"),
    found("", "", "Deployment", "spec/template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "Deployment", "spec/template/spec/imagePullSecrets/name"),
    found("", "", "Deployment", "spec/template/spec/volumes/projected/sources/secret/name"),
    found("", "", "ReplicaSet", "spec/template/spec/volumes/secret/secretName"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/containers/envFrom/secretRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "ReplicaSet", "spec/template/spec/imagePullSecrets/name"),
    found("", "", "ReplicaSet", "spec/template/spec/volumes/projected/sources/secret/name"),
    found("", "", "DaemonSet", "spec/template/spec/volumes/secret/secretName"),
    found("", "", "DaemonSet", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/containers/envFrom/secretRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "DaemonSet", "spec/template/spec/imagePullSecrets/name"),
    found("", "", "DaemonSet", "spec/template/spec/volumes/projected/sources/secret/name"),
    found("", "", "StatefulSet", "spec/template/spec/volumes/secret/secretName"),
    found("", "", "StatefulSet", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/containers/envFrom/secretRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "StatefulSet", "spec/template/spec/imagePullSecrets/name"),
    found("", "", "StatefulSet", "spec/template/spec/volumes/projected/sources/secret/name"),
    found("", "", "Job", "spec/template/spec/volumes/secret/secretName"),
    found("", "", "Job", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "Job", "spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "Job", "spec/template/spec/containers/envFrom/secretRef/name"),
    found("", "", "Job", "spec/template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "Job", "spec/template/spec/imagePullSecrets/name"),
    found("", "", "Job", "spec/template/spec/volumes/projected/sources/secret/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/volumes/secret/secretName"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/volumes/projected/sources/secret/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/env/valueFrom/secretKeyRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/containers/envFrom/secretRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/initContainers/envFrom/secretRef/name"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/imagePullSecrets/name"),
    found("", "", "Ingress", "spec/tls/secretName"),
    found("", "", "Ingress", "metadata/annotations/ingress.kubernetes.io\\/auth-secret"),
    found("", "", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret"),
    found("", "", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret"),
    found("", "", "Ingress", "spec/tls/secretName"),
    found("", "", "ServiceAccount", "imagePullSecrets/name"),
    found("", "", "StorageClass", "parameters/secretName"),
    found("", "", "StorageClass", "parameters/adminSecretName"),
    found("", "", "StorageClass", "parameters/userSecretName"),
    found("", "", "StorageClass", "parameters/secretRef"),
    found("", "", "Role", "rules/resourceNames"),
    found("", "", "ClusterRole", "rules/resourceNames"),
    found("serving.knative.dev", "v1", "Service", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    found("", "", "PersistentVolume", "spec/azureFile/secretName"),
];

static SERVICE_NAMES: [FieldSpec; 8] = [
    found("apps", "", "StatefulSet", "spec/serviceName"),
    found("", "", "Ingress", "spec/rules/http/paths/backend/serviceName"),
    found("", "", "Ingress", "spec/backend/serviceName"),
    found("", "", "Ingress", "spec/rules/http/paths/backend/service/name"),
    found("", "", "Ingress", "spec/defaultBackend/service/name"),
    found("apiregistration.k8s.io", "", "APIService", "spec/service/name"),
    found("admissionregistration.k8s.io", "", "ValidatingWebhookConfiguration", "webhooks/clientConfig/service"),
    found("admissionregistration.k8s.io", "", "MutatingWebhookConfiguration", "webhooks/clientConfig/service"),
];

static PRIORITY_CLASS_NAMES: [FieldSpec; 7] = [
    found("", "", "Pod", "spec/priorityClassName"),
    found("", "", "StatefulSet", "spec/template/spec/priorityClassName"),
    found("", "", "Deployment", "spec/template/spec/priorityClassName"),
    found("", "", "ReplicationController", "spec/template/spec/priorityClassName"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/priorityClassName"),
    found("", "", "Job", "spec/template/spec/priorityClassName"),
    found("", "", "DaemonSet", "spec/template/spec/priorityClassName"),
];

static PERSISTENT_VOLUME_NAMES: [FieldSpec; 2] =
    [found("", "", "PersistentVolumeClaim", "spec/volumeName"), found("", "", "ClusterRole", "rules/resourceNames")];

static PERSISTENT_VOLUME_CLAIM_NAMES: [FieldSpec; 7] = [
    found("", "", "Pod", "spec/volumes/persistentVolumeClaim/claimName"),
    found("", "", "StatefulSet", "spec/template/spec/volumes/persistentVolumeClaim/claimName"),
    found("", "", "Deployment", "spec/template/spec/volumes/persistentVolumeClaim/claimName"),
    found("", "", "ReplicationController", "spec/template/spec/volumes/persistentVolumeClaim/claimName"),
    found("", "", "CronJob", "spec/jobTemplate/spec/template/spec/volumes/persistentVolumeClaim/claimName"),
    found("", "", "Job", "spec/template/spec/volumes/persistentVolumeClaim/claimName"),
    found("", "", "DaemonSet", "spec/template/spec/volumes/persistentVolumeClaim/claimName"),
];

static DEPLOYMENT_NAMES: [FieldSpec; 1] = [found("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")];

static STATEFUL_SET_NAMES: [FieldSpec; 1] = [found("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")];

static VALIDATING_ADMISSION_POLICY_NAMES: [FieldSpec; 1] =
    [found("admissionregistration.k8s.io", "", "ValidatingAdmissionPolicyBinding", "spec/policyName")];

static INGRESS_CLASS_NAMES: [FieldSpec; 1] = [found("", "", "Ingress", "spec/ingressClassName")];

static REPLICA_SET_NAMES: [FieldSpec; 1] = [found("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")];

static REPLICATION_CONTROLLER_NAMES: [FieldSpec; 1] = [found("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")];

/// `nameReference`
pub(super) static NAME_REFERENCE: [BackReference; 16] = [
    BackReference::fixed("storage.k8s.io", "v1", "StorageClass", &STORAGE_CLASS_NAMES),
    BackReference::fixed("", "v1", "ServiceAccount", &SERVICE_ACCOUNT_NAMES),
    BackReference::fixed("rbac.authorization.k8s.io", "", "Role", &ROLE_NAMES),
    BackReference::fixed("rbac.authorization.k8s.io", "", "ClusterRole", &CLUSTER_ROLE_NAMES),
    BackReference::fixed("", "v1", "ConfigMap", &CONFIG_MAP_NAMES),
    BackReference::fixed("", "v1", "Secret", &SECRET_NAMES),
    BackReference::fixed("", "v1", "Service", &SERVICE_NAMES),
    BackReference::fixed("scheduling.k8s.io", "v1", "PriorityClass", &PRIORITY_CLASS_NAMES),
    BackReference::fixed("", "v1", "PersistentVolume", &PERSISTENT_VOLUME_NAMES),
    BackReference::fixed("", "v1", "PersistentVolumeClaim", &PERSISTENT_VOLUME_CLAIM_NAMES),
    BackReference::fixed("", "", "Deployment", &DEPLOYMENT_NAMES),
    BackReference::fixed("", "", "StatefulSet", &STATEFUL_SET_NAMES),
    BackReference::fixed("admissionregistration.k8s.io", "", "ValidatingAdmissionPolicy", &VALIDATING_ADMISSION_POLICY_NAMES),
    BackReference::fixed("networking.k8s.io/v1", "v1", "IngressClass", &INGRESS_CLASS_NAMES),
    BackReference::fixed("", "", "ReplicaSet", &REPLICA_SET_NAMES),
    BackReference::fixed("", "", "ReplicationController", &REPLICATION_CONTROLLER_NAMES),
];
