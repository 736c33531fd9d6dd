//! Azure DevOps' REST API. Repositories and references come whole; pull requests are counted off.

use gitops_appset::{PullRequest, Repository};
use gitops_manifest::Value;

use crate::ask::{Client, encoded, flag, labels, number, text};
use crate::{AskError, PullRequestQuery, RepositoryQuery};

const VERSION: &str = "api-version=7.1";
const PAGE: usize = 100;
const HEADS: &str = "refs/heads/";

pub(crate) fn base(api: &str) -> String {
    let api = api.trim_end_matches('/');
    if api.is_empty() { "https://dev.azure.com".to_owned() } else { api.to_owned() }
}

fn value(page: &Value) -> Option<&[Value]> {
    page.get("value")?.as_list()
}

fn whole(client: &Client, path: &str) -> Result<Vec<Value>, AskError> {
    client.list(path, value, |_, _, _| Ok(None))
}

fn branch(name: &str) -> String {
    name.strip_prefix(HEADS).unwrap_or(name).to_owned()
}

pub(crate) fn repositories(client: &Client, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
    let root = format!("/{}/{}/_apis/git/repositories", encoded(query.owner), encoded(query.project));
    let mut out = Vec::new();
    for found in whole(client, &format!("{root}?{VERSION}"))? {
        if flag(&found, "isDisabled") {
            continue;
        }
        let of = Repository {
            organization: query.owner.to_owned(),
            repository: text(&found, &["name"]),
            id: text(&found, &["id"]),
            url: text(&found, &["remoteUrl"]),
            branch: branch(&text(&found, &["defaultBranch"])),
            sha: String::new(),
            labels: Vec::new(),
        };
        if !query.all_branches && of.branch.is_empty() {
            continue;
        }
        // The filter is a beginning: `heads/main` finds `heads/main-2` too.
        let filter = if query.all_branches { String::new() } else { of.branch.clone() };
        let refs = whole(client, &format!("{root}/{}/refs?filter={}&{VERSION}", encoded(&of.id), encoded(&format!("heads/{filter}"))))?;
        let made = refs.iter().map(|r| Repository { branch: branch(&text(r, &["name"])), sha: text(r, &["objectId"]), ..of.clone() });
        out.extend(made.filter(|r| query.all_branches || r.branch == of.branch));
    }
    Ok(out)
}

pub(crate) fn has_path(client: &Client, query: &RepositoryQuery<'_>, of: &Repository, path: &str) -> Result<bool, AskError> {
    let root = format!("/{}/{}/_apis/git/repositories/{}", encoded(query.owner), encoded(query.project), encoded(&of.id));
    client.exists(&format!(
        "{root}/items?path={}&versionDescriptor.version={}&versionDescriptor.versionType=branch&{VERSION}",
        encoded(&format!("/{path}")),
        encoded(&of.branch)
    ))
}

pub(crate) fn pull_requests(client: &Client, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
    let root = format!(
        "/{}/{}/_apis/git/repositories/{}/pullrequests?searchCriteria.status=active&$top={PAGE}&{VERSION}",
        encoded(query.owner),
        encoded(query.project),
        encoded(query.repository)
    );
    let skipping = |n: usize| format!("{root}&$skip={n}");
    let found = client.list(&skipping(0), value, |_, at, found| {
        let before: usize = at.rsplit_once("$skip=").and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
        Ok((found == PAGE).then(|| skipping(before + PAGE)))
    })?;
    let request = |r: &Value| PullRequest {
        number: number(r, "pullRequestId"),
        title: text(r, &["title"]),
        branch: branch(&text(r, &["sourceRefName"])),
        target_branch: branch(&text(r, &["targetRefName"])),
        head_sha: text(r, &["lastMergeSourceCommit", "commitId"]),
        author: text(r, &["createdBy", "uniqueName"]).split('@').next().unwrap_or_default().to_owned(),
        labels: labels(r, "labels"),
    };
    Ok(found.iter().map(request).collect())
}
