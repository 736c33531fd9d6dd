//! One mirror: a bare repository on disk that follows another.
//!
//! Its refs are what the last fetch saw (branches that are gone there are gone here, a force-push moves them); its objects
//! are never removed, so revisions that were deployed can still be read. A new mirror is made beside its place and moved
//! there when it is whole; the refs are written after the objects. So a crash at any instant leaves the last good state.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_git::{GitError, Repository, Settings};
use gitops_tree::Revision;

use crate::protocol::{self, Greeting, Request};
use crate::transport::Wire;
use crate::transport::local::Local;
use crate::{FetchError, Refs, RepoUrl, pack};

/// Most of our commits that a request names, so that the server leaves out what we have.
const HAVES: usize = 256;
/// Tips that are looked at when a mirror is opened.
const CHECKED_TIPS: usize = 64;
/// Mirrors set aside that are kept per repository.
const KEPT_CORRUPT: usize = 3;

/// An open mirror.
#[derive(Clone)]
pub(crate) struct Mirror {
    pub(crate) repository: Repository,
    pub(crate) refs: Arc<Refs>,
    path: PathBuf,
}

/// Where objects come from.
pub(crate) enum Source<'a> {
    Local(Box<Local>),
    Wire(Box<dyn Wire + 'a>),
}

/// Limits of a fetch.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) pack: u64,
    pub(crate) settings: Settings,
}

fn storage(path: &Path) -> impl Fn(io::Error) -> FetchError + '_ {
    move |error| FetchError::Storage { path: path.to_path_buf(), reason: error.to_string() }
}

