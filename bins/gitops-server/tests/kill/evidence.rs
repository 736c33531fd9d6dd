//! What a kill left behind: the store, the live files, the hook log, the recorder's calls, the mirror; and which phase of
//! the sync that was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gitops_state::{AppKey, OpenError, OpenOptions, Operation, Store};
use serde_json::Value;

use crate::recorder::{Call, Recorder};
use crate::repository::{OBJECTS, data, live_name};

/// Where in a sync a kill came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The commit was asked for and is not in the mirror.
    Fetch,
    /// Some live files are of the new revision, some are not.
    Write,
    /// A reload was called and its end is not recorded.
    Reload,
    /// A hook was begun and has not ended.
    Hook,
    /// A hook has had its effect and ended, and its end is not recorded.
    Record,
    /// Between those.
    Other,
}

/// A line of the hook log: `start`, `effect` or `end`, the run, and the server's process id.
pub(crate) struct HookLine {
    pub(crate) what: String,
    pub(crate) run: String,
    pub(crate) server: u32,
}

/// Where everything is.
pub(crate) struct Places {
    pub(crate) directory: PathBuf,
}

impl Places {
    pub(crate) fn live(&self) -> PathBuf {
        self.directory.join("live")
    }

    pub(crate) fn hook_log(&self) -> PathBuf {
        self.directory.join("hooks.log")
    }

    pub(crate) fn hook_lines(&self) -> Vec<HookLine> {
        let text = fs::read_to_string(self.hook_log()).unwrap_or_default();
        text.lines()
            .map(|line| {
                let mut words = line.split(' ');
                let mut word = || words.next().expect("three words in each line of the hook log");
                HookLine { what: word().to_owned(), run: word().to_owned(), server: word().parse().expect("a process id") }
            })
            .collect()
    }

    /// Opens the store of a server that does not run. It must be whole.
    pub(crate) fn store(&self) -> Store {
        let file = self.directory.join("data/state.db");
        let deadline = Instant::now() + Duration::from_secs(10);
        let (store, opened) = loop {
            match Store::open(&file, &OpenOptions::default()) {
                // A hook that was being started holds the server's lock until its program is loaded.
                Err(OpenError::InUse { .. }) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                opened => break opened.expect("the store opens"),
            }
        };
        assert!(!opened.created && opened.set_aside.is_none() && opened.warnings.is_empty(), "the store was damaged: {opened:?}");
        store.check().expect("the store is whole");
        store
    }

    /// Whether a mirror has this commit.
    fn mirrored(&self, commit: &str) -> bool {
        let Ok(mirrors) = fs::read_dir(self.directory.join("data/mirrors")) else { return false };
        mirrors.flatten().any(|m| fs::read_to_string(m.path().join("packed-refs")).is_ok_and(|refs| refs.contains(commit)))
    }

    /// How many live files are of `revision`. Every file must be whole, and of it or of one before.
    pub(crate) fn whole_files(&self, revision: usize) -> usize {
        let whole = |object: &usize| {
            let name = live_name(*object);
            let bytes = match fs::read(self.live().join(&name)) {
                Ok(bytes) => bytes,
                Err(e) => panic!("{name}: {e}"),
            };
            let value: Value = serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{name} is torn: {e}"));
            let at = value["data"]["a-begin"].as_str().and_then(|r| r.parse().ok()).unwrap_or(usize::MAX);
            assert!(at == revision || at + 1 == revision, "{name} is of revision {at}, while {revision} follows the one before");
            assert!(value["data"] == data(*object, at), "{name} is not whole");
            at == revision
        };
        (0..OBJECTS).filter(whole).count()
    }

    /// How many live files look like those of `revision`: a quick look while the server writes.
    pub(crate) fn changed_files(&self, revision: usize) -> usize {
        let mark = format!("of revision {revision};");
        let read = |object: usize| fs::read(self.live().join(live_name(object))).unwrap_or_default();
        let changed = |bytes: &[u8]| bytes[..bytes.len().min(400)].windows(mark.len()).any(|w| w == mark.as_bytes());
        (1..OBJECTS).filter(|object| changed(&read(*object))).count()
    }

    /// The live directory holds the objects' files and nothing else; no temporary file is left.
    pub(crate) fn only_expected_files(&self) {
        let expected: BTreeSet<String> = (0..OBJECTS).map(live_name).collect();
        let mut found = BTreeSet::new();
        walk(&self.live(), "", &mut found);
        assert_eq!(found, expected, "files in the live directory");
        let left: Vec<_> = fs::read_dir(self.live().join(".gitops/tmp")).expect("the engine's folder").flatten().collect();
        assert!(left.is_empty(), "temporary files are left: {left:?}");
    }
}

