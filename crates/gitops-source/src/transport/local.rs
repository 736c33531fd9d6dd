//! A repository on this machine: its objects are copied straight into the mirror, with no program and no protocol.
//!
//! A first copy takes the object files as they are, packs included; later ones copy the objects that the mirror lacks, each
//! after all that it refers to, so that what is there is always whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gitops_git::GitError;
use gitops_tree::Revision;
use gix::ObjectId;
use gix::objs::{CommitRefIter, Exists, Find, Kind, TagRefIter, TreeRefIter, Write, tree::EntryKind};

use crate::refs::{Head, Refs, Target};
use crate::{FetchError, RepoUrl};

/// A repository on this machine, open for copying from.
pub(crate) struct Local {
    url: String,
    repository: gix::Repository,
}

impl Local {
    pub(crate) fn open(url: &RepoUrl) -> Result<Local, FetchError> {
        let path = url.local_path().unwrap_or_default();
        if !path.exists() {
            return Err(FetchError::NotFound { url: url.to_string() });
        }
        let opened = gix::open_opts(&path, gix::open::Options::isolated());
        let failed = |reason| FetchError::Repository { url: url.to_string(), error: GitError::Open { path, reason } };
        let repository = opened.map_err(|e| failed(e.to_string()))?;
        Ok(Local { url: url.to_string(), repository })
    }

    fn failed(&self, error: impl std::fmt::Display) -> FetchError {
        let error = GitError::Corrupt { id: "of the source".to_owned(), reason: error.to_string() };
        FetchError::Repository { url: self.url.clone(), error }
    }

    /// HEAD, branches and tags.
    pub(crate) fn refs(&self) -> Result<Refs, FetchError> {
        let mut refs = Refs::default();
        let name = self.repository.head_name().map_err(|e| self.failed(e))?;
        refs.head = match name {
            Some(name) => Some(Head::Symbolic(name.as_bstr().to_string())),
            None => {
                let id = self.repository.head_id().map_err(|e| self.failed(e))?;
                Some(Head::Detached(self.revision(id.detach())?))
            }
        };
        let platform = self.repository.references().map_err(|e| self.failed(e))?;
        for reference in platform.all().map_err(|e| self.failed(e))? {
            let mut reference = reference.map_err(|e| self.failed(e))?;
            let name = reference.name().as_bstr().to_string();
            let is_tag = name.starts_with("refs/tags/");
            if !is_tag && !name.starts_with("refs/heads/") {
                continue;
            }
            let Ok(object) = reference.follow_to_object().map(gix::Id::detach) else { continue };
            let mut target = Target { object: self.revision(object)?, peeled: None };
            if is_tag {
                let peeled = reference.peel_to_id().map_err(|e| self.failed(e))?.detach();
                target.peeled = (peeled != object).then(|| self.revision(peeled)).transpose()?;
            }
            refs.insert(&name, target);
        }
        Ok(refs)
    }

    fn revision(&self, id: ObjectId) -> Result<Revision, FetchError> {
        Revision::parse(&id.to_string()).map_err(|e| self.failed(e))
    }

    /// Copies all objects into the empty database at `objects`, and the note on where a shallow history ends.
    pub(crate) fn copy_all(&self, objects: &Path) -> Result<(), FetchError> {
        let source = self.repository.objects.store_ref().path().to_path_buf();
        let alternates = gix::odb::alternate::resolve(source.clone(), &source).map_err(|e| self.failed(e))?;
        for directory in std::iter::once(source).chain(alternates) {
            copy_objects(&directory, objects).map_err(|(path, e)| storage(&path, &e))?;
        }
        self.copy_shallow(objects)
    }

    fn copy_shallow(&self, objects: &Path) -> Result<(), FetchError> {
        let (from, to) = (self.repository.common_dir().join("shallow"), objects.with_file_name("shallow"));
        if from.exists() { fs::copy(&from, &to).map(drop).map_err(|e| storage(&to, &e)) } else { Ok(()) }
    }

    /// Copies what `tips` need and the database at `objects` lacks; says how many objects that were.
    pub(crate) fn copy_new(&self, tips: &[Revision], objects: &Path) -> Result<usize, FetchError> {
        self.copy_shallow(objects)?;
        let mut present = gix::odb::at(objects, gix::hash::Kind::Sha1).map_err(|e| storage(objects, &e))?;
        // All there is is known after the first look; looking again for each that lacks would cost a scan each.
        present.exists(&ObjectId::null(gix::hash::Kind::Sha1));
        present.refresh_never();
        let cut = self.repository.shallow_commits().map_err(|e| self.failed(e))?;
        let mut walk = Walk {
            from: self,
            present,
            to: gix::odb::loose::Store::at(objects, gix::hash::Kind::Sha1),
            cut: cut.map(|ids| ids.iter().copied().collect()).unwrap_or_default(),
            seen: std::collections::HashSet::new(),
            copied: 0,
        };
        for tip in tips {
            let id = ObjectId::from_hex(tip.as_str().as_bytes()).map_err(|e| self.failed(e))?;
            walk.copy(id)?;
        }
        Ok(walk.copied)
    }
}

