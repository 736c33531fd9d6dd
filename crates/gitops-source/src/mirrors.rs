//! All mirrors of a server: fetching, resolving, reading.
//!
//! Every call blocks: call from a thread that may. Calls for different repositories never wait for each other; concurrent
//! fetches of one repository are joined (see [`Mirrors::fetch`]).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gitops_git::{GitError, GitTree, Repository, Settings};
use gitops_tree::{Revision, Tree, TreeError, TreePath};
use sha2::{Digest, Sha256};

use crate::join::Join;
use crate::mirror::{self, Limits, Mirror, Source};
use crate::revision_spec::{Meaning, resolve};
use crate::transport::http::{Agents, Http};
use crate::transport::local::Local;
use crate::transport::ssh::Ssh;
use crate::{Credentials, FetchError, Refs, RepoUrl, ResolveError, RevisionSpec, Scheme, Timeouts};

/// How mirrors are kept and fetched.
#[derive(Clone, Debug)]
pub struct MirrorsConfig {
    /// The directory that holds the mirrors. One process at a time.
    pub dir: PathBuf,
    /// Credentials by repository prefix.
    pub credentials: Credentials,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Bytes of the largest pack that is accepted. Default 4 GiB.
    pub pack_limit: u64,
    /// Limits when reading.
    pub settings: Settings,
    /// The `ssh` program. Default `ssh`, found in `PATH`.
    pub ssh_program: PathBuf,
}

impl MirrorsConfig {
    /// The defaults, with mirrors in `dir` and no credentials.
    pub fn new(dir: impl Into<PathBuf>) -> MirrorsConfig {
        MirrorsConfig {
            dir: dir.into(),
            credentials: Credentials::default(),
            timeouts: Timeouts::default(),
            pack_limit: 4 << 30,
            settings: Settings::default(),
            ssh_program: "ssh".into(),
        }
    }
}

/// What a fetch found.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Whether any ref differs from what was known before (for a first fetch: always).
    pub changed: bool,
    /// The refs as they are now.
    pub refs: Arc<Refs>,
    /// What somebody should know: a damaged mirror that was set aside and cloned again.
    pub warnings: Vec<String>,
}

type Outcome = Result<Fetched, FetchError>;

struct Slot {
    path: PathBuf,
    join: Join<Outcome>,
    /// Held while files of the mirror are written.
    writing: Mutex<()>,
    open: RwLock<Option<Mirror>>,
    /// Where a reader met damage.
    suspect: Mutex<Option<(Revision, TreePath)>>,
}

impl Slot {
    /// What is wrong where a reader met damage, if it still is.
    fn damage(&self, mirror: &Mirror) -> Option<String> {
        let (revision, path) = self.suspect.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let tree = match mirror.repository.tree(&revision) {
            Ok(tree) => tree,
            Err(e) => return e.is_damage().then(|| e.to_string()),
        };
        let looks = [tree.entry(&path).err(), tree.read(&path).err(), tree.list(&path).err()];
        looks.into_iter().flatten().find(|e| matches!(e, TreeError::Damaged { .. })).map(|e| e.to_string())
    }
}

/// All mirrors.
pub struct Mirrors {
    config: MirrorsConfig,
    agents: Agents,
    slots: Mutex<HashMap<RepoUrl, Arc<Slot>>>,
}

