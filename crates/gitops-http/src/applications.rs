//! Applications: list, get, create, delete, and what is asked about one.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, RawQuery, State};
use gitops_app::Application;
use gitops_engine::{AppQuery, Refresh};
use gitops_state::{AppKey, ListQuery};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Api;
use crate::access::Account;
use crate::error::ApiError;

/// Pages have at most this many applications unless `limit` says so.
const PAGE: usize = 500;

type Answer = Result<Json<Value>, ApiError>;

/// The query of a list, as text: some keys stand several times.
fn list_query(query: &str) -> Result<ListQuery, ApiError> {
    let mut list = ListQuery { limit: Some(PAGE), ..ListQuery::default() };
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value).ok_or_else(|| ApiError::Invalid(format!("query parameter `{key}` is not valid UTF-8")))?;
        match key {
            "limit" => {
                let n: usize = value.parse().map_err(|_| ApiError::Invalid(format!("limit `{value}` is not a number")))?;
                list.limit = Some(n.clamp(1, 10_000));
            }
            "continue" => list.after = value.split_once('/').map(|(namespace, name)| AppKey::new(namespace, name)),
            "search" | "name" => list.search = Some(value),
            "project" | "projects" => list.projects.push(value),
            "sync" => list.sync.push(value),
            "health" => list.health.push(value),
            "appNamespace" => list.namespace = Some(value),
            _ => {}
        }
    }
    Ok(list)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [a, b, after @ ..]) => {
                let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
                bytes.push(digit(*a)? * 16 + digit(*b)?);
                rest = after;
            }
            (b'%', _) => return None,
            (b'+', _) => bytes.push(b' '),
            (c, _) => bytes.push(*c),
        }
    }
    String::from_utf8(bytes).ok()
}

pub(crate) async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> Answer {
    let page = api.engine.list(list_query(query.as_deref().unwrap_or_default())?).await?;
    let next = page.next.as_ref().map(|k| format!("{}/{}", k.namespace, k.name)).unwrap_or_default();
    let counts = serde_json::to_value(&page.counts).unwrap_or_default();
    let items: Vec<Value> = page.items.iter().map(to_json).collect();
    Ok(Json(json!({ "metadata": { "continue": next }, "items": items, "stats": counts })))
}

fn to_json(app: &Application) -> Value {
    serde_json::to_value(app).unwrap_or_default()
}

#[derive(Deserialize, Default)]
pub(crate) struct GetQuery {
    #[serde(default)]
    refresh: String,
}

pub(crate) async fn get(State(api): State<Api>, Path(name): Path<String>, Query(query): Query<GetQuery>) -> Answer {
    let refresh = match query.refresh.as_str() {
        "" => None,
        "hard" | "Hard" => Some(Refresh::Hard),
        _ => Some(Refresh::Normal),
    };
    if let Some(refresh) = refresh {
        api.engine.refresh(&name, refresh).await?;
    }
    let app = api.engine.application(&AppQuery::full(&name)).await?;
    let mut body = to_json(&app.application);
    if let (Some(id), Some(state)) = (&app.operation, body.pointer_mut("/status/operationState")) {
        state["id"] = json!(id);
    }
    if let Some(hold) = &app.hold {
        body["status"]["hold"] = serde_json::to_value(hold).unwrap_or_default();
    }
    if let Some(gate) = app.gate.as_ref().filter(|gate| gate.windows > 0 || !gate.reason.is_empty()) {
        body["status"]["syncGate"] = serde_json::to_value(gate).unwrap_or_default();
    }
    Ok(Json(body))
}

#[derive(Deserialize, Default)]
pub(crate) struct CreateQuery {
    #[serde(default)]
    pub(crate) upsert: bool,
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

async fn put(api: &Api, body: &[u8], upsert: bool, name: Option<&str>, by: &Account) -> Answer {
    let value = gitops_manifest::json::parse(body, "request").map_err(|e| ApiError::Invalid(e.to_string()))?;
    let value = manifest(value, name, gitops_app::KIND)?;
    Ok(Json(to_json(&api.engine.put(value, upsert, &by.0).await?)))
}

/// An object as clients send it: `apiVersion` and `kind` may be missing, and the name must be the route's.
pub(crate) fn manifest(mut value: gitops_manifest::Value, name: Option<&str>, kind: &str) -> Result<gitops_manifest::Value, ApiError> {
    if let Some(name) = name.filter(|n| value.str_at(&["metadata", "name"]) != Some(n)) {
        return Err(ApiError::Invalid(format!("metadata.name is not `{name}`, which the route names")));
    }
    if let Some(map) = value.as_map_mut() {
        for (key, text) in [("apiVersion", gitops_app::API_VERSION), ("kind", kind)] {
            if map.get(key).is_none() {
                map.insert(key, text);
            }
        }
    }
    Ok(value)
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
    api.engine.delete(&name, query.cascade, &by.0).await?;
    Ok(Json(json!({})))
}

pub(crate) async fn manifests(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let (revision, manifests) = api.engine.manifests(&name).await?;
    let texts: Vec<String> = manifests.iter().map(|m| gitops_manifest::json::print(&gitops_engine::shown(m))).collect();
    Ok(Json(json!({ "revision": revision, "manifests": texts })))
}

pub(crate) async fn managed_resources(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let items: Vec<Value> = api
        .engine
        .pairs(&name)
        .await?
        .iter()
        .map(|pair| {
            let text = |v: &Option<gitops_manifest::Value>| v.as_ref().map_or_else(|| "null".to_owned(), gitops_manifest::json::print);
            json!({
                "group": pair.id.group, "kind": pair.id.kind, "namespace": pair.id.namespace, "name": pair.id.name,
                "targetState": text(&pair.desired), "liveState": text(&pair.live),
                "normalizedLiveState": text(&pair.live),
                "predictedLiveState": text(if pair.predicted.is_some() { &pair.predicted } else { &pair.desired }),
                "modified": pair.modified,
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn diff(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let items: Vec<Value> = api
        .engine
        .pairs(&name)
        .await?
        .iter()
        .filter(|pair| pair.modified)
        .map(|pair| {
            json!({
                "group": pair.id.group, "kind": pair.id.kind, "namespace": pair.id.namespace, "name": pair.id.name,
                "text": pair.text(),
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn history(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let mut items = api.engine.history(&name).await?;
    items.reverse();
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn deployment(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let deployment = api.engine.deployment(&name).await?;
    Ok(Json(serde_json::to_value(&deployment).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_query_is_read() {
        let q = list_query("projects=a%20b&projects=c&limit=10&continue=argocd/web&search=x+y").expect("valid");
        assert_eq!((q.projects, q.limit, q.search), (vec!["a b".to_owned(), "c".to_owned()], Some(10), Some("x y".to_owned())));
        assert_eq!(q.after, Some(AppKey::new("argocd", "web")));
        assert!(list_query("limit=ten").is_err());
        assert!(list_query("search=%zz").is_err());
    }
}
