//! Liveness, readiness, metrics, version, and a page that says what is where.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::Api;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

/// The store is open and every application was loaded.
pub(crate) async fn readyz(State(api): State<Api>) -> (StatusCode, &'static str) {
    if api.engine.is_ready() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "starting") }
}

/// Prometheus' text format.
pub(crate) async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], api.engine.metrics_text())
}

/// Argo CD's version route.
pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "Version": concat!("gitops/", env!("CARGO_PKG_VERSION")) }))
}

/// What is where.
pub(crate) async fn index() -> &'static str {
    "gitops-server

/api/v1/applications                     applications (?search= &projects= &limit= &continue=)
/api/v1/applications/NAME                one application; ?refresh=normal looks again first
/api/v1/applications/NAME/history        what was deployed, newest first
/api/v1/applications/NAME/deployment     state, health and current deployment
/api/v1/applications/NAME/diff           what differs between desired and live
/api/v1/applications/NAME/manifests      desired objects
/api/webhook                             push events of git servers
/metrics  /healthz  /readyz  /api/version

On the command line: gitops app list
"
}
