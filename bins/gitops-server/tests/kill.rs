//! `kill -9` at random instants of a sync. The built server brings revision after revision of a repository live, with
//! hooks before and after and a reload, and is killed again and again: while it fetches, writes, reloads, while a hook runs
//! and between a hook's end and its record. After each kill a new process must complete the sync, and:
//!
//! - no live file is ever torn, and in the end each is what git says, with nothing left beside them;
//! - a hook run or reload whose end is recorded is never run again; one that is repeated has the same id and is noted;
//! - the store opens whole, and the history has each revision once.
//!
//! `GITOPS_KILL_SEED` and `GITOPS_KILL_INSTANTS` choose another run. The phases are told from what the kill left behind,
//! not from what it was aimed at.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "kill/evidence.rs"]
mod evidence;
#[path = "../../../crates/gitops-source/tests/support/git_http.rs"]
mod git_http;
#[path = "kill/recorder.rs"]
mod recorder;
#[path = "kill/repository.rs"]
mod repository;
#[path = "kill/server.rs"]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use gitops_state::AppKey;
use serde_json::json;

use crate::evidence::{Killed, Phase, Places, look, runs_of};
use crate::git_http::{Behaviour, GitServer};
use crate::recorder::Recorder;
use crate::repository::Repository;
use crate::server::Server;

const SEED: u64 = 20_261_121;
const INSTANTS: usize = 100;
/// How often each phase must be hit in a run of at least [`INSTANTS`]; in a shorter one, a tenth of its instants.
const EACH: usize = 10;
const PHASES: [Phase; 5] = [Phase::Fetch, Phase::Write, Phase::Reload, Phase::Hook, Phase::Record];
/// Between two looks at what happens.
const LOOK: Duration = Duration::from_micros(300);

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn micros(&mut self, limit: usize) -> Duration {
        Duration::from_micros(self.below(limit) as u64)
    }
}

/// Everything the run stands on, and what it has seen.
struct Run {
    random: Random,
    places: Places,
    repository: Repository,
    git: GitServer,
    recorder: Recorder,
    server: Option<Server>,
    /// Number of the server's process.
    process: usize,
    /// Numbers of processes by their id.
    processes: BTreeMap<u32, usize>,
    /// Recorded runs, with the last process that may have run them.
    recorded: BTreeMap<String, usize>,
    /// Messages of all operations, by id.
    messages: BTreeMap<String, String>,
    hits: BTreeMap<Phase, usize>,
}

fn configuration(directory: &Path, recorder: &Recorder) -> String {
    let at = |path: &str| directory.join(path).display().to_string();
    let call = |path: &str| json!({ "url": format!("http://{}{path}", recorder.address) });
    let command = json!({ "argv": ["/bin/sh", at("hook.sh"), at("hooks.log")] });
    let platform = json!({
        "root": at("live"),
        "kinds": [{ "match": "core/ConfigMap", "path": "config/{name}.json", "reload": { "http": call("/reload") } }],
        "hooks": [
            { "match": "batch/Job", "name": "announce", "http": call("/hook") },
            { "match": "batch/Job", "command": command },
        ],
    });
    json!({ "dataDir": at("data"), "targets": { "platform": platform } }).to_string()
}

/// What a hook does: it takes a while before its effect and after it.
const HOOK: &str = "\
printf 'start %s %s\\n' \"$GITOPS_HOOK_RUN_ID\" \"$PPID\" >>\"$1\"
server=$PPID
sleep 0.03
printf 'effect %s %s\\n' \"$GITOPS_HOOK_RUN_ID\" \"$server\" >>\"$1\"
sleep 0.02
printf 'end %s %s\\n' \"$GITOPS_HOOK_RUN_ID\" \"$server\" >>\"$1\"
";

