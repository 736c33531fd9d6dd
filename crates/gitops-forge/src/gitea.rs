//! The REST API of Gitea and Forgejo. Lists are asked for page by page until one is not full.

use gitops_appset::{PullRequest, Repository};
use gitops_manifest::Value;

use crate::ask::{Client, encoded, encoded_path, flag, id, labels, number, text};
use crate::{AskError, PullRequestQuery, RepositoryQuery};

/// What Gitea gives at most, unless its administrator says otherwise.
const PAGE: usize = 50;

pub(crate) fn base(api: &str) -> String {
    let api = api.trim_end_matches('/');
    if api.ends_with("/api/v1") { api.to_owned() } else { format!("{api}/api/v1") }
}

/// `path` has a query already, without `page`.
fn list(client: &Client, path: &str) -> Result<Vec<Value>, AskError> {
    let numbered = |page: usize| format!("{path}&limit={PAGE}&page={page}");
    client.list(&numbered(1), Value::as_list, |page, at, found| {
        // A server may have smaller pages than we ask for: the header says whether more comes, where it is there.
        if page.next.is_none() && found < PAGE {
            return Ok(None);
        }
        let now: usize = at.rsplit_once("page=").and_then(|(_, n)| n.parse().ok()).unwrap_or(1);
        Ok((found > 0).then(|| numbered(now + 1)))
    })
}

pub(crate) fn repositories(client: &Client, query: &RepositoryQuery<'_>) -> Result<Vec<Repository>, AskError> {
    let owner = encoded(query.owner);
    let found = match list(client, &format!("/orgs/{owner}/repos?x=")) {
        // A person has repositories as well.
        Err(AskError::NotFound { .. }) => list(client, &format!("/users/{owner}/repos?x=")),
        other => other,
    }?;
    let mut out = Vec::new();
    for found in found {
        if (query.skip_archived && flag(&found, "archived")) || flag(&found, "empty") {
            continue;
        }
        let name = text(&found, &["name"]);
        let topics = match found.get("topics") {
            Some(_) => labels(&found, "topics"),
            // Older servers do not list them with the repository.
            None => client.find(&format!("/repos/{owner}/{}/topics", encoded(&name)))?.map(|t| labels(&t, "topics")).unwrap_or_default(),
        };
        let repository = Repository {
            organization: query.owner.to_owned(),
            repository: name,
            id: id(&found, "id"),
            url: text(&found, &[if query.https { "clone_url" } else { "ssh_url" }]),
            branch: text(&found, &["default_branch"]),
            sha: String::new(),
            labels: topics,
        };
        branches(client, query, repository, &mut out)?;
    }
    Ok(out)
}

fn branches(client: &Client, query: &RepositoryQuery<'_>, of: Repository, out: &mut Vec<Repository>) -> Result<(), AskError> {
    let path = format!("/repos/{}/{}/branches", encoded(&of.organization), encoded(&of.repository));
    let found = if query.all_branches {
        list(client, &format!("{path}?x="))?
    } else {
        client.find(&format!("{path}/{}", encoded_path(&of.branch)))?.into_iter().collect()
    };
    out.extend(found.iter().map(|b| Repository { branch: text(b, &["name"]), sha: text(b, &["commit", "id"]), ..of.clone() }));
    Ok(())
}

pub(crate) fn has_path(client: &Client, of: &Repository, path: &str) -> Result<bool, AskError> {
    let (owner, name, branch) = (encoded(&of.organization), encoded(&of.repository), encoded(&of.branch));
    client.exists(&format!("/repos/{owner}/{name}/contents/{}?ref={branch}", encoded_path(path)))
}

pub(crate) fn pull_requests(client: &Client, query: &PullRequestQuery<'_>) -> Result<Vec<PullRequest>, AskError> {
    let path = format!("/repos/{}/{}/pulls?state=open", encoded(query.owner), encoded(query.repository));
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
