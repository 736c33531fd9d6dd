//! Operations: sync, rollback, resume, terminate.

use axum::Json;
use axum::extract::{Extension, Path, State};
use gitops_app::{Retry, SyncOperation, SyncResource, SyncStrategy};
use gitops_engine::{RollbackTo, SyncTerms};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Api;
use crate::access::Account;
use crate::error::ApiError;

type Answer = Result<Json<Value>, ApiError>;

/// Body of a sync, as Argo CD's API has it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SyncBody {
    revision: String,
    revisions: Vec<String>,
    prune: bool,
    dry_run: bool,
    strategy: Option<SyncStrategy>,
    resources: Option<Vec<SyncResource>>,
    sync_options: Option<Items>,
    retry_strategy: Option<Retry>,
    manifests: Option<Vec<String>>,
    /// Ours: the hash of the plan that is expected.
    expect: Option<String>,
    /// Ours: a sync of some objects runs the hooks too.
    with_hooks: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Items {
    items: Vec<String>,
}

pub(crate) async fn sync(
    State(api): State<Api>,
    Extension(by): Extension<Account>,
    Path(name): Path<String>,
    Json(body): Json<SyncBody>,
) -> Answer {
    if body.manifests.as_ref().is_some_and(|m| !m.is_empty()) {
        return Err(ApiError::Invalid("syncing local manifests is not there yet: commit them, or use `gitops diff`".to_owned()));
    }
    let retry = body.retry_strategy.clone();
    let (operation, terms) = asked(body);
    let begun = api.engine.sync_on(&name, operation, retry, &terms, &by.0).await?;
    Ok(Json(json!({ "operationId": begun.operation, "revision": begun.revision })))
}

/// What a sync would do: ordered steps, differences, and their hash.
pub(crate) async fn plan(
    State(api): State<Api>,
    Extension(by): Extension<Account>,
    Path(name): Path<String>,
    Json(body): Json<SyncBody>,
) -> Answer {
    let (operation, terms) = asked(body);
    let plan = api.engine.plan_sync(&name, operation, &terms, &by.0).await?;
    let steps: Vec<Value> =
        plan.steps.iter().map(|s| json!({ "phase": s.phase, "wave": s.wave, "action": s.action, "subject": s.subject })).collect();
    let differences: Vec<String> = plan.differences.iter().map(gitops_engine::Pair::text).collect();
    Ok(Json(json!({ "hash": plan.hash, "revisions": plan.revisions, "steps": steps, "differences": differences })))
}

fn asked(body: SyncBody) -> (SyncOperation, SyncTerms) {
    let terms = SyncTerms { expect: body.expect, with_hooks: body.with_hooks };
    let options = body.sync_options.map(|o| o.items);
    let operation = SyncOperation {
        revision: body.revision,
        revisions: body.revisions,
        prune: body.prune,
        dry_run: body.dry_run,
        sync_strategy: body.strategy,
        resources: body.resources.unwrap_or_default(),
        sync_options: options.unwrap_or_default(),
        ..SyncOperation::default()
    };
    (operation, terms)
}

/// Body of a rollback. `revision` is ours: a person in a hurry has a commit at hand.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RollbackBody {
    id: Option<i64>,
    revision: Option<String>,
    prune: bool,
    dry_run: bool,
}

pub(crate) async fn rollback(
    State(api): State<Api>,
    Extension(by): Extension<Account>,
    Path(name): Path<String>,
    Json(body): Json<RollbackBody>,
) -> Answer {
    let to = match (body.id, body.revision) {
        (Some(_), Some(_)) => return Err(ApiError::Invalid("give `id` or `revision`, not both".to_owned())),
        (Some(id), None) if id > 0 => RollbackTo::Id(id),
        (_, Some(revision)) => RollbackTo::Revision(revision),
        (_, None) => RollbackTo::Previous,
    };
    let begun = api.engine.rollback(&name, to, body.prune, body.dry_run, &by.0).await?;
    Ok(Json(json!({ "operationId": begun.operation, "revision": begun.revision })))
}

pub(crate) async fn resume(State(api): State<Api>, Extension(by): Extension<Account>, Path(name): Path<String>) -> Answer {
    api.engine.resume(&name, &by.0).await?;
    Ok(Json(json!({})))
}

pub(crate) async fn terminate(State(api): State<Api>, Extension(by): Extension<Account>, Path(name): Path<String>) -> Answer {
    api.engine.terminate(&name, &by.0).await?;
    Ok(Json(json!({})))
}
