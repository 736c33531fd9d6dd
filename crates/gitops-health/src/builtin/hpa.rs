//! `HorizontalPodAutoscaler`: `autoscaling/v1` keeps its conditions as JSON in an annotation, `v2` in the status.

use gitops_manifest::{Value, json};

use crate::live::{Live, conditions};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Unknown};

const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// What stops the autoscaler, by condition type.
const FAILURES: &[(&str, &[&str])] = &[
    ("AbleToScale", &["FailedGetScale", "FailedUpdateScale"]),
    (
        "ScalingActive",
        &[
            "FailedGetResourceMetric",
            "FailedGetObjectMetric",
            "FailedGetPodsMetric",
            "FailedGetExternalMetric",
            "FailedComputeMetricsReplicas",
            "InvalidSelector",
        ],
    ),
];

pub(crate) fn health(live: &Live<'_>) -> Health {
    if live.version() != "v1" {
        return by_conditions(live.at("status").unwrap_or(&Value::Null));
    }
    match live.annotation(CONDITIONS).filter(|text| !text.is_empty()).map(|text| json::parse(text.as_bytes(), CONDITIONS)) {
        None => by_conditions(&Value::Null),
        Some(Ok(list)) => by_conditions(&Value::Map([("conditions", list)].into_iter().collect())),
        Some(Err(error)) => Health::new(Unknown, format!("failed to convert conditions annotation to typed: {error}")),
    }
}

fn by_conditions(status: &Value) -> Health {
    let failing = conditions(status).find(|c| FAILURES.iter().any(|(kind, reasons)| *kind == c.kind() && reasons.contains(&c.reason())));
    if let Some(condition) = failing {
        return Health::new(Degraded, condition.message());
    }
    match conditions(status).find(|c| matches!(c.kind(), "AbleToScale" | "ScalingLimited") && c.status() == "True") {
        Some(condition) => Health::new(Healthy, condition.message()),
        None => Health::new(Progressing, "Waiting to Autoscale"),
    }
}
