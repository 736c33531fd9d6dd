//! GitHub's REST API. Lists go on by the header `Link`.

use gitops_appset::{PullRequest, Repository};
use gitops_manifest::Value;

use crate::ask::{Client, encoded, encoded_path, flag, id, labels, number, text};
use crate::{AskError, PullRequestQuery, RepositoryQuery};

pub(crate) fn base(api: &str) -> String {
    let api = api.trim_end_matches('/');
    let host = api.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    match api {
        "" => "https://api.github.com".to_owned(),
        // As Argo CD's client does it for one's own servers.
        _ if api.ends_with("/api/v3") || host.starts_with("api.") || host.contains(".api.") => api.to_owned(),
        _ => format!("{api}/api/v3"),
    }
}

fn list(client: &Client, path: &str) -> Result<Vec<Value>, AskError> {
    client.list(path, Value::as_list, |page, _, _| client.linked(page))
}

pub(crate) fn repositories(client: &Client, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
    let mut out = Vec::new();
    for found in list(client, &format!("/orgs/{}/repos?per_page=100", encoded(query.owner)))? {
        if query.skip_archived && flag(&found, "archived") {
            continue;
        }
        let repository = Repository {
            organization: query.owner.to_owned(),
            repository: text(&found, &["name"]),
            id: id(&found, "id"),
            url: text(&found, &[if query.https { "clone_url" } else { "ssh_url" }]),
            branch: text(&found, &["default_branch"]),
            sha: String::new(),
            labels: labels(&found, "topics"),
        };
        branches(client, query, repository, &mut out)?;
    }
    Ok(out)
}

fn branches(client: &Client, query: &RepositoryQuery<'_>, of: Repository, out: &mut Vec<Repository>) -> Result<(), AskError> {
    let path = format!("/repos/{}/{}/branches", encoded(&of.organization), encoded(&of.repository));
    let found = if query.all_branches {
        list(client, &format!("{path}?per_page=100"))?
    } else {
        client.find(&format!("{path}/{}", encoded(&of.branch)))?.into_iter().collect()
    };
    out.extend(found.iter().map(|b| Repository { branch: text(b, &["name"]), sha: text(b, &["commit", "sha"]), ..of.clone() }));
    Ok(())
}

pub(crate) fn has_path(client: &Client, of: &Repository, path: &str) -> Result<bool, AskError> {
    let (owner, name, branch) = (encoded(&of.organization), encoded(&of.repository), encoded(&of.branch));
    client.exists(&format!("/repos/{owner}/{name}/contents/{}?ref={branch}", encoded_path(path)))
}

pub(crate) fn pull_requests(client: &Client, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
    let path = format!("/repos/{}/{}/pulls?state=open&per_page=100", encoded(query.owner), encoded(query.repository));
    let request = |r: &Value| PullRequest {
        number: number(r, "number"),
        title: text(r, &["title"]),
        branch: text(r, &["head", "ref"]),
        target_branch: text(r, &["base", "ref"]),
        head_sha: text(r, &["head", "sha"]),
        author: text(r, &["user", "login"]),
        labels: labels(r, "labels"),
    };
    Ok(list(client, &path)?.iter().map(request).collect())
}
