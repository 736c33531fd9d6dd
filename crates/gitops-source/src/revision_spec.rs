//! What a person writes as a revision, and the rules that turn it into a commit.
//!
//! Rules (Argo CD's, specification of `targetRevision` for git), in order: 40 hex digits are a commit as they are · an
//! exact version (`1.2`, `v1.0.0`) is a pin and must equal a ref's name · a semver constraint means the highest tag that
//! fits · otherwise the full or short name of a ref, branches before tags · 7 or more hex digits that name no ref are an
//! abbreviated commit. With a tag prefix only tags with that prefix take part, compared without it, and the text must be
//! a version or a constraint.

use std::fmt;

use gitops_tree::Revision;

use crate::constraint::{Constraint, parse_version};
use crate::{Refs, ResolveError};

/// What a person writes: `main`, `v1.*`, `HEAD`, `refs/heads/main`, a commit. It moves; a [`Revision`] does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevisionSpec(String);

/// Why a text cannot be a revision of any repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a revision: it begins with `-`, is too long, or has a control character")]
pub struct RevisionSpecError(String);

impl RevisionSpec {
    /// Takes what was written; nothing means `HEAD`.
    ///
    /// # Errors
    /// For what no repository can have.
    pub fn parse(text: &str) -> Result<RevisionSpec, RevisionSpecError> {
        let text = text.trim();
        if text.starts_with('-') || text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(RevisionSpecError(text.chars().filter(|c| !c.is_control()).take(60).collect()));
        }
        Ok(RevisionSpec(if text.is_empty() { "HEAD".to_owned() } else { text.to_owned() }))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a push to the ref of that full name can move it: for web hooks, before anything is fetched. `is_default`
    /// says whether the ref is the repository's default branch.
    pub fn concerns(&self, pushed: &str, is_default: bool) -> bool {
        if self.0 == "HEAD" {
            return is_default;
        }
        let short = pushed.strip_prefix("refs/heads/").or(pushed.strip_prefix("refs/tags/")).unwrap_or(pushed);
        if self.0 == pushed || self.0 == short || self.0.strip_prefix("refs/heads/") == Some(short) {
            return true;
        }
        if self.0.strip_prefix("refs/tags/") == Some(short) {
            return true;
        }
        let constraint = self.constraint();
        constraint.is_some_and(|c| parse_version(short).is_some_and(|version| c.holds(&version)))
    }

    fn constraint(&self) -> Option<Constraint> {
        // An exact version is a pin, not a constraint.
        if parse_version(&self.0).is_some() { None } else { Constraint::parse(&self.0) }
    }
}

impl fmt::Display for RevisionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a spec means, as far as the refs tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Commit(Revision),
    /// Lower-case hex digits that name no ref.
    Abbreviated(String),
}

/// Applies the rules of this module.
pub(crate) fn resolve(refs: &Refs, spec: &RevisionSpec, tag_prefix: Option<&str>) -> Result<Meaning, ResolveError> {
    if let Some(prefix) = tag_prefix.filter(|p| !p.is_empty()) {
        return resolve_prefixed(refs, spec, prefix);
    }
    let is_hex = spec.0.bytes().all(|b| b.is_ascii_hexdigit());
    let lower = spec.0.to_ascii_lowercase();
    if is_hex
        && lower.len() == 40
        && let Ok(commit) = Revision::parse(&lower)
    {
        return Ok(Meaning::Commit(commit));
    }
    if refs.is_empty() {
        return Err(ResolveError::NoCommits);
    }
    let tag = spec.constraint().and_then(|c| c.highest(refs.tags()));
    if let Some(commit) = named(refs, tag.unwrap_or(&spec.0)) {
        return Ok(Meaning::Commit(commit.clone()));
    }
    if is_hex && lower.len() >= 7 {
        return Ok(Meaning::Abbreviated(lower));
    }
    Err(unresolved(refs, spec))
}

fn resolve_prefixed(refs: &Refs, spec: &RevisionSpec, prefix: &str) -> Result<Meaning, ResolveError> {
    let pinned = parse_version(&spec.0).map(|_| spec.0.as_str());
    let constraint = spec.constraint();
    if pinned.is_none() && constraint.is_none() {
        return Err(ResolveError::NotAVersion { spec: spec.to_string() });
    }
    if refs.is_empty() {
        return Err(ResolveError::NoCommits);
    }
    let tags = || refs.tags().filter_map(|tag| tag.strip_prefix(prefix));
    let found = match constraint {
        Some(constraint) => constraint.highest(tags()),
        None => tags().find(|tag| Some(*tag) == pinned),
    };
    let commit = found.and_then(|tag| refs.get(&format!("refs/tags/{prefix}{tag}")));
    commit.cloned().map(Meaning::Commit).ok_or_else(|| unresolved(refs, spec))
}

