//! The plan of one operation: every task it has, in order, as stages of groups.
//!
//! In: desired manifests, live objects, the request. Out: [`Plan`]; nothing is touched.
//! Order: phase, then wave, then explicit dependencies, then removals before objects before activations, then kind, then
//! name. The edges of the plan's graph run from each group to the next and along [`Plan::dependencies`].
//! Only what the application owns is ever removed for it. Every desired object has exactly one task (a hook one per
//! phase), unless the request leaves it out.
//! Errors: all problems at once, with the manifest's file and line.
//! Rules: sync phases, waves, hooks and prune rules of Argo CD; `gitops.dev/depends-on` is ours.
//! Not here: what happens before the first wave at targets that take part ([`crate::Target::prepare`]).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use gitops_manifest::{Location, Manifest, ObjectId, Value};

use crate::dependency;
use crate::draft::{Draft, correct_definitions, correct_namespaces, mirror_prune_waves};
use crate::hook::{DeletePolicy, Hook, HookKind};
use crate::option::{app_has, value_of};
use crate::order::{Phase, Wave};
use crate::request::{Retry, Strategy, SyncRequest};
use crate::target::{LiveObject, LiveSet, NamespaceMetadata, Preparation, Propagation, WriteOptions};
use crate::task::{Action, Change, PruneMode, Task, TaskId};
use gitops_manifest::Timestamp;

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct PlanInput<'a> {
    /// Id of the operation: part of every hook run's id.
    pub operation: &'a str,
    /// The application: its name as owner at the target.
    pub app: &'a str,
    /// The destination namespace, empty for none. A live object is found under it when the desired one names no
    /// namespace, and the other way round.
    pub namespace: &'a str,
    /// What is to be live, as the target is to get it: namespaces, labels and annotations are set already.
    pub desired: &'a [Manifest],
    /// What [`crate::Target::live`] said.
    pub live: &'a LiveSet,
    /// Whether a live object needs no write to be as desired. [`equal_bodies`] is the strictest answer.
    pub unchanged: &'a dyn Fn(&Manifest, &LiveObject) -> bool,
    /// [`crate::Target::activation_group`].
    pub activation: &'a dyn Fn(&ObjectId) -> Option<String>,
    /// [`crate::Outcome::pending_activations`] of the operation before: activated in any case.
    pub activate_also: &'a [String],
    /// What was asked for.
    pub request: &'a SyncRequest,
    /// The revision; its first seven characters become part of generated names.
    pub revision: &'a str,
    /// When the operation began.
    pub started_at: Timestamp,
    /// When a person last approved removals (`argocd.argoproj.io/deletion-approved` on the application).
    pub deletion_approved: Option<Timestamp>,
}

/// Whether the live object's body equals the desired one.
pub fn equal_bodies(desired: &Manifest, live: &LiveObject) -> bool {
    desired.body() == live.manifest.body()
}

/// The plan of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(crate) operation: String,
    pub(crate) app: String,
    pub(crate) started_at: Timestamp,
    pub(crate) approved: Option<Timestamp>,
    pub(crate) dry_run: bool,
    pub(crate) retry: Retry,
    pub(crate) writing: Writing,
    pub(crate) tasks: Vec<Task>,
    /// By task: what is handed to the target. `None` where nothing is.
    pub(crate) manifests: Vec<Option<Manifest>>,
    pub(crate) dependencies: Vec<(TaskId, TaskId)>,
    pub(crate) shared: Vec<(ObjectId, String)>,
    pub(crate) stages: Vec<Stage>,
}

/// How the plan's objects are written and removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Writing {
    /// The destination namespace.
    pub(crate) namespace: String,
    /// The application's sync options.
    pub(crate) options: Vec<String>,
    pub(crate) force: bool,
    pub(crate) managed_namespace: Option<NamespaceMetadata>,
    /// The target takes part before the first wave and after hooks.
    pub(crate) target_takes_part: bool,
}

