//! A world whose answers stand in a case, and a stand-in for Go's templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_appset::{Cluster, Decisions, Forge, GoTemplate, GoTemplateError, PluginRequest, PullRequest, Repository, World, WorldError};
use gitops_manifest::{Map, Number, Value};
use gitops_tree::{MemoryTree, Tree};

/// `clusters`, `configMaps`, `decisions`, `plugin`, `repositories` and `pullRequests` (by kind of forge), `paths`
/// (`repository/branch/path`), `down` (who does not answer), and the files of every repository.
pub(crate) struct Answers {
    pub(crate) data: Value,
    pub(crate) files: MemoryTree,
}

fn text(value: &Value, key: &str) -> String {
    value.str_at(&[key]).unwrap_or_default().to_owned()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_list).unwrap_or(&[]);
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn map(value: &Value, key: &str) -> BTreeMap<String, String> {
    let map = value.get(key).and_then(Value::as_map);
    map.into_iter().flat_map(Map::iter).map(|(k, v)| (k.as_str().to_owned(), v.as_str().unwrap_or("").to_owned())).collect()
}

impl Answers {
    fn list(&self, path: &[&str]) -> Vec<Value> {
        self.data.at(path).and_then(Value::as_list).unwrap_or(&[]).to_vec()
    }

    fn up(&self, who: &str) -> Result<(), WorldError> {
        if texts(&self.data, "down").iter().any(|d| d == who) {
            return Err(WorldError::Unavailable { what: who.to_owned(), reason: "connection refused".into() });
        }
        Ok(())
    }
}

impl World for Answers {
    fn clusters(&self) -> Result<Vec<Cluster>, WorldError> {
        self.up("clusters")?;
        let cluster = |c: &Value| Cluster {
            name: text(c, "name"),
            server: text(c, "server"),
            project: text(c, "project"),
            labels: map(c, "labels"),
            annotations: map(c, "annotations"),
        };
        Ok(self.list(&["clusters"]).iter().map(cluster).collect())
    }

    fn tree(&self, repository: &str, revision: &str, project: Option<&str>) -> Result<Arc<dyn Tree>, WorldError> {
        self.up("git")?;
        if project.is_some_and(|p| p == "signed") {
            let reason = "project 'signed' demands signed commits".to_owned();
            return Err(WorldError::Refused { what: format!("{repository} at {revision}"), reason });
        }
        Ok(Arc::new(self.files.clone()))
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, WorldError> {
        let maps = self.data.get("configMaps").cloned().unwrap_or_default();
        match maps.get(name) {
            Some(_) => Ok(map(&maps, name)),
            None => Err(WorldError::NotFound { what: format!("ConfigMap {name}") }),
        }
    }

    fn decisions(&self, which: Decisions<'_>) -> Result<Vec<Value>, WorldError> {
        self.up("decisions")?;
        assert_eq!((which.group, which.version, which.plural), ("mallard.io", "v1beta1", "ducks"));
        Ok(self.list(&["decisions"]))
    }

    fn plugin(&self, request: PluginRequest<'_>) -> Result<Vec<Map>, WorldError> {
        self.up("plugin")?;
        assert_eq!(request.set, "set");
        Ok(self.list(&["plugin", request.config_map]).iter().filter_map(Value::as_map).cloned().collect())
    }

    fn repositories(&self, forge: Forge<'_>) -> Result<Vec<Repository>, WorldError> {
        self.up(forge.kind)?;
        let protocol = if forge.clone_protocol.is_empty() { "ssh" } else { forge.clone_protocol };
        let repository = |r: &Value| Repository {
            organization: "org".into(),
            repository: text(r, "repository"),
            id: text(r, "id"),
            url: format!("{protocol}://forge/org/{}.git", text(r, "repository")),
            branch: text(r, "branch"),
            sha: text(r, "sha"),
            labels: texts(r, "labels"),
        };
        Ok(self.list(&["repositories", forge.kind]).iter().map(repository).collect())
    }

    fn has_path(&self, forge: Forge<'_>, repository: &Repository, path: &str) -> Result<bool, WorldError> {
        self.up(forge.kind)?;
        let wanted = format!("{}/{}/{path}", repository.repository, repository.branch);
        Ok(texts(&self.data, "paths").contains(&wanted))
    }

    fn pull_requests(&self, forge: Forge<'_>) -> Result<Vec<PullRequest>, WorldError> {
        self.up(forge.kind)?;
        if self.data.at(&["pullRequests", forge.kind]).is_none() {
            return Err(WorldError::NotFound { what: "repository org/shop".into() });
        }
        let request = |r: &Value| PullRequest {
            number: r.get("number").and_then(Value::as_i64).unwrap_or(0),
            title: text(r, "title"),
            branch: text(r, "branch"),
            target_branch: text(r, "target"),
            head_sha: text(r, "sha"),
            author: text(r, "author"),
            labels: texts(r, "labels"),
        };
        Ok(self.list(&["pullRequests", forge.kind]).iter().map(request).collect())
    }
}

/// Understands `{{ .a.b }}` and nothing else: enough to show which texts are rendered with what.
pub(crate) struct Paths;

impl GoTemplate for Paths {
    fn render(&self, template: &str, params: &Map, options: &[String]) -> Result<String, GoTemplateError> {
        let strict = options.iter().any(|o| o == "missingkey=error");
        let (mut out, mut rest) = (String::new(), template);
        while let Some((before, tail)) = rest.split_once("{{") {
            let (tag, after) = tail.split_once("}}").ok_or_else(|| GoTemplateError("unclosed action".into()))?;
            let path = tag.trim().strip_prefix('.').ok_or_else(|| GoTemplateError(format!("function \"{}\" not defined", tag.trim())))?;
            let root = Value::Map(params.clone());
            let found = root.at(&path.split('.').collect::<Vec<_>>()).cloned();
            out.push_str(before);
            match found {
                Some(Value::String(text)) => out.push_str(text.as_str()),
                Some(Value::Number(Number::Float(f))) => out.push_str(&f.to_string()),
                Some(other) => out.push_str(&gitops_manifest::json::print(&other)),
                None if strict => return Err(GoTemplateError(format!("map has no entry for key \"{path}\""))),
                None => out.push_str("<no value>"),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}
