//! Hooks: objects that are made once per run, and whose end is waited for.
//!
//! A run is known by its id, which the object carries in an annotation. An object of the same run is taken up where it is, so
//! that a crash between its creation and its end makes no second one; a finalizer keeps it until its end is on record.

use std::sync::Arc;
use std::time::Duration;

use gitops_apply::{HookOutcome, HookRunId, TargetError, WriteOptions};
use gitops_health::HealthStatus;
use gitops_manifest::{Manifest, Value, json};

use crate::answer::Refusal;
use crate::desired;
use crate::kind::Kind;
use crate::removing::HOOK_FINALIZER;
use crate::writing::{Mode, Writer};

/// The annotation that names the run.
const RUN: &str = "gitops.dev/hook-run";
/// How often the cache is looked at although nothing woke us: against an event that was missed.
const LOOK: Duration = Duration::from_secs(10);

impl Writer<'_> {
    /// Runs a hook to its end.
    pub(crate) async fn run_hook(&self, manifest: &Manifest, run: &HookRunId, options: &WriteOptions) -> Result<HookOutcome, TargetError> {
        let what = format!("hook {}", manifest.id());
        let refused = |refusal: Refusal| refusal.error(&what);
        let kind = self.kind(manifest).await.map_err(refused)?;
        let mut sent = desired::marked(manifest, &kind, self.core.cache.tracking(), self.app, options);
        sent.set_annotation(RUN, &run.to_string());
        let sent = with_finalizer(sent);
        // What happens from here on is seen.
        self.core.watch(self.core, &kind).await.map_err(refused)?;
        self.begin(&kind, &sent, run, options).await.map_err(refused)?;
        self.wait(&kind, &sent).await
    }

    /// Makes the object, unless this run made it already.
    async fn begin(&self, kind: &Arc<Kind>, sent: &Manifest, run: &HookRunId, options: &WriteOptions) -> Result<(), Refusal> {
        let query = format!("fieldManager={}", self.core.config.field_manager);
        let id = sent.id();
        match self.create(kind, sent, &query).await {
            Ok(text) => {
                self.core.cache.put(kind, &text);
                Ok(())
            }
            Err(refusal) if refusal.already_exists() => {
                let path = kind.path(&id.namespace, &id.name).map_err(crate::core::bad_name)?;
                let text = self.send(crate::connection::Call::get(path)).await?;
                self.core.cache.put(kind, &text);
                let live = json::parse(text.as_bytes(), "live").unwrap_or_default();
                if live.str_at(&["metadata", "annotations", RUN]) == Some(run.to_string().as_str()) {
                    return Ok(());
                }
                // Of an earlier sync, and its delete policy keeps it: as with any object, it is brought to what is desired.
                let text = self.patch(kind, sent, options, Mode::Write).await?;
                self.core.cache.put(kind, &text);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Waits for the end, by what the watch says.
    async fn wait(&self, kind: &Arc<Kind>, sent: &Manifest) -> Result<HookOutcome, TargetError> {
        let id = sent.id();
        let mut changes = self.core.cache.changes();
        loop {
            let Some(glimpse) = self.core.cache.glimpse(kind, &id.namespace, &id.name) else {
                return Ok(HookOutcome::Failed { message: format!("hook {id} was deleted by somebody while it ran") });
            };
            match glimpse.health {
                None => return Ok(HookOutcome::Succeeded { message: format!("{} created", id.name) }),
                Some(health) => match health.status {
                    HealthStatus::Healthy => return Ok(HookOutcome::Succeeded { message: health.message }),
                    HealthStatus::Degraded | HealthStatus::Unknown => return Ok(HookOutcome::Failed { message: health.message }),
                    _ => {}
                },
            }
            let _ = tokio::time::timeout(LOOK, changes.changed()).await;
        }
    }
}

/// The hook with the finalizer that keeps it until its end is on record.
fn with_finalizer(manifest: Manifest) -> Manifest {
    let at = manifest.at().clone();
    let mut body = manifest.clone().into_body();
    if let Some(metadata) = body.as_map_mut().and_then(|m| m.get_mut("metadata")).and_then(Value::as_map_mut) {
        let finalizers = metadata.entry_or_null("finalizers");
        if finalizers.as_list().is_none() {
            *finalizers = Value::List(Vec::new());
        }
        if let Some(list) = finalizers.as_list_mut()
            && !list.iter().any(|f| f.as_str() == Some(HOOK_FINALIZER))
        {
            list.push(HOOK_FINALIZER.into());
        }
    }
    Manifest::from_value(body, at).unwrap_or(manifest)
}