/// A stage: its groups, as ranges of tasks. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    pub(crate) phase: Phase,
    pub(crate) groups: Vec<Range<usize>>,
}

impl Stage {
    pub(crate) fn tasks(&self) -> Range<usize> {
        let start = self.groups.first().map_or(0, |g| g.start);
        start..self.groups.last().map_or(start, |g| g.end)
    }
}

impl Plan {
    /// The tasks, in order.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// One task.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.index())
    }

    /// Ids of the tasks, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = TaskId> + use<> {
        (0..self.tasks.len()).map(TaskId::at)
    }

    /// What the target gets for a task: `None` for removals, activations, and objects that are live as desired.
    pub fn manifest(&self, id: TaskId) -> Option<&Manifest> {
        self.manifests.get(id.index())?.as_ref()
    }

    /// Explicit dependencies, as (before, after).
    pub fn dependencies(&self) -> &[(TaskId, TaskId)] {
        &self.dependencies
    }

    /// Desired objects that are live and belong to another application, with its name.
    pub fn shared(&self) -> &[(ObjectId, String)] {
        &self.shared
    }

    /// Whether there is nothing to do and nothing to report.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether carrying it out writes or removes anything, or runs anything.
    pub fn changes(&self) -> bool {
        self.tasks.iter().any(|t| t.changes() || matches!(t.action, Action::Hook { .. } | Action::Activate { .. }))
    }

    /// How the object of a task is written.
    pub fn write_options(&self, manifest: &Manifest) -> WriteOptions {
        let writing = &self.writing;
        WriteOptions::of(&writing.options, manifest, &writing.namespace, writing.force)
    }

    /// How what a removed object owns goes.
    pub fn propagation(&self) -> Propagation {
        let named = |o: &String| o.trim().strip_prefix("PrunePropagationPolicy=").map(Propagation::parse);
        self.writing.options.iter().find_map(named).unwrap_or_default()
    }

    /// What is done before the first wave.
    pub fn preparation(&self) -> Preparation<'_> {
        let writing = &self.writing;
        let create = app_has(&writing.options, "CreateNamespace=true") && !writing.namespace.is_empty();
        let desired = |m: &Manifest| m.id().kind == "Namespace" && m.id().group.is_empty() && m.id().name == writing.namespace;
        let ours = self.manifests.iter().flatten().any(desired);
        Preparation {
            namespace: Some(writing.namespace.as_str()).filter(|_| create && !ours),
            metadata: writing.managed_namespace.as_ref().filter(|_| create),
            objects: self.manifests.iter().flatten().map(|m| (m, self.write_options(m))).collect(),
            several_steps: self.stages.len() > 1,
        }
    }

    /// Finds the stages and groups again from the tasks' numbers.
    pub(crate) fn stages_of(tasks: &[Task]) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::new();
        let mut last = None;
        for (i, task) in tasks.iter().enumerate() {
            match (last, stages.last_mut()) {
                (Some((stage, group)), Some(open)) if stage == task.stage => match open.groups.last_mut() {
                    Some(range) if group == task.group => range.end = i + 1,
                    _ => open.groups.push(i..i + 1),
                },
                _ => stages.push(Stage { phase: task.phase, groups: std::iter::once(i..i + 1).collect() }),
            }
            last = Some((task.stage, task.group));
        }
        stages
    }
}

/// Why there is no plan: every problem that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", joined(.problems))]
pub struct PlanError {
    /// At least one.
    pub problems: Vec<PlanProblem>,
}

fn joined(problems: &[PlanProblem]) -> String {
    problems.iter().map(PlanProblem::to_string).collect::<Vec<_>>().join("; ")
}