fn walk(root: &Path, below: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(root.join(below)).expect("folder").flatten() {
        let name = entry.file_name().into_string().expect("text");
        if name == ".gitops" {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().expect("type").is_dir() { walk(root, &path, found) } else { assert!(found.insert(path)) }
    }
}

/// What the store knew when the server was killed.
pub(crate) struct Evidence {
    pub(crate) phase: Phase,
    /// Hook runs and reloads whose end was recorded.
    pub(crate) recorded: BTreeSet<String>,
    /// Messages of the operations that the store still has, by id.
    pub(crate) messages: BTreeMap<String, String>,
}

/// Ids of everything that an operation runs: its hooks, and the reload.
pub(crate) fn runs_of(operation: &str) -> impl Iterator<Item = String> {
    ["prepare", "core/ConfigMap", "verify", "announce"].into_iter().map(move |run| format!("{operation}/{run}/1"))
}

/// Runs (hooks and reloads) of an operation whose end its stored state holds.
fn recorded_in(operation: &Operation) -> BTreeSet<String> {
    let state: Value = serde_json::from_str(&operation.state_json).expect("the stored state is JSON");
    let tasks = state["tasks"].as_array().expect("tasks");
    let progress = state["progress"].as_str().expect("progress");
    let run = |task: &Value| match task["a"].as_str() {
        Some("h") => task["hook"]["run"].as_str().map(str::to_owned),
        Some("a") => task["i"].as_str().map(str::to_owned),
        _ => None,
    };
    tasks
        .iter()
        .zip(progress.chars())
        .filter(|(_, letter)| matches!(letter, 's' | 'x'))
        .filter_map(|(task, _)| run(task))
        .map(|run| format!("{}/{run}/{}", operation.id, state["attempt"]))
        .collect()
}

/// A process that was killed, and what it was about.
pub(crate) struct Killed<'a> {
    pub(crate) pid: u32,
    /// Its number.
    pub(crate) process: usize,
    /// Whether the git server was asked for `commit`.
    pub(crate) asked: bool,
    pub(crate) revision: usize,
    pub(crate) commit: &'a str,
    /// The hook log at the kill.
    pub(crate) hooks: Vec<HookLine>,
}

/// Looks at what is there after a process was killed while it brought a commit live.
pub(crate) fn look(places: &Places, recorder: &Recorder, killed: &Killed<'_>) -> Evidence {
    let Killed { pid, process, asked, revision, commit, .. } = *killed;
    // As it was at the kill: a hook outlives the server, and its log goes on.
    let lines: Vec<&HookLine> = killed.hooks.iter().filter(|line| line.server == pid).collect();
    let calls: Vec<Call> = recorder.calls().into_iter().filter(|call| call.process == process).collect();
    let changed = places.whole_files(revision);
    let store = places.store();
    let operations = store.operations(&AppKey::new("argocd", "kill"), 1000).expect("operations");
    let messages = operations.iter().map(|o| (o.id.clone(), o.message.clone())).collect();
    let finished = operations.iter().filter(|o| o.finished_at.is_some());
    let mut recorded: BTreeSet<String> = finished.flat_map(|o| runs_of(&o.id)).collect();
    let Some(operation) = operations.first().filter(|o| o.revision == commit) else {
        let phase = if asked && !places.mirrored(commit) { Phase::Fetch } else { Phase::Other };
        return Evidence { phase, recorded, messages };
    };
    if operation.finished_at.is_some() {
        return Evidence { phase: Phase::Other, recorded, messages };
    }
    recorded.extend(recorded_in(operation));
    let open = |run: &str| run.starts_with(&format!("{}/", operation.id)) && !recorded.contains(run);
    let logged = |what: &str| lines.iter().any(|l| l.what == what && open(&l.run));
    let called = |path: &str, answered: bool| calls.iter().any(|c| c.path == path && c.answered == answered && open(&c.run));
    let phase = if logged("end") || called("/hook", true) {
        Phase::Record
    } else if logged("start") || called("/hook", false) {
        Phase::Hook
    } else if called("/reload", false) || called("/reload", true) {
        Phase::Reload
    } else if changed > 0 && changed < OBJECTS {
        Phase::Write
    } else {
        Phase::Other
    };
    Evidence { phase, recorded, messages }
}
