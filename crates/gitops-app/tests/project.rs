//! Projects: what they permit, what they refuse and why, and what is wrong with one.

use gitops_app::{AppProject, Application, Destination};
use gitops_manifest::{Location, Manifest, ObjectId, yaml};

fn manifest(text: &str) -> Manifest {
    let parsed = yaml::parse(text.as_bytes(), "p.yaml", &yaml::ParseOptions::default()).expect("YAML");
    let document = parsed.documents.into_iter().next().expect("a document");
    Manifest::from_value(document.value, Location::file("p.yaml")).expect("a manifest")
}

fn project(spec: &str) -> AppProject {
    let indented = spec.replace('\n', "\n  ");
    let text = format!("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata:\n  name: team\nspec:\n  {indented}\n");
    AppProject::from_manifest(&manifest(&text)).expect("a project")
}

fn problems(spec: &str) -> Vec<String> {
    let indented = spec.replace('\n', "\n  ");
    let text = format!("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata:\n  name: team\nspec:\n  {indented}\n");
    let error = AppProject::from_manifest(&manifest(&text)).expect_err("wrong");
    error.problems().iter().map(ToString::to_string).collect()
}

fn app(namespace: &str, url: &str) -> Application {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: shop\n  namespace: {namespace}\nspec:\n  project: team\n  \
         destination: {{name: prod, namespace: shop}}\n  source: {{repoURL: '{url}', path: p}}\n"
    );
    Application::from_manifest(&manifest(&text)).expect("an application")
}

fn prod() -> Destination {
    Destination { server: "https://prod".into(), name: "prod".into(), namespace: "shop".into() }
}