/// One reason why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanProblem {
    /// Two desired objects have one identity.
    #[error("{second}: {id} is also at {first}: rename or remove one of them")]
    Duplicate {
        /// The identity.
        id: ObjectId,
        /// Where the first stands.
        first: Location,
        /// Where the second stands.
        second: Location,
    },
    /// An object that is no hook has only `metadata.generateName`.
    #[error("{at}: {id}: `metadata.name` is missing; only hooks may have `metadata.generateName` instead")]
    Unnamed {
        /// The object.
        id: ObjectId,
        /// Where it stands.
        at: Location,
    },
    /// `gitops.dev/depends-on` does not read as identities.
    #[error("{at}: {id}: annotation gitops.dev/depends-on: `{text}` is not of the form group/Kind/namespace/name")]
    Unreadable {
        /// The object that has the annotation.
        id: ObjectId,
        /// Where it stands.
        at: Location,
        /// What is not readable.
        text: String,
    },
    /// `gitops.dev/depends-on` names what is neither desired nor live.
    #[error("{at}: {id}: annotation gitops.dev/depends-on: this application has no object {needs}")]
    Unknown {
        /// The object that has the annotation.
        id: ObjectId,
        /// Where it stands.
        at: Location,
        /// What it names.
        needs: ObjectId,
    },
    /// Objects wait for each other, by `gitops.dev/depends-on` and by the order of phases and waves.
    #[error("objects wait for each other: {members}: remove one gitops.dev/depends-on, or move an object to another wave")]
    Cycle {
        /// The members, in the order in which they wait; the last is waited for by the first.
        members: Cycle,
    },
    /// `FailOnSharedResource=true`, and an object belongs to another application.
    #[error("Shared resource found: {id} is owned by application `{owner}`")]
    Shared {
        /// The object.
        id: ObjectId,
        /// Its owner.
        owner: String,
    },
}

/// Members of a cycle, each with its phase and wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<(ObjectId, Phase, Wave)>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (id, phase, wave)) in self.0.iter().chain(self.0.first()).enumerate() {
            f.write_str(if i == 0 { "" } else { " -> " })?;
            write!(f, "{id} ({phase}, wave {wave})")?;
        }
        Ok(())
    }
}

/// Makes the plan of one operation.
///
/// # Errors
/// Duplicates, objects without a name, dependencies that are unreadable, unknown or cyclic, shared objects where the
/// options forbid them.
pub fn plan(input: &PlanInput<'_>) -> Result<Plan, PlanError> {
    let mut planner = Planner {
        input,
        drafts: Vec::with_capacity(input.desired.len()),
        matched: HashSet::new(),
        shared: Vec::new(),
        problems: Vec::new(),
    };
    planner.desired();
    planner.prunes();
    mirror_prune_waves(&mut planner.drafts, &input.request.options, input.live);
    correct_namespaces(&mut planner.drafts);
    correct_definitions(&mut planner.drafts, input.desired);
    let edges = planner.dependencies();
    planner.levels(&edges);
    if !planner.problems.is_empty() {
        return Err(PlanError { problems: planner.problems });
    }
    planner.activations();
    Ok(planner.finish(&edges))
}

struct Planner<'a> {
    input: &'a PlanInput<'a>,
    drafts: Vec<Draft>,
    /// Live objects that a desired one stands for.
    matched: HashSet<&'a ObjectId>,
    shared: Vec<(ObjectId, String)>,
    problems: Vec<PlanProblem>,
}

impl<'a> Planner<'a> {
    fn selected(&self, id: &ObjectId) -> bool {
        self.input.request.resources.as_ref().is_none_or(|some| some.iter().any(|s| s.matches(id)))
    }

    fn hooks_run(&self) -> bool {
        let request = self.input.request;
        let all = request.resources.is_none() || request.with_hooks;
        matches!(request.strategy, Strategy::Hook { .. }) && all && !request.self_heal
    }

