//! What kustomizations name by address: files on web servers, and directories in other git repositories.
//!
//! Nothing is fetched that is not on the [`AllowList`], at any redirect. A file has a digest as its revision, a repository
//! its commit: what was fetched can be recorded, and asked for again ([`Remotes::repository`] with a full commit needs no
//! network once it is mirrored). Calls block.
//!
//! Not there: submodules are not fetched; a git server's own web pages are not told from files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gitops_git::GitTree;
use gitops_tree::Revision;
use sha2::{Digest, Sha256};

use crate::credentials::covers;
use crate::web::{Ask, Web, WebAddress};
use crate::{Credentials, FetchError, Mirrors, RepoUrl, RepoUrlError, ResolveError, Scheme, Timeouts, WebError};

/// Which addresses may be fetched. By default none.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    prefixes: Vec<RepoUrl>,
    /// Protocols that are allowed with every host.
    schemes: Vec<Scheme>,
    all_remote: bool,
}

impl AllowList {
    /// From prefixes: protocol, host, and as many whole parts of the path as are written (`https://git.example.org/team`).
    /// A protocol alone (`https://`) is every host by it; `*` is everything but directories of this machine. `oci://` is the
    /// same as `https://`.
    ///
    /// # Errors
    /// When one is no address.
    pub fn new<'t>(prefixes: impl IntoIterator<Item = &'t str>) -> Result<AllowList, RepoUrlError> {
        let mut list = AllowList::default();
        for prefix in prefixes {
            if prefix.trim() == "*" {
                list.all_remote = true;
                continue;
            }
            let alone = [
                ("https://", Scheme::Https),
                ("oci://", Scheme::Https),
                ("http://", Scheme::Http),
                ("ssh://", Scheme::Ssh),
                ("file://", Scheme::File),
            ];
            if let Some((_, scheme)) = alone.into_iter().find(|(text, _)| *text == prefix.trim()) {
                list.schemes.push(scheme);
                continue;
            }
            // `ssh://host/` alone is a fine prefix, though no address of a repository.
            let is_host = prefix.starts_with("ssh://") && prefix.matches('/').count() == 3 && prefix.ends_with('/');
            let padded = if is_host { format!("{prefix}.") } else { prefix.replacen("oci://", "https://", 1) };
            list.prefixes.push(RepoUrl::parse(&padded)?.without_dot());
        }
        Ok(list)
    }

    /// Adds all that `other` allows.
    pub fn extend(&mut self, other: AllowList) {
        self.prefixes.extend(other.prefixes);
        self.schemes.extend(other.schemes);
        self.all_remote |= other.all_remote;
    }

    /// Whether that address may be fetched.
    pub fn allows(&self, url: &RepoUrl) -> bool {
        let inside = url.path().split('/').all(|part| part != "..");
        let by_scheme = self.schemes.contains(&url.scheme()) || (self.all_remote && url.scheme() != Scheme::File);
        inside && (by_scheme || self.prefixes.iter().any(|prefix| covers(prefix, url)))
    }
}

/// How remote things are fetched.
#[derive(Clone, Debug)]
pub struct RemotesConfig {
    /// What may be fetched.
    pub allow: AllowList,
    /// Credentials by prefix, for files. Repositories have those of the mirrors.
    pub credentials: Credentials,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Bytes of the largest file that is accepted. Default 16 MiB.
    pub file_limit: u64,
    /// For how long a repository's branches count as known after a fetch. Default 10 s: one build with many bases of one
    /// repository fetches it once.
    pub fresh_for: Duration,
}

impl RemotesConfig {
    /// The defaults, with that list and no credentials.
    pub fn new(allow: AllowList) -> RemotesConfig {
        RemotesConfig {
            allow,
            credentials: Credentials::default(),
            timeouts: Timeouts::default(),
            file_limit: 16 << 20,
            fresh_for: Duration::from_secs(10),
        }
    }
}

