//! Remote bases and files as copies of them that were fetched before: a check must not depend on the network.

use crate::loader::{Fetched, Remotes};
use crate::repository::{RepositorySpec, is_web_file};

/// The flag of our programs that says where the copies are.
pub const FETCHED_FLAG: &str = "--fetched";

/// Reads copies, and never fetches.
pub struct FetchedCopies<F> {
    open: F,
}

impl<F: Fn(&str) -> Option<Fetched> + Sync> FetchedCopies<F> {
    /// `open` gives the copy with a name ([`copy_name`]), if it is there.
    pub fn new(open: F) -> FetchedCopies<F> {
        FetchedCopies { open }
    }
}

impl<F: Fn(&str) -> Option<Fetched> + Sync> Remotes for FetchedCopies<F> {
    fn fetch(&self, address: &str, spec: Option<&RepositorySpec>) -> Result<Fetched, String> {
        let name = copy_name(address, spec).ok_or_else(|| "no copy can have its name".to_owned())?;
        (self.open)(&name).ok_or_else(|| format!("there is no `{name}` in the directory that `{FETCHED_FLAG}` names"))
    }
}

/// What the copy of a repository or file is called, relative to the directory of all copies: `HOST/PATH@REF` for a repository
/// (`HOST/PATH` where no reference is asked for), `HOST/PATH` for a file. Scheme, user and `.git` do not count. Nothing for an
/// address that would lead elsewhere.
pub fn copy_name(address: &str, spec: Option<&RepositorySpec>) -> Option<String> {
    let spec = spec.filter(|_| !is_web_file(address));
    let whole = spec.map_or(address, |spec| &spec.clone);
    let place = whole.split_once("://").map_or(whole, |(_, place)| place);
    let host = place.split('/').next().unwrap_or_default();
    let place = if host.contains('@') { place.split_once('@').map_or(place, |(_, place)| place) } else { place };
    let place = place.replacen(':', "/", usize::from(spec.is_some() && !whole.contains("://")));
    let place = place.trim_matches('/').trim_end_matches(".git");
    let reference = spec.map_or("", |spec| spec.reference.as_str());
    let name = if reference.is_empty() { place.to_owned() } else { format!("{place}@{reference}") };
    let leads_elsewhere = name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.contains(['\\', '\0']);
    (!leads_elsewhere).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(address: &str) -> Option<String> {
        copy_name(address, RepositorySpec::parse(address).as_ref())
    }

    #[test]
    fn one_repository_has_one_copy() {
        let wanted = Some("github.com/org/repo@v1".to_owned());
        for address in [
            "https://github.com/org/repo//deploy/base?ref=v1",
            "github.com/org/repo/deploy?ref=v1",
            "git@github.com:org/repo.git//deploy?ref=v1",
            "ssh://git@github.com/org/repo.git?ref=v1",
        ] {
            assert_eq!(name(address), wanted, "{address}");
        }
        assert_eq!(name("https://example.com/a/b.git").as_deref(), Some("example.com/a/b"));
    }

    #[test]
    fn files_keep_their_paths() {
        assert_eq!(name("https://example.com/a/crds.yaml").as_deref(), Some("example.com/a/crds.yaml"));
        assert_eq!(copy_name("https://example.com/a/../../b.yaml", None), None);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let copies = FetchedCopies::new(|_: &str| None);
        let error = copies.fetch("https://example.com/a.yaml", None).err();
        assert_eq!(error.as_deref(), Some("there is no `example.com/a.yaml` in the directory that `--fetched` names"));
    }
}
