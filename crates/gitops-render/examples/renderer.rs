//! An engine of one's own: `cargo run -p gitops-render --example renderer`.
//!
//! Reads `hosts.txt`, one name a line, and makes a ConfigMap of each. An Application names it by
//! `source.plugin: {name: hosts, parameters: [{name: zone, string: example.org}]}`; an engine gets it in
//! `Settings::renderers`. What it reads of the tree is noted, so a commit that touches nothing of it renders nothing.

use std::sync::Arc;

use gitops_manifest::Value;
use gitops_render::{
    Context, CustomOptions, EngineChoice, Limits, Renderer, RendererError, RendererOutput, RendererRequest, Source, manifests_from_text,
    render,
};
use gitops_tree::{MemoryTree, Tree, TreePath};

struct Hosts;

impl Renderer for Hosts {
    fn name(&self) -> &str {
        "hosts"
    }

    fn discovers(&self, tree: &dyn Tree, path: &TreePath) -> Result<bool, RendererError> {
        Ok(tree.entry(&path.child("hosts.txt"))?.is_some())
    }

    fn render(&self, request: &RendererRequest<'_>) -> Result<RendererOutput, RendererError> {
        let file = request.path.child("hosts.txt");
        let text = request.tree.read(&file)?.ok_or_else(|| format!("{file}: not there"))?;
        let parameters = request.block.get("parameters").and_then(Value::as_list).unwrap_or_default();
        let zone = parameters.iter().find(|p| p.str_at(&["name"]) == Some("zone")).and_then(|p| p.str_at(&["string"]));
        let zone = zone.unwrap_or("local");
        let mut yaml = String::new();
        for host in std::str::from_utf8(&text)?.lines() {
            yaml += &format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {host}}}\ndata: {{host: {host}.{zone}}}\n");
        }
        let manifests = manifests_from_text(yaml.as_bytes(), file.as_str(), request.limits)?;
        Ok(RendererOutput { manifests, ..RendererOutput::default() })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tree = MemoryTree::new().with("app/hosts.txt", "a\nb\n").with("docs/readme.md", "words");
    let renderers: [Arc<dyn Renderer>; 1] = [Arc::new(Hosts)];
    let limits = Limits::default();
    let context = Context { renderers: &renderers, ..Context::new("web", "web", &limits) };
    let block = gitops_manifest::json::parse(br#"{"name": "hosts", "parameters": [{"name": "zone", "string": "example.org"}]}"#, "block")?;
    let chosen = EngineChoice::Custom(CustomOptions { name: "hosts".to_owned(), block, ..CustomOptions::default() });
    let rendered = render(&tree, &Source { path: TreePath::parse("app")?, engine: chosen }, &context)?;
    for manifest in &rendered.manifests {
        println!("---\n{}", gitops_manifest::yaml::print(manifest.body()));
    }
    assert_eq!(rendered.manifests[1].body().str_at(&["data", "host"]), Some("b.example.org"));
    assert!(rendered.reads.holds_in(&tree.clone().with("docs/readme.md", "other"))?);
    assert!(!rendered.reads.holds_in(&tree.clone().with("app/hosts.txt", "c\n"))?);
    // A source that names no engine is found by its file.
    let found = render(&tree, &Source { path: TreePath::parse("app")?, engine: EngineChoice::Detect }, &context)?;
    assert_eq!((found.engine, found.manifests.len()), ("plugin", 2));
    Ok(())
}
