//! What charts may do wrong, or try: each ends in an error that says where, and soon.
#![expect(clippy::unwrap_used, reason = "tests")]

use gitops_helm::{Chart, Limits, RenderOptions, Values};
use gitops_tree::{MemoryTree, TreePath};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn render(tree: MemoryTree) -> Result<String, String> {
    let chart = Chart::load(&tree.with("Chart.yaml", CHART), &TreePath::root(), &Limits::default()).map_err(|e| e.to_string())?;
    chart.render(&Values::default(), &RenderOptions::new("rel", "ns")).map(|r| r.to_text()).map_err(|e| e.to_string())
}

fn template(text: &str) -> Result<String, String> {
    render(MemoryTree::new().with("templates/a.yaml", text))
}

#[test]
fn templates_without_end_are_stopped() {
    for text in [
        "{{ range until 1000000 }}{{ range until 10000 }}x{{ end }}{{ end }}",
        "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
        "{{ define \"r\" }}{{ tpl \"{{ include \\\"r\\\" . }}\" . }}{{ end }}{{ include \"r\" . }}",
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}{{ fail \"printed nothing\" }}",
    ] {
        let error = template(text).expect_err(text);
        assert!(error.contains("web/templates/a.yaml:1"), "{}", &error[..error.len().min(300)]);
    }
}

#[test]
fn archives_that_are_none() {
    for (bytes, want) in [(&b"PK\x03\x04"[..], "gzip"), (b"\x1F\x8B\x08\x00", "damaged")] {
        let error = Chart::from_archive(bytes, &Limits::default()).expect_err("no archive").to_string();
        assert!(error.contains(want), "{error}");
    }
    let error = render(MemoryTree::new().with("charts/sub.tgz", "text")).unwrap_err();
    assert!(error.starts_with("error unpacking subchart sub.tgz in web: not a gzip"), "{error}");
}

#[test]
fn links_stay_inside() {
    let error = render(MemoryTree::new().with_link("files/x", "../../../etc/passwd")).unwrap_err();
    assert!(error.contains("files/x") && error.contains("leads out"), "{error}");
    let error = render(MemoryTree::new().with_link("a", "b").with_link("b", "a")).unwrap_err();
    assert!(error.contains("in a circle"), "{error}");
    let shared = MemoryTree::new().with("parts/a.yaml", "kind: A\n").with_link("templates", "parts");
    assert_eq!(render(shared).unwrap(), "---\n# Source: web/templates/a.yaml\nkind: A\n");
}

#[test]
fn what_is_too_large_is_refused() {
    let error = render(MemoryTree::new().with("files/big", vec![b'x'; 6 << 20])).unwrap_err();
    assert!(error.contains("larger than the maximum file size"), "{error}");
    let error = Values::from_yaml(&vec![b'#'; 50 << 20], "prod.yaml", Limits::default().max_values_bytes).unwrap_err().to_string();
    assert!(error.contains("prod.yaml: 52428800 bytes is more than the limit of 16777216"), "{error}");
    let mut deep = MemoryTree::new();
    let mut path = String::new();
    for _ in 0..40 {
        path.push_str("charts/web/");
        deep = deep.with(&format!("{path}Chart.yaml"), CHART);
    }
    let error = render(deep).unwrap_err();
    assert!(error.contains("deeper than the limit"), "{error}");
}

#[test]
fn a_sub_chart_shares_its_values_with_its_parent() {
    let tree = MemoryTree::new()
        .with("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n")
        .with("charts/sub/values.yaml", "x: 1\n")
        .with("charts/sub/templates/a.yaml", "{{ $_ := set .Values \"y\" 2 }}a: {{ .Values.y }}\n")
        .with("templates/b.yaml", "b: {{ toJson .Values.sub }}\nc: {{ typeOf .Values.sub }} and {{ typeOf .Values }}\n");
    let text = render(tree).unwrap();
    assert!(text.contains(r#"b: {"global":{},"x":1,"y":2}"#), "{text}");
    assert!(text.contains("c: map[string]interface {} and chartutil.Values"), "{text}");
}

#[test]
fn missing_dependencies_are_named_with_what_fetches_them() {
    let listed =
        "dependencies:\n- {name: redis, version: 1.x.x, repository: \"https://charts.example.org\"}\n- {name: db, version: 2.x.x}\n";
    let chart = Chart::load(&MemoryTree::new().with("Chart.yaml", format!("{CHART}{listed}")), &TreePath::root(), &Limits::default());
    let error = chart.unwrap().render(&Values::default(), &RenderOptions::new("rel", "ns")).unwrap_err().to_string();
    assert!(error.contains("helm dependency build") && error.ends_with("redis, db"), "{error}");
}

#[test]
fn values_that_do_not_fit_name_the_chart_and_the_place() {
    let schema = r#"{"properties": {"replicas": {"type": "integer"}}}"#;
    let tree = MemoryTree::new()
        .with("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n")
        .with("charts/sub/values.yaml", "replicas: many\n")
        .with("charts/sub/values.schema.json", schema);
    let error = render(tree).unwrap_err();
    assert!(error.contains("sub:\n- at '/replicas': got string, want integer"), "{error}");
}

#[test]
fn an_error_in_a_sub_chart_names_chart_template_and_line() {
    let tree = MemoryTree::new()
        .with("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n")
        .with("charts/sub/templates/_l.tpl", "{{ define \"l\" }}\n{{ .Values.none.x }}{{ end }}")
        .with("charts/sub/templates/a.yaml", "a: 1\nb: {{ include \"l\" . }}\n");
    let error = render(tree).unwrap_err();
    for part in ["web/charts/sub/templates/a.yaml:2:", "web/charts/sub/templates/_l.tpl:2:", ".Values.none.x"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_are_printed() {
    let error = render(MemoryTree::new().with("templates/a.yaml", b"kind: A\nx: \"\xFF\"\n")).unwrap_err();
    assert!(error.contains("web/templates/a.yaml") && error.ends_with("invalid leading UTF-8 octet"), "{error}");
    let comment = MemoryTree::new().with("templates/a.yaml", b"{{/* caf\xE9 */}}kind: A\n");
    assert_eq!(render(comment).unwrap(), "---\n# Source: web/templates/a.yaml\nkind: A\n");
    let notes = MemoryTree::new().with("templates/NOTES.txt", b"\xFF").with("templates/a.yaml", "kind: A\n");
    assert!(render(notes).is_ok());
}
