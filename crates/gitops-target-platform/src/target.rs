//! The live directory as a [`Target`].
//!
//! What blocks (flushing writes, reading changed files, probes, reloads, hooks) runs on tokio's blocking threads; what
//! only looks at files (`live` where nothing has changed: one `stat` per object) runs inline. A future that is dropped
//! calls off its reload or hook: a command's process group is ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gitops_apply::{HookOutcome, HookRunId, LiveObject, LiveSet, Propagation, Removal, Target, TargetError, TargetFuture, WriteOptions};
use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Manifest, ObjectId};

use crate::config::{HookRule, PlatformConfig};
use crate::content::bare;
use crate::files::{Files, LiveFile, OpenError};
use crate::probe::Question;
use crate::run::Run;
use crate::secret::{Resolvers, SecretResolver};
use crate::watch::{DriftWatch, WatchError};

/// Kinds that do something when they are a hook. Others are plain files, and done once written.
const RUNNING_KINDS: [(&str, &str); 4] = [("batch", "Job"), ("", "Pod"), ("argoproj.io", "Workflow"), ("tekton.dev", "PipelineRun")];

/// A live directory that running services read. Cloning shares it.
#[derive(Clone)]
pub struct PlatformTarget {
    files: Arc<Files>,
    /// Hook runs under way, by id.
    running: Arc<Mutex<BTreeSet<String>>>,
}

impl fmt::Debug for PlatformTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformTarget").field("root", &self.files.config.root).finish_non_exhaustive()
    }
}

impl PlatformTarget {
    /// Opens a live directory, making it when it is not there, and cleans up after a process that was killed. Blocks.
    ///
    /// # Errors
    /// When the directory cannot be used, is in use by another process, or its records are damaged.
    pub fn open(config: PlatformConfig) -> Result<PlatformTarget, OpenError> {
        PlatformTarget::open_with(config, Resolvers::default())
    }

    /// As [`PlatformTarget::open`], with something that resolves `vault://` references.
    ///
    /// # Errors
    /// As [`PlatformTarget::open`].
    pub fn open_with_resolver(config: PlatformConfig, resolver: Arc<dyn SecretResolver>) -> Result<PlatformTarget, OpenError> {
        PlatformTarget::open_with(config, Resolvers { vault: Some(resolver), ..Resolvers::default() })
    }

    /// As [`PlatformTarget::open`], with all that may stand behind secrets.
    ///
    /// # Errors
    /// As [`PlatformTarget::open`].
    pub fn open_with(config: PlatformConfig, resolvers: Resolvers) -> Result<PlatformTarget, OpenError> {
        Ok(PlatformTarget { files: Arc::new(Files::open(config, resolvers)?), running: Arc::default() })
    }

    /// Where the file of an object belongs, from the live directory.
    pub fn path_of(&self, id: &ObjectId) -> String {
        self.files.path_of(id)
    }