/// By full name, then by short name in the order of the full ones: branches before tags.
fn named<'a>(refs: &'a Refs, name: &str) -> Option<&'a Revision> {
    let candidates = [name.to_owned(), format!("refs/heads/{name}"), format!("refs/{name}"), format!("refs/tags/{name}")];
    candidates.iter().find_map(|full| refs.get(full))
}

fn unresolved(refs: &Refs, spec: &RevisionSpec) -> ResolveError {
    let wanted = spec.0.to_lowercase();
    let similar = refs.branches().chain(refs.tags()).find(|name| {
        let name = name.to_lowercase();
        name == wanted || name.ends_with(&format!("/{wanted}")) || name == format!("v{wanted}")
    });
    ResolveError::Unresolved { spec: spec.to_string(), similar: similar.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refs::{Head, Target};

    fn id(n: u8) -> Revision {
        Revision::parse(&format!("{n:02x}").repeat(20)).unwrap()
    }

    fn sample() -> Refs {
        let mut refs = Refs { head: Some(Head::Symbolic("refs/heads/main".into())), ..Refs::default() };
        let names = [
            "refs/heads/main",
            "refs/heads/both",
            "refs/tags/both",
            "refs/tags/v1.0.0",
            "refs/tags/v1.2.0",
            "refs/tags/v2.0.0-rc.1",
            "refs/tags/app-1.1.0",
            "refs/tags/app-1.3.0",
            "refs/pull/7/head",
            "refs/heads/abcdef0",
        ];
        for (n, name) in (1..).zip(names) {
            refs.insert(name, Target { object: id(n), peeled: None });
        }
        refs
    }

    fn meaning(text: &str, prefix: Option<&str>) -> Result<Meaning, ResolveError> {
        resolve(&sample(), &RevisionSpec::parse(text).unwrap(), prefix)
    }

    #[test]
    fn names_in_the_order_of_the_rules() {
        let table = [
            ("", 1),
            ("HEAD", 1),
            ("main", 1),
            ("refs/heads/main", 1),
            ("both", 2),
            ("refs/tags/both", 3),
            ("v1.0.0", 4),
            ("^1", 5),
            ("1.*", 5),
            (">=1.0.0-0", 6),
            ("pull/7/head", 9),
            ("abcdef0", 10),
        ];
        for (text, n) in table {
            assert_eq!(meaning(text, None), Ok(Meaning::Commit(id(n))), "{text}");
        }
        assert_eq!(meaning(&"AB".repeat(20), None), Ok(Meaning::Commit(id(0xab))), "as it is, in lower case");
        assert_eq!(meaning("ABCDEF01", None), Ok(Meaning::Abbreviated("abcdef01".into())));
    }

    #[test]
    fn an_exact_version_is_a_pin() {
        let error = meaning("1.2.0", None).unwrap_err();
        assert_eq!(error.to_string(), "unable to resolve '1.2.0' to a commit SHA: did you mean `v1.2.0`?");
        assert!(meaning("1.2", None).is_err());
        assert!(meaning("^9", None).is_err());
        assert!(meaning("abcdef", None).is_err(), "six digits are too few");
    }

    #[test]
    fn a_tag_prefix_chooses_the_tags() {
        assert_eq!(meaning("^1", Some("app-")), Ok(Meaning::Commit(id(8))));
        assert_eq!(meaning("1.1.0", Some("app-")), Ok(Meaning::Commit(id(7))));
        assert!(matches!(meaning("main", Some("app-")), Err(ResolveError::NotAVersion { .. })));
        assert!(meaning("1.2.0", Some("app-")).is_err());
    }

    #[test]
    fn a_repository_without_commits_says_so() {
        let spec = RevisionSpec::parse("main").unwrap();
        assert_eq!(resolve(&Refs::default(), &spec, None), Err(ResolveError::NoCommits));
    }

    #[test]
    fn pushes_that_concern_a_spec() {
        let concerns = |spec: &str, pushed: &str| RevisionSpec::parse(spec).unwrap().concerns(pushed, pushed.ends_with("/main"));
        assert!(concerns("", "refs/heads/main") && !concerns("HEAD", "refs/heads/x"));
        assert!(concerns("x", "refs/heads/x") && concerns("refs/heads/x", "refs/heads/x"));
        assert!(concerns("^1", "refs/tags/v1.5.0") && !concerns("^1", "refs/tags/v2.0.0"));
        assert!(!concerns("1.5.0", "refs/tags/v1.5.0"));
    }

    #[test]
    fn what_no_repository_can_have() {
        assert!(RevisionSpec::parse("--upload-pack=x").is_err());
        assert!(RevisionSpec::parse("a\nb").is_err());
    }
}
