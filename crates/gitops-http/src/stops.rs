//! Emergency stops: of everything, a project, an application.

use axum::Json;
use axum::extract::{Extension, State};
use gitops_engine::Scope;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Api;
use crate::access::Account;
use crate::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

/// What is to be stopped, or goes on: one of the three.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScopeBody {
    all: bool,
    project: Option<String>,
    application: Option<String>,
    reason: String,
}

impl ScopeBody {
    fn scope(&self) -> Result<Scope, ApiError> {
        match (self.all, &self.project, &self.application) {
            (true, None, None) => Ok(Scope::Everything),
            (false, Some(name), None) => Ok(Scope::Project(name.clone())),
            (false, None, Some(name)) => Ok(Scope::Application(name.clone())),
            _ => Err(ApiError::Invalid("give one of `all: true`, `project` and `application`".to_owned())),
        }
    }
}

pub(crate) async fn list(State(api): State<Api>) -> Answer {
    let items: Vec<Value> = api
        .engine
        .stops()
        .into_iter()
        .map(|(scope, stop)| {
            let mut item = json!({ "reason": stop.reason, "by": stop.by, "at": stop.at.to_string() });
            match scope {
                Scope::Everything => item["all"] = json!(true),
                Scope::Project(name) => item["project"] = json!(name),
                Scope::Application(name) => item["application"] = json!(name),
            }
            item
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn stop(State(api): State<Api>, Extension(by): Extension<Account>, Json(body): Json<ScopeBody>) -> Answer {
    if body.reason.trim().is_empty() {
        return Err(ApiError::Invalid("a stop needs a `reason`: whoever finds everything standing still will ask".to_owned()));
    }
    api.engine.stop_syncs(body.scope()?, body.reason.trim(), &by.0).await?;
    Ok(Json(json!({})))
}

pub(crate) async fn resume(State(api): State<Api>, Extension(by): Extension<Account>, Json(body): Json<ScopeBody>) -> Answer {
    api.engine.resume_syncs(body.scope()?, &by.0).await?;
    Ok(Json(json!({})))
}
