//! A task before its place is known, and the corrections of waves.

use std::collections::{BTreeSet, HashMap};

use gitops_manifest::{Manifest, ObjectId};

use crate::option::{app_has, object_has};
use crate::order::{Phase, Wave, kind_rank};
use crate::target::LiveSet;
use crate::task::{Action, PruneMode, Task};

pub(crate) struct Draft {
    pub(crate) action: Action,
    pub(crate) phase: Phase,
    pub(crate) wave: Wave,
    /// Within the wave: what waits for another task of it comes later.
    pub(crate) level: u32,
    rank: u16,
    /// Moved in front of what needs it (a definition before its first object).
    moved: bool,
    version: String,
    /// Place of its manifest among the desired ones.
    pub(crate) source: Option<usize>,
}

/// Removals, then objects and hooks, then activations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Removal,
    Object,
    Activation,
}

/// Where the first object of a kind stands.
type Place = (Phase, Wave, u16);

type Key<'a> = ((Phase, Wave, u32), Class, u16, bool, &'a str, Option<&'a ObjectId>);

impl Draft {
    pub(crate) fn new(action: Action, phase: Phase, wave: Wave, version: &str, source: Option<usize>) -> Draft {
        let mut draft = Draft { action, phase, wave, level: 0, rank: 0, moved: false, version: version.to_owned(), source };
        draft.rank = draft.object().map_or(0, |id| kind_rank(&id.kind));
        draft
    }

    pub(crate) fn object(&self) -> Option<&ObjectId> {
        match &self.action {
            Action::Apply { id, .. } | Action::Prune { id, .. } | Action::Hook { id, .. } => Some(id),
            Action::Activate { .. } => None,
        }
    }

    pub(crate) fn changes(&self) -> bool {
        use crate::task::Change::{Create, Update};
        matches!(self.action, Action::Apply { change: Create | Update, .. })
            || matches!(self.action, Action::Prune { mode: PruneMode::Delete | PruneMode::Confirm, .. })
    }

    fn class(&self) -> Class {
        match self.action {
            Action::Prune { .. } => Class::Removal,
            Action::Apply { .. } | Action::Hook { .. } => Class::Object,
            Action::Activate { .. } => Class::Activation,
        }
    }

    /// What tasks are sorted by. The whole identity comes last, so that the order does not depend on the input's.
    pub(crate) fn key(&self) -> Key<'_> {
        let name = match &self.action {
            Action::Activate { group } => group,
            Action::Apply { id, .. } | Action::Prune { id, .. } | Action::Hook { id, .. } => &id.name,
        };
        (self.stage_key(), self.class(), self.rank, !self.moved, name, self.object())
    }

    pub(crate) fn stage_key(&self) -> (Phase, Wave, u32) {
        (self.phase, self.wave, self.level)
    }

    /// Neighbours in the order with the same key run at the same time.
    pub(crate) fn group_key(&self) -> (Class, &str) {
        let class = self.class();
        // Removals run all at once, whatever their kinds.
        (class, self.object().filter(|_| class == Class::Object).map_or("", |id| &id.kind))
    }

    pub(crate) fn task(&self, stage: u32, group: u32) -> Task {
        Task { action: self.action.clone(), phase: self.phase, wave: self.wave, stage, group, version: self.version.clone() }
    }

    fn removes(&self) -> bool {
        self.class() == Class::Removal
    }
}

/// Removals go in the opposite order of applying: the distinct waves of removals are swapped first with last, and so on.
/// Those with `PruneLast=true` go after every wave of phase Sync.
pub(crate) fn mirror_prune_waves(drafts: &mut [Draft], options: &[String], live: &LiveSet) {
    let waves: BTreeSet<Wave> = drafts.iter().filter(|d| d.removes()).map(|d| d.wave).collect();
    let mirror: HashMap<Wave, Wave> = waves.iter().copied().zip(waves.iter().rev().copied()).collect();
    for draft in drafts.iter_mut().filter(|d| d.removes()) {
        draft.wave = mirror[&draft.wave];
    }
    let highest = drafts.iter().filter(|d| d.phase == Phase::Sync).map(|d| d.wave.number()).max().unwrap_or(0).max(0);
    let last = Wave::from_number(highest.saturating_add(1));
    let all = app_has(options, "PruneLast=true");
    for draft in drafts.iter_mut().filter(|d| d.removes()) {
        let own = || draft.object().and_then(|id| live.get(id)).is_some_and(|l| object_has(&l.manifest, "PruneLast=true"));
        if all || own() {
            draft.wave = last;
        }
    }
}

/// A namespace comes before the first task that lives in it.
pub(crate) fn correct_namespaces(drafts: &mut [Draft]) {
    let is_namespace = |id: &ObjectId| id.group.is_empty() && id.kind == "Namespace";
    if !drafts.iter().any(|d| !d.removes() && d.object().is_some_and(is_namespace)) {
        return;
    }
    let mut first: HashMap<String, (Phase, Wave)> = HashMap::new();
    for draft in drafts.iter().filter(|d| !d.removes()) {
        if let Some(id) = draft.object().filter(|id| !id.namespace.is_empty() && !is_namespace(id)) {
            let place = (draft.phase, draft.wave);
            match first.get_mut(id.namespace.as_str()) {
                Some(at) => *at = place.min(*at),
                None => drop(first.insert(id.namespace.clone(), place)),
            }
        }
    }
    for draft in drafts.iter_mut().filter(|d| !d.removes()) {
        let found = draft.object().filter(|id| is_namespace(id)).and_then(|id| first.get(id.name.as_str()));
        if let Some(&(phase, wave)) = found.filter(|at| **at < (draft.phase, draft.wave)) {
            (draft.phase, draft.wave) = (phase, wave);
        }
    }
}

/// A definition comes before the first object of the kind that it defines.
pub(crate) fn correct_definitions(drafts: &mut [Draft], desired: &[Manifest]) {
    let defined = |draft: &Draft| -> Option<(String, String)> {
        let id = draft.object().filter(|id| id.kind == "CustomResourceDefinition")?;
        debug_assert!(!id.name.is_empty(), "identities have names");
        let body = desired.get(draft.source?)?.body();
        Some((body.str_at(&["spec", "group"])?.to_owned(), body.str_at(&["spec", "names", "kind"])?.to_owned()))
    };
    let mut first: HashMap<(String, String), Option<Place>> = drafts.iter().filter_map(defined).map(|kind| (kind, None)).collect();
    if first.is_empty() {
        return;
    }
    for draft in drafts.iter().filter(|d| !d.removes()) {
        if let Some(at) = draft.object().and_then(|id| first.get_mut(&(id.group.clone(), id.kind.clone()))) {
            let place = (draft.phase, draft.wave, draft.rank);
            *at = Some(at.map_or(place, |earlier| earlier.min(place)));
        }
    }
    for draft in drafts.iter_mut() {
        let place = defined(draft).and_then(|kind| first.get(&kind).copied().flatten());
        if let Some((phase, wave, rank)) = place.filter(|at| *at < (draft.phase, draft.wave, draft.rank)) {
            (draft.phase, draft.wave, draft.rank, draft.moved) = (phase, wave, rank, true);
        }
    }
}
