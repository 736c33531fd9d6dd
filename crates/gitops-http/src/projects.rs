//! Projects: list, get, create, delete, and the windows of an application.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use gitops_app::AppProject;
use gitops_engine::AppQuery;
use serde_json::{Value, json};

use crate::Api;
use crate::access::Account;
use crate::applications::{CreateQuery, manifest};
use crate::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

fn to_json(project: &AppProject) -> Value {
    serde_json::to_value(project).unwrap_or_default()
}

pub(crate) async fn list(State(api): State<Api>) -> Answer {
    let items: Vec<Value> = api.engine.projects().iter().map(|p| to_json(p)).collect();
    Ok(Json(json!({ "metadata": {}, "items": items })))
}

pub(crate) async fn get(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    Ok(Json(to_json(&*api.engine.project(&name)?)))
}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(by): Extension<Account>,
    Query(query): Query<CreateQuery>,
    body: Bytes,
) -> Answer {
    put(&api, &body, query.upsert, None, &by).await
}

pub(crate) async fn replace(State(api): State<Api>, Extension(by): Extension<Account>, Path(name): Path<String>, body: Bytes) -> Answer {
    put(&api, &body, true, Some(&name), &by).await
}

async fn put(api: &Api, body: &[u8], mut upsert: bool, name: Option<&str>, by: &Account) -> Answer {
    // Argo CD's clients wrap the project: `{"project": …, "upsert": …}`.
    let mut value = gitops_manifest::json::parse(body, "request").map_err(|e| ApiError::Invalid(e.to_string()))?;
    if let Some(project) = value.get("project").cloned() {
        upsert |= value.get("upsert").and_then(gitops_manifest::Value::as_bool).unwrap_or(false);
        value = project;
    }
    let value = manifest(value, name, gitops_app::PROJECT_KIND)?;
    Ok(Json(to_json(&*api.engine.put_project(value, upsert, &by.0).await?)))
}

pub(crate) async fn delete(State(api): State<Api>, Extension(by): Extension<Account>, Path(name): Path<String>) -> Answer {
    api.engine.delete_project(&name, &by.0).await?;
    Ok(Json(json!({})))
}

/// What windows and stops say of an application.
pub(crate) async fn sync_windows(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let app = api.engine.application(&AppQuery::full(&name)).await?;
    let (assigned, active) = api.engine.sync_windows(&name)?;
    let gate = app.gate.unwrap_or_default();
    Ok(Json(json!({ "canSync": gate.manual, "assignedWindows": assigned, "activeWindows": active, "gate": gate })))
}
