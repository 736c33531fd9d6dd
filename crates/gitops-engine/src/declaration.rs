//! Applications, projects and sets declared in git: every manifest of these kinds below a directory of a repository.
//!
//! A file that cannot be read leaves what it declared before as it is, and its error in the log; then nothing is removed
//! either, because it is not known what the file would declare. An Application that has left git is removed here; what it
//! manages goes too when it has Argo CD's `resources-finalizer`, and stays otherwise. Projects come before the applications
//! that name them, and go after.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use gitops_app::{AppProject, Application, ApplicationError, ApplicationSet};
use gitops_manifest::{Manifest, yaml};
use gitops_source::{RepoUrl, RevisionSpec};
use gitops_state::Origin;
use gitops_tree::{EntryKind, Recorder, Tree, TreePath};

use crate::engine::Inner;
use crate::project;
use crate::request::{declare, remove};
use crate::set;
use crate::settings::Declarations;
use crate::sources::repository;

/// Deepest directory that is looked into.
const MAX_DEPTH: usize = 16;

/// The finalizer that makes deletion cascade.
const CASCADE: &str = "resources-finalizer.argocd.argoproj.io";

/// Reads the declarations that lie in a repository which was just fetched. Blocking.
pub(crate) fn read_all(inner: &Arc<Inner>, url: &RepoUrl) {
    for (place, declarations) in inner.settings.declarations.iter().enumerate() {
        if repository(&declarations.repo_url, &inner.settings.aliases).is_ok_and(|u| u == *url)
            && let Err(e) = read(inner, place, declarations, url)
        {
            tracing::error!(repository = %url, path = declarations.path, "Applications cannot be read: {e}");
        }
    }
}

