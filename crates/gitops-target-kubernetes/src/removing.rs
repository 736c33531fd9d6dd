//! How objects go: with what they own, and saying what they wait for.

use std::time::Instant;

use gitops_apply::{Propagation, Removal, TargetError};
use gitops_manifest::{ObjectId, Value, json};
use http::Method;

use crate::answer::Refusal;
use crate::connection::Call;
use crate::core::bad_name;
use crate::kind::Kind;
use crate::writing::Writer;

/// The finalizer that keeps a hook until its end is on record.
pub(crate) const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";
/// How often letting go of a hook is tried while others write to it.
const CONFLICTS: u32 = 6;

impl Writer<'_> {
    /// Removes an object that the application owns.
    pub(crate) async fn prune(&self, id: &ObjectId, propagation: Propagation) -> Result<Removal, TargetError> {
        let what = format!("prune {id}");
        let Some(kind) = self.known_kind(id).await.map_err(|e| e.error(&what))? else { return Ok(Removal::Gone) };
        let Some(seen) = self.core.known(&kind, &id.namespace, &id.name).await.map_err(|e| e.error(&what))? else {
            return Ok(Removal::Gone);
        };
        if seen.app.as_deref() != Some(self.app) {
            let owner = seen.app.as_deref().map_or("nobody that this server knows".to_owned(), |a| format!("application `{a}`"));
            return Err(TargetError::permanent(format!("{what}: is owned by {owner}: it is left alone")));
        }
        if let Some(waits_for) = seen.waits_for {
            // It is on its way already.
            return Ok(Removal::Terminating { message: waits_for });
        }
        let uid = seen.manifest.body().str_at(&["metadata", "uid"]).map(str::to_owned);
        self.delete(&kind, id, uid.as_deref(), propagation).await.map_err(|e| e.error(&what))
    }

    /// The kind of a live object, in the version that is watched.
    pub(crate) async fn known_kind(&self, id: &ObjectId) -> Result<Option<std::sync::Arc<Kind>>, Refusal> {
        let preferred = self.core.kinds().preferred(&id.group, &id.kind);
        if let Some(kind) = &preferred {
            let namespace = if kind.namespaced { id.namespace.as_str() } else { "" };
            if self.core.cache.glimpse(kind, namespace, &id.name).is_some() {
                return Ok(preferred);
            }
        }
        // It may be watched in another version than the server's favourite.
        let mine = self.core.cache.of_app(self.app).into_iter();
        let mut same = mine.filter(|(k, ns, n)| k.group == id.group && k.kind == id.kind && *ns == id.namespace && *n == id.name);
        if let Some((kind, _, _)) = same.next() {
            return Ok(Some(kind));
        }
        match preferred {
            Some(known) => Ok(Some(known)),
            None => Ok(self.core.discover().await?.preferred(&id.group, &id.kind)),
        }
    }

    pub(crate) async fn delete(
        &self,
        kind: &std::sync::Arc<Kind>,
        id: &ObjectId,
        uid: Option<&str>,
        propagation: Propagation,
    ) -> Result<Removal, Refusal> {
        let path = kind.path(&id.namespace, &id.name).map_err(bad_name)?;
        let policy = match propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        // Another object of the same name, made meanwhile, is not ours to delete.
        let preconditions = uid.map(|uid| format!(r#","preconditions":{{"uid":"{uid}"}}"#)).unwrap_or_default();
        let body = format!(r#"{{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"{policy}"{preconditions}}}"#);
        match self.send(Call::new(Method::DELETE, path).body("application/json", body)).await {
            Ok(answer) => {
                let value = json::parse(answer.as_bytes(), "answer").unwrap_or_default();
                let going = value.str_at(&["metadata", "deletionTimestamp"]).is_some();
                if going {
                    self.core.cache.put(kind, &answer);
                    let glimpse = self.core.cache.glimpse(kind, &id.namespace, &id.name);
                    let message = glimpse.and_then(|g| g.waits_for).unwrap_or_else(|| "is being deleted".to_owned());
                    return Ok(Removal::Terminating { message });
                }
                self.core.tell(&self.core.cache.remove(kind, &id.namespace, &id.name, uid));
                Ok(Removal::Gone)
            }
            Err(refusal) if refusal.code == 404 => {
                self.core.cache.remove(kind, &id.namespace, &id.name, uid);
                Ok(Removal::Gone)
            }
            // The precondition: it is another object by now.
            Err(refusal) if refusal.code == 409 && uid.is_some() => Ok(Removal::Gone),
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes our finalizer off a hook; fine when the hook is gone.
    pub(crate) async fn release(&self, id: &ObjectId) -> Result<(), Refusal> {
        let Some(kind) = self.known_kind(id).await? else { return Ok(()) };
        let path = kind.path(&id.namespace, &id.name).map_err(bad_name)?;
        let mut last = None;
        for _ in 0..CONFLICTS {
            let text = match self.send(Call::get(path.clone())).await {
                Ok(text) => text,
                Err(refusal) if refusal.code == 404 => return Ok(()),
                Err(refusal) => return Err(refusal),
            };
            let live = json::parse(text.as_bytes(), "live").map_err(|e| Refusal::unreachable(e.to_string()))?;
            let finalizers = live.at(&["metadata", "finalizers"]).and_then(Value::as_list).unwrap_or_default();
            let Some(at) = finalizers.iter().position(|f| f.as_str() == Some(HOOK_FINALIZER)) else { return Ok(()) };
            let patch = format!(
                r#"[{{"op":"test","path":"/metadata/finalizers/{at}","value":"{HOOK_FINALIZER}"}},{{"op":"remove","path":"/metadata/finalizers/{at}"}}]"#
            );
            match self.send(Call::new(Method::PATCH, path.clone()).body("application/json-patch+json", patch)).await {
                Ok(text) => {
                    self.core.cache.put(&kind, &text);
                    return Ok(());
                }
                Err(refusal) if refusal.code == 404 => return Ok(()),
                Err(refusal) if matches!(refusal.code, 409 | 422) => last = Some(refusal),
                Err(refusal) => return Err(refusal),
            }
        }
        Err(last.unwrap_or_else(|| Refusal::unreachable("its finalizers change all the time")))
    }

    /// Removes what a hook left, and waits until it is gone.
    pub(crate) async fn delete_hook(&self, id: &ObjectId) -> Result<(), TargetError> {
        let what = format!("delete hook {id}");
        let Some(kind) = self.known_kind(id).await.map_err(|e| e.error(&what))? else { return Ok(()) };
        let mut changes = self.core.cache.changes();
        let Some(seen) = self.core.known(&kind, &id.namespace, &id.name).await.map_err(|e| e.error(&what))? else { return Ok(()) };
        if seen.app.as_deref() != Some(self.app) {
            return Ok(());
        }
        let uid = seen.manifest.body().str_at(&["metadata", "uid"]).unwrap_or_default().to_owned();
        self.release(id).await.map_err(|e| e.error(&what))?;
        if self.delete(&kind, id, Some(&uid), Propagation::Background).await.map_err(|e| e.error(&what))? == Removal::Gone {
            return Ok(());
        }
        let deadline = Instant::now() + self.core.config.hook_removal;
        loop {
            let left = match self.core.cache.glimpse(&kind, &id.namespace, &id.name) {
                Some(glimpse) if glimpse.uid == uid => glimpse.waits_for,
                _ => return Ok(()),
            };
            let wait = deadline.saturating_duration_since(Instant::now());
            if tokio::time::timeout(wait, changes.changed()).await.is_err() {
                let reason = left.unwrap_or_else(|| "is not gone yet".to_owned());
                return Err(TargetError::transient(format!("{what}: {reason}")));
            }
        }
    }
}
