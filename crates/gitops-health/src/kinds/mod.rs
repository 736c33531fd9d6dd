//! Kinds whose health is more than a table of conditions: counting, lists of parts, two statuses weighed against each other.
//! They come after the tables of `rules/`, so a table may hold the simple part of a kind.

mod crossplane;
mod data;
mod flux;
mod gateway_api;
mod gloo;
mod knative;
mod kruise;
mod kubernetes;
mod open_cluster;
mod operators;
mod promoter;
mod rollout;

use crate::live::Live;
use crate::status::Health;

type Check = fn(&Live<'_>) -> Option<Health>;

/// Group, kind (`*`: every kind of the group) and the check.
const CHECKS: &[(&str, &str, Check)] = &[
    ("apiextensions.k8s.io", "CustomResourceDefinition", kubernetes::custom_resource_definition),
    ("apps.kruise.io", "CloneSet", kruise::workload),
    ("apps.kruise.io", "DaemonSet", kruise::workload),
    ("apps.kruise.io", "StatefulSet", kruise::workload),
    ("argoproj.io", "Rollout", rollout::health),
    ("batch", "CronJob", kubernetes::cron_job),
    ("cassandra.rook.io", "Cluster", data::cassandra_cluster),
    ("ceph.rook.io", "CephCluster", data::ceph_cluster),
    ("cluster.x-k8s.io", "MachinePool", operators::machine_pool),
    ("controlplane.cluster.x-k8s.io", "AWSManagedControlPlane", operators::eks_control_plane),
    ("elasticsearch.k8s.elastic.co", "Elasticsearch", data::elasticsearch),
    ("external-secrets.io", "ClusterExternalSecret", operators::cluster_external_secret),
    ("game.kruise.io", "GameServer", kruise::game_server),
    ("gateway.networking.k8s.io", "BackendTLSPolicy", gateway_api::policy),
    ("gateway.networking.k8s.io", "GRPCRoute", gateway_api::route),
    ("gateway.networking.k8s.io", "Gateway", gateway_api::gateway),
    ("gateway.networking.k8s.io", "GatewayClass", gateway_api::gateway_class),
    ("gateway.networking.k8s.io", "HTTPRoute", gateway_api::route),
    ("gateway.networking.k8s.io", "TCPRoute", gateway_api::route),
    ("gateway.networking.k8s.io", "TLSRoute", gateway_api::route),
    ("gateway.networking.k8s.io", "UDPRoute", gateway_api::route),
    ("gateway.solo.io", "*", gloo::health),
    ("gloo.solo.io", "*", gloo::health),
    ("iammanager.keikoproj.io", "Iamrole", operators::iam_role),
    ("kafka.banzaicloud.io", "KafkaCluster", data::koperator_cluster),
    ("kubernetes-client.io", "ExternalSecret", operators::kubernetes_external_secret),
    ("microgateway.airlock.com", "*", gateway_api::policy),
    ("networking.gke.io", "ManagedCertificate", operators::managed_certificate),
    ("opentelemetry.io", "OpenTelemetryCollector", operators::opentelemetry_collector),
    ("operator.knative.dev", "*", knative::operator),
    ("operators.coreos.com", "Subscription", open_cluster::subscription),
    ("policy", "PodDisruptionBudget", kubernetes::pod_disruption_budget),
    ("policy.open-cluster-management.io", "ConfigurationPolicy", open_cluster::configuration_policy),
    ("policy.open-cluster-management.io", "Policy", open_cluster::policy),
    ("postgresql.cnpg.io", "Cluster", data::cnpg_cluster),
    ("projectcontour.io", "*", operators::contour),
    ("promoter.argoproj.io", "*", promoter::health),
    ("pxc.percona.com", "PerconaXtraDBCluster", data::xtradb_cluster),
    ("route.openshift.io", "Route", open_cluster::route),
    ("serving.knative.dev", "Service", knative::service),
    ("serving.kserve.io", "InferenceService", knative::inference_service),
    ("work.karmada.io", "ClusterResourceBinding", open_cluster::resource_binding),
    ("work.karmada.io", "ResourceBinding", open_cluster::resource_binding),
];

pub(crate) fn health(live: &Live<'_>) -> Option<Health> {
    let (group, kind) = (live.group(), live.kind());
    if let Some((_, _, check)) = CHECKS.iter().find(|(g, k, _)| *g == group && (*k == "*" || *k == kind)) {
        return check(live);
    }
    if flux::is_of(group) {
        return flux::health(live);
    }
    crossplane::is_of(group).then(|| crossplane::health(live)).flatten()
}