fn write_whole(path: &Path, text: &str) -> Result<(), FetchError> {
    let new = path.with_extension("new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).map_err(storage(path))
}

fn write_refs(path: &Path, refs: &Refs) -> Result<(), FetchError> {
    write_whole(&path.join("packed-refs"), &refs.to_packed())?;
    write_whole(&path.join("HEAD"), &refs.to_head())
}

impl Mirror {
    /// Opens the mirror at `path`; `None` when there is none. The error says in what way it is damaged.
    pub(crate) fn open(path: &Path, settings: Settings) -> Result<Option<Mirror>, String> {
        if !path.exists() {
            return Ok(None);
        }
        let read = |name: &str| fs::read_to_string(path.join(name)).map_err(|e| format!("{name}: {e}"));
        let refs = Refs::read(&read("packed-refs")?, &read("HEAD")?)?;
        let repository = Repository::open(path, settings).map_err(|e| e.to_string())?;
        let mirror = Mirror { repository, refs: Arc::new(refs), path: path.to_path_buf() };
        mirror.check(&Refs::default()).map_err(|e| e.to_string())?;
        Ok(Some(mirror))
    }

    /// Whether the branches' tips that `before` did not have can be read, with their root directories.
    fn check(&self, before: &Refs) -> Result<(), GitError> {
        let known = before.objects();
        let new = self.refs.branches().filter_map(|name| self.refs.get(&format!("refs/heads/{name}")));
        for tip in new.filter(|tip| known.binary_search(tip).is_err()).take(CHECKED_TIPS) {
            match self.repository.tree(tip) {
                Err(error) if error.is_damage() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the mirror at `path` from `source`.
    pub(crate) fn create(path: &Path, url: &RepoUrl, source: &mut Source<'_>, limits: Limits) -> Result<Mirror, FetchError> {
        let parent = path.parent().unwrap_or(path);
        fs::create_dir_all(parent).map_err(storage(parent))?;
        let made = tempfile::Builder::new().prefix("cloning-").tempdir_in(parent).map_err(storage(parent))?;
        let at = made.path();
        for directory in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
            fs::create_dir_all(at.join(directory)).map_err(storage(at))?;
        }
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tlogallrefupdates = false\n";
        let config = format!("{config}[remote \"origin\"]\n\turl = \"{}\"\n", url.to_string().replace(['"', '\\'], ""));
        fs::write(at.join("config"), config).map_err(storage(at))?;
        let objects = at.join("objects");
        let refs = match source {
            Source::Local(local) => {
                // The refs first: what they need is there before they are, so it is in what is copied afterwards.
                let refs = local.refs()?;
                local.copy_all(&objects)?;
                refs
            }
            Source::Wire(wire) => {
                let place = |wire: &dyn Wire| wire.place();
                let greeting = greet(wire.as_mut())?;
                let refs = list(wire.as_mut(), &greeting)?;
                let wants: Vec<Revision> = refs.objects().into_iter().cloned().collect();
                if !wants.is_empty() {
                    receive(wire.as_mut(), &greeting, &Request { wants: &wants, haves: &[] }, &objects, limits)
                        .map_err(|e| e.into_error(&place(wire.as_ref()).url))?;
                }
                refs
            }
        };
        write_refs(at, &refs)?;
        fs::rename(at, path).map_err(storage(path))?;
        let failed = |error| FetchError::Repository { url: url.to_string(), error };
        let repository = Repository::open(path, limits.settings).map_err(failed)?;
        let mirror = Mirror { repository, refs: Arc::new(refs), path: path.to_path_buf() };
        mirror.check(&Refs::default()).map_err(failed)?;
        Ok(mirror)
    }

    /// Brings the mirror up to date with `source`; gives the new state, or `None` when nothing changed there.
    pub(crate) fn update(&self, url: &RepoUrl, source: &mut Source<'_>, limits: Limits) -> Result<Option<Mirror>, FetchError> {
        let objects = self.path.join("objects");
        let refs = match source {
            Source::Local(local) => {
                let refs = local.refs()?;
                if refs != *self.refs {
                    local.copy_new(&self.lacking(&refs), &objects)?;
                }
                refs
            }
            Source::Wire(wire) => {
                let greeting = greet(wire.as_mut())?;
                let refs = list(wire.as_mut(), &greeting)?;
                let wants = self.lacking(&refs);
                if !wants.is_empty() {
                    self.receive_new(wire.as_mut(), &greeting, &wants, limits)?;
                }
                refs
            }
        };
        if refs == *self.refs {
            return Ok(None);
        }
        let updated = Mirror { repository: self.repository.clone(), refs: Arc::new(refs), path: self.path.clone() };
        updated.check(&self.refs).map_err(|error| FetchError::Repository { url: url.to_string(), error })?;
        write_refs(&self.path, &updated.refs)?;
        Ok(Some(updated))
    }

    /// Fetches one revision that no branch or tag leads to.
    pub(crate) fn fetch_revision(&self, revision: &Revision, source: &mut Source<'_>, limits: Limits) -> Result<(), FetchError> {
        let wants = [revision.clone()];
        match source {
            Source::Local(local) => local.copy_new(&wants, &self.path.join("objects")).map(drop),
            Source::Wire(wire) => {
                let greeting = greet(wire.as_mut())?;
                self.receive_new(wire.as_mut(), &greeting, &wants, limits)
            }
        }
    }

    /// Objects of `refs` that our refs do not name. What is in the database otherwise does not count: a fetch that was cut
    /// off may have left it there without what it needs.
    fn lacking(&self, refs: &Refs) -> Vec<Revision> {
        let known = self.refs.objects();
        refs.objects().into_iter().filter(|id| known.binary_search(id).is_err()).cloned().collect()
    }

    fn receive_new(&self, wire: &mut dyn Wire, greeting: &Greeting, wants: &[Revision], limits: Limits) -> Result<(), FetchError> {
        let (objects, haves) = (self.path.join("objects"), self.haves());
        match receive(wire, greeting, &Request { wants, haves: &haves }, &objects, limits) {
            Ok(()) => Ok(()),
            // A pack that cannot be used may build on what we said to have and cannot read: once more, with all in it.
            Err(Failure::Pack(_)) if !haves.is_empty() => {
                receive(wire, greeting, &Request { wants, haves: &[] }, &objects, limits).map_err(|e| e.into_error(&wire.place().url))
            }
            Err(failure) => Err(failure.into_error(&wire.place().url)),
        }
    }

    /// Our tips and, at growing distances, their ancestors: after a force-push the server may know only those.
    fn haves(&self) -> Vec<Revision> {
        let mut haves: Vec<Revision> = Vec::new();
        for tip in self.refs.iter().map(|(_, commit)| commit).chain(self.refs.get("HEAD")) {
            if haves.len() >= HAVES {
                break;
            }
            if !haves.contains(tip) && self.repository.contains(tip) {
                haves.push(tip.clone());
            }
        }
        if let Some(log) = self.refs.get("HEAD").and_then(|head| self.repository.log(head, 64).ok()) {
            let ancestors = (0..6).filter_map(|power| log.get(1 << power)).map(|commit| commit.revision.clone());
            haves.extend(ancestors.filter(|a| !self.refs.iter().any(|(_, c)| c == a)).collect::<Vec<_>>());
        }
        haves
    }
}

enum Failure {
    Fetch(FetchError),
    /// The pack came whole, and is unusable.
    Pack(String),
}

impl Failure {
    fn into_error(self, url: &str) -> FetchError {
        match self {
            Failure::Fetch(error) => error,
            Failure::Pack(reason) => FetchError::Protocol { url: url.to_owned(), reason: format!("the pack: {reason}") },
        }
    }
}

fn greet(wire: &mut dyn Wire) -> Result<Greeting, FetchError> {
    let greeting = protocol::read_greeting(&mut *wire.greeting()?);
    greeting.map_err(|trouble| wire.place().error(trouble))
}

fn list(wire: &mut dyn Wire, greeting: &Greeting) -> Result<Refs, FetchError> {
    match greeting {
        Greeting::V0 { refs, .. } => Ok(refs.clone()),
        Greeting::V2 { capabilities } => {
            let refs = protocol::read_refs(&mut *wire.request(protocol::refs_request(capabilities))?);
            refs.map_err(|trouble| wire.place().error(trouble))
        }
    }
}

fn receive(wire: &mut dyn Wire, greeting: &Greeting, request: &Request<'_>, objects: &Path, limits: Limits) -> Result<(), Failure> {
    let failed = |wire: &dyn Wire, trouble| Failure::Fetch(wire.place().error(trouble));
    let body = protocol::pack_request(greeting, request).map_err(|t| failed(wire, t))?;
    let place = wire.place();
    let answer = wire.request(body).map_err(Failure::Fetch)?;
    let mut band = protocol::read_pack(greeting, answer, limits.pack).map_err(|t| Failure::Fetch(place.error(t)))?;
    match pack::store(&mut band, objects, limits.settings.object_limit.max(64 << 20)) {
        Ok(_) => Ok(()),
        Err(_) if band.over_limit => Err(Failure::Fetch(FetchError::TooLarge { url: place.url, limit: limits.pack })),
        Err(reason) => Err(match (band.last_words.take(), band.failure.take()) {
            (Some(words), _) => Failure::Fetch(place.error(protocol::Trouble::Server(words))),
            (None, Some(error)) => Failure::Fetch(place.error(error.into())),
            (None, None) => Failure::Pack(reason),
        }),
    }
}

/// Moves a damaged mirror out of the way, as `<name>.corrupt-<n>`, and removes the oldest of more than three.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, FetchError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix = format!("{name}.corrupt-");
    let parent = path.parent().unwrap_or(path);
    let mut numbers = Vec::new();
    for file in fs::read_dir(parent).map_err(storage(parent))? {
        let file = file.map_err(storage(parent))?.file_name();
        numbers.extend(file.to_string_lossy().strip_prefix(&prefix).and_then(|n| n.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    let target = parent.join(format!("{prefix}{}", numbers.last().map_or(1, |n| n + 1)));
    fs::rename(path, &target).map_err(storage(path))?;
    for old in numbers.iter().rev().skip(KEPT_CORRUPT - 1) {
        let old = parent.join(format!("{prefix}{old}"));
        fs::remove_dir_all(&old).map_err(storage(&old))?;
    }
    Ok(target)
}
