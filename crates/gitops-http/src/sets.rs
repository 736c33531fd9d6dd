//! ApplicationSets: list, get, create, delete, generate, preview.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use gitops_engine::{Pair, SetPreview};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Api;
use crate::access::Account;
use crate::applications::manifest;
use crate::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

fn to_json(set: &impl serde::Serialize) -> Value {
    serde_json::to_value(set).unwrap_or_default()
}

pub(crate) async fn list(State(api): State<Api>) -> Answer {
    let items: Vec<Value> = api.engine.sets().iter().map(to_json).collect();
    Ok(Json(json!({ "metadata": {}, "items": items })))
}

#[derive(Deserialize, Default)]
pub(crate) struct GetQuery {
    #[serde(default)]
    refresh: String,
}

pub(crate) async fn get(State(api): State<Api>, Path(name): Path<String>, Query(query): Query<GetQuery>) -> Answer {
    if !query.refresh.is_empty() {
        api.engine.refresh_set(&name).await?;
    }
    Ok(Json(to_json(&api.engine.set(&name)?)))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreateQuery {
    upsert: bool,
    dry_run: bool,
}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(by): Extension<Account>,
    Query(query): Query<CreateQuery>,
    body: Bytes,
) -> Answer {
    let value = read(&body)?;
    if query.dry_run {
        let set: Value = serde_json::from_str(&gitops_manifest::json::print(&value)).unwrap_or_default();
        api.engine.preview_set(Err(value)).await?;
        return Ok(Json(set));
    }
    Ok(Json(to_json(&api.engine.put_set(value, query.upsert, &by.0).await?)))
}

/// A set as clients send it: alone, or as `{"applicationSet": …}`.
fn read(body: &[u8]) -> Result<gitops_manifest::Value, ApiError> {
    let value = gitops_manifest::json::parse(body, "request").map_err(|e| ApiError::Invalid(e.to_string()))?;
    let value = value.get("applicationSet").cloned().unwrap_or(value);
    manifest(value, None, gitops_app::SET_KIND)
}

#[derive(Deserialize)]
pub(crate) struct DeleteQuery {
    #[serde(default = "yes")]
    cascade: bool,
}

fn yes() -> bool {
    true
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Extension(by): Extension<Account>,
    Path(name): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> Answer {
    api.engine.delete_set(&name, query.cascade, &by.0).await?;
    Ok(Json(json!({})))
}

pub(crate) async fn generate(State(api): State<Api>, body: Bytes) -> Answer {
    let preview = api.engine.preview_set(Err(read(&body)?)).await?;
    let applications: Vec<Value> = preview.applications.iter().filter_map(|a| a.application.as_ref()).map(to_json).collect();
    Ok(Json(json!({ "applications": applications, "problems": preview.problems })))
}

pub(crate) async fn preview(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    Ok(Json(shown(&api.engine.preview_set(Ok(&name)).await?)))
}

pub(crate) async fn preview_of(State(api): State<Api>, body: Bytes) -> Answer {
    Ok(Json(shown(&api.engine.preview_set(Err(read(&body)?)).await?)))
}

fn shown(preview: &SetPreview) -> Value {
    let object = |pair: &Pair| {
        json!({
            "group": pair.id.group, "kind": pair.id.kind, "namespace": pair.id.namespace, "name": pair.id.name, "text": pair.text(),
        })
    };
    let applications: Vec<Value> = preview
        .applications
        .iter()
        .map(|app| {
            let (manifests, error) = match &app.manifests {
                Ok(pairs) => (pairs.iter().map(object).collect::<Vec<Value>>(), Value::Null),
                Err(e) => (Vec::new(), json!(e)),
            };
            json!({
                "name": app.name, "change": app.change.as_str(), "application": app.application.as_ref().map(to_json),
                "difference": app.difference, "manifests": manifests, "error": error,
            })
        })
        .collect();
    json!({ "parameters": preview.parameters, "applications": applications, "held": preview.held, "problems": preview.problems })
}
