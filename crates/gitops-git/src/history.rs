//! Commits and their order.

use std::collections::{BinaryHeap, HashSet};

use gitops_tree::{ContentId, Revision};
use gix::ObjectId;
use gix::objs::{CommitRef, Kind};

use crate::repository::{corrupt, parse_id};
use crate::{GitError, Repository};

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name, as lossy text.
    pub name: String,
    /// E-mail address, as lossy text.
    pub email: String,
    /// Seconds since 1970 UTC; 0 when the commit's own text makes no sense.
    pub seconds: i64,
    /// Seconds that the author's clock was ahead of UTC.
    pub offset: i32,
}

/// What a commit says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub revision: Revision,
    /// Id of its root directory: equal ids, equal files.
    pub tree: ContentId,
    /// Its parents; several for a merge.
    pub parents: Vec<Revision>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// The whole message, as lossy text.
    pub message: String,
}

fn signature(raw: &[u8]) -> Signature {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match gix::actor::SignatureRef::from_bytes(raw) {
        Ok(parsed) => {
            let time = parsed.time().unwrap_or_default();
            Signature { name: lossy(parsed.name), email: lossy(parsed.email), seconds: time.seconds, offset: time.offset }
        }
        Err(_) => Signature { name: lossy(raw), email: String::new(), seconds: 0, offset: 0 },
    }
}

fn revision(id: ObjectId) -> Result<Revision, GitError> {
    Revision::parse(&id.to_string()).map_err(|e| corrupt(id, e))
}

impl Repository {
    /// The commit `revision`, or the one that the tag `revision` points to.
    ///
    /// # Errors
    /// When it is missing, corrupt, or no commit.
    pub fn commit(&self, revision: &Revision) -> Result<Commit, GitError> {
        let id = self.commit_id(parse_id(revision.as_str())?)?;
        self.read_commit(id)
    }

    /// `from` and its ancestors, newest first by commit time, at most `limit`. A history cut off by a shallow clone ends
    /// where it was cut.
    ///
    /// # Errors
    /// When a commit is missing or corrupt.
    pub fn log(&self, from: &Revision, limit: usize) -> Result<Vec<Commit>, GitError> {
        let start = self.commit_id(parse_id(from.as_str())?)?;
        let cut_off = self.shallow()?;
        let first = self.read_commit(start)?;
        let mut seen = HashSet::from([start]);
        // The second part keeps the order of discovery among commits of one second.
        let mut waiting = BinaryHeap::from([Waiting { seconds: first.committer.seconds, order: 0, commit: first }]);
        let mut log = Vec::new();
        while log.len() < limit
            && let Some(Waiting { commit, .. }) = waiting.pop()
        {
            let is_cut = cut_off.contains(&parse_id(commit.revision.as_str())?);
            for parent in commit.parents.iter().filter(|_| !is_cut) {
                let id = parse_id(parent.as_str())?;
                if seen.insert(id) {
                    let commit = self.read_commit(id)?;
                    waiting.push(Waiting { seconds: commit.committer.seconds, order: seen.len(), commit });
                }
            }
            log.push(commit);
        }
        Ok(log)
    }

    fn shallow(&self) -> Result<HashSet<ObjectId>, GitError> {
        let cut = self.with_handle(gix::Repository::shallow_commits);
        let cut = cut.map_err(|e| GitError::Corrupt { id: "shallow".to_owned(), reason: e.to_string() })?;
        Ok(cut.map(|ids| ids.iter().copied().collect()).unwrap_or_default())
    }

    fn read_commit(&self, id: ObjectId) -> Result<Commit, GitError> {
        let data = self.object(id, Kind::Commit)?;
        let parsed = CommitRef::from_bytes(&data, gix::hash::Kind::Sha1).map_err(|e| corrupt(id, e))?;
        Ok(Commit {
            revision: revision(id)?,
            tree: ContentId::new(parsed.tree().to_string()),
            parents: parsed.parents().map(revision).collect::<Result<_, _>>()?,
            author: signature(parsed.author),
            committer: signature(parsed.committer),
            message: String::from_utf8_lossy(parsed.message).into_owned(),
        })
    }
}

struct Waiting {
    seconds: i64,
    order: usize,
    commit: Commit,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.seconds.cmp(&other.seconds).then(other.order.cmp(&self.order))
    }
}