fn read(inner: &Arc<Inner>, place: usize, declarations: &Declarations, url: &RepoUrl) -> Result<(), String> {
    let spec = RevisionSpec::parse(&declarations.target_revision).map_err(|e| e.to_string())?;
    let revision = inner.mirrors.resolve(url, &spec, None).map_err(|e| e.to_string())?;
    let tree = inner.mirrors.tree(url, &revision).map_err(|e| e.to_string())?;
    let known = inner.polls.declared.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
    if let Some(known) = known
        && known.holds_in(&tree).map_err(|e| e.to_string())?
    {
        return Ok(());
    }
    let path = TreePath::parse(&declarations.path).map_err(|e| e.to_string())?;
    let recorder = Recorder::new(&tree);
    let mut found = Found::default();
    walk(&recorder, &path, 0, &mut found)?;
    for problem in &found.problems {
        tracing::error!(repository = %url, "{problem}");
    }
    let origin = |file: &str| Origin::File(format!("{} {file}", declarations.repo_url));
    let mut names = BTreeSet::new();
    let (mut complete, mut settled) = (found.problems.is_empty(), true);
    let mut projects = BTreeSet::new();
    for (file, declared) in found.projects {
        let name = declared.metadata.name.clone();
        if let Err(e) = project::declare(inner, declared, origin(&file)) {
            complete = false;
            tracing::error!("{file}: {e}");
        }
        projects.insert(name);
    }
    let mut sets = BTreeSet::new();
    for (file, declared) in found.sets {
        sets.insert(declared.metadata.name.clone());
        if let Err(e) = set::declare(inner, declared, origin(&file)) {
            complete = false;
            tracing::error!("{file}: {e}");
        }
    }
    for (file, app) in found.applications {
        let name = app.metadata.name.clone();
        match declare(inner, app, origin(&file)) {
            Ok(_) => inner.queue.add(&name),
            Err(e) => {
                complete = false;
                tracing::error!("{file}: {e}");
            }
        }
        names.insert(name);
    }
    if complete {
        let place = (declarations.repo_url.as_str(), &path);
        withdraw_sets(inner, place, &sets);
        remove_others(inner, place, &names);
        settled = withdraw_others(inner, place, &projects);
    }
    inner.polls.wake();
    let mut declared = inner.polls.declared.lock().unwrap_or_else(PoisonError::into_inner);
    if settled {
        declared.insert(place, recorder.into_read_set());
    } else {
        // A project that applications still use: looked at again after the next fetch, whatever it brings.
        declared.remove(&place);
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    applications: Vec<(String, Application)>,
    projects: Vec<(String, AppProject)>,
    sets: Vec<(String, ApplicationSet)>,
    problems: Vec<String>,
}

fn walk(tree: &dyn Tree, dir: &TreePath, depth: usize, found: &mut Found) -> Result<(), String> {
    let entries = tree.list(dir).map_err(|e| e.to_string())?.ok_or_else(|| format!("{dir} is no directory of the repository"))?;
    for entry in entries {
        let path = dir.child(&entry.name);
        match entry.kind {
            EntryKind::Directory if depth < MAX_DEPTH => walk(tree, &path, depth + 1, found)?,
            EntryKind::File if [".yaml", ".yml", ".json"].iter().any(|end| entry.name.ends_with(end)) => {
                let Some(bytes) = tree.read(&path).map_err(|e| e.to_string())? else { continue };
                file(&path, &bytes, found);
            }
            _ => {}
        }
    }
    Ok(())
}

fn file(path: &TreePath, bytes: &[u8], found: &mut Found) {
    let options = yaml::ParseOptions { duplicates: yaml::DuplicateKeys::LastWins, ..yaml::ParseOptions::default() };
    let parsed = match yaml::parse(bytes, path.as_str(), &options) {
        Ok(parsed) => parsed,
        Err(e) => return found.problems.push(e.to_string()),
    };
    for document in parsed.documents {
        let kind = document.value.str_at(&["kind"]).unwrap_or_default().to_owned();
        if ![gitops_app::KIND, gitops_app::PROJECT_KIND, gitops_app::SET_KIND].contains(&kind.as_str()) {
            continue;
        }
        let read = match Manifest::from_value(document.value, document.at) {
            Ok(manifest) => found.add(path, &kind, &manifest).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        found.problems.extend(read.err());
    }
}

impl Found {
    fn add(&mut self, path: &TreePath, kind: &str, manifest: &Manifest) -> Result<(), ApplicationError> {
        let file = path.to_string();
        match kind {
            gitops_app::SET_KIND => self.sets.push((file, ApplicationSet::from_manifest(manifest)?)),
            gitops_app::PROJECT_KIND => self.projects.push((file, AppProject::from_manifest(manifest)?)),
            _ => self.applications.push((file, Application::from_manifest(manifest)?)),
        }
        Ok(())
    }
}

/// Whether something was declared below a directory of a repository.
fn is_of(origin: &Origin, (repo_url, dir): (&str, &TreePath)) -> bool {
    let Origin::File(text) = origin else { return false };
    text.strip_prefix(repo_url).and_then(|rest| TreePath::parse(rest.trim_start()).ok()).is_some_and(|file| file.starts_with(dir))
}

/// Whether what an application manages goes with it.
pub(crate) fn cascades(app: &Application) -> bool {
    app.metadata.finalizers.iter().any(|f| f.starts_with(CASCADE))
}

/// Ends the sets that this place declared before and does not any more, with their applications.
fn withdraw_sets(inner: &Arc<Inner>, place: (&str, &TreePath), names: &BTreeSet<String>) {
    for slot in inner.sets.all() {
        let origin = slot.lock().origin.clone();
        if is_of(&origin, place) && !names.contains(slot.name()) {
            set::withdraw(inner, &slot, true);
        }
    }
}

/// Ends the projects that this place declared before and does not any more. Says whether all of them are gone.
fn withdraw_others(inner: &Arc<Inner>, place: (&str, &TreePath), names: &BTreeSet<String>) -> bool {
    let mut gone = true;
    for known in inner.projects.all() {
        let name = &known.project.metadata.name;
        if !is_of(&known.origin, place) || names.contains(name) {
            continue;
        }
        match project::withdraw(inner, name) {
            Ok(done) => gone &= done,
            Err(e) => {
                gone = false;
                tracing::error!(project = name, "cannot be removed, though it has left git: {e}");
            }
        }
    }
    gone
}

/// Removes the applications that this place declared before and does not any more.
fn remove_others(inner: &Arc<Inner>, place: (&str, &TreePath), names: &BTreeSet<String>) {
    for slot in inner.all_slots() {
        let (origin, app) = {
            let state = slot.lock();
            (state.origin.clone(), state.app.clone())
        };
        if !is_of(&origin, place) || names.contains(slot.name()) {
            continue;
        }
        let cascade = cascades(&app);
        let (work, name) = (inner.clone(), slot.name().to_owned());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let removal = runtime.spawn(async move {
                match remove(&work, &slot, cascade, "git").await {
                    Ok(()) => tracing::info!(app = name, cascade, "removed: it has left git"),
                    Err(e) => tracing::error!(app = name, "cannot be removed, though it has left git: {e}"),
                }
            });
            inner.keep(removal);
        }
    }
}
