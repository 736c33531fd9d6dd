//! How one object is written: server-side apply under our name, unless its options say otherwise.
//!
//! Whatever is not there yet (a kind whose definition was applied a moment ago, a web hook that is starting) is waited for
//! within the same apply. What another writer changed in between is read and tried again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gitops_apply::{TargetError, WriteOptions};
use gitops_manifest::{Manifest, Value, json};
use http::Method;

use crate::answer::Refusal;
use crate::connection::{Call, Impersonated};
use crate::core::{Core, bad_name};
use crate::desired;
use crate::kind::Kind;
use crate::ownership;

const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
/// How often a write that met another writer is tried.
const CONFLICTS: u32 = 6;
/// How long a definition may take to be served.
const ESTABLISHED: Duration = Duration::from_secs(10);

/// Writes on behalf of one application.
pub(crate) struct Writer<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) acting_as: Option<&'a Impersonated>,
    pub(crate) app: &'a str,
}

/// Whether anything is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    DryRun,
}

impl Writer<'_> {
    /// Makes an object live.
    pub(crate) async fn apply(&self, manifest: &Manifest, options: &WriteOptions) -> Result<(), TargetError> {
        let what = format!("apply {}", manifest.id());
        let began = Instant::now();
        let mut wait = Duration::from_millis(250);
        loop {
            let refusal = match self.once(manifest, options).await {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            // A definition may be there and its kind not served yet; a namespace that is missing stays so.
            let not_served = refusal.code == 404 && !refusal.message.starts_with("namespaces ");
            let may_pass = refusal.is_webhook() || refusal.code == NO_KIND || not_served;
            if !may_pass || began.elapsed() + wait > self.core.config.patience {
                return Err(self.explained(refusal, manifest, &what).await);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(4));
        }
    }

    async fn explained(&self, refusal: Refusal, manifest: &Manifest, what: &str) -> TargetError {
        if refusal.code == NO_KIND {
            let message = format!("{what}: {}: is its CustomResourceDefinition missing?", refusal.message);
            return TargetError { message, transient: true };
        }
        if refusal.is_terminating()
            && let Some(reason) = self.why_terminating(&manifest.id().namespace).await
        {
            return TargetError::transient(format!("{what}: namespace `{}` is being deleted: {reason}", manifest.id().namespace));
        }
        refusal.error(what)
    }

    /// What a namespace that is being deleted waits for, in the server's words.
    async fn why_terminating(&self, namespace: &str) -> Option<String> {
        let body = self.core.connection.call(&Call::get(format!("/api/v1/namespaces/{namespace}")), None).await.ok()?;
        let value = json::parse(&body, "namespace").ok()?;
        let conditions = value.at(&["status", "conditions"])?.as_list()?;
        let holds = |c: &&Value| {
            let kind = c.str_at(&["type"]).unwrap_or_default();
            c.str_at(&["status"]) == Some("True") && (kind.ends_with("Remaining") || kind.ends_with("Failure"))
        };
        let reasons: Vec<&str> = conditions.iter().filter(holds).filter_map(|c| c.str_at(&["message"])).collect();
        Some(reasons.join("; ")).filter(|r| !r.is_empty())
    }

    /// The kind that a manifest names.
    pub(crate) async fn kind(&self, manifest: &Manifest) -> Result<Arc<Kind>, Refusal> {
        let id = manifest.id();
        self.core.kind(&id.group, manifest.version(), &id.kind).await?.ok_or_else(|| Refusal {
            code: NO_KIND,
            ..Refusal::unreachable(format!("the cluster has no kind {} in {}/{}", id.kind, id.group, manifest.version()))
        })
    }

    async fn once(&self, manifest: &Manifest, options: &WriteOptions) -> Result<(), Refusal> {
        let kind = self.kind(manifest).await?;
        let sent = desired::marked(manifest, &kind, self.core.cache.tracking(), self.app, options);
        let live = self.core.known(&kind, &sent.id().namespace, &sent.id().name).await?.map(|seen| seen.manifest);
        let asks =
            |option: &str| live.as_ref().and_then(|l| l.annotation("argocd.argoproj.io/sync-options")).is_some_and(|o| o.contains(option));
        let replace = options.replace || asks("Replace=true");
        let written = if replace {
            self.replace(&kind, &sent, options).await
        } else {
            if let Some(live) = &live {
                self.take_over(&kind, live).await?;
            }
            self.patch(&kind, &sent, options, Mode::Write).await
        };
        let written = match written {
            Err(refusal) if refusal.needs_recreation() && (options.force || asks("Force=true")) && !is_kept(&kind) => {
                self.recreate(&kind, &sent, options).await
            }
            other => other,
        }?;
        // Nobody is told: whoever drives this looks for itself.
        self.core.cache.put(&kind, &written);
        if kind.kind == "CustomResourceDefinition" {
            self.established(&kind, &sent).await;
        }
        Ok(())
    }

    /// Server-side apply. Answers the object as it is then.
    pub(crate) async fn patch(&self, kind: &Kind, sent: &Manifest, options: &WriteOptions, mode: Mode) -> Result<String, Refusal> {
        let path = kind.path(&sent.id().namespace, &sent.id().name).map_err(bad_name)?;
        let validation = if options.lenient { "Ignore" } else { "Strict" };
        let dry = if mode == Mode::DryRun { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={}&force=true&fieldValidation={validation}{dry}", self.core.config.field_manager);
        self.send(Call::new(Method::PATCH, path).body(APPLY, desired::text(sent))).await
    }

    /// Makes fields of kubectl and Argo CD ours, before an object is applied for the first time.
    async fn take_over(&self, kind: &Arc<Kind>, live: &Manifest) -> Result<(), Refusal> {
        let config = &self.core.config;
        let mut body = live.body().clone();
        for _ in 0..CONFLICTS {
            let Some(patch) = ownership::migration(&body, &config.field_manager, &config.taken_over) else { return Ok(()) };
            let path = kind.path(&live.id().namespace, &live.id().name).map_err(bad_name)?;
            let call = Call::new(Method::PATCH, format!("{path}?fieldManager={}", config.field_manager)).body(JSON_PATCH, patch);
            match self.send(call).await {
                Ok(text) => {
                    self.core.cache.put(kind, &text);
                    return Ok(());
                }
                // The test of the version failed, or somebody wrote meanwhile.
                Err(refusal) if matches!(refusal.code, 409 | 422) => {
                    let text = self.send(Call::get(path)).await?;
                    body = json::parse(text.as_bytes(), "live").map_err(|e| Refusal::unreachable(e.to_string()))?;
                }
                Err(refusal) if refusal.code == 404 => return Ok(()),
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::unreachable("its managed fields change all the time"))
    }

    /// Writes an object whole, over whatever is there.
    async fn replace(&self, kind: &Arc<Kind>, sent: &Manifest, options: &WriteOptions) -> Result<String, Refusal> {
        let path = kind.path(&sent.id().namespace, &sent.id().name).map_err(bad_name)?;
        let validation = if options.lenient { "Ignore" } else { "Strict" };
        let query = format!("fieldManager={}&fieldValidation={validation}", self.core.config.field_manager);
        let mut last = None;
        for _ in 0..CONFLICTS {
            let version = match self.send(Call::get(path.clone())).await {
                Ok(text) => {
                    json::parse(text.as_bytes(), "live").ok().and_then(|v| v.str_at(&["metadata", "resourceVersion"]).map(str::to_owned))
                }
                Err(refusal) if refusal.code == 404 => None,
                Err(refusal) => return Err(refusal),
            };
            let answer = match version {
                None => self.create(kind, sent, &query).await,
                Some(_) if options.force && !is_kept(kind) => return self.recreate(kind, sent, options).await,
                Some(version) => {
                    let mut body = json::parse(desired::text(sent).as_bytes(), "sent").map_err(|e| Refusal::unreachable(e.to_string()))?;
                    if let Some(metadata) = body.as_map_mut().and_then(|m| m.get_mut("metadata")).and_then(Value::as_map_mut) {
                        metadata.insert("resourceVersion", version);
                    }
                    self.send(Call::new(Method::PUT, format!("{path}?{query}")).body("application/json", json::print(&body))).await
                }
            };
            match answer {
                Err(refusal) if refusal.code == 409 => last = Some(refusal),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| Refusal::unreachable("it changes all the time")))
    }

    pub(crate) async fn create(&self, kind: &Kind, sent: &Manifest, query: &str) -> Result<String, Refusal> {
        let path = kind.list_path(Some(&sent.id().namespace)).map_err(bad_name)?;
        self.send(Call::new(Method::POST, format!("{path}?{query}")).body("application/json", desired::text(sent))).await
    }

    /// Deletes an object, waits until it is gone, and makes it again.
    async fn recreate(&self, kind: &Arc<Kind>, sent: &Manifest, options: &WriteOptions) -> Result<String, Refusal> {
        let path = kind.path(&sent.id().namespace, &sent.id().name).map_err(bad_name)?;
        let body = r#"{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Foreground"}"#;
        match self.send(Call::new(Method::DELETE, path.clone()).body("application/json", body.to_owned())).await {
            Err(refusal) if refusal.code != 404 => return Err(refusal),
            _ => {}
        }
        let began = Instant::now();
        loop {
            match self.send(Call::get(path.clone())).await {
                Err(refusal) if refusal.code == 404 => break,
                Err(refusal) => return Err(refusal),
                Ok(_) if began.elapsed() > self.core.config.patience => {
                    return Err(Refusal::unreachable("it was deleted to be made again, and is not gone yet: look at its finalizers"));
                }
                Ok(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
        self.patch(kind, sent, options, Mode::Write).await
    }

    /// Waits until a definition is served; an object of its kind would be refused before.
    async fn established(&self, kind: &Kind, sent: &Manifest) {
        let Ok(path) = kind.path("", &sent.id().name) else { return };
        let began = Instant::now();
        while began.elapsed() < ESTABLISHED {
            let Ok(text) = self.send(Call::get(path.clone())).await else { return };
            let conditions = json::parse(text.as_bytes(), "live").ok();
            let conditions = conditions.as_ref().and_then(|v| v.at(&["status", "conditions"])).and_then(Value::as_list).unwrap_or_default();
            let established = |c: &Value| c.str_at(&["type"]) == Some("Established") && c.str_at(&["status"]) == Some("True");
            if conditions.iter().any(established) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn send(&self, call: Call) -> Result<String, Refusal> {
        let body = self.core.connection.call(&call, self.acting_as).await?;
        String::from_utf8(body).map_err(|_| Refusal::unreachable("an answer is no text"))
    }
}

/// A refusal of our own: the server does not know the kind.
pub(crate) const NO_KIND: u16 = 460;

/// Kinds that are never deleted to be made again: what they hold would go with them.
fn is_kept(kind: &Kind) -> bool {
    matches!(kind.kind.as_str(), "CustomResourceDefinition" | "Namespace" | "PersistentVolumeClaim" | "PersistentVolume")
}
