//! What a set changes of the applications there are: policies, what is preserved, owners, guards.
#![expect(clippy::unwrap_used, reason = "tests")]

use gitops_app::{Application, ApplicationSet, ApplicationsSync};
use gitops_appset::{Changes, DeletionLimit, Guard, Nowhere, Settings, changes, expand};
use gitops_manifest::yaml::{self, ParseOptions};
use gitops_manifest::{Location, Manifest, Value};

fn manifest(text: &str) -> Manifest {
    let body: Value = yaml::parse(text.as_bytes(), "t.yaml", &ParseOptions::default()).unwrap().documents.remove(0).value;
    Manifest::from_value(body, Location::file("t.yaml")).unwrap()
}

/// A set of the named applications; `rest` is more of its spec, `annotations` of its metadata.
fn set(names: &[&str], rest: &str, annotations: &str) -> ApplicationSet {
    let elements: Vec<String> = names.iter().map(|n| format!("{{name: {n}}}")).collect();
    ApplicationSet::from_manifest(&manifest(&format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: set, namespace: argocd, uid: u-1, annotations: {{{annotations}}}}}\n\
         spec:\n  generators: [{{list: {{elements: [{}]}}}}]\n  template:\n    metadata: {{name: '{{{{name}}}}', labels: {{from: set}}}}\n    \
         spec: {{project: default, destination: {{name: x}}, source: {{repoURL: u, path: '{{{{name}}}}', targetRevision: main}}}}\n{rest}",
        elements.join(", ")
    )))
    .unwrap()
}

/// Live applications of the set, as it makes them.
fn live(names: &[&str]) -> Vec<Application> {
    let set = set(names, "", "");
    changes(&set, &expand(&set, &Nowhere, &Settings::default()).unwrap(), &[], ApplicationsSync::Sync, None).create
}

fn run(set: &ApplicationSet, live: &[Application], policy: ApplicationsSync) -> Changes {
    changes(set, &expand(set, &Nowhere, &Settings::default()).unwrap(), live, policy, None)
}

fn names(applications: &[Application]) -> Vec<&str> {
    applications.iter().map(|a| a.metadata.name.as_str()).collect()
}

#[test]
fn each_policy() {
    let mut there = live(&["a", "gone"]);
    there[0].spec.source.as_mut().unwrap().target_revision = "old".into();
    for (policy, update, delete) in [
        (ApplicationsSync::Sync, vec!["a"], vec!["gone"]),
        (ApplicationsSync::CreateUpdate, vec!["a"], vec![]),
        (ApplicationsSync::CreateDelete, vec![], vec!["gone"]),
        (ApplicationsSync::CreateOnly, vec![], vec![]),
    ] {
        let found = run(&set(&["b", "a"], "", ""), &there, policy);
        assert_eq!(names(&found.create), ["b"], "{policy:?}");
        assert_eq!(names(&found.update), update, "{policy:?}");
        assert_eq!(found.delete, delete, "{policy:?}");
        assert_eq!(found.guard, None);
    }
    for (text, policy) in [("sync", Some(ApplicationsSync::Sync)), ("create-only", Some(ApplicationsSync::CreateOnly)), ("all", None)] {
        assert_eq!(ApplicationsSync::parse(text), policy);
    }
}

#[test]
fn nothing_is_written_when_nothing_differs() {
    assert_eq!(run(&set(&["a", "b"], "", ""), &live(&["a", "b"]), ApplicationsSync::Sync), Changes::default());
}

#[test]
fn what_others_write_stays() {
    let mut there = live(&["a"]);
    let metadata = &mut there[0].metadata;
    for (key, value) in [
        ("notified.notifications.argoproj.io", "{}"),
        ("argocd.argoproj.io/refresh", "hard"),
        ("argocd.argoproj.io/hydrate", "normal"),
        ("mine", "1"),
        ("other", "2"),
    ] {
        metadata.annotations.insert(key.into(), value.into());
    }
    metadata.labels.insert("keep".into(), "1".into());
    metadata.labels.insert("drop".into(), "1".into());
    metadata.finalizers.push("post-delete-finalizer.argocd.argoproj.io/cleanup".into());
    metadata.finalizers.push("someone.example/else".into());
    let set = set(&["a"], "  preservedFields: {annotations: [mine], labels: [keep]}\n", "");
    let found = run(&set, &there, ApplicationsSync::Sync);
    let metadata = &found.update[0].metadata;
    let keys: Vec<&str> = metadata.annotations.keys().map(String::as_str).collect();
    assert_eq!(keys, ["argocd.argoproj.io/hydrate", "argocd.argoproj.io/refresh", "mine", "notified.notifications.argoproj.io"]);
    assert_eq!(metadata.labels.keys().map(String::as_str).collect::<Vec<_>>(), ["from", "keep"]);
    assert_eq!(metadata.finalizers, ["resources-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io/cleanup"]);
    // Once it is so, nothing is written again.
    assert_eq!(run(&set, &found.update, ApplicationsSync::Sync), Changes::default());
}

