//! Repositories and pull requests of forges: which block is meant, filters, parameters. Asking is the world's.
//!
//! Filters of repositories work in two stages, as Argo CD's: those that speak of repository and labels only choose
//! repositories; those that speak of branches or paths choose among their branches. Within a stage any entry suffices, within
//! an entry all fields must match.

use gitops_manifest::{Map, Value};
use regex::Regex;

use super::{Context, flag, items, text};
use crate::error::ExpandError;
use crate::name::{normalize_name, slug};
use crate::world::{Forge, PullRequest, Repository, WorldError};

const SCM: [&str; 7] = ["github", "gitlab", "gitea", "bitbucketServer", "azureDevOps", "bitbucket", "awsCodeCommit"];
const PULL_REQUEST: [&str; 6] = ["github", "gitlab", "gitea", "bitbucketServer", "bitbucket", "azuredevops"];

pub(super) fn repositories(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let forge = choose(context, at, block, &SCM, text(block, "cloneProtocol"))?;
    let filters = read_filters(at, block, &["repositoryMatch", "labelMatch", "branchMatch"])?;
    let mut sets = Vec::new();
    for repository in context.world.repositories(forge).map_err(ExpandError::world(at))? {
        if !wanted(context, forge, &filters, &repository).map_err(ExpandError::world(at))? {
            continue;
        }
        let mut params: Map = [
            ("organization", repository.organization.clone()),
            ("repository", repository.repository.clone()),
            ("repository_id", repository.id.clone()),
            ("url", repository.url.clone()),
            ("branch", repository.branch.clone()),
            ("branchNormalized", normalize_name(&repository.branch)),
            ("sha", repository.sha.clone()),
            ("short_sha", short(&repository.sha, 8)),
            ("short_sha_7", short(&repository.sha, 7)),
            ("labels", repository.labels.join(",")),
        ]
        .into_iter()
        .collect();
        context.engine.add_values(at, block, &mut params)?;
        sets.push(params);
    }
    Ok(sets)
}

pub(super) fn pull_requests(context: &Context<'_>, at: &str, block: &Value) -> Result<Vec<Map>, ExpandError> {
    let forge = choose(context, at, block, &PULL_REQUEST, "")?;
    let filters = read_filters(at, block, &["branchMatch", "targetBranchMatch", "titleMatch"])?;
    let requests = match context.world.pull_requests(forge) {
        Err(WorldError::NotFound { .. }) if flag(block, "continueOnRepoNotFoundError") => Vec::new(),
        answer => answer.map_err(ExpandError::world(at))?,
    };
    let mut sets = Vec::new();
    for request in requests.iter().filter(|r| filters.is_empty() || filters.iter().any(|f| f.matches_request(r))) {
        let mut params: Map = [
            ("number", request.number.to_string()),
            ("title", request.title.clone()),
            ("branch", request.branch.clone()),
            ("branch_slug", slug(&request.branch)),
            ("target_branch", request.target_branch.clone()),
            ("target_branch_slug", slug(&request.target_branch)),
            ("head_sha", request.head_sha.clone()),
            ("head_short_sha", short(&request.head_sha, 8)),
            ("head_short_sha_7", short(&request.head_sha, 7)),
            ("author", request.author.clone()),
        ]
        .into_iter()
        .collect();
        if context.engine.is_go() {
            params.insert("labels", Value::List(request.labels.iter().map(|l| l.as_str().into()).collect()));
        }
        context.engine.add_values(at, block, &mut params)?;
        sets.push(params);
    }
    Ok(sets)
}

fn short(sha: &str, length: usize) -> String {
    sha.chars().take(length).collect()
}

/// The block of the forge that is meant, and whether it may be asked at all.
fn choose<'a>(
    context: &Context<'a>,
    at: &str,
    block: &'a Value,
    kinds: &[&'static str],
    clone_protocol: &'a str,
) -> Result<Forge<'a>, ExpandError> {
    if !context.settings.forges {
        return Err(ExpandError::rule(at, "forges are switched off (enable-scm-providers)"));
    }
    let found = kinds.iter().find_map(|kind| Some((*kind, block.get(kind).filter(|b| !b.is_null())?)));
    let Some((kind, forge)) = found else {
        return Err(ExpandError::rule(at, format!("names no forge; set one of {}", kinds.join(", "))));
    };
    let api = text(forge, "api");
    let allowed = context.settings.allowed_forges;
    if !api.is_empty() && !allowed.is_empty() && !allowed.iter().any(|a| a == api) {
        let reason = format!("scm provider \"{api}\" not allowed, must use one of the following: {}", allowed.join(", "));
        return Err(ExpandError::rule(&format!("{at}.{kind}.api"), reason));
    }
    Ok(Forge { kind, block: forge, namespace: context.namespace, clone_protocol })
}

/// One entry of `filters`.
struct Filter {
    patterns: Vec<(&'static str, Regex)>,
    exist: Vec<String>,
    absent: Vec<String>,
}

impl Filter {
    fn pattern(&self, name: &str, text: &str) -> bool {
        self.patterns.iter().find(|(n, _)| *n == name).is_none_or(|(_, regex)| regex.is_match(text))
    }

    fn is_about_branches(&self) -> bool {
        !self.exist.is_empty() || !self.absent.is_empty() || self.patterns.iter().any(|(name, _)| *name == "branchMatch")
    }

    fn matches_request(&self, request: &PullRequest) -> bool {
        self.pattern("branchMatch", &request.branch)
            && self.pattern("targetBranchMatch", &request.target_branch)
            && self.pattern("titleMatch", &request.title)
    }

    fn matches_repository(&self, context: &Context<'_>, forge: Forge<'_>, repository: &Repository) -> Result<bool, WorldError> {
        let by_label = || self.patterns.iter().any(|(name, _)| *name == "labelMatch");
        if !self.pattern("repositoryMatch", &repository.repository)
            || !self.pattern("branchMatch", &repository.branch)
            || (by_label() && !repository.labels.iter().any(|l| self.pattern("labelMatch", l)))
        {
            return Ok(false);
        }
        for path in &self.exist {
            if !context.world.has_path(forge, repository, path.trim_end_matches('/'))? {
                return Ok(false);
            }
        }
        for path in &self.absent {
            if context.world.has_path(forge, repository, path.trim_end_matches('/'))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn wanted(context: &Context<'_>, forge: Forge<'_>, filters: &[Filter], repository: &Repository) -> Result<bool, WorldError> {
    for stage in [false, true] {
        let mut entries = filters.iter().filter(|f| f.is_about_branches() == stage).peekable();
        let mut matched = entries.peek().is_none();
        for filter in entries {
            matched = matched || filter.matches_repository(context, forge, repository)?;
        }
        if !matched {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_filters(at: &str, block: &Value, names: &[&'static str]) -> Result<Vec<Filter>, ExpandError> {
    let read = |(i, entry): (usize, &Value)| {
        let mut patterns = Vec::new();
        for name in names {
            let pattern = text(entry, name);
            if !pattern.is_empty() {
                let wrong = |e: regex::Error| ExpandError::rule(&format!("{at}.filters[{i}].{name}"), e.to_string());
                let compiled = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(wrong)?;
                patterns.push((*name, compiled));
            }
        }
        let texts = |key| items(entry, key).iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
        Ok(Filter { patterns, exist: texts("pathsExist"), absent: texts("pathsDoNotExist") })
    };
    items(block, "filters").iter().enumerate().map(read).collect()
}
