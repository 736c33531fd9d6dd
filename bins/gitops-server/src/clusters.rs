//! The clusters of the configuration as targets, and their changes on their way to the engine.

use std::sync::Arc;
use std::time::Duration;

use gitops_apply::Target;
use gitops_engine::Engine;
use gitops_target_kubernetes::{KubernetesConfig, KubernetesTarget};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long the start waits for clusters, so that what is rendered first knows their kinds. One that answers later is used then.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a target of each, and gives all of them a moment to answer.
pub(crate) async fn connect(clusters: &[KubernetesConfig], changed: &UnboundedSender<String>) -> Vec<Arc<dyn Target>> {
    let mut targets: Vec<Arc<dyn Target>> = Vec::with_capacity(clusters.len());
    let mut connecting = Vec::new();
    for config in clusters {
        let changed = changed.clone();
        let target = KubernetesTarget::new(config.clone(), move |app| {
            // The receiver is gone when the server ends.
            let _ = changed.send(app.to_owned());
        });
        targets.push(Arc::new(target.clone()));
        let name = config.name.clone();
        connecting.push(tokio::spawn(async move {
            if let Err(e) = target.connect().await {
                tracing::warn!(cluster = name, "{e}");
            }
        }));
    }
    let all = async {
        for one in connecting {
            let _ = one.await;
        }
    };
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        tracing::warn!("not every cluster has answered yet: its applications are looked at when it does");
    }
    targets
}

/// Hands what the watches see on to the engine.
pub(crate) async fn watch(engine: Engine, mut changes: UnboundedReceiver<String>) {
    while let Some(app) = changes.recv().await {
        engine.drifted(Some(&app));
    }
}
