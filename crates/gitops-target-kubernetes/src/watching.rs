//! One watch: a list in pages, then events from there on, for ever.
//!
//! A watch that ends or breaks is resumed from the last version that was seen; where the server no longer has that (410),
//! everything is listed again, and what is missing then is gone. A watch on which nothing is heard for a while, not even a
//! bookmark, is taken for dead. When the kind itself is gone, the watch is given up and its objects are forgotten.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch::Sender;

use crate::answer::Refusal;
use crate::connection::Call;
use crate::core::{Continue, Core, PAGE, WatchKey, WatchState, bad_name};

/// How long the server is asked to keep a watch open.
const LENGTH: u64 = 300;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest event that is read.
const LONGEST_EVENT: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: Continue,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    metadata: ListedMetadata,
    /// Of a `Status`.
    code: u16,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListedMetadata {
    name: String,
    namespace: String,
    resource_version: String,
}

/// Why events stopped.
enum Stop {
    /// The server closed the watch, or it broke: go on from here.
    Ended,
    /// The version is no longer known: list again.
    Expired,
    Refused(Refusal),
}

/// Follows a kind until it is gone.
pub(crate) async fn run(core: Arc<Core>, key: WatchKey, state: Sender<WatchState>) {
    let mut version = String::new();
    let mut wait = Duration::from_millis(200);
    loop {
        let stopped = if version.is_empty() {
            match list(&core, &key).await {
                Ok(listed) => {
                    version = listed;
                    wait = Duration::from_millis(200);
                    state.send_replace(WatchState::Synced);
                    continue;
                }
                Err(refusal) => Stop::Refused(refusal),
            }
        } else {
            follow(&core, &key, &mut version).await
        };
        match stopped {
            Stop::Ended => wait = Duration::from_millis(50),
            Stop::Expired => {
                version.clear();
                continue;
            }
            Stop::Refused(refusal) if refusal.code == 410 => version.clear(),
            Stop::Refused(refusal) if refusal.code == 404 && is_gone(&core, &key).await => {
                tracing::info!(kind = key.kind.kind, group = key.kind.group, "the kind is gone: its watch is given up");
                core.tell(&core.cache.forget(&key.kind));
                return;
            }
            Stop::Refused(refusal) => {
                tracing::warn!(kind = key.kind.kind, code = refusal.code, "watch: {}", refusal.message);
                if *state.borrow() != WatchState::Synced {
                    state.send_replace(WatchState::Refused(refusal));
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

async fn is_gone(core: &Core, key: &WatchKey) -> bool {
    let kind = &key.kind;
    core.discover().await.is_ok_and(|kinds| kinds.exact(&kind.group, &kind.version, &kind.kind).is_none())
}

/// Lists everything into the cache. Answers the version from which to watch.
async fn list(core: &Arc<Core>, key: &WatchKey) -> Result<String, Refusal> {
    let path = key.kind.list_path(key.namespace.as_deref()).map_err(bad_name)?;
    let mut listed: HashSet<(CompactString, CompactString)> = HashSet::new();
    let mut changed = Vec::new();
    let mut next = String::new();
    loop {
        let answer = core.connection.call(&Call::get(format!("{path}?limit={PAGE}{next}")), None).await?;
        let page: Page<'_> = serde_json::from_slice(&answer).map_err(|e| Refusal::unreachable(format!("a list is not readable: {e}")))?;
        for item in page.items {
            if let Ok(Listed { metadata, .. }) = serde_json::from_str(item.get()) {
                listed.insert((metadata.namespace.into(), metadata.name.into()));
            }
            changed.extend(core.cache.put(&key.kind, item.get()));
        }
        if page.metadata.token.is_empty() {
            changed.extend(core.cache.keep_only(&key.kind, key.namespace.as_deref(), &listed));
            core.tell(&changed);
            return Ok(page.metadata.version);
        }
        next = format!("&continue={}", page.metadata.token);
    }
}

/// Takes events as they come.
async fn follow(core: &Arc<Core>, key: &WatchKey, version: &mut String) -> Stop {
    let path = match key.kind.list_path(key.namespace.as_deref()) {
        Ok(path) => path,
        Err(e) => return Stop::Refused(bad_name(e)),
    };
    let call = Call::get(format!("{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds={LENGTH}&resourceVersion={version}"));
    let mut body = match core.connection.stream(&call).await {
        Ok(response) => response.into_body(),
        Err(refusal) => return Stop::Refused(refusal),
    };
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let frame = match tokio::time::timeout(core.config.silence, body.frame()).await {
            Err(_) => {
                tracing::warn!(kind = key.kind.kind, "nothing was heard on the watch for {:?}: it is opened again", core.config.silence);
                return Stop::Ended;
            }
            Ok(None | Some(Err(_))) => return Stop::Ended,
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        rest.extend_from_slice(&data);
        if rest.len() > LONGEST_EVENT {
            return Stop::Expired;
        }
        let mut start = 0;
        while let Some(end) = rest[start..].iter().position(|b| *b == b'\n').map(|at| start + at) {
            if let Some(stop) = take(core, key, &rest[start..end], version) {
                return stop;
            }
            start = end + 1;
        }
        rest.drain(..start);
    }
}

/// Takes one event.
fn take(core: &Arc<Core>, key: &WatchKey, line: &[u8], version: &mut String) -> Option<Stop> {
    let Ok(event) = serde_json::from_slice::<Event<'_>>(line) else { return None };
    let text = event.object.get();
    let Ok(listed) = serde_json::from_str::<Listed>(text) else { return None };
    let changed = match event.kind {
        "ADDED" | "MODIFIED" => core.cache.put(&key.kind, text),
        "DELETED" => core.cache.remove_printed(&key.kind, text),
        "ERROR" if listed.code == 410 => return Some(Stop::Expired),
        "ERROR" => return Some(Stop::Refused(Refusal::of(listed.code, listed.message.as_bytes(), None))),
        _ => Vec::new(),
    };
    if !listed.metadata.resource_version.is_empty() {
        version.clone_from(&listed.metadata.resource_version);
    }
    let defines = key.kind.kind == "CustomResourceDefinition" && event.kind != "BOOKMARK";
    if defines {
        core.comparing.learn(&listed.metadata.name, text.as_bytes(), false);
        let core = core.clone();
        tokio::spawn(async move {
            // The kinds of a definition are served a moment after it is established.
            tokio::time::sleep(Duration::from_millis(700)).await;
            let _ = core.discover().await;
        });
    }
    core.tell(&changed);
    None
}