#[test]
fn ignored_differences_stay() {
    let mut there = live(&["a"]);
    there[0].spec.source.as_mut().unwrap().target_revision = "pinned".into();
    for rule in [
        "{jsonPointers: [/spec/source/targetRevision]}",
        "{jqPathExpressions: [.spec.source.targetRevision]}",
        "{name: a, jqPathExpressions: ['.spec[\"source\"].\"targetRevision\"']}",
    ] {
        let set = set(&["a"], &format!("  ignoreApplicationDifferences: [{rule}]\n"), "");
        assert_eq!(run(&set, &there, ApplicationsSync::Sync), Changes::default(), "{rule}");
        let mut moved = there.clone();
        moved[0].spec.source.as_mut().unwrap().path = "elsewhere".into();
        let found = run(&set, &moved, ApplicationsSync::Sync);
        let source = found.update[0].spec.source.as_ref().unwrap();
        assert_eq!((source.path.as_str(), source.target_revision.as_str()), ("a", "pinned"), "{rule}");
    }
    let other = set(&["a"], "  ignoreApplicationDifferences: [{name: b, jsonPointers: [/spec/source/targetRevision]}]\n", "");
    assert_eq!(run(&other, &there, ApplicationsSync::Sync).update.len(), 1);
    let unknown = set(&["a"], "  ignoreApplicationDifferences: [{jqPathExpressions: ['.spec | keys']}]\n", "");
    let found = run(&unknown, &there, ApplicationsSync::Sync);
    assert!(found.update.is_empty() && found.problems[0].reason.contains("jq path `.spec | keys` is not understood here"));
}

#[test]
fn two_sets_and_one_name() {
    let mut there = live(&["a", "free"]);
    there[0].metadata.other.insert(
        "ownerReferences".into(),
        serde_json::json!([{"kind": "ApplicationSet", "name": "other", "uid": "u-2", "controller": true}]),
    );
    there[1].metadata.other.remove("ownerReferences");
    let found = run(&set(&["a", "free"], "", ""), &there, ApplicationsSync::Sync);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(
        found.problems[0].reason,
        "application a is owned by ApplicationSet other: give the applications of one of them other names"
    );
    assert_eq!(names(&found.update), ["free"], "what nobody owns is taken over");
    // And what another set owns is not ours to delete.
    assert_eq!(run(&set(&["free"], "", ""), &there, ApplicationsSync::Sync).delete, Vec::<String>::new());
}

#[test]
fn a_mistake_deletes_nothing() {
    let there = live(&["a", "b"]);
    let wrong = set(&["a", "b"], "  templatePatch: '{\"spec\": {\"source\": {\"path\": \"/abs\"}}}'\n", "");
    let found = run(&wrong, &there, ApplicationsSync::Sync);
    assert_eq!((found.delete.len(), found.held.len(), found.problems.len()), (0, 0, 2));
}

#[test]
fn a_set_that_comes_to_nothing_keeps_what_there_is() {
    let there = live(&["a", "b"]);
    let found = run(&set(&[], "", ""), &there, ApplicationsSync::Sync);
    assert_eq!(found.guard, Some(Guard::Empty { set: "set".into(), live: 2 }));
    assert_eq!((found.held.len(), found.delete.len()), (2, 0));
    let text = found.guard.unwrap().to_string();
    assert!(text.contains("annotate it with gitops.dev/allow-empty: \"true\""), "{text}");
    let found = run(&set(&[], "", "gitops.dev/allow-empty: 'true'"), &there, ApplicationsSync::Sync);
    assert_eq!((found.guard, found.delete), (None, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(run(&set(&[], "", ""), &[], ApplicationsSync::Sync), Changes::default());
    assert_eq!(run(&set(&[], "", ""), &there, ApplicationsSync::CreateUpdate).guard, None);
}

#[test]
fn pull_requests_may_all_be_closed() {
    let mut ended = set(&[], "", "");
    ended.spec.generators = vec![serde_json::json!({"pullRequest": {"github": {"owner": "o", "repo": "r"}}})];
    let found = changes(&ended, &gitops_appset::Expansion::default(), &live(&["a"]), ApplicationsSync::Sync, None);
    assert_eq!((found.guard, found.delete), (None, vec!["a".to_owned()]));
}

#[test]
fn no_more_than_the_limit_go_at_once() {
    let there = live(&["a", "b", "c", "d"]);
    for (limit, wanted, blocked) in [
        ("'1'", &["a", "b", "c"][..], false),
        ("'1'", &["a", "b"], true),
        ("'50%'", &["a", "b"], false),
        ("'50%'", &["a"], true),
        ("'1%'", &["a", "b", "c"], false),
        ("'0%'", &["a", "b", "c"], true),
        ("lots", &["a", "b", "c"], true),
    ] {
        let found = run(&set(wanted, "", &format!("gitops.dev/deletion-limit: {limit}")), &there, ApplicationsSync::Sync);
        assert_eq!(found.guard.is_some(), blocked, "{limit} {wanted:?}");
        assert_eq!(found.delete.is_empty(), blocked, "{limit} {wanted:?}");
    }
    // A set that renames everything: what is new is made, what is old stays until somebody says so.
    let renamed = set(&["u", "v", "w", "x"], "", "");
    let expansion = expand(&renamed, &Nowhere, &Settings::default()).unwrap();
    let found = changes(&renamed, &expansion, &there, ApplicationsSync::Sync, Some(DeletionLimit::Count(3)));
    assert_eq!((found.create.len(), found.held.len()), (4, 4));
    assert!(found.guard.unwrap().to_string().contains("would delete 4 of 4 applications, more than 3"));
    assert_eq!(DeletionLimit::parse("200%"), None);
}