    /// Watches for changes by others. Our own writes are not reported.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn watch(&self) -> Result<DriftWatch, WatchError> {
        DriftWatch::start(Arc::clone(&self.files))
    }

    fn live_now(&self, app: &str, desired: &[Manifest]) -> Result<(LiveSet, Vec<Look>), TargetError> {
        let wanted: BTreeMap<&ObjectId, &Manifest> = desired.iter().map(|m| (m.id(), m)).collect();
        let looks: Vec<Look> = {
            let index = self.files.index();
            let owned = index.owned_by(app).filter(|id| !wanted.contains_key(id));
            let undesired = owned.filter_map(|id| index.get(id).map(|e| (id, e.record.path.clone())));
            let undesired = undesired.map(|(id, path)| Look { id: id.clone(), path, desired: None });
            let desired =
                wanted.iter().map(|(id, m)| Look { id: (*id).clone(), path: self.files.path_of(id), desired: Some((*m).clone()) });
            undesired.chain(desired).collect()
        };
        let (mut live, mut slow) = (LiveSet::new(), Vec::new());
        for look in looks {
            match self.files.quick(&look.id, &look.path)? {
                Some(LiveFile::Missing) if look.desired.is_none() => slow.push(look),
                Some(file) => drop(self.add(&mut live, look, file)),
                None => slow.push(look),
            }
        }
        Ok((live, slow))
    }

    fn add(&self, live: &mut LiveSet, look: Look, file: LiveFile) -> Option<()> {
        let owner = self.files.index().get(&look.id).map(|e| e.record.app.clone());
        let manifest = match file {
            LiveFile::Missing => return None,
            LiveFile::AsApplied(record) => record.manifest.clone(),
            LiveFile::Other(manifest) => manifest,
            // Not live as anything that could be compared: where it is desired it is applied again, elsewhere pruned.
            LiveFile::Unreadable(_) if look.desired.is_some() => return None,
            LiveFile::Unreadable(_) => self.files.index().get(&look.id).map(|e| e.record.manifest.clone()).or_else(|| bare(&look.id))?,
        };
        let health = Some(self.last_health(&look.id, owner.as_deref()));
        live.insert(look.id, LiveObject { manifest, owner, health });
        Some(())
    }

    /// What is known of an object's health without asking anybody.
    fn last_health(&self, id: &ObjectId, owner: Option<&str>) -> Health {
        if let Some(failed) = self.failed_activation(id, owner) {
            return failed;
        }
        if self.files.rule(id).is_none_or(|rule| rule.probe.is_none()) {
            return Health::healthy();
        }
        let last = self.files.index().get(id).and_then(|e| e.health.clone());
        last.unwrap_or_else(|| Health::new(HealthStatus::Progressing, "not probed yet"))
    }

    fn failed_activation(&self, id: &ObjectId, owner: Option<&str>) -> Option<Health> {
        let rule = self.files.rule(id).filter(|rule| rule.reload.is_some())?;
        let failed = self.files.failed_activations.lock().unwrap_or_else(PoisonError::into_inner);
        let why = failed.get(&(owner?.to_owned(), rule.name.clone()))?;
        Some(Health::new(HealthStatus::Degraded, why.clone()))
    }

    fn file_health(&self, id: &ObjectId) -> Result<Health, TargetError> {
        let (path, owner) = match self.files.index().get(id) {
            Some(entry) => (entry.record.path.clone(), Some(entry.record.app.clone())),
            None => (self.files.path_of(id), None),
        };
        let file = match self.files.quick(id, &path)? {
            Some(file) => file,
            None => self.files.live_file(id, &path, None)?,
        };
        Ok(match file {
            LiveFile::Missing => Health::new(HealthStatus::Missing, format!("{path} is not there")),
            LiveFile::Unreadable(why) => Health::new(HealthStatus::Degraded, why),
            LiveFile::Other(_) if owner.is_some() => {
                Health::new(HealthStatus::Progressing, format!("{path} was changed since it was applied"))
            }
            LiveFile::AsApplied(_) | LiveFile::Other(_) => self.failed_activation(id, owner.as_deref()).unwrap_or_else(Health::healthy),
        })
    }

    fn health_of_all(&self, app: &str, ids: &[ObjectId]) -> Result<BTreeMap<ObjectId, Option<Health>>, TargetError> {
        let mut all = BTreeMap::new();
        let mut questions: Vec<(Question, Vec<ObjectId>)> = Vec::new();
        for id in ids {
            let health = self.file_health(id)?;
            let probe = self.files.rule(id).and_then(|rule| rule.probe.as_ref());
            if let Some(probe) = probe.filter(|_| health.status == HealthStatus::Healthy) {
                let question = Question::new(&probe.kind, app, id);
                match questions.iter_mut().find(|(q, _)| *q == question) {
                    Some((_, ids)) => ids.push(id.clone()),
                    None => questions.push((question, vec![id.clone()])),
                }
            }
            all.insert(id.clone(), Some(health));
        }
        let answers = self.ask(&questions);
        for ((_, ids), answer) in questions.into_iter().zip(answers) {
            for id in ids {
                let health = self.judge(&id, &answer);
                if let Some(entry) = self.files.index().get_mut(&id) {
                    entry.health = Some(health.clone());
                }
                all.insert(id, Some(health));
            }
        }
        Ok(all)
    }

    /// Asks several at once, each on a thread of its own; every question has its time-out.
    fn ask(&self, questions: &[(Question, Vec<ObjectId>)]) -> Vec<Result<(), String>> {
        let answers: Vec<Mutex<Result<(), String>>> = questions.iter().map(|_| Mutex::new(Err("the probe broke off".into()))).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((i, (question, _))) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, questions.get(i)?))) {
                let answer = question.ask(&self.files.secrets);
                *answers[i].lock().unwrap_or_else(PoisonError::into_inner) = answer;
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..questions.len().min(self.files.config.probe_concurrency) {
                scope.spawn(work);
            }
            work();
        });
        answers.into_iter().map(|a| a.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    fn judge(&self, id: &ObjectId, answer: &Result<(), String>) -> Health {
        let Err(why) = answer else { return Health::healthy() };
        let grace = self.files.rule(id).and_then(|rule| rule.probe.as_ref()).map(|probe| probe.grace).unwrap_or_default();
        let changed: Option<Instant> = self.files.index().get(id).and_then(|e| e.changed);
        let status = if changed.is_some_and(|at| at.elapsed() < grace) { HealthStatus::Progressing } else { HealthStatus::Degraded };
        Health::new(status, format!("probe: {why}"))
    }

    fn activate_now(&self, app: &str, group: &str, run_id: &HookRunId, cancel: &AtomicBool) -> Result<(), TargetError> {
        let rule = self.files.config.kinds.iter().find(|rule| rule.name == group);
        let Some(reload) = rule.and_then(|rule| rule.reload.as_ref()) else {
            return Err(TargetError::permanent(format!("no kind rule named `{group}` has a reload in the server's configuration")));
        };
        let result = self.run(app, group, run_id, cancel).reload(reload);
        let mut failed = self.files.failed_activations.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (app.to_owned(), group.to_owned());
        match &result {
            Ok(()) => drop(failed.remove(&key)),
            Err(e) => drop(failed.insert(key, e.message.clone())),
        }
        result
    }

    fn run<'a>(&'a self, app: &'a str, group: &'a str, run_id: &'a HookRunId, cancel: &'a AtomicBool) -> Run<'a> {
        let root = self.files.config.root.to_str().unwrap_or_default();
        Run { app, group, run_id, root, secrets: &self.files.secrets, cancel }
    }

    fn hook_now(&self, app: &str, manifest: &Manifest, run_id: &HookRunId, cancel: &AtomicBool) -> Result<HookOutcome, TargetError> {
        let id = manifest.id();
        let rule: Option<&HookRule> = self.files.config.hooks.iter().find(|rule| rule.is_for(id));
        let Some(rule) = rule else {
            if RUNNING_KINDS.contains(&(id.group.as_str(), id.kind.as_str())) {
                return Ok(HookOutcome::Skipped {
                    message: format!(
                        "the platform target runs no {}: give `{}` a command or HTTP call under `targets.platform.hooks`",
                        id.kind, id.name
                    ),
                });
            }
            self.files.apply(app, manifest)?;
            return Ok(HookOutcome::Succeeded { message: format!("written to {}", self.files.path_of(id)) });
        };
        let _running = Running::enter(&self.running, run_id)?;
        self.run(app, "", run_id, cancel).hook(&rule.action, manifest)
    }
}

