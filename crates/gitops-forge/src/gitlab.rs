//! GitLab's REST API. Lists go on by the header `Link`.

use gitops_appset::{PullRequest, Repository};
use gitops_manifest::Value;

use crate::ask::{Client, encoded, flag, id, labels, number, text};
use crate::{AskError, PullRequestQuery, RepositoryQuery};

pub(crate) fn base(api: &str) -> String {
    let api = api.trim_end_matches('/');
    match api {
        "" => "https://gitlab.com/api/v4".to_owned(),
        _ if api.ends_with("/api/v4") => api.to_owned(),
        _ => format!("{api}/api/v4"),
    }
}

fn list(client: &Client, path: &str) -> Result<Vec<Value>, AskError> {
    client.list(path, Value::as_list, |page, _, _| client.linked(page))
}

pub(crate) fn repositories(client: &Client, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
    let mut path = format!(
        "/groups/{}/projects?per_page=100&include_subgroups={}&with_shared={}",
        encoded(query.owner),
        query.subgroups,
        query.shared
    );
    if !query.topic.is_empty() {
        path += &format!("&topic={}", encoded(query.topic));
    }
    if query.skip_archived {
        path += "&archived=false";
    }
    let mut out = Vec::new();
    for found in list(client, &path)? {
        let topics = labels(&found, "topics");
        let repository = Repository {
            organization: text(&found, &["namespace", "full_path"]),
            repository: text(&found, &["path"]),
            id: id(&found, "id"),
            url: text(&found, &[if query.https { "http_url_to_repo" } else { "ssh_url_to_repo" }]),
            branch: text(&found, &["default_branch"]),
            sha: String::new(),
            labels: if topics.is_empty() { labels(&found, "tag_list") } else { topics },
        };
        // A repository without a commit has no default branch.
        if !flag(&found, "empty_repo") && (query.all_branches || !repository.branch.is_empty()) {
            branches(client, query, repository, &mut out)?;
        }
    }
    Ok(out)
}

fn branches(client: &Client, query: &RepositoryQuery<'_>, of: Repository, out: &mut Vec<Repository>) -> Result<(), AskError> {
    let path = format!("/projects/{}/repository/branches", encoded(&of.id));
    let found = if query.all_branches {
        list(client, &format!("{path}?per_page=100"))?
    } else {
        client.find(&format!("{path}/{}", encoded(&of.branch)))?.into_iter().collect()
    };
    out.extend(found.iter().map(|b| Repository { branch: text(b, &["name"]), sha: text(b, &["commit", "id"]), ..of.clone() }));
    Ok(())
}

pub(crate) fn has_path(client: &Client, of: &Repository, path: &str) -> Result<bool, AskError> {
    let (id, path, branch) = (encoded(&of.id), encoded(path), encoded(&of.branch));
    if client.exists(&format!("/projects/{id}/repository/files/{path}?ref={branch}"))? {
        return Ok(true);
    }
    // Directories are known by what lies in them.
    let below = client.find(&format!("/projects/{id}/repository/tree?path={path}&ref={branch}&per_page=1"))?;
    Ok(below.is_some_and(|v| v.as_list().is_some_and(|l| !l.is_empty())))
}

pub(crate) fn pull_requests(client: &Client, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
    let mut path = format!("/projects/{}/merge_requests?per_page=100", encoded(query.repository));
    if !query.state.is_empty() {
        path += &format!("&state={}", encoded(query.state));
    }
    if !query.labels.is_empty() {
        path += &format!("&labels={}", encoded(&query.labels.join(",")));
    }
    let request = |r: &Value| PullRequest {
        number: number(r, "iid"),
        title: text(r, &["title"]),
        branch: text(r, &["source_branch"]),
        target_branch: text(r, &["target_branch"]),
        head_sha: text(r, &["sha"]),
        author: text(r, &["author", "username"]),
        labels: labels(r, "labels"),
    };
    Ok(list(client, &path)?.iter().map(request).collect())
}
