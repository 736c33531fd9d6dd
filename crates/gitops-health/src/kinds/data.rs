//! Data bases, storage and queues whose state is a table of words or a sum of members.

use gitops_manifest::Value;

use crate::live::{Live, integer};
use crate::status::Health;
use crate::status::HealthStatus::{self, Degraded, Healthy, Progressing, Suspended, Unknown};

/// CloudNativePG writes a sentence as phase. What stops the primary counts as degraded, what waits for a person as suspended.
const CNPG_PHASES: &[(HealthStatus, &[&str])] = &[
    (Healthy, &["Cluster in healthy state"]),
    (
        Progressing,
        &[
            "Setting up primary",
            "Creating a new replica",
            "Upgrading cluster",
            "Waiting for the instances to become active",
            "Promoting to primary cluster",
        ],
    ),
    (
        Degraded,
        &[
            "Switchover in progress",
            "Failing over",
            "Upgrading Postgres major version",
            "Cluster upgrade delayed",
            "Waiting for user action",
            "Primary instance is being restarted in-place",
            "Primary instance is being restarted without a switchover",
            "Cluster cannot execute instance online upgrade due to missing architecture binary",
            "Online upgrade in progress",
            "Applying configuration",
        ],
    ),
    (
        Suspended,
        &[
            "Unable to create required cluster objects",
            "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
            "Cluster has incomplete or invalid image catalog",
            "Cluster is unrecoverable and needs manual intervention",
        ],
    ),
];

pub(super) fn cnpg_cluster(live: &Live<'_>) -> Option<Health> {
    if live.annotation("cnpg.io/reconciliationLoop") == Some("disabled") {
        return Some(Health::new(Suspended, "Cluster reconciliation is suspended"));
    }
    let reason = live.str("status.phaseReason");
    if live.conditions().next().is_none() {
        return Some(Health::new(Progressing, reason));
    }
    if let Some(hibernation) = live.condition("cnpg.io/hibernation") {
        return Some(Health::new(if hibernation.status() == "True" { Suspended } else { Degraded }, hibernation.message()));
    }
    let phase = live.str("status.phase");
    let status = CNPG_PHASES.iter().find(|(_, phases)| phases.contains(&phase)).map_or(Unknown, |(status, _)| *status);
    Some(Health::new(status, reason))
}

pub(super) fn xtradb_cluster(live: &Live<'_>) -> Option<Health> {
    let nodes = format!("{}/{} node(s) are ready", live.int("status.ready"), live.int("status.size"));
    let said = live.list("status.message").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    Some(match live.str("status.state") {
        "" => Health::new(Progressing, "Waiting for cluster"),
        "initializing" => Health::new(Progressing, nodes),
        "ready" => Health::new(Healthy, nodes),
        "paused" => Health::new(Unknown, "Cluster is paused"),
        "stopping" => Health::new(Degraded, format!("Cluster is stopping ({nodes})")),
        "error" => Health::new(Degraded, format!("Cluster is on error: {said}")),
        _ => Health::new(
            Unknown,
            "Cluster status is unknown. Ensure your ArgoCD is current and then check for/file a bug report: https://github.com/argoproj/argo-cd/issues",
        ),
    })
}

pub(super) fn elasticsearch(live: &Live<'_>) -> Option<Health> {
    let wanted: i64 = live.list("spec.nodeSets").iter().filter_map(|set| set.get("count").and_then(integer)).fold(0, i64::saturating_add);
    let current = live.int("status.availableNodes");
    let checked = "Check the status of indices, replicas and shards";
    Some(match live.str("status.health") {
        "green" if live.has("spec.nodeSets") && wanted != current => {
            Health::new(Progressing, format!("The desired amount of availableNodes is {wanted} but the current amount is {current}"))
        }
        "green" => Health::new(Healthy, "Elasticsearch Cluster status is Green"),
        "yellow" => Health::new(Progressing, format!("Elasticsearch Cluster status is Yellow. {checked}")),
        "red" => Health::new(Degraded, format!("Elasticsearch Cluster status is Red. {checked}")),
        _ => Health::new(
            Unknown,
            "Elasticsearch Cluster status is unknown. Ensure your ArgoCD is current and then check for/file a bug report: https://github.com/argoproj/argo-cd/issues",
        ),
    })
}

pub(super) fn ceph_cluster(live: &Live<'_>) -> Option<Health> {
    let (health, state, message) = (live.str("status.ceph.health"), live.str("status.state"), live.str("status.message"));
    if health.is_empty() {
        let waiting = if message.is_empty() { "Waiting for status to be reported" } else { message };
        return Some(Health::new(if state == "Error" { Degraded } else { Progressing }, waiting));
    }
    let mut text = format!("Ceph health is {health}");
    let details = live.at("status.ceph.details").and_then(Value::as_map);
    let details: Vec<&str> = details.into_iter().flat_map(|map| map.values()).filter_map(|d| d.str_at(&["message"])).collect();
    if !details.is_empty() {
        text = format!("{text} ({})", details.join("; "));
    }
    let status = match (health, state) {
        ("HEALTH_OK", "Created" | "Connected") => {
            text = format!("{text} - Ceph cluster state is {state}");
            Healthy
        }
        ("HEALTH_OK", "Error") | ("HEALTH_WARN" | "HEALTH_ERR", _) => Degraded,
        _ => Progressing,
    };
    if !message.is_empty() {
        text = format!("{text} - {message}");
    }
    Some(Health::new(status, text))
}

pub(super) fn cassandra_cluster(live: &Live<'_>) -> Option<Health> {
    let racks = live.at("status.racks").and_then(Value::as_map);
    let count = |rack: &Value, field| rack.get(field).and_then(integer).unwrap_or(0);
    let ready = racks.is_some_and(|racks| !racks.is_empty() && racks.values().all(|r| count(r, "members") == count(r, "readyMembers")));
    Some(if ready { Health::healthy() } else { Health::new(Progressing, "Waiting for Cassandra Cluster") })
}

/// Koperator's `KafkaCluster`: brokers, Cruise Control and the cluster itself.
pub(super) fn koperator_cluster(live: &Live<'_>) -> Option<Health> {
    let brokers = live.at("status.brokersState").and_then(Value::as_map);
    let Some(brokers) = brokers else { return Some(Health::new(Progressing, "Waiting for KafkaCluster")) };
    let in_sync = brokers.values().all(|b| {
        let cruise = b.str_at(&["gracefulActionState", "cruiseControlState"]).unwrap_or("");
        b.str_at(&["configurationState"]) == Some("ConfigInSync")
            && matches!(cruise, "GracefulUpscaleSucceeded" | "GracefulDownscaleSucceeded")
    });
    Some(match (live.str("status.state"), live.str("status.cruiseControlTopicStatus")) {
        ("ClusterReconciling", _) => Health::new(Progressing, "Kafka Cluster is Reconciling."),
        ("ClusterRollingUpgrading", _) => Health::new(Progressing, "Kafka Cluster is Rolling Upgrading."),
        _ if !in_sync => Health::new(Degraded, "Broker Config is out of Sync or CruiseControlState is not Ready"),
        ("ClusterRunning", "CruiseControlTopicReady") => {
            Health::new(Healthy, "Kafka Brokers, CruiseControl and cluster are in Healthy State.")
        }
        _ => Health::new(Progressing, "Waiting for KafkaCluster"),
    })
}
