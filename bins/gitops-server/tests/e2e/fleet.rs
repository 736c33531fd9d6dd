//! Projects, windows, stops, plans, sets and an app of apps, through the command line.

use crate::support::command_line::gitops;
use crate::support::repository::{Repository, config_map};
use crate::support::server::Place;
use crate::support::wait::{holds, until};

const PROJECT: &str = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop, namespace: argocd}\nspec:\n  \
                       sourceRepos: ['*']\n  destinations: [{name: platform, namespace: shop-*}, {name: in-cluster, namespace: '*'}]\n";

fn set(url: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: shops, namespace: argocd}}\nspec:\n  goTemplate: true\n  \
         generators: [{{git: {{repoURL: {url}, revision: main, directories: [{{path: shops/*}}]}}}}]\n  template:\n    \
         metadata: {{name: 'shop-{{{{ .path.basename }}}}'}}\n    spec:\n      project: shop\n      \
         source: {{repoURL: {url}, targetRevision: main, path: '{{{{ .path.path }}}}'}}\n      \
         destination: {{name: platform, namespace: 'shop-{{{{ .path.basename }}}}'}}\n      syncPolicy: {{automated: {{prune: true}}}}\n"
    )
}

#[test]
fn a_fleet_by_the_command_line() {
    let (repository, place) = (Repository::new(), Place::new());
    for name in ["eu", "us"] {
        repository.write(&format!("shops/{name}/settings.yaml"), &config_map("settings", "greeting", "hello"));
    }
    repository.write("root/shop.yaml", PROJECT);
    repository.write("root/shops.yaml", &set(&repository.url()));
    let root = repository.application("root", "", "  syncPolicy: {automated: {prune: true}}\n");
    repository.write("applications/root.yaml", &root.replace("name: platform", "name: in-cluster"));
    repository.write("manual/settings.yaml", &config_map("settings", "greeting", "hello"));
    repository.write("applications/manual.yaml", &repository.application("manual", "", ""));
    let revision = repository.push("first");
    let server = place.start(&repository, "", "");
    server.wait_synced("root", &revision);
    until("the shops", || {
        let found = gitops(&server, &["app", "list", "-p", "shop", "-o", "name"]).good();
        holds(found == "shop-eu\nshop-us\n", || found.clone())
    });
    server.wait_synced("shop-eu", &revision);
    let sets = gitops(&server, &["appset", "list"]).good();
    assert!(sets.contains("shops  git         2"), "{sets}");
    let shown = gitops(&server, &["appset", "get", "shops"]).good();
    assert!(shown.contains("ResourcesUpToDate=True") && shown.contains("shop-us"), "{shown}");
    assert_eq!(gitops(&server, &["appset", "preview", "shops"]).code, 0);
    let next = place.file("next.yaml");
    std::fs::write(&next, set(&repository.url()).replace("shops/*", "shops/e*")).unwrap();
    let preview = gitops(&server, &["appset", "preview", "-f", next.to_str().unwrap()]);
    assert_eq!(preview.code, 1);
    assert!(preview.out.contains("delete  shop-us") && preview.out.contains("-  greeting: hello"), "{}", preview.out);
    let refused = gitops(&server, &["appset", "create", "-f", next.to_str().unwrap(), "--upsert"]);
    assert!(refused.code == 20 && refused.err.contains("declared in Application root"), "{}", refused.err);

    let project = gitops(&server, &["proj", "get", "shop"]).good();
    assert!(project.contains("platform,shop-*"), "{project}");
    let refused = gitops(&server, &["proj", "delete", "shop"]);
    assert!(refused.code == 20 && refused.err.contains("declared in Application root"), "{}", refused.err);
    gitops(&server, &["proj", "create", "small", "-s", "https://nowhere.example.com/*", "-d", "platform,x"]).good();
    assert!(gitops(&server, &["proj", "list", "-o", "name"]).good().contains("default\nshop\nsmall\n"));

    let stopped = gitops(&server, &["stop", "manual"]);
    assert!(stopped.code == 20 && stopped.err.contains("needs a `reason`"), "{}", stopped.err);
    gitops(&server, &["stop", "manual", "--reason", "a test"]).good();
    assert!(gitops(&server, &["stop"]).good().contains("application manual  anonymous"));
    let held = gitops(&server, &["app", "sync", "manual"]);
    assert!(held.code == 20 && held.err.contains("cannot sync: emergency stop of application manual by anonymous"), "{}", held.err);
    assert!(gitops(&server, &["app", "get", "manual"]).good().contains("Sync Denied: emergency stop"));
    let plan = gitops(&server, &["app", "sync", "manual", "--plan"]).good();
    let hash = plan.lines().find_map(|l| l.strip_prefix("hash ")).unwrap().to_owned();
    assert!(plan.contains("create") && plan.contains("+  greeting: hello"), "{plan}");
    gitops(&server, &["resume", "manual"]).good();
    let other = gitops(&server, &["app", "sync", "manual", "--expect", "0123456789"]);
    assert!(other.code == 20 && other.err.contains("is not what was expected"), "{}", other.err);
    gitops(&server, &["app", "sync", "manual", "--expect", &hash[..12]]).good();
    server.wait_synced("manual", &revision);
    // One directory leaves git: the set lets its application go.
    repository.remove("shops/us/settings.yaml");
    repository.push("one shop less");
    gitops(&server, &["app", "get", "shop-eu", "--refresh"]).good();
    until("one shop", || {
        let found = gitops(&server, &["app", "list", "-p", "shop", "-o", "name"]).good();
        holds(found == "shop-eu\n", || found.clone())
    });
    assert!(
        !place.live("shop-us").exists() || std::fs::read_dir(place.live("shop-us/core/ConfigMap")).map_or(true, |mut d| d.next().is_none())
    );
}