    fn desired(&mut self) {
        let mut first: HashMap<&ObjectId, &Manifest> = HashMap::with_capacity(self.input.desired.len());
        let hooks_run = self.hooks_run();
        for (source, manifest) in self.input.desired.iter().enumerate() {
            let live = self.input.find_live(manifest.id());
            if let Some((id, _)) = live {
                self.matched.insert(id);
            }
            if let Some(earlier) = first.insert(manifest.id(), manifest) {
                let (id, first, second) = (manifest.id().clone(), earlier.at().clone(), manifest.at().clone());
                self.problems.push(PlanProblem::Duplicate { id, first, second });
                continue;
            }
            match HookKind::of(manifest) {
                HookKind::Skipped => {}
                HookKind::Hook(hook) if hooks_run => self.hook(source, manifest, &hook),
                HookKind::Hook(_) => {}
                HookKind::Object if self.selected(manifest.id()) => self.object(source, manifest, live.map(|(_, l)| l)),
                HookKind::Object => {}
            }
        }
    }

    fn object(&mut self, source: usize, manifest: &Manifest, live: Option<&LiveObject>) {
        let id = manifest.id().clone();
        if manifest.body().str_at(&["metadata", "name"]).is_none_or(str::is_empty) {
            self.problems.push(PlanProblem::Unnamed { id, at: manifest.at().clone() });
            return;
        }
        if let Some(owner) = live.and_then(|l| l.owner.as_deref()).filter(|o| *o != self.input.app) {
            self.shared.push((id.clone(), owner.to_owned()));
            if app_has(&self.input.request.options, "FailOnSharedResource=true") {
                self.problems.push(PlanProblem::Shared { id: id.clone(), owner: owner.to_owned() });
            }
        }
        let change = match live {
            None => Change::Create,
            Some(live) if live.owner.as_deref() == Some(self.input.app) && (self.input.unchanged)(manifest, live) => Change::Unchanged,
            Some(_) => Change::Update,
        };
        if change == Change::Unchanged && app_has(&self.input.request.options, "ApplyOutOfSyncOnly=true") {
            return;
        }
        let action = Action::Apply { id, change };
        self.drafts.push(Draft::new(action, Phase::Sync, Wave::of(manifest), manifest.version(), Some(source)));
    }

    fn hook(&mut self, source: usize, manifest: &Manifest, hook: &Hook) {
        for phase in &hook.phases {
            let mut id = manifest.id().clone();
            if manifest.body().str_at(&["metadata", "name"]).is_none_or(str::is_empty) {
                let short: String = self.input.revision.chars().take(7).collect();
                let suffix = format!("{short}-{phase}-{}", self.input.started_at.as_seconds()).to_lowercase();
                id.name.push_str(&suffix);
            }
            let ours = |l: &LiveObject| l.owner.as_deref() == Some(self.input.app);
            let left_over = self.input.find_live(&id).is_some_and(|(_, l)| ours(l));
            let action = Action::Hook { run: id.name.clone(), id, source: manifest.id().clone(), delete: hook.delete.clone(), left_over };
            self.drafts.push(Draft::new(action, *phase, Wave::of(manifest), manifest.version(), Some(source)));
        }
    }

    fn prunes(&mut self) {
        let request = self.input.request;
        for (id, live) in self.input.live {
            let ours = live.owner.as_deref() == Some(self.input.app);
            // What a hook left is removed by its delete policy, never as something superfluous.
            let object = || !matches!(HookKind::of(&live.manifest), HookKind::Hook(_));
            if !ours || self.matched.contains(id) || !self.selected(id) || !object() {
                continue;
            }
            let mode = match value_of(&request.options, &live.manifest, "Prune") {
                _ if !request.prune => PruneMode::NotRequested,
                Some("false") => PruneMode::Forbidden,
                Some("confirm") => PruneMode::Confirm,
                _ => PruneMode::Delete,
            };
            let action = Action::Prune { id: id.clone(), mode };
            self.drafts.push(Draft::new(action, Phase::Sync, Wave::of(&live.manifest), live.manifest.version(), None));
        }
    }

