//! What a set would do: its parameters, its applications, and the manifests that would change.

use std::sync::Arc;

use gitops_app::Application;
use gitops_appset::parameters;
use gitops_manifest::{Manifest, ObjectId, Value};
use gitops_state::{AppKey, Origin};
use serde_json::Value as Json;

use super::{SetSlot, apply, new_slot, pass, request};
use crate::engine::{Engine, Inner};
use crate::error::{EngineError, blocking};
use crate::pair::Pair;
use crate::rendering::{Desired, desired};

/// Most applications whose manifests one preview renders.
const RENDERED: usize = 100;

/// What would happen to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewChange {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It would go.
    Delete,
    /// It would stay as it is.
    Keep,
}

impl PreviewChange {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            PreviewChange::Create => "create",
            PreviewChange::Update => "update",
            PreviewChange::Delete => "delete",
            PreviewChange::Keep => "keep",
        }
    }
}

/// One application of a preview.
#[derive(Clone, Debug)]
pub struct PreviewApplication {
    /// Its name.
    pub name: String,
    /// What would happen to it.
    pub change: PreviewChange,
    /// As it would be; none when it would go.
    pub application: Option<Application>,
    /// How the Application itself would differ, as unified text.
    pub difference: String,
    /// Objects that would differ from what is desired now: as they would be, and as they are. Or why they cannot be rendered.
    pub manifests: Result<Vec<Pair>, String>,
}

/// What a set would do.
#[derive(Clone, Debug, Default)]
pub struct SetPreview {
    /// Its parameter sets.
    pub parameters: Vec<Json>,
    /// Its applications, by name.
    pub applications: Vec<PreviewApplication>,
    /// Applications that would go, but are held back.
    pub held: Vec<String>,
    /// What is wrong, and why something is held back.
    pub problems: Vec<String>,
}

impl Engine {
    /// What a set that is here, or a manifest that is not, would do. Nothing is changed.
    ///
    /// # Errors
    /// When there is none of that name, the manifest is no ApplicationSet, or a generator or template fails.
    pub async fn preview_set(&self, which: Result<&str, Value>) -> Result<SetPreview, EngineError> {
        let slot: Arc<SetSlot> = match which {
            Ok(name) => self.find_set(name)?,
            Err(manifest) => {
                let mut set = request::read(manifest)?;
                set.metadata.namespace.clone_from(&self.0.settings.namespace);
                let key = AppKey::new(set.metadata.namespace.clone(), set.metadata.name.clone());
                Arc::new(new_slot(key, set, Origin::Api))
            }
        };
        let inner = self.0.clone();
        blocking(move || preview(&inner, &slot)).await?
    }
}

/// Blocking.
fn preview(inner: &Inner, slot: &SetSlot) -> Result<SetPreview, EngineError> {
    let set = slot.lock().set.clone();
    let failed = |e: gitops_appset::ExpandError| EngineError::Precondition(e.to_string());
    let (expansion, _) = pass::expand_now(inner, &set);
    let expansion = expansion.map_err(failed)?;
    let changes = apply::plan(inner, slot, &set, &expansion);
    let mut out = SetPreview { parameters: pass::parameters_now(inner, &set).map_err(failed)?, ..SetPreview::default() };
    out.held.clone_from(&changes.held);
    out.problems = changes.problems.iter().map(|p| p.reason.clone()).chain(changes.guard.iter().map(ToString::to_string)).collect();
    let mut rendered = 0;
    let mut add = |name: &str, change: PreviewChange, app: Option<&Application>| {
        rendered += usize::from(change != PreviewChange::Keep);
        out.applications.push(one(inner, name, change, app, rendered <= RENDERED));
    };
    for app in &changes.create {
        add(&app.metadata.name, PreviewChange::Create, Some(app));
    }
    for app in &changes.update {
        add(&app.metadata.name, PreviewChange::Update, Some(app));
    }
    for name in &changes.delete {
        add(name, PreviewChange::Delete, None);
    }
    for app in &expansion.applications {
        let name = &app.metadata.name;
        let changed = changes.create.iter().chain(&changes.update).any(|a| a.metadata.name == *name);
        if !changed && inner.slot(name).is_some() {
            add(name, PreviewChange::Keep, Some(app));
        }
    }
    out.applications.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

fn one(inner: &Inner, name: &str, change: PreviewChange, app: Option<&Application>, render: bool) -> PreviewApplication {
    let there = inner.slot(name);
    let now: Arc<[Manifest]> = there.as_ref().map(|slot| slot.lock().desired.clone()).unwrap_or_default();
    let before = there.map(|slot| slot.lock().app.to_value()).unwrap_or(Value::Null);
    let after = app.map_or(Value::Null, Application::to_value);
    let difference = match change {
        PreviewChange::Keep => String::new(),
        _ => gitops_diff::unified(&before, &after, (&format!("live/{name}"), &format!("desired/{name}")), 3),
    };
    let manifests = match (change, app) {
        (PreviewChange::Keep, _) => Ok(Vec::new()),
        _ if !render => Err(format!("not rendered: a preview renders {RENDERED} applications at most")),
        (_, None) => Ok(pairs(&[], &now)),
        (_, Some(app)) => match desired(app, &inner.inputs(app), None, &[], true) {
            Ok(Desired::Rendered(rendering)) => rendering.result.map(|next| pairs(&next, &now)).map_err(|e| e.to_string()),
            Ok(Desired::Unchanged(_)) => Ok(Vec::new()),
            Err(e) => Err(e.to_string()),
        },
    };
    PreviewApplication { name: name.to_owned(), change, application: app.cloned(), difference, manifests }
}

/// What differs between two lists of objects.
fn pairs(next: &[Manifest], now: &[Manifest]) -> Vec<Pair> {
    let find = |list: &[Manifest], id: &ObjectId| list.iter().find(|m| m.id() == id).map(|m| m.body().clone());
    let ids: std::collections::BTreeSet<&ObjectId> = next.iter().chain(now).map(Manifest::id).collect();
    ids.into_iter()
        .filter_map(|id| {
            let (next, now) = (find(next, id), find(now, id));
            (next != now).then(|| Pair::plain(id.clone(), next.as_ref(), now.as_ref(), true))
        })
        .collect()
}

/// Parameters as JSON.
pub(super) fn parameters_of(
    set: &gitops_app::ApplicationSet,
    world: &dyn gitops_appset::World,
    settings: &gitops_appset::Settings<'_>,
) -> Result<Vec<Json>, gitops_appset::ExpandError> {
    let sets = parameters(set, world, settings)?;
    Ok(sets.into_iter().map(|p| serde_json::from_str(&gitops_manifest::json::print(&Value::Map(p))).unwrap_or_default()).collect())
}
