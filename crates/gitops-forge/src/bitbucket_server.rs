//! The REST API of Bitbucket Server and Data Center. A page says whether it is the last, and where the next begins.

use gitops_appset::{PullRequest, Repository};
use gitops_manifest::Value;

use crate::ask::{Client, encoded, encoded_path, flag, id, number, text};
use crate::bitbucket::clone_url;
use crate::{AskError, PullRequestQuery, RepositoryQuery};

pub(crate) fn base(api: &str) -> String {
    let api = api.trim_end_matches('/').trim_end_matches("/rest");
    if api.ends_with("/rest/api/1.0") { api.to_owned() } else { format!("{api}/rest/api/1.0") }
}

fn values(page: &Value) -> Option<&[Value]> {
    page.get("values")?.as_list()
}

/// `path` has a query already, without `start`.
fn list(client: &Client, path: &str) -> Result<Vec<Value>, AskError> {
    client.list(path, values, |page, _, _| {
        if flag(&page.body, "isLastPage") {
            return Ok(None);
        }
        let next = page.body.get("nextPageStart").and_then(Value::as_i64);
        let next = next.ok_or_else(|| client.unreadable(path, "a page is not the last, and does not say where the next begins"))?;
        Ok(Some(format!("{path}&start={next}")))
    })
}

pub(crate) fn repositories(client: &Client, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
    let mut out = Vec::new();
    for found in list(client, &format!("/projects/{}/repos?limit=100", encoded(query.owner)))? {
        let repository = Repository {
            organization: query.owner.to_owned(),
            repository: text(&found, &["slug"]),
            id: id(&found, "id"),
            url: clone_url(&found, if query.https { "http" } else { "ssh" }),
            branch: String::new(),
            sha: String::new(),
            labels: Vec::new(),
        };
        branches(client, query, repository, &mut out)?;
    }
    Ok(out)
}

fn branches(client: &Client, query: &RepositoryQuery<'_>, of: Repository, out: &mut Vec<Repository>) -> Result<(), AskError> {
    let path = format!("/projects/{}/repos/{}/branches", encoded(&of.organization), encoded(&of.repository));
    let found = if query.all_branches {
        list(client, &format!("{path}?limit=100"))?
    } else {
        client.find(&format!("{path}/default"))?.into_iter().collect()
    };
    out.extend(found.iter().map(|b| Repository { branch: text(b, &["displayId"]), sha: text(b, &["latestCommit"]), ..of.clone() }));
    Ok(())
}

pub(crate) fn has_path(client: &Client, of: &Repository, path: &str) -> Result<bool, AskError> {
    let (owner, name, branch) = (encoded(&of.organization), encoded(&of.repository), encoded(&of.branch));
    client.exists(&format!("/projects/{owner}/repos/{name}/browse/{}?at={branch}&type=true", encoded_path(path)))
}

pub(crate) fn pull_requests(client: &Client, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
    let path = format!("/projects/{}/repos/{}/pull-requests?state=OPEN&limit=100", encoded(query.owner), encoded(query.repository));
    let request = |r: &Value| PullRequest {
        number: number(r, "id"),
        title: text(r, &["title"]),
        branch: text(r, &["fromRef", "displayId"]),
        target_branch: text(r, &["toRef", "displayId"]),
        head_sha: text(r, &["fromRef", "latestCommit"]),
        author: text(r, &["author", "user", "name"]),
        labels: Vec::new(),
    };
    Ok(list(client, &path)?.iter().map(request).collect())
}