/// One object to look at.
struct Look {
    id: ObjectId,
    path: String,
    desired: Option<Manifest>,
}

/// A hook run under way: the same id does not run twice at once.
struct Running {
    all: Arc<Mutex<BTreeSet<String>>>,
    id: String,
}

impl Running {
    fn enter(all: &Arc<Mutex<BTreeSet<String>>>, run_id: &HookRunId) -> Result<Running, TargetError> {
        let id = run_id.to_string();
        if !all.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            return Err(TargetError::transient(format!("hook run {id} is under way already")));
        }
        Ok(Running { all: Arc::clone(all), id })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Sets its flag when dropped: the caller no longer waits.
struct CallOff(Arc<AtomicBool>);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce(&AtomicBool) -> Result<T, TargetError> + Send + 'static) -> Result<T, TargetError> {
    let call_off = CallOff(Arc::default());
    let flag = Arc::clone(&call_off.0);
    let result = tokio::task::spawn_blocking(move || work(&flag)).await;
    result.unwrap_or_else(|e| Err(TargetError::transient(format!("the work on the live directory broke off: {e}"))))
}

impl Target for PlatformTarget {
    fn name(&self) -> &str {
        "platform"
    }

    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(async move {
            let (mut live, slow) = self.live_now(app, desired)?;
            if slow.is_empty() {
                return Ok(live);
            }
            let (this, app) = (self.clone(), app.to_owned());
            blocking(move |_| {
                for look in slow {
                    let file = this.files.live_file(&look.id, &look.path, look.desired.as_ref())?;
                    if file == LiveFile::Missing && look.desired.is_none() {
                        this.files.forget_missing(&app, &look.id)?;
                    }
                    this.add(&mut live, look, file);
                }
                Ok(live)
            })
            .await
        })
    }

    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest, _: WriteOptions) -> TargetFuture<'a, ()> {
        let (this, app, manifest) = (self.clone(), app.to_owned(), manifest.clone());
        Box::pin(blocking(move |_| this.files.apply(&app, &manifest)))
    }

    fn prune<'a>(&'a self, app: &'a str, id: &'a ObjectId, _: Propagation) -> TargetFuture<'a, Removal> {
        let (this, app, id) = (self.clone(), app.to_owned(), id.clone());
        Box::pin(blocking(move |_| this.files.prune(&app, &id).map(|()| Removal::Gone)))
    }

    fn activation_group(&self, id: &ObjectId) -> Option<String> {
        self.files.rule(id).filter(|rule| rule.reload.is_some()).map(|rule| rule.name.clone())
    }

    fn activate<'a>(&'a self, app: &'a str, group: &'a str, run_id: &'a HookRunId) -> TargetFuture<'a, ()> {
        let (this, app, group, run_id) = (self.clone(), app.to_owned(), group.to_owned(), run_id.clone());
        Box::pin(blocking(move |cancel| this.activate_now(&app, &group, &run_id, cancel)))
    }

    fn run_hook<'a>(
        &'a self,
        app: &'a str,
        manifest: &'a Manifest,
        run_id: &'a HookRunId,
        _: WriteOptions,
    ) -> TargetFuture<'a, HookOutcome> {
        let (this, app, manifest, run_id) = (self.clone(), app.to_owned(), manifest.clone(), run_id.clone());
        Box::pin(blocking(move |cancel| this.hook_now(&app, &manifest, &run_id, cancel)))
    }

    fn delete_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        let (this, app, id) = (self.clone(), app.to_owned(), id.clone());
        // A hook that ran as a command left nothing; one that is a file of ours is pruned like any other.
        Box::pin(blocking(move |_| {
            let is_ours = this.files.index().get(&id).is_some_and(|e| e.record.app == app);
            if is_ours { this.files.prune(&app, &id) } else { Ok(()) }
        }))
    }

    fn health<'a>(&'a self, app: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        let (this, app, ids) = (self.clone(), app.to_owned(), ids.to_vec());
        Box::pin(blocking(move |_| this.health_of_all(&app, &ids)))
    }
}
