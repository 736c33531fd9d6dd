//! Errors as clients of Argo CD expect them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gitops_engine::EngineError;
use serde_json::json;

/// Why a request is answered with an error.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// No token, or a wrong one.
    Unauthenticated,
    /// Something would change, and the body is not declared as JSON.
    ContentType,
    /// The request itself.
    Invalid(String),
    /// The engine.
    Engine(EngineError),
}

impl From<EngineError> for ApiError {
    fn from(e: EngineError) -> ApiError {
        ApiError::Engine(e)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // gRPC's code beside HTTP's, as a gRPC gateway maps them.
        let (status, code, message) = match self {
            ApiError::Unauthenticated => (StatusCode::UNAUTHORIZED, 16, "no valid token: send `Authorization: Bearer …`".to_owned()),
            ApiError::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3, "send `Content-Type: application/json`".to_owned()),
            ApiError::Invalid(message) => (StatusCode::BAD_REQUEST, 3, message),
            ApiError::Engine(e) => {
                let (status, code) = match &e {
                    EngineError::NotFound { .. } | EngineError::ObjectNotFound { .. } => (StatusCode::NOT_FOUND, 5),
                    EngineError::Exists { .. } | EngineError::ObjectExists { .. } => (StatusCode::CONFLICT, 6),
                    EngineError::Denied(_) => (StatusCode::FORBIDDEN, 7),
                    EngineError::Invalid(_) => (StatusCode::BAD_REQUEST, 3),
                    EngineError::Precondition(_) => (StatusCode::BAD_REQUEST, 9),
                    _ => (StatusCode::INTERNAL_SERVER_ERROR, 13),
                };
                (status, code, e.to_string())
            }
        };
        (status, Json(json!({ "error": message, "message": message, "code": code }))).into_response()
    }
}
