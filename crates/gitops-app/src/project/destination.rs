//! Whether a project permits a target, and which account applies there.

use super::{AppProject, DestinationServiceAccount};
use crate::glob::{GlobSyntax, glob_match};
use crate::spec::Destination;

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(denied) => !glob_match(denied, GlobSyntax::Plain, text),
        None => glob_match(pattern, GlobSyntax::Plain, text),
    }
}

/// Whether the list permits `to`, whose address and name are both known (an unknown one is empty).
pub(super) fn permits(list: &[Destination], to: &Destination) -> bool {
    let mut permitted = false;
    for item in list {
        let name = !to.name.is_empty() && matches(&item.name, &to.name);
        let server = !to.server.is_empty() && matches(&item.server, &to.server);
        let namespace = matches(&item.namespace, &to.namespace);
        let denies = |pattern: &str, matched: bool| pattern.starts_with('!') && !matched;
        // A target without a name does not match `!x` either: what cannot be told apart is refused.
        if denies(&item.name, name) || (denies(&item.server, server) && namespace) || (denies(&item.namespace, namespace) && server) {
            return false;
        }
        permitted |= (server || name) && namespace;
    }
    permitted
}

impl AppProject {
    /// The account that applies at `to`: `system:serviceaccount:<namespace>:<name>`. The first entry that matches counts; none
    /// matches means that nobody may.
    pub fn service_account(&self, to: &Destination, application_namespace: &str) -> Option<String> {
        let matching = |a: &&DestinationServiceAccount| {
            glob_match(&a.server, GlobSyntax::Plain, &to.server) && glob_match(&a.namespace, GlobSyntax::Plain, &to.namespace)
        };
        let account = &self.spec.destination_service_accounts.iter().find(matching)?.default_service_account;
        let namespace = if to.namespace.is_empty() { application_namespace } else { &to.namespace };
        Some(match account.split_once(':') {
            Some(_) => format!("system:serviceaccount:{account}"),
            None => format!("system:serviceaccount:{namespace}:{account}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::AppProjectSpec;

    fn to(server: &str, name: &str, namespace: &str) -> Destination {
        Destination { server: server.into(), name: name.into(), namespace: namespace.into() }
    }

    #[test]
    fn each_rule_of_negation() {
        const IN: &str = "https://kubernetes.default.svc";
        for (list, target, permitted, why) in [
            (vec![], to(IN, "in-cluster", "a"), false, "an empty list permits nothing"),
            (vec![to("*", "", "*")], to(IN, "", "a"), true, "any"),
            (vec![to(IN, "", "team-*")], to(IN, "", "team-a"), true, "a glob"),
            (vec![to(IN, "", "team-*")], to(IN, "", "other"), false, "another namespace"),
            (vec![to("", "prod", "*")], to("https://prod", "prod", "x"), true, "by name"),
            (vec![to("", "*", "*")], to("https://prod", "", "x"), false, "no name to match"),
            (vec![to("*", "", "*"), to("*", "", "!kube-system")], to(IN, "", "kube-system"), false, "a denied namespace"),
            (vec![to("*", "", "!kube-system")], to(IN, "", "a"), true, "all other namespaces"),
            (vec![to("*", "", "*"), to("https://b", "", "!kube-system")], to(IN, "", "kube-system"), true, "denied on another server"),
            (vec![to("*", "", "*"), to("!https://b", "", "*")], to("https://b", "", "a"), false, "a denied server"),
            (vec![to("*", "", "*"), to("!https://b", "", "x")], to("https://b", "", "a"), true, "a denied server in another namespace"),
            (vec![to("*", "", "*"), to("", "!b", "*")], to("https://b", "b", "a"), false, "a denied name"),
            (vec![to("*", "", "*"), to("", "!b", "*")], to("https://c", "", "a"), false, "a name that is not known"),
            (vec![to("*", "", "*"), to("", "!b", "*")], to("https://c", "c", "a"), true, "another name"),
        ] {
            assert_eq!(permits(&list, &target), permitted, "{why}");
        }
    }

    #[test]
    fn the_first_account_that_matches_applies() {
        let account = |server: &str, namespace: &str, name: &str| DestinationServiceAccount {
            server: server.into(),
            namespace: namespace.into(),
            default_service_account: name.into(),
        };
        let spec = AppProjectSpec {
            destination_service_accounts: vec![account("https://a", "team-*", "deploy"), account("*", "*", "ops:deployer")],
            ..AppProjectSpec::default()
        };
        let project = AppProject { spec, ..AppProject::default() };
        let at = |server, namespace| project.service_account(&to(server, "", namespace), "argocd");
        assert_eq!(at("https://a", "team-x").as_deref(), Some("system:serviceaccount:team-x:deploy"));
        assert_eq!(at("https://b", "team-x").as_deref(), Some("system:serviceaccount:ops:deployer"));
        assert_eq!(AppProject::default().service_account(&to("https://a", "", "x"), "argocd"), None);
    }
}