    /// Explicit dependencies as (before, after), by draft.
    fn dependencies(&mut self) -> Vec<(usize, usize)> {
        let mut first: HashMap<&ObjectId, usize> = HashMap::new();
        let mut edges = Vec::new();
        let named = |d: &Draft| d.source.and_then(|s| self.input.desired[s].annotation(dependency::ANNOTATION).map(|text| (s, text)));
        if !self.drafts.iter().any(|d| named(d).is_some()) {
            return edges;
        }
        let desired: HashSet<&ObjectId> = self.input.desired.iter().map(Manifest::id).collect();
        for (i, draft) in self.drafts.iter().enumerate() {
            if let Some(source) = draft.source {
                // Of a hook that runs in several phases the earliest run counts.
                let at = first.entry(self.input.desired[source].id()).or_insert(i);
                if self.drafts[*at].phase > draft.phase {
                    *at = i;
                }
            }
        }
        for (i, draft) in self.drafts.iter().enumerate() {
            let Some((source, text)) = named(draft) else { continue };
            let manifest = &self.input.desired[source];
            let (id, at) = (|| manifest.id().clone(), || manifest.at().clone());
            for text in text.split(',').map(str::trim).filter(|t| !t.is_empty()) {
                match ObjectId::parse(text) {
                    None => self.problems.push(PlanProblem::Unreadable { id: id(), at: at(), text: text.to_owned() }),
                    Some(needs) => match first.get(&needs) {
                        Some(before) => edges.push((*before, i)),
                        // Left out of this sync, or somebody else's: nothing to wait for.
                        None if desired.contains(&needs) || self.input.live.contains_key(&needs) => {}
                        None => self.problems.push(PlanProblem::Unknown { id: id(), at: at(), needs }),
                    },
                }
            }
        }
        edges
    }

    fn levels(&mut self, edges: &[(usize, usize)]) {
        let places: Vec<_> = self.drafts.iter().map(|d| (d.phase, d.wave)).collect();
        match dependency::levels(&places, edges) {
            Ok(levels) => self.drafts.iter_mut().zip(levels).for_each(|(d, level)| d.level = level),
            Err(cycles) => {
                for cycle in cycles {
                    let member = |i: usize| self.drafts[i].object().map(|id| (id.clone(), places[i].0, places[i].1));
                    let members = Cycle(cycle.into_iter().filter_map(member).collect());
                    self.problems.push(PlanProblem::Cycle { members });
                }
            }
        }
    }

    /// One task per activation group, after the last change of the group; and for what an earlier operation left.
    fn activations(&mut self) {
        let last_wave = self.drafts.iter().filter(|d| d.phase == Phase::Sync).map(|d| d.wave).max().unwrap_or_default();
        let mut last: BTreeMap<String, (Phase, Wave, u32)> =
            self.input.activate_also.iter().map(|g| (g.clone(), (Phase::Sync, last_wave, 0))).collect();
        let mut changed: HashSet<String> = HashSet::new();
        for draft in self.drafts.iter().filter(|d| d.changes()) {
            let Some(group) = draft.object().and_then(|id| (self.input.activation)(id)) else { continue };
            let place = (draft.phase, draft.wave, draft.level);
            if changed.insert(group.clone()) {
                last.insert(group, place);
            } else if let Some(at) = last.get_mut(&group) {
                *at = place.max(*at);
            }
        }
        for (group, (phase, wave, level)) in last {
            let mut draft = Draft::new(Action::Activate { group }, phase, wave, "", None);
            draft.level = level;
            self.drafts.push(draft);
        }
    }

