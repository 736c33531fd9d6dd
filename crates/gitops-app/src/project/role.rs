//! Roles of a project: the lines of their policies, and what is wrong with them. `application.md` §8.1.

use std::collections::BTreeSet;

use super::{AppProject, ProjectRole};

/// What a line may be about.
const RESOURCES: [&str; 6] = ["applications", "applicationsets", "repositories", "clusters", "logs", "exec"];
/// What a line may permit, besides `action/…`, `update/…` and `delete/…`.
const ACTIONS: [&str; 9] = ["get", "create", "update", "delete", "sync", "override", "rollback", "invoke", "*"];

impl AppProject {
    /// Every line that the project's roles add to the access rules.
    pub fn policy_lines(&self) -> Vec<String> {
        let project = &self.metadata.name;
        let mut lines = Vec::new();
        for role in &self.spec.roles {
            let subject = format!("proj:{project}:{}", role.name);
            lines.push(format!("p, {subject}, projects, get, {project}, allow"));
            lines.extend(role.policies.iter().cloned());
            lines.extend(role.groups.iter().map(|group| format!("g, {group}, {subject}")));
        }
        lines
    }

    /// Whether a token is listed: by its id, else by when it was issued.
    pub fn knows_token(&self, role: &str, id: &str, issued_at: i64) -> bool {
        let of_role = self.spec.roles.iter().find(|r| r.name == role);
        let mirrored = self.status.as_ref().and_then(|s| s.jwt_tokens_by_role.get(role)).map_or(&[][..], |t| &t.items);
        let mut tokens = of_role.map_or(&[][..], |r| &r.jwt_tokens).iter().chain(mirrored);
        of_role.is_some() && tokens.any(|t| if id.is_empty() || t.id.is_empty() { t.iat == issued_at } else { t.id == id })
    }
}

pub(super) fn check(project: &str, roles: &[ProjectRole], broken: &mut dyn FnMut(String, String)) {
    let mut names = BTreeSet::new();
    for (i, role) in roles.iter().enumerate() {
        let at = format!("spec.roles[{i}]");
        if !names.insert(&role.name) {
            broken(format!("{at}.name"), format!("role '{}' already exists; give each its own name", role.name));
        }
        if !is_name(&role.name) {
            let rule = "must begin and end with a letter or digit, and hold only those, `-` and `_`";
            broken(format!("{at}.name"), format!("'{}' {rule}", role.name));
        }
        let mut seen = BTreeSet::new();
        for (j, policy) in role.policies.iter().enumerate() {
            let at = format!("{at}.policies[{j}]");
            if !seen.insert(policy) {
                broken(at.clone(), "stands twice; keep one".into());
            }
            if let Err(why) = check_line(project, &role.name, policy) {
                broken(at, format!("invalid policy rule '{policy}': {why}"));
            }
        }
        let mut seen = BTreeSet::new();
        for (j, group) in role.groups.iter().enumerate() {
            let at = format!("{at}.groups[{j}]");
            if !seen.insert(group) {
                broken(at.clone(), "stands twice; keep one".into());
            }
            if group.trim().is_empty() || group.contains(['\n', '\r', '\t']) {
                broken(at, "is empty or holds a line break".into());
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ends(name.chars().next()) && ends(name.chars().next_back()) && name.chars().all(inner)
}

fn check_line(project: &str, role: &str, line: &str) -> Result<(), String> {
    let parts: Vec<&str> = line.split(',').map(str::trim).collect();
    let &[kind, subject, resource, action, object, effect] = parts.as_slice() else {
        return Err("must be of the form: 'p, sub, res, act, obj, eft'".into());
    };
    if kind != "p" {
        return Err("must be of the form: 'p, sub, res, act, obj, eft'".into());
    }
    let wanted = format!("proj:{project}:{role}");
    if subject != wanted {
        return Err(format!("policy subject must be: '{wanted}', not '{subject}'"));
    }
    if !RESOURCES.contains(&resource) {
        return Err(format!("project resource must be one of {}, not '{resource}'", RESOURCES.join(", ")));
    }
    let prefixed = ["action/", "update/", "delete/"].iter().any(|p| action.starts_with(p));
    if !ACTIONS.contains(&action) && !prefixed {
        return Err(format!("invalid action '{action}'; use one of {}, action/…, update/…, delete/…", ACTIONS.join(", ")));
    }
    let within = object.strip_prefix(project).is_some_and(|rest| rest.strip_prefix('/').is_some_and(|rest| !rest.is_empty()));
    if !within {
        return Err(format!("object must be of form '{project}/*', '{project}[/<NAMESPACE>]/<NAME>', not '{object}'"));
    }
    if !matches!(effect, "allow" | "deny") {
        return Err(format!("effect must be: 'allow' or 'deny', not '{effect}'"));
    }
    Ok(())
}