struct Walk<'a> {
    from: &'a Local,
    present: gix::odb::Handle,
    to: gix::odb::loose::Store,
    cut: std::collections::HashSet<ObjectId>,
    seen: std::collections::HashSet<ObjectId>,
    copied: usize,
}

enum Step {
    Look(ObjectId),
    Write(ObjectId, Kind, Vec<u8>),
}

impl Walk<'_> {
    fn copy(&mut self, tip: ObjectId) -> Result<(), FetchError> {
        let mut steps = vec![Step::Look(tip)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Write(id, kind, data) => self.write(id, kind, &data)?,
                Step::Look(id) => {
                    if !self.seen.insert(id) || self.present.exists(&id) {
                        continue;
                    }
                    let mut data = Vec::new();
                    let found = self.from.repository.objects.try_find(&id, &mut data).map_err(|e| self.from.failed(e))?;
                    let kind = found.map(|f| f.kind).ok_or_else(|| FetchError::Repository {
                        url: self.from.url.clone(),
                        error: GitError::Missing { id: id.to_string() },
                    })?;
                    let children = self.children(id, kind, &data).map_err(|e| self.from.failed(e))?;
                    steps.push(Step::Write(id, kind, data));
                    steps.extend(children.into_iter().map(Step::Look));
                }
            }
        }
        Ok(())
    }

    fn children(&self, id: ObjectId, kind: Kind, data: &[u8]) -> Result<Vec<ObjectId>, gix::Error> {
        let sha1 = gix::hash::Kind::Sha1;
        Ok(match kind {
            Kind::Blob => Vec::new(),
            Kind::Tag => vec![TagRefIter::from_bytes(data, sha1).target_id()?],
            Kind::Commit => {
                let tree = CommitRefIter::from_bytes(data, sha1).tree_id()?;
                let parents = CommitRefIter::from_bytes(data, sha1).parent_ids().filter(|_| !self.cut.contains(&id));
                parents.chain([tree]).collect()
            }
            Kind::Tree => {
                let mut children = Vec::new();
                for entry in TreeRefIter::from_bytes(data, sha1) {
                    let entry = entry?;
                    // A submodule's commit is of another repository.
                    if entry.mode.kind() != EntryKind::Commit {
                        children.push(entry.oid.to_owned());
                    }
                }
                children
            }
        })
    }

    fn write(&mut self, id: ObjectId, kind: Kind, data: &[u8]) -> Result<(), FetchError> {
        let written = self.to.write_buf(kind, data).map_err(|e| storage(self.to.path(), &io::Error::other(e.to_string())))?;
        if written != id {
            return Err(self.from.failed(format!("object {id} has the content of {written}")));
        }
        self.copied += 1;
        Ok(())
    }
}

fn storage(path: &Path, error: &io::Error) -> FetchError {
    FetchError::Storage { path: path.to_path_buf(), reason: error.to_string() }
}

/// Loose objects and packs; a pack's index last, as it makes the pack count.
fn copy_objects(from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |e| (path, e)
    };
    for directory in fs::read_dir(from).map_err(at(from))? {
        let directory = directory.map_err(at(from))?;
        let name = directory.file_name();
        let is_fan = name.len() == 2 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit);
        if !is_fan && name != "pack" {
            continue;
        }
        let (source, target) = (directory.path(), to.join(&name));
        fs::create_dir_all(&target).map_err(at(&target))?;
        let mut files = Vec::new();
        for file in fs::read_dir(&source).map_err(at(&source))? {
            files.push(file.map_err(at(&source))?.path());
        }
        let wanted = |p: &PathBuf| is_fan || p.extension().is_some_and(|e| e == "pack" || e == "idx");
        files.retain(|p| wanted(p) && !p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"tmp")));
        files.sort_by_key(|p| p.extension().is_some_and(|e| e == "idx"));
        for file in files {
            let Some(name) = file.file_name() else { continue };
            fs::copy(&file, target.join(name)).map_err(at(&file))?;
        }
    }
    Ok(())
}