impl Run {
    fn prepare(directory: &Path, seed: u64) -> Run {
        let repository = Repository::create(directory);
        let git = GitServer::start(&directory.join("served"), Behaviour::Serve);
        let recorder = Recorder::start();
        fs::write(directory.join("hook.sh"), HOOK).unwrap();
        fs::write(directory.join("server.yaml"), configuration(directory, &recorder)).unwrap();
        let mut run = Run {
            random: Random(seed),
            places: Places { directory: directory.to_owned() },
            repository,
            git,
            recorder,
            server: None,
            process: 0,
            processes: BTreeMap::new(),
            recorded: BTreeMap::new(),
            messages: BTreeMap::new(),
            hits: BTreeMap::new(),
        };
        run.start();
        let app = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": { "name": "kill", "namespace": "argocd" },
            "spec": {
                "project": "default",
                "source": { "repoURL": run.git.url("repo.git"), "path": "app", "targetRevision": "main" },
                "destination": { "name": "platform", "namespace": "default" },
                "syncPolicy": { "automated": { "prune": true, "selfHeal": true } },
                "revisionHistoryLimit": 1000,
            },
        });
        let created = run.server().request("POST", "/api/v1/applications", "", &app.to_string());
        assert!(created.as_ref().is_some_and(|(status, _)| *status == 200), "{created:?}");
        run.wait_until_live(0);
        run
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn start(&mut self) {
        self.process = self.recorder.next_process();
        let server = Server::start(&self.places.directory);
        self.processes.insert(server.pid(), self.process);
        self.server = Some(server);
    }

    fn commit(&self) -> &str {
        self.repository.commits.last().expect("there is one")
    }

    fn push_event(&self) {
        let body = json!({ "repository": self.git.url("repo.git"), "ref": "refs/heads/main", "after": self.commit() });
        let answer = self.server().request("POST", "/api/webhook", "X-GitOps-Event: push\r\n", &body.to_string());
        assert!(answer.as_ref().is_some_and(|(status, _)| *status == 200), "{answer:?}");
    }

    /// Waits for `seen`, at most so long that a phase that is over is not waited for.
    fn wait_for(&self, limit: Duration, mut seen: impl FnMut(&Run) -> bool) {
        let deadline = Instant::now() + limit;
        while !seen(self) && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for the instant of a kill that is aimed at `aim`. `asked` is how many requests the git server had before.
    fn wait_for_instant(&mut self, aim: Phase, asked: usize, limit: Duration) {
        let (pid, process) = (self.server().pid(), self.process);
        let after = match aim {
            Phase::Fetch => {
                let nth = 1 + self.random.below(3);
                self.wait_for(limit, |run| run.git.seen().len() >= asked + nth);
                self.random.micros(8000)
            }
            Phase::Write => {
                let nth = 1 + self.random.below(repository::OBJECTS - 1);
                let revision = self.repository.commits.len() - 1;
                self.wait_for(limit, |run| run.places.changed_files(revision) >= nth);
                Duration::ZERO
            }
            Phase::Reload => {
                self.wait_for(limit, |run| run.recorder.calls().iter().any(|c| c.process == process && c.path == "/reload"));
                self.random.micros(12_000)
            }
            Phase::Hook if self.random.below(3) == 0 => {
                self.wait_for(limit, |run| run.recorder.calls().iter().any(|c| c.process == process && c.path == "/hook"));
                self.random.micros(10_000)
            }
            Phase::Hook | Phase::Record => {
                let hook = ["/prepare/", "/verify/"][self.random.below(2)];
                let what = if aim == Phase::Record { "end" } else { ["start", "effect"][self.random.below(2)] };
                let hit = |l: &evidence::HookLine| l.server == pid && l.what == what && l.run.contains(hook);
                self.wait_for(limit, |run| run.places.hook_lines().iter().any(hit));
                self.random.micros(if aim == Phase::Record { 1500 } else { 4000 })
            }
            Phase::Other => self.random.micros(400_000),
        };
        std::thread::sleep(after);
    }

    /// Kills, looks at what is left, and starts anew.
    fn kill(&mut self, asked: usize) -> Phase {
        let server = self.server.take().expect("it runs");
        let (pid, process) = (server.pid(), self.process);
        let hooks = self.places.hook_lines();
        server.kill();
        let asked = self.git.seen().len() > asked;
        self.git.behave(Behaviour::Serve);
        let revision = self.repository.commits.len() - 1;
        let killed = Killed { pid, process, asked, revision, commit: self.commit(), hooks };
        let evidence = look(&self.places, &self.recorder, &killed);
        self.messages.extend(evidence.messages);
        for run in evidence.recorded {
            self.recorded.entry(run).or_insert(process);
        }
        *self.hits.entry(evidence.phase).or_default() += 1;
        self.start();
        evidence.phase
    }

    /// Waits until `revision` is live and its operation is over.
    fn wait_until_live(&self, revision: usize) {
        let commit = &self.repository.commits[revision];
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let app = self.server().application();
            let status = app.as_ref().map(|app| &app["status"]);
            let live = status.is_some_and(|s| {
                s["sync"]["status"] == "Synced"
                    && s["sync"]["revision"] == **commit
                    && s["operationState"]["phase"] == "Succeeded"
                    && s["operationState"]["syncResult"]["revision"] == **commit
            });
            if live {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "revision {revision} does not become live: {}\n{}",
                status.map(|s| format!("{} {}", s["sync"], s["operationState"])).unwrap_or_default(),
                self.server().log()
            );
            std::thread::sleep(Duration::from_millis(4));
        }
        assert_eq!(self.places.whole_files(revision), repository::OBJECTS, "objects of revision {revision}");
        self.places.only_expected_files();
    }

    /// What to aim at: mostly what was hit least.
    fn aim(&mut self) -> Phase {
        let lacking: Vec<Phase> = PHASES.into_iter().filter(|p| self.hits.get(p).copied().unwrap_or(0) < EACH + 5).collect();
        match self.random.below(4) {
            0 => Phase::Other,
            _ if lacking.is_empty() => PHASES[self.random.below(PHASES.len())],
            _ => lacking[self.random.below(lacking.len())],
        }
    }

    /// Every run that somebody began: its id, and the number of the process that began it.
    fn begun(&self) -> Vec<(String, usize)> {
        let commands = self.places.hook_lines().into_iter().filter(|l| l.what == "start");
        // A hook that starts so late that its server is gone already has no process that we know.
        let commands = commands.filter_map(|l| Some((l.run, *self.processes.get(&l.server)?)));
        commands.chain(self.recorder.calls().into_iter().map(|c| (c.run, c.process))).collect()
    }

    /// Nothing recorded ran again; what ran twice has the same id and is noted. Returns how many runs were repeated.
    fn check_runs(&self) -> usize {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for (run, process) in self.begun() {
            if let Some(last) = self.recorded.get(&run) {
                assert!(process <= *last, "{run} was recorded when process {last} was killed, and process {process} ran it again");
            }
            *times.entry(run).or_default() += 1;
        }
        let expected: BTreeSet<String> = self.messages.keys().flat_map(|id| runs_of(id)).collect();
        assert_eq!(times.keys().cloned().collect::<BTreeSet<_>>(), expected, "each operation runs each hook and reload, under one id");
        let mut repeated = 0;
        for (run, _) in times.iter().filter(|(_, times)| **times > 1) {
            repeated += 1;
            if run.contains("/core/") {
                continue;
            }
            let message = run.split_once('/').and_then(|(id, _)| self.messages.get(id)).expect("of an operation");
            assert!(message.contains(run.as_str()), "{run} was repeated, which is not noted: {message}");
        }
        repeated
    }

    fn check_history(&self) {
        let history = self.places.store().history(&AppKey::new("argocd", "kill")).expect("history");
        let revisions: Vec<&str> = history.iter().map(|h| h.revision.as_str()).collect();
        let commits: Vec<&str> = self.repository.commits.iter().map(String::as_str).collect();
        assert_eq!(revisions, commits, "each revision once in the history, in order");
        assert!(history.iter().all(|h| h.status == "Succeeded"), "{history:?}");
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn killed_at_any_instant_a_sync_completes_and_nothing_recorded_runs_again() {
    let seed = from_environment("GITOPS_KILL_SEED").unwrap_or(SEED);
    let instants = from_environment("GITOPS_KILL_INSTANTS").map_or(INSTANTS, |n| n as usize);
    let directory = tempfile::tempdir().unwrap();
    let mut run = Run::prepare(directory.path(), seed);
    let each = EACH.min(instants / 10);
    let mut killed = 0;
    let lacking = |run: &Run| PHASES.iter().any(|p| run.hits.get(p).copied().unwrap_or(0) < each);
    while killed < instants || (lacking(&run) && killed < 3 * instants) {
        let mut asked = run.git.seen().len();
        let revision = run.repository.commit();
        let aim = run.aim();
        if aim == Phase::Fetch && run.random.below(3) == 0 {
            run.git.behave(Behaviour::Stall);
        }
        run.push_event();
        run.wait_for_instant(aim, asked, Duration::from_millis(1500));
        run.kill(asked);
        killed += 1;
        while run.random.below(3) == 0 {
            // Once more, while the next process picks up what the last one left.
            asked = run.git.seen().len();
            let aim = run.aim();
            run.wait_for_instant(aim, asked, Duration::from_millis(150));
            run.kill(asked);
            killed += 1;
        }
        run.wait_until_live(revision);
    }
    // One last look, of no instant: everything is over.
    run.kill(run.git.seen().len());
    run.hits.entry(Phase::Other).and_modify(|n| *n -= 1);
    run.server.take().expect("it runs").kill();
    let repeated = run.check_runs();
    run.check_history();
    let hit = |phase: Phase| run.hits.get(&phase).copied().unwrap_or(0);
    println!(
        "seed {seed}, instants {killed}, fetch {}, write {}, reload {}, hook {}, record {}, between {}; revisions {}, runs repeated {repeated}",
        hit(Phase::Fetch),
        hit(Phase::Write),
        hit(Phase::Reload),
        hit(Phase::Hook),
        hit(Phase::Record),
        hit(Phase::Other),
        run.repository.commits.len()
    );
    assert!(PHASES.iter().all(|p| hit(*p) >= each), "each phase is to be hit at least {each} times: {:?}", run.hits);
}
