//! The JSON API of the server: Argo CD's routes where it has them, and a few of our own beside them.
//!
//! Everything under `/api/v1` needs a token when tokens are configured; `/healthz`, `/readyz`, `/metrics`, `/api/version`
//! and `/api/webhook` do not (a web hook proves itself by its signature). Errors are `{error, message, code}` with gRPC's
//! codes, as Argo CD's are. Requests that change something need `Content-Type: application/json`, which a form on
//! somebody else's page cannot send.
//!
//! ```no_run
//! # async fn serve(engine: gitops_engine::Engine) -> std::io::Result<()> {
//! use gitops_http::{Access, Api, router};
//! let api = Api::new(engine, Access::anonymous());
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let _ = listener;
//! let _router = router(api);
//! # Ok(())
//! # }
//! ```

mod access;
mod applications;
mod error;
mod operations;
mod plain;
mod projects;
mod sets;
mod stops;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use gitops_engine::Engine;
use gitops_source::webhook::WebhookSecrets;

pub use access::{Access, Token};

/// Most bytes of a request's body, web hooks apart. A large Application is some 100 KiB.
const BODY_LIMIT: usize = 4 << 20;

/// What the routes work on.
#[derive(Clone)]
pub struct Api {
    pub(crate) engine: Engine,
    pub(crate) access: Arc<Access>,
    pub(crate) webhooks: Arc<WebhookSecrets>,
    pub(crate) webhook_limit: usize,
}

impl Api {
    /// The API of an engine. Web hooks are accepted unverified until [`Api::with_webhooks`] gives secrets.
    pub fn new(engine: Engine, access: Access) -> Api {
        Api { engine, access: Arc::new(access), webhooks: Arc::default(), webhook_limit: 50 << 20 }
    }

    /// Secrets that web hooks are verified with, and the most bytes that one may have.
    #[must_use]
    pub fn with_webhooks(mut self, secrets: WebhookSecrets, limit: usize) -> Api {
        self.webhooks = Arc::new(secrets);
        self.webhook_limit = limit;
        self
    }
}

/// All routes.
pub fn router(api: Api) -> Router {
    let limit = api.webhook_limit;
    let guarded = Router::new()
        .route("/api/v1/applications", get(applications::list).post(applications::create))
        .route("/api/v1/applications/{name}", get(applications::get).put(applications::replace).delete(applications::delete))
        .route("/api/v1/applications/{name}/manifests", get(applications::manifests))
        .route("/api/v1/applications/{name}/managed-resources", get(applications::managed_resources))
        .route("/api/v1/applications/{name}/diff", get(applications::diff))
        .route("/api/v1/applications/{name}/history", get(applications::history))
        .route("/api/v1/applications/{name}/deployment", get(applications::deployment))
        .route("/api/v1/applications/{name}/sync", post(operations::sync))
        .route("/api/v1/applications/{name}/plan", post(operations::plan))
        .route("/api/v1/applications/{name}/rollback", post(operations::rollback))
        .route("/api/v1/applications/{name}/resume", post(operations::resume))
        .route("/api/v1/applications/{name}/syncwindows", get(projects::sync_windows))
        .route("/api/v1/projects", get(projects::list).post(projects::create))
        .route("/api/v1/projects/{name}", get(projects::get).put(projects::replace).delete(projects::delete))
        .route("/api/v1/applicationsets", get(sets::list).post(sets::create))
        .route("/api/v1/applicationsets/generate", post(sets::generate))
        .route("/api/v1/applicationsets/preview", post(sets::preview_of))
        .route("/api/v1/applicationsets/{name}", get(sets::get).delete(sets::delete))
        .route("/api/v1/applicationsets/{name}/preview", get(sets::preview))
        .route("/api/v1/stops", get(stops::list).post(stops::stop))
        .route("/api/v1/stops/resume", post(stops::resume))
        .route("/api/v1/applications/{name}/operation", axum::routing::delete(operations::terminate))
        .route_layer(axum::middleware::from_fn_with_state(api.clone(), access::guard))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new()
        .route("/", get(plain::index))
        .route("/healthz", get(plain::healthz))
        .route("/readyz", get(plain::readyz))
        .route("/metrics", get(plain::metrics))
        .route("/api/version", get(plain::version))
        // A little more than the limit is let through, so that `receive` itself refuses and counts what is over it.
        .route("/api/webhook", post(webhook::receive).layer(DefaultBodyLimit::max(limit.saturating_add(1 << 20))))
        .merge(guarded)
        .with_state(api)
}
