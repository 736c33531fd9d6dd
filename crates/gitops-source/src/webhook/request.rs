//! The request at hand, and reading its body by field.

use std::collections::BTreeSet;

use gitops_manifest::{Value, json};

use super::event::{Event, Push, RefUpdate};
use super::{Provider, WebhookError};

/// A request of a known sender.
pub(super) struct Request<'a, 'h> {
    pub(super) provider: Provider,
    pub(super) headers: &'a dyn Fn(&str) -> Option<&'h str>,
    pub(super) body: &'a [u8],
}

impl<'h> Request<'_, 'h> {
    /// A header that is there and not blank.
    pub(super) fn header(&self, name: &str) -> Option<&'h str> {
        (self.headers)(name).filter(|value| !value.trim().is_empty())
    }

    /// The body.
    pub(super) fn payload(&self) -> Result<Payload, WebhookError> {
        let provider = self.provider;
        if self.body.starts_with(b"payload=") {
            return Err(WebhookError::FormEncoded { provider });
        }
        let value = json::parse(self.body, "body").map_err(|error| WebhookError::Malformed { provider, error })?;
        if value.as_map().is_none() {
            return Err(WebhookError::Field { provider, field: "(the whole body)", problem: "something else than an object" });
        }
        Ok(Payload { provider, value })
    }
}

/// A body that has been read: an object.
pub(super) struct Payload {
    provider: Provider,
    pub(super) value: Value,
}

impl Payload {
    pub(super) fn wrong(&self, field: &'static str, problem: &'static str) -> WebhookError {
        WebhookError::Field { provider: self.provider, field, problem }
    }

    /// The texts at these paths (keys joined by `.`), without the absent and the repeated: the repository's addresses.
    pub(super) fn addresses(&self, paths: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for path in paths {
            add(&mut found, text(&self.value, path));
        }
        found
    }

    /// The event of one reference or several.
    pub(super) fn push(
        &self,
        repositories: Vec<String>,
        field: &'static str,
        updates: Vec<RefUpdate>,
        changed: Option<Vec<String>>,
    ) -> Result<Event, WebhookError> {
        if repositories.is_empty() {
            return Err(self.wrong("repository", "no address of the repository"));
        }
        if updates.iter().any(|update| !update.reference.starts_with("refs/")) {
            return Err(self.wrong(field, "no full reference (`refs/heads/main`, `refs/tags/v1`)"));
        }
        let mut updates = updates.into_iter();
        // A server may announce a push that moved nothing, for instance when it does not list that many references.
        let Some(RefUpdate { reference, before, after }) = updates.next() else {
            return Err(self.wrong(field, "no reference that moved"));
        };
        let others: Vec<RefUpdate> = updates.collect();
        let moved_one_branch = reference.starts_with("refs/heads/") && before.is_some() && after.is_some() && others.is_empty();
        let changed = changed.filter(|_| moved_one_branch);
        let provider = self.provider;
        Ok(Event::Push(Push { provider, repositories, reference, before, after, changed, default_branch: None, others }))
    }

    /// The files of the commits in list `commits`, when there are some and each of them lists its files.
    ///
    /// `total` is how many commits were pushed: a list of fewer was cut.
    pub(super) fn changed(&self, total: Option<i64>) -> Option<Vec<String>> {
        let commits = self.value.get("commits")?.as_list()?;
        // None at all: the reference went back to an older commit, and what that undid is not told.
        if commits.is_empty() || total.is_none_or(|total| total != i64::try_from(commits.len()).unwrap_or(i64::MAX)) {
            return None;
        }
        let mut files = BTreeSet::new();
        for commit in commits {
            files.extend(touched(commit)?);
        }
        Some(files.into_iter().collect())
    }
}

/// Most files that GitHub lists of one commit; a list this long may have been cut.
const FILES_OF_ONE_COMMIT: usize = 3000;

fn touched(commit: &Value) -> Option<Vec<String>> {
    let mut files = Vec::new();
    for list in ["added", "modified", "removed"] {
        for file in commit.get(list)?.as_list()? {
            files.push(file.as_str()?.to_owned());
        }
    }
    (files.len() < FILES_OF_ONE_COMMIT).then_some(files)
}

impl Event {
    /// With the default branch, when it is known: by its name or full reference.
    pub(super) fn with_default_branch(mut self, branch: Option<&str>) -> Event {
        if let Event::Push(push) = &mut self {
            let short = branch.map(|branch| branch.strip_prefix("refs/heads/").unwrap_or(branch));
            push.default_branch = short.filter(|branch| !branch.is_empty()).map(str::to_owned);
        }
        self
    }
}

/// The text at a path of keys joined by `.`, unless it is empty.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    path.split('.').try_fold(value, |at, key| at.get(key)).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Adds an address that is not there yet.
pub(super) fn add(found: &mut Vec<String>, address: Option<&str>) {
    if let Some(address) = address
        && !found.iter().any(|known| known == address)
    {
        found.push(address.to_owned());
    }
}

/// A commit, unless it is absent or all zeros, which is how servers write "none".
pub(super) fn commit(text: Option<&str>) -> Option<String> {
    text.filter(|id| id.bytes().any(|digit| digit != b'0')).map(str::to_owned)
}
