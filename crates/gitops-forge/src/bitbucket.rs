//! Bitbucket Cloud's REST API. A page holds the address of the next.

use gitops_appset::{PullRequest, Repository};
use gitops_manifest::Value;

use crate::ask::{Client, encoded, encoded_path, items, number, text};
use crate::{AskError, PullRequestQuery, RepositoryQuery};

pub(crate) fn base(api: &str) -> String {
    let api = api.trim_end_matches('/');
    if api.is_empty() { "https://api.bitbucket.org/2.0".to_owned() } else { api.to_owned() }
}

fn values(page: &Value) -> Option<&[Value]> {
    page.get("values")?.as_list()
}

fn list(client: &Client, path: &str) -> Result<Vec<Value>, AskError> {
    client.list(path, values, |page, _, _| page.body.str_at(&["next"]).map(|url| client.local(url)).transpose())
}

pub(crate) fn repositories(client: &Client, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
    let mut out = Vec::new();
    for found in list(client, &format!("/repositories/{}?pagelen=100", encoded(query.owner)))? {
        let repository = Repository {
            organization: query.owner.to_owned(),
            repository: text(&found, &["slug"]),
            id: text(&found, &["uuid"]),
            url: clone_url(&found, if query.https { "https" } else { "ssh" }),
            branch: text(&found, &["mainbranch", "name"]),
            sha: String::new(),
            labels: Vec::new(),
        };
        branches(client, query, repository, &mut out)?;
    }
    Ok(out)
}

/// The address to clone from, by protocol.
pub(crate) fn clone_url(repository: &Value, protocol: &str) -> String {
    let links = repository.get("links").map(|l| items(l, "clone")).unwrap_or_default();
    links.iter().find(|l| l.str_at(&["name"]) == Some(protocol)).map(|l| text(l, &["href"])).unwrap_or_default()
}

fn branches(client: &Client, query: &RepositoryQuery<'_>, of: Repository, out: &mut Vec<Repository>) -> Result<(), AskError> {
    let path = format!("/repositories/{}/{}/refs/branches", encoded(&of.organization), encoded(&of.repository));
    let found = if query.all_branches {
        list(client, &format!("{path}?pagelen=100"))?
    } else if of.branch.is_empty() {
        Vec::new()
    } else {
        client.find(&format!("{path}/{}", encoded_path(&of.branch)))?.into_iter().collect()
    };
    out.extend(found.iter().map(|b| Repository { branch: text(b, &["name"]), sha: text(b, &["target", "hash"]), ..of.clone() }));
    Ok(())
}

pub(crate) fn has_path(client: &Client, of: &Repository, path: &str) -> Result<bool, AskError> {
    let (owner, name) = (encoded(&of.organization), encoded(&of.repository));
    // By commit: a branch with a slash in its name cannot stand here.
    client.exists(&format!("/repositories/{owner}/{name}/src/{}/{}?format=meta", encoded(&of.sha), encoded_path(path)))
}

pub(crate) fn pull_requests(client: &Client, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
    let path = format!("/repositories/{}/{}/pullrequests?state=OPEN&pagelen=50", encoded(query.owner), encoded(query.repository));
    let request = |r: &Value| PullRequest {
        number: number(r, "id"),
        title: text(r, &["title"]),
        branch: text(r, &["source", "branch", "name"]),
        target_branch: text(r, &["destination", "branch", "name"]),
        head_sha: text(r, &["source", "commit", "hash"]),
        author: text(r, &["author", "nickname"]),
        labels: Vec::new(),
    };
    Ok(list(client, &path)?.iter().map(request).collect())
}
