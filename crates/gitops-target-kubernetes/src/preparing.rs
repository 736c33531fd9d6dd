//! Before the first wave: the destination namespace, and what would be refused.

use std::sync::Arc;

use gitops_apply::{Preparation, TargetError, WriteOptions};
use gitops_manifest::{Manifest, json};
use http::Method;

use crate::connection::Call;
use crate::desired;
use crate::kind::Kind;
use crate::writing::{Mode, Writer};

impl Writer<'_> {
    /// Makes the destination namespace, and gives it its labels and annotations. It is nobody's: never pruned.
    pub(crate) async fn namespace(&self, preparation: &Preparation<'_>) -> Result<(), TargetError> {
        let Some(name) = preparation.namespace else { return Ok(()) };
        let failed = |refusal: crate::answer::Refusal| refusal.error(&format!("the namespace failed to apply: namespace `{name}`"));
        let mut body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if let Some(metadata) = preparation.metadata {
            body["metadata"]["labels"] = serde_json::json!(metadata.labels);
            body["metadata"]["annotations"] = serde_json::json!(metadata.annotations);
        }
        let kind = self.core.kind("", "v1", "Namespace").await.map_err(failed)?;
        let path = kind.ok_or_else(|| TargetError::permanent("the cluster has no namespaces"))?;
        let call = match preparation.metadata {
            None => Call::new(Method::POST, path.list_path(None).map_err(crate::core::bad_name).map_err(failed)?)
                .body("application/json", body.to_string()),
            Some(_) => {
                let path = path.path("", name).map_err(crate::core::bad_name).map_err(failed)?;
                let query = format!("{path}?fieldManager={}&force=true", self.core.config.field_manager);
                Call::new(Method::PATCH, query).body("application/apply-patch+yaml", body.to_string())
            }
        };
        match self.send(call).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.already_exists() => Ok(()),
            Err(refusal) => Err(failed(refusal)),
        }
    }

    /// Has the server say whether it would take an object. A reason when it would not; what cannot be known before the sync
    /// itself (its namespace comes with it, a web hook does not take dry runs) is none.
    pub(crate) async fn try_out(
        &self,
        kind: &Arc<Kind>,
        manifest: &Manifest,
        options: &WriteOptions,
    ) -> Result<Option<String>, TargetError> {
        let name = manifest.body().str_at(&["metadata", "name"]).unwrap_or_default();
        // What is deleted first may be other than what is there.
        if name.is_empty() || options.replace || options.force || json::print(manifest.body()).len() > 1_000_000 {
            return Ok(None);
        }
        let sent = desired::marked(manifest, kind, self.core.cache.tracking(), self.app, options);
        match self.patch(kind, &sent, options, Mode::DryRun).await {
            Ok(_) => Ok(None),
            Err(refusal) if refusal.code == 422 || refusal.code == 403 && !refusal.is_terminating() => {
                Ok(Some(refusal.error(&format!("apply {}", manifest.id())).message))
            }
            Err(refusal) if refusal.code == 0 => Err(refusal.error(&format!("try {}", manifest.id()))),
            // 400: a web hook without dry runs, or a field that is unknown to the schema.
            Err(refusal) if refusal.code == 400 && refusal.message.contains("unknown field") => Ok(Some(refusal.message)),
            Err(refusal) if refusal.code == 500 && refusal.message.contains("unknown field") => Ok(Some(refusal.message)),
            Err(_) => Ok(None),
        }
    }
}