/// Why something remote was not fetched. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// What was written is no address that can be fetched.
    #[error("not an address that can be fetched: {0}")]
    Address(#[from] RepoUrlError),
    /// A file was not fetched.
    #[error(transparent)]
    Web(#[from] WebError),
    /// A repository was not fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A repository has no such branch, tag or commit, or cannot be read.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

/// A fetched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its content.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of the content.
    pub revision: Revision,
}

/// A repository at one commit.
#[derive(Clone, Debug)]
pub struct RemoteRepository {
    /// All of its files.
    pub tree: GitTree,
    /// The commit.
    pub revision: Revision,
}

/// Fetches what is allowed.
pub struct Remotes {
    config: RemotesConfig,
    web: Web,
    fetched: Mutex<HashMap<RepoUrl, Instant>>,
}

impl Remotes {
    /// With that configuration; nothing is fetched yet.
    pub fn new(config: RemotesConfig) -> Remotes {
        let web = Web::new(config.credentials.clone(), config.timeouts);
        Remotes { config, web, fetched: Mutex::default() }
    }

    /// A file on a web server.
    ///
    /// # Errors
    /// When the address, or one that it redirects to, is not allowed, or the file cannot be had or is too large.
    pub fn file(&self, address: &str) -> Result<RemoteFile, RemoteError> {
        let address = WebAddress::parse(address)?;
        let may = |to: &WebAddress| self.config.allow.allows(&to.place());
        if !may(&address) {
            return Err(WebError::NotAllowed { url: address.to_string() }.into());
        }
        let home = self.web.home(&address).map_err(WebError::from)?;
        let ask = Ask { to: &address, accept: "*/*", limit: self.config.file_limit, home: &home, known: None, may: &may };
        let body = self.web.get(&ask)?.map(|found| found.body).unwrap_or_default();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
        let revision = match Revision::parse(&digest) {
            Ok(revision) => revision,
            Err(_) => unreachable!("a SHA-256 in hex is a revision"),
        };
        Ok(RemoteFile { bytes: body.into(), revision })
    }

    /// A repository at what `reference` names, as `git fetch` reads it: nothing is the default branch; otherwise a full
    /// name, a tag, a branch, or a full commit. A version or range means nothing special. The path in it is the caller's to
    /// look up.
    ///
    /// # Errors
    /// When the address is not allowed, the server cannot be reached, or has no such reference.
    pub fn repository(&self, mirrors: &Mirrors, address: &str, reference: &str) -> Result<RemoteRepository, RemoteError> {
        let url = RepoUrl::parse(address)?;
        if !self.config.allow.allows(&url) {
            return Err(WebError::NotAllowed { url: url.to_string() }.into());
        }
        let commit = Revision::parse(&reference.to_ascii_lowercase()).ok().filter(|commit| commit.as_str().len() == 40);
        if let Some(commit) = &commit
            && let Ok(tree) = mirrors.tree(&url, commit)
        {
            return Ok(RemoteRepository { tree, revision: commit.clone() });
        }
        self.refresh(mirrors, &url)?;
        let revision = match (named(mirrors, &url, reference)?, commit) {
            (Some(revision), _) => revision,
            (None, Some(commit)) => {
                mirrors.fetch_revision(&url, &commit)?;
                commit
            }
            (None, None) if reference.is_empty() => return Err(ResolveError::NoCommits.into()),
            (None, None) => {
                return Err(ResolveError::Unresolved { spec: reference.to_owned(), similar: None }.into());
            }
        };
        Ok(RemoteRepository { tree: mirrors.tree(&url, &revision)?, revision })
    }

    /// What `reference` meant at the last fetch of that repository; nothing is fetched.
    pub fn known(mirrors: &Mirrors, address: &str, reference: &str) -> Option<Revision> {
        let url = RepoUrl::parse(address).ok()?;
        let commit = Revision::parse(&reference.to_ascii_lowercase()).ok().filter(|commit| commit.as_str().len() == 40);
        named(mirrors, &url, reference).ok().flatten().or(commit)
    }

    fn refresh(&self, mirrors: &Mirrors, url: &RepoUrl) -> Result<(), FetchError> {
        let lock = || self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh_for = self.config.fresh_for;
        if mirrors.has(url) && lock().get(url).is_some_and(|at| at.elapsed() < fresh_for) {
            return Ok(());
        }
        // What was there before the fetch began is known after it.
        let began = Instant::now();
        mirrors.fetch(url)?;
        let mut fetched = lock();
        fetched.retain(|_, at| at.elapsed() < fresh_for);
        fetched.insert(url.clone(), began);
        Ok(())
    }
}

/// What a name means, in git's order.
fn named(mirrors: &Mirrors, url: &RepoUrl, reference: &str) -> Result<Option<Revision>, ResolveError> {
    let refs = mirrors.refs(url)?;
    let reference = if reference.is_empty() { "HEAD" } else { reference };
    let names = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{reference}"));
    Ok(names.iter().find_map(|name| refs.get(name)).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_list_takes_whole_parts() {
        let list = AllowList::new(["https://h.example.org/team", "ssh://git@g.example.org/", "file:///srv/bases"]).unwrap();
        let allows = |text: &str| list.allows(&RepoUrl::parse(text).unwrap());
        for text in ["https://h.example.org/team/a.yaml", "git@g.example.org:x/y.git", "/srv/bases/a", "https://H.example.org/team.git"] {
            assert!(allows(text), "{text}");
        }
        for text in
            ["https://h.example.org/teams", "http://h.example.org/team", "https://h.example.org:8443/team/a", "/srv/bases/../x", "/etc"]
        {
            assert!(!allows(text), "{text}");
        }
        assert!(!AllowList::default().allows(&RepoUrl::parse("https://h/x").unwrap()));
        let secure = AllowList::new(["https://"]).unwrap();
        assert!(secure.allows(&RepoUrl::parse("https://h/x").unwrap()) && !secure.allows(&RepoUrl::parse("http://h/x").unwrap()));
        let all = AllowList::new(["*"]).unwrap();
        assert!(all.allows(&RepoUrl::parse("https://h/x").unwrap()) && !all.allows(&RepoUrl::parse("/x").unwrap()));
    }
}