fn refused(project: &AppProject, app: &Application) -> Vec<String> {
    project.permits_application(app, &prod(), "argocd", &[]).iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_project_refuses_everything_at_once() {
    let found = refused(&project("{}"), &app("elsewhere", "https://git.example/shop.git"));
    assert_eq!(
        found,
        [
            "application 'shop' in namespace 'elsewhere' is not permitted to use project 'team': add the namespace to the project's \
             spec.sourceNamespaces",
            "application repo https://git.example/shop.git is not permitted in project 'team': add it to the project's spec.sourceRepos, \
             or take the `!` entry away that refuses it",
            "application destination server 'https://prod' and namespace 'shop' do not match any of the allowed destinations in project \
             'team': add them to the project's spec.destinations",
        ]
    );
}

#[test]
fn the_permissive_project_permits_everything() {
    let project = AppProject::permissive("default", "argocd");
    assert_eq!(refused(&project, &app("argocd", "git@github.com:a/b.git")), Vec::<String>::new());
    for object in [ObjectId::new("apps", "Deployment", "x", "a"), ObjectId::new("", "Namespace", "", "x")] {
        assert_eq!(project.permits_object(&object, &prod(), &[]), Ok(()));
    }
    let read = AppProject::from_manifest(&Manifest::from_value(project.to_value(), Location::file("d.yaml")).expect("a manifest"));
    assert_eq!(read.as_ref(), Ok(&project));
}

#[test]
fn kinds_by_their_lists() {
    const ANY: &str = "destinations: [{server: '*', namespace: 'shop*'}]";
    let deployment = ObjectId::new("apps", "Deployment", "shop", "a");
    let quota = ObjectId::new("", "ResourceQuota", "shop", "a");
    let namespace = ObjectId::new("", "Namespace", "", "shop-1");
    for (spec, object, refusal) in [
        ("", &deployment, None),
        ("namespaceResourceWhitelist: []", &deployment, Some("add it to the project's spec.namespaceResourceWhitelist")),
        ("namespaceResourceWhitelist: [{group: 'ap*', kind: '*'}]", &deployment, None),
        (
            "namespaceResourceWhitelist: [{group: 'ap*', kind: '*'}]",
            &quota,
            Some("resource :ResourceQuota is not permitted in project team"),
        ),
        (
            "namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]",
            &quota,
            Some("take it off the project's spec.namespaceResourceBlacklist"),
        ),
        ("namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]", &deployment, None),
        ("", &namespace, Some("add it to the project's spec.clusterResourceWhitelist")),
        ("clusterResourceWhitelist: [{group: '*', kind: Namespace}]", &namespace, None),
        ("clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'shop-*'}]", &namespace, None),
        ("clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'team-*'}]", &namespace, Some("spec.clusterResourceWhitelist")),
        (
            "clusterResourceWhitelist: [{group: '*', kind: '*'}]\nclusterResourceBlacklist: [{group: '', kind: Namespace}]",
            &namespace,
            Some("take it off the project's spec.clusterResourceBlacklist"),
        ),
        ("", &ObjectId::new("apps", "Deployment", "kube-system", "a"), Some("namespace kube-system is not permitted in project 'team'")),
    ] {
        let result = project(&format!("{ANY}\n{spec}")).permits_object(object, &prod(), &[]);
        match (refusal, result) {
            (None, Ok(())) => {}
            (Some(part), Err(refused)) => assert!(refused.to_string().contains(part), "{refused}"),
            (wanted, found) => panic!("{spec} {object}: {wanted:?}, {found:?}"),
        }
    }
}

#[test]
fn namespaces_of_applications() {
    let project =
        project("sourceRepos: ['*']\nsourceNamespaces: ['team-*', '/^ops-[0-9]+$/']\ndestinations: [{name: prod, namespace: '*'}]");
    for (namespace, permitted) in [("argocd", true), ("team-a", true), ("ops-1", true), ("ops-x", false), ("default", false)] {
        assert_eq!(refused(&project, &app(namespace, "u")).is_empty(), permitted, "{namespace}");
    }
}

#[test]
fn only_clusters_of_the_project() {
    let project = project("sourceRepos: ['*']\ndestinations: [{server: '*', namespace: '*'}]\npermitOnlyProjectScopedClusters: true");
    let found = refused(&project, &app("argocd", "u"));
    assert!(found[0].contains("set `project: team` on the cluster"), "{found:?}");
    assert!(project.permits_application(&app("argocd", "u"), &prod(), "argocd", &[prod()]).is_empty());
    assert!(project.permits_object(&ObjectId::new("", "Secret", "x", "y"), &prod(), &[]).is_err());
}

#[test]
fn a_project_that_demands_signatures_refuses() {
    const ALL: &str = "sourceRepos: ['*']\ndestinations: [{server: '*', namespace: '*'}]\n";
    let url = "https://git.example/shop.git";
    for (rule, refused_by) in [
        ("signatureKeys: [{keyID: '4AEE18F83AFDEB23'}]", Some("spec.signatureKeys")),
        (
            "sourceIntegrity: {git: {policies: [{repos: [{url: 'https://git.example/*'}], gpg: {mode: strict, keys: [A]}}]}}",
            Some("spec.sourceIntegrity"),
        ),
        ("sourceIntegrity: {git: {policies: [{repos: [{url: 'https://git.example/*'}], gpg: {mode: none, keys: []}}]}}", None),
        ("sourceIntegrity: {git: {policies: [{repos: [{url: 'https://other/*'}], gpg: {mode: head, keys: [A]}}]}}", None),
    ] {
        let found = refused(&project(&format!("{ALL}{rule}")), &app("argocd", url));
        match refused_by {
            Some(field) => {
                assert!(found[0].starts_with("project 'team' demands signed commits") && found[0].contains(field), "{found:?}");
            }
            None => assert_eq!(found, Vec::<String>::new(), "{rule}"),
        }
    }
}

#[test]
fn orphans() {
    let none = project("{}");
    let some = project("orphanedResources:\n  warn: true\n  ignore: [{kind: Secret, name: 'tls-*'}, {group: 'apps', kind: '*'}]");
    let orphan = |p: &AppProject, group: &str, kind: &str, namespace: &str, name: &str| {
        p.reports_orphan(&ObjectId::new(group, kind, namespace, name))
    };
    assert!(!orphan(&none, "", "Secret", "x", "a") && !none.warns_of_orphans());
    assert!(orphan(&some, "", "Secret", "x", "a") && some.warns_of_orphans());
    for (group, kind, namespace, name) in [
        ("", "Secret", "x", "tls-a"),
        ("apps", "Deployment", "x", "a"),
        ("", "Service", "default", "kubernetes"),
        ("", "ServiceAccount", "x", "default"),
        ("", "ConfigMap", "x", "kube-root-ca.crt"),
    ] {
        assert!(!orphan(&some, group, kind, namespace, name), "{kind} {name}");
    }
    assert!(orphan(&some, "", "Service", "x", "kubernetes"));
}

#[test]
fn roles_and_their_lines() {
    let text = "roles:\n- name: ci\n  groups: [devs]\n  policies:\n  - p, proj:team:ci, applications, sync, team/*, allow\n  jwtTokens: [{iat: 7, id: x}]";
    let project = project(text);
    assert_eq!(
        project.policy_lines(),
        ["p, proj:team:ci, projects, get, team, allow", "p, proj:team:ci, applications, sync, team/*, allow", "g, devs, proj:team:ci",]
    );
    assert!(project.knows_token("ci", "x", 0) && project.knows_token("ci", "", 7));
    assert!(!project.knows_token("ci", "y", 7) && !project.knows_token("other", "x", 7));
    for (line, reason) in [
        ("g, a, b", "must be of the form"),
        ("p, proj:other:ci, applications, get, team/*, allow", "policy subject must be: 'proj:team:ci', not 'proj:other:ci'"),
        ("p, proj:team:ci, accounts, get, team/*, allow", "project resource must be one of"),
        ("p, proj:team:ci, applications, dance, team/*, allow", "invalid action 'dance'"),
        ("p, proj:team:ci, applications, get, other/*, allow", "object must be of form 'team/*'"),
        ("p, proj:team:ci, applications, get, team/*, maybe", "effect must be: 'allow' or 'deny', not 'maybe'"),
    ] {
        let found = problems(&format!("roles:\n- name: ci\n  policies: ['{line}']"));
        assert!(found.len() == 1 && found[0].starts_with("spec.roles[0].policies[0]: ") && found[0].contains(reason), "{found:?}");
    }
    for line in ["action/apps/Deployment/restart", "update/*", "delete/*/Pod/*", "rollback"] {
        let _ = project_with_line(line);
    }
}

fn project_with_line(action: &str) -> AppProject {
    project(&format!("roles:\n- name: ci\n  policies: ['p, proj:team:ci, applications, {action}, team/ns/app, deny']"))
}

#[test]
fn what_is_wrong_with_a_project() {
    assert_eq!(
        problems(
            "sourceRepos: ['!*', a, a]\ndestinations: [{server: x, namespace: '!*'}, {server: x, namespace: '!*'}]\n\
             roles: [{name: '-x'}, {name: '-x'}]\nsyncWindows: [{kind: deny, schedule: '60 * * * *', duration: 1h}]\n\
             destinationServiceAccounts: [{server: '!a', defaultServiceAccount: 'x:y:z'}]"
        ),
        [
            "spec.destinations[0].namespace: `!*` refuses everything; name what is refused",
            "spec.destinations[1].namespace: `!*` refuses everything; name what is refused",
            "spec.destinations[1]: destination 'x/!*' already added; keep one",
            "spec.sourceRepos[0]: `!*` refuses everything; name what is refused",
            "spec.sourceRepos[2]: source repository 'a' already added; keep one",
            "spec.destinationServiceAccounts[0]: cannot be negated; list what it applies to",
            "spec.destinationServiceAccounts[0].defaultServiceAccount: must be `name` or `namespace:name`, without patterns",
            "spec.roles[0].name: '-x' must begin and end with a letter or digit, and hold only those, `-` and `_`",
            "spec.roles[1].name: role '-x' already exists; give each its own name",
            "spec.roles[1].name: '-x' must begin and end with a letter or digit, and hold only those, `-` and `_`",
            "spec.syncWindows[0].schedule: `60 * * * *` is not a cron schedule: minute: 60 is above the maximum of 59: 60",
            "spec.syncWindows[0]: selects nothing: set one of `applications`, `namespaces`, `clusters`",
        ]
    );
    assert_eq!(
        problems("sourceRepo: []\nroles: [{}]"),
        ["spec.roles[0].name: missing, but required", "spec.sourceRepo: unknown field, did you mean `sourceRepos`?",]
    );
}

#[test]
fn global_projects_add_to_a_project() {
    let base = project("sourceRepos: [a]\nnamespaceResourceWhitelist: []");
    let global =
        project("sourceRepos: [b]\ndestinations: [{server: '*', namespace: '*'}]\nnamespaceResourceWhitelist: [{group: apps, kind: '*'}]");
    let merged = base.with_global([&global]);
    assert_eq!(merged.spec.source_repos, ["a", "b"]);
    assert_eq!(merged.spec.destinations.len(), 1);
    assert_eq!(merged.permits_object(&ObjectId::new("apps", "Deployment", "x", "y"), &prod(), &[]), Ok(()));
}

#[test]
fn the_forms_of_this_engine() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n  project: ''\n  destination: {name: x}\n  \
                source: {repoURL: u, path: p}\n  health: [{group: argoproj.io, kind: Rollout, check: 'return {}'}]\n  syncPolicy:\n    \
                syncWindows: [{kind: allow, schedule: '0 2 * * *', duration: 2h, applications: ['*'], manualSync: true}]\n";
    let app = Application::from_manifest(&manifest(text)).expect("accepted");
    assert_eq!(app.spec.health[0].kind, "Rollout");
    assert!(app.spec.sync_windows()[0].manual_sync);
    let wrong = text.replace("0 2 * * *", "often").replace("return {}", " ");
    let error = Application::from_manifest(&manifest(&wrong)).expect_err("wrong").to_string();
    assert!(error.contains("spec.health[0]: needs `kind` and a script in `check`"), "{error}");
    assert!(error.contains("spec.syncPolicy.syncWindows[0].schedule: `often` is not a cron schedule"), "{error}");
}