    fn finish(self, edges: &[(usize, usize)]) -> Plan {
        let input = self.input;
        let mut order: Vec<usize> = (0..self.drafts.len()).collect();
        order.sort_by(|a, b| self.drafts[*a].key().cmp(&self.drafts[*b].key()));
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, old)| place[*old] = new);
        let mut drafts: Vec<Option<Draft>> = self.drafts.into_iter().map(Some).collect();
        let mut tasks: Vec<Task> = Vec::with_capacity(order.len());
        let mut manifests = Vec::with_capacity(order.len());
        let mut before: Option<Draft> = None;
        let (mut stage, mut group) = (0, 0);
        for old in order {
            let draft = drafts[old].take().expect("each draft has one place in the order");
            if let Some(before) = &before {
                let same_stage = before.stage_key() == draft.stage_key();
                group = if !same_stage { 0 } else { group + u32::from(before.group_key() != draft.group_key()) };
                stage += u32::from(!same_stage);
            }
            manifests.push(draft.source.filter(|_| !input.request.dry_run).and_then(|s| handed_over(&draft.action, &input.desired[s])));
            tasks.push(draft.task(stage, group));
            before = Some(draft);
        }
        name_runs(&mut tasks);
        let mut dependencies: Vec<_> = edges.iter().map(|(a, b)| (TaskId::at(place[*a]), TaskId::at(place[*b]))).collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        Plan {
            operation: input.operation.to_owned(),
            app: input.app.to_owned(),
            started_at: input.started_at,
            approved: input.deletion_approved,
            dry_run: input.request.dry_run,
            retry: input.request.retry,
            writing: Writing {
                namespace: input.namespace.to_owned(),
                options: input.request.options.clone(),
                force: input.request.strategy.force(),
                managed_namespace: input.request.managed_namespace.clone(),
                target_takes_part: input.request.target_takes_part,
            },
            stages: Plan::stages_of(&tasks),
            tasks,
            manifests,
            dependencies,
            shared: self.shared,
        }
    }
}

impl<'a> PlanInput<'a> {
    /// The live object for a desired identity: as it is, else with the destination namespace in or out, because whether a
    /// kind has namespaces is not known here.
    fn find_live(&self, id: &ObjectId) -> Option<(&'a ObjectId, &'a LiveObject)> {
        if let Some(found) = self.live.get_key_value(id) {
            return Some(found);
        }
        if self.namespace.is_empty() {
            return None;
        }
        let other = match id.namespace.as_str() {
            "" => self.namespace,
            n if n == self.namespace => "",
            _ => return None,
        };
        self.live.get_key_value(&ObjectId { namespace: other.to_owned(), ..id.clone() })
    }
}

/// What the target gets for a task. Objects that are live as desired are not written, so that nothing is copied for them.
pub(crate) fn handed_over(action: &Action, source: &Manifest) -> Option<Manifest> {
    match action {
        Action::Apply { change: Change::Create | Change::Update, .. } => Some(source.clone()),
        Action::Hook { id, .. } if id.name == source.id().name => Some(source.clone()),
        Action::Hook { id, .. } => {
            let mut body = source.body().clone();
            if let Some(metadata) = body.as_map_mut().and_then(|m| m.get_mut("metadata")).and_then(Value::as_map_mut) {
                metadata.insert("name", id.name.as_str());
            }
            Manifest::from_value(body, source.at().clone()).ok()
        }
        _ => None,
    }
}

/// Makes the names in hook run ids unique: an object in two phases, or two hooks of one name, are different runs.
fn name_runs(tasks: &mut [Task]) {
    let mut count: HashMap<String, u32> = HashMap::new();
    for task in tasks.iter() {
        if let Action::Hook { run, .. } = &task.action {
            *count.entry(run.clone()).or_default() += 1;
        }
    }
    for task in tasks {
        if let Action::Hook { run, id, .. } = &mut task.action
            && count.get(run.as_str()).is_some_and(|n| *n > 1)
        {
            let phase = task.phase.as_str();
            let parts = [&id.name, &id.kind, &id.group, &id.namespace];
            let named: Vec<&str> = parts.into_iter().map(String::as_str).chain([phase]).filter(|p| !p.is_empty()).collect();
            *run = named.join(".").to_lowercase();
        }
    }
}

impl Action {
    /// Whether a policy removes this hook.
    pub(crate) fn deleted_by(&self, policy: DeletePolicy) -> bool {
        matches!(self, Action::Hook { delete, .. } if delete.contains(&policy))
    }
}
