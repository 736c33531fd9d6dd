//! `POST /api/webhook`: push events of git servers.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gitops_source::webhook;
use serde_json::json;

use crate::Api;

/// Verifies the event and has the engine look at what it concerns. Answers at once: the fetch goes on behind.
pub(crate) async fn receive(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match webhook::receive(&header, &body, &api.webhooks, api.webhook_limit) {
        Ok(event) => {
            let applications = api.engine.pushed(&event);
            (StatusCode::OK, Json(json!({ "applications": applications }))).into_response()
        }
        Err(e) => {
            api.engine.webhook_refused(&e.to_string());
            (StatusCode::BAD_REQUEST, Json(json!({ "error": e.to_string(), "message": e.to_string(), "code": 3 }))).into_response()
        }
    }
}