impl Mirrors {
    /// Opens the directory of mirrors, and makes it if need be. Mirrors left from before are used as they are.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(config: MirrorsConfig) -> Result<Mirrors, FetchError> {
        let failed = |e: std::io::Error| FetchError::Storage { path: config.dir.clone(), reason: e.to_string() };
        std::fs::create_dir_all(&config.dir).map_err(failed)?;
        // Clones that were cut off.
        for file in std::fs::read_dir(&config.dir).map_err(failed)?.flatten() {
            if file.file_name().as_encoded_bytes().starts_with(b"cloning-") {
                std::fs::remove_dir_all(file.path()).map_err(failed)?;
            }
        }
        let agents = Agents::new(config.timeouts);
        Ok(Mirrors { config, agents, slots: Mutex::default() })
    }

    /// Brings the mirror of `url` up to date, or makes it.
    ///
    /// Who calls while a fetch of the same repository runs waits for it to end and shares the next one with all others who
    /// wait: that one surely sees what was pushed before the call. A failure is shared at once.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, hangs, or speaks nonsense; the mirror stays as it was.
    pub fn fetch(&self, url: &RepoUrl) -> Result<Fetched, FetchError> {
        let slot = self.slot(url);
        slot.join.run(|| self.fetch_now(url, &slot), Result::is_err)
    }

    /// Turns what a person wrote into a commit, by the refs of the last fetch.
    ///
    /// With `tag_prefix` only tags with that prefix take part, compared without it.
    ///
    /// # Errors
    /// When nothing was fetched yet, the repository has no commits, or nothing fits.
    pub fn resolve(&self, url: &RepoUrl, spec: &RevisionSpec, tag_prefix: Option<&str>) -> Result<Revision, ResolveError> {
        let mirror = self.mirror(url)?;
        match resolve(&mirror.refs, spec, tag_prefix)? {
            Meaning::Commit(revision) => Ok(revision),
            Meaning::Abbreviated(prefix) => {
                let failed = |error| ResolveError::Repository { url: url.to_string(), error };
                let found = mirror.repository.expand(&prefix).map_err(failed)?;
                found.ok_or_else(|| ResolveError::Unresolved { spec: spec.to_string(), similar: None })
            }
        }
    }

    /// The files at `revision`.
    ///
    /// # Errors
    /// When nothing was fetched yet, or the revision is missing or damaged.
    pub fn tree(&self, url: &RepoUrl, revision: &Revision) -> Result<GitTree, ResolveError> {
        let failed = |error| ResolveError::Repository { url: url.to_string(), error };
        self.mirror(url)?.repository.tree(revision).map_err(failed)
    }

    /// The mirror itself, for its history.
    ///
    /// # Errors
    /// When nothing was fetched yet, or the mirror is damaged.
    pub fn repository(&self, url: &RepoUrl) -> Result<Repository, ResolveError> {
        Ok(self.mirror(url)?.repository)
    }

    /// The refs as the last fetch saw them.
    ///
    /// # Errors
    /// When nothing was fetched yet, or the mirror is damaged.
    pub fn refs(&self, url: &RepoUrl) -> Result<Arc<Refs>, ResolveError> {
        Ok(self.mirror(url)?.refs)
    }

    /// Whether there is a mirror of `url` that can be read.
    pub fn has(&self, url: &RepoUrl) -> bool {
        self.mirror(url).is_ok()
    }

    /// Sees to it that `revision`, a full commit id, is in the mirror: some are reached by no branch or tag (pull requests,
    /// what a force-push left behind). Costs nothing when it is there.
    ///
    /// # Errors
    /// As [`Mirrors::fetch`]; also when the server does not hand out that commit.
    pub fn fetch_revision(&self, url: &RepoUrl, revision: &Revision) -> Result<(), FetchError> {
        if !self.has(url) {
            self.fetch(url)?;
        }
        let slot = self.slot(url);
        let failed = |error| FetchError::Repository { url: url.to_string(), error };
        let mirror = self.load(&slot).map_err(|reason| failed(GitError::Open { path: slot.path.clone(), reason }))?;
        let Some(mirror) = mirror else {
            return Err(failed(GitError::Open { path: slot.path.clone(), reason: "set aside meanwhile".to_owned() }));
        };
        let _writing = slot.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if mirror.repository.contains(revision) {
            return Ok(());
        }
        mirror.fetch_revision(revision, &mut self.source(url)?, self.limits())
    }

    /// A reader met damage at `path` of `revision`. Fetches, and when the damage is still there, sets the mirror aside and
    /// clones it again. What somebody should know is in [`Fetched::warnings`].
    ///
    /// # Errors
    /// As [`Mirrors::fetch`]. While the server cannot be reached the damaged mirror stays: most of it may be readable.
    pub fn mend(&self, url: &RepoUrl, revision: &Revision, path: &TreePath) -> Result<Fetched, FetchError> {
        let suspect = (revision.clone(), path.clone());
        *self.slot(url).suspect.lock().unwrap_or_else(PoisonError::into_inner) = Some(suspect);
        self.fetch(url)
    }

    fn limits(&self) -> Limits {
        Limits { pack: self.config.pack_limit, settings: self.config.settings }
    }

    fn slot(&self, url: &RepoUrl) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let (path, join) = (self.config.dir.join(directory_name(url)), Join::new());
            Arc::new(Slot { path, join, writing: Mutex::default(), open: RwLock::default(), suspect: Mutex::default() })
        };
        slots.entry(url.clone()).or_insert_with(make).clone()
    }

    fn mirror(&self, url: &RepoUrl) -> Result<Mirror, ResolveError> {
        let slot = self.slot(url);
        match self.load(&slot) {
            Ok(Some(mirror)) => Ok(mirror),
            Ok(None) => Err(ResolveError::NotFetched { url: url.to_string() }),
            Err(reason) => {
                let error = GitError::Open { path: slot.path.clone(), reason };
                Err(ResolveError::Repository { url: url.to_string(), error })
            }
        }
    }

    /// The open mirror, or the one on disk.
    fn load(&self, slot: &Slot) -> Result<Option<Mirror>, String> {
        if let Some(mirror) = &*slot.open.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Some(mirror.clone()));
        }
        let mut open = slot.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            *open = Mirror::open(&slot.path, self.config.settings)?;
        }
        Ok(open.clone())
    }

    fn source(&self, url: &RepoUrl) -> Result<Source<'_>, FetchError> {
        let config = &self.config;
        Ok(match url.scheme() {
            Scheme::File => Source::Local(Box::new(Local::open(url)?)),
            Scheme::Ssh => {
                let credential = config.credentials.find(url);
                Source::Wire(Box::new(Ssh::start(&config.ssh_program, url, credential, config.timeouts)?))
            }
            Scheme::Http | Scheme::Https => Source::Wire(Box::new(Http::new(&self.agents, &config.credentials, url))),
        })
    }

    fn fetch_now(&self, url: &RepoUrl, slot: &Slot) -> Outcome {
        let _writing = slot.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings = Vec::new();
        let mut aside = |reason: String| -> Result<(), FetchError> {
            let to = mirror::set_aside(&slot.path)?;
            let name = to.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            warnings.push(format!("{url}: the mirror was damaged ({reason}); set aside as {name} and cloned again"));
            Ok(())
        };
        // Reached first: a server that is down is no reason to give up a mirror, even a damaged one.
        let mut source = self.source(url)?;
        let known = match self.load(slot) {
            Ok(known) => known,
            Err(reason) => {
                aside(reason)?;
                None
            }
        };
        if let Some(mirror) = known.filter(|_| slot.path.exists()) {
            let outcome = mirror.update(url, &mut source, self.limits());
            let damage = outcome.as_ref().ok().and_then(|updated| slot.damage(updated.as_ref().unwrap_or(&mirror)));
            match (outcome, damage) {
                (Ok(_), Some(reason)) => {
                    aside(reason)?;
                    source = self.source(url)?;
                }
                (Ok(None), None) => return Ok(Fetched { changed: false, refs: mirror.refs, warnings }),
                (Ok(Some(updated)), None) => {
                    let refs = updated.refs.clone();
                    *slot.open.write().unwrap_or_else(PoisonError::into_inner) = Some(updated);
                    return Ok(Fetched { changed: true, refs, warnings });
                }
                // The source's own damage is not the mirror's: only what the mirror was found to lack.
                (Err(FetchError::Repository { error, .. }), _) if error.is_damage() && url.scheme() != Scheme::File => {
                    aside(error.to_string())?;
                    source = self.source(url)?;
                }
                (Err(error), _) => return Err(error),
            }
        }
        let made = Mirror::create(&slot.path, url, &mut source, self.limits())?;
        let refs = made.refs.clone();
        *slot.open.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(Fetched { changed: true, refs, warnings })
    }
}

/// The last part of the path, for people, and a digest of the whole address, for certainty.
fn directory_name(url: &RepoUrl) -> String {
    let name = Path::new(url.path()).file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect();
    let digest = hex::encode(&Sha256::digest(url.to_string())[..8]);
    format!("{safe}-{digest}.git")
}
