//! Trees of kustomizations: a base, components, overlays on top, with every field that changes what is built.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::resources::{self, NAMESPACES, name, scalar};
use super::tape::{Known, Tape};

/// Files by path, and the folder to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) root: String,
}

/// The tree that the choices stand for.
pub(crate) fn tree(numbers: &[u16]) -> Tree {
    let mut tape = Tape::new(numbers);
    let tape = &mut tape;
    let mut tree = Tree { files: BTreeMap::new(), root: String::new() };
    let mut below = vec![base(tape, &mut tree, "base")];
    if tape.chance(20) {
        below.push(base(tape, &mut tree, "other"));
    }
    if below.len() == 1 && tape.chance(15) {
        below = diamond(tape, &mut tree, &below[0]);
    }
    let component = tape.chance(25).then(|| component(tape, &mut tree));
    for level in 0..tape.below(3) {
        let dir = format!("overlay{level}");
        let mut text = String::new();
        list(&mut text, "resources", &below.iter().map(|dir| format!("../{dir}")).collect::<Vec<_>>());
        if let (Some(component), true) = (&component, level == 0) {
            list(&mut text, "components", &[format!("../{component}")]);
        }
        fields(tape, &mut tree, &dir, &mut text);
        tree.files.insert(format!("{dir}/kustomization.yaml"), text);
        below = vec![dir];
    }
    tree.root = below.swap_remove(0);
    tree
}

/// Two overlays of one base, whose names they keep apart.
fn diamond(tape: &mut Tape<'_>, tree: &mut Tree, base: &str) -> Vec<String> {
    let mut sides = Vec::new();
    for (dir, apart) in
        [("left", "namePrefix: left-\n"), ("right", tape.one(&["nameSuffix: -right\n", "namespace: right\n", "namePrefix: r-\n"]))]
    {
        let mut text = format!("{apart}resources: [../{base}]\n");
        if tape.chance(40) {
            generators(tape, tree, dir, &mut text);
        }
        if tape.chance(30) {
            patches(tape, tree, dir, &mut text);
        }
        if tape.chance(20) {
            labels(tape, &mut text);
        }
        tree.files.insert(format!("{dir}/kustomization.yaml"), text);
        sides.push(dir.to_owned());
    }
    sides
}

/// What people's editors leave in files: comments, other line ends, marks at the begin, blanks at the ends of lines.
fn dressed(tape: &mut Tape<'_>, text: String) -> String {
    if !tape.chance(25) {
        return text;
    }
    match tape.below(8) {
        0 => text.replace('\n', "\r\n"),
        1 => format!("\u{FEFF}{text}"),
        2 => format!("# what this is\n---\n{text}"),
        3 => format!("---\n# what this is\n\n{text}\n---\n"),
        4 => format!("{text}...\n"),
        5 => text.replacen("metadata:\n", "metadata: # who it is\n  # its name\n", 1),
        6 => text.replacen("metadata:\n", "metadata:\t\n", 1).replacen("  name: ", "  name:   ", 1),
        _ => text.replacen("\n", " # first\n# second\n", 1) + "# last\n",
    }
}

fn list(text: &mut String, field: &str, items: &[String]) {
    let _ = writeln!(text, "{field}:");
    for item in items {
        let _ = writeln!(text, "- {item}");
    }
}

fn base(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str) -> String {
    let mut files = Vec::new();
    for at in 0..=tape.below(3) {
        let mut text = resources::resource(tape);
        if !text.contains("kind: List") && tape.chance(30) {
            let more = resources::resource(tape);
            if !more.contains("kind: List") {
                text = format!("{text}---\n{more}");
            }
        }
        let text = dressed(tape, text);
        tree.files.insert(format!("{dir}/r{at}.yaml"), text);
        files.push(format!("r{at}.yaml"));
    }
    let mut text = String::new();
    if tape.chance(30) {
        text += "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
    }
    list(&mut text, "resources", &files);
    fields(tape, tree, dir, &mut text);
    tree.files.insert(format!("{dir}/kustomization.yaml"), text);
    dir.to_owned()
}

fn component(tape: &mut Tape<'_>, tree: &mut Tree) -> String {
    let mut text = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n".to_owned();
    if tape.chance(40) {
        tree.files.insert("component/r.yaml".to_owned(), resources::resource(tape));
        list(&mut text, "resources", &["r.yaml".to_owned()]);
    }
    fields(tape, tree, "component", &mut text);
    tree.files.insert("component/kustomization.yaml".to_owned(), text);
    "component".to_owned()
}

fn fields(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str, text: &mut String) {
    simple(tape, text);
    if tape.chance(20) {
        labels(tape, text);
    }
    if tape.chance(15) {
        images(tape, text);
    }
    if tape.chance(10) {
        let scalable = tape.known.iter().find(|known| matches!(known.kind.as_str(), "Deployment" | "StatefulSet")).map(|known| known.name);
        if let Some(name) = scalable {
            let _ = write!(text, "replicas:\n- name: {name}\n  count: {}\n", tape.below(9));
        }
    }
    if tape.chance(30) {
        generators(tape, tree, dir, text);
    }
    if tape.chance(35) {
        patches(tape, tree, dir, text);
    }
    if tape.chance(20) {
        replacements(tape, text);
    }
    if tape.chance(8) {
        variables(tape, text);
    }
    if tape.chance(8) {
        configurations(tape, tree, dir, text);
    }
    if tape.chance(6) {
        transformers(tape, tree, dir, text);
    }
    if tape.chance(8) {
        let legacy = "legacy, legacySortOptions: {orderFirst: [Service, Deployment], orderLast: [ConfigMap]}";
        let _ = writeln!(text, "sortOptions: {{order: {}}}", tape.one(&["legacy", "fifo", legacy]));
    }
    if tape.chance(6) {
        tree.files.insert(format!("{dir}/schema.json"), SCHEMA.to_owned());
        *text += "openapi: {path: schema.json}\n";
    }
    if tape.chance(5) {
        let _ = writeln!(
            text,
            "buildMetadata: [{}]",
            tape.one(&["managedByLabel", "originAnnotations", "transformerAnnotations", "originAnnotations, transformerAnnotations"])
        );
    }
}

/// A custom kind whose items are merged by name.
const SCHEMA: &str = r##"{"definitions": {
  "com.example.v1.Foo": {"type": "object", "properties": {"spec": {"$ref": "#/definitions/com.example.v1.FooSpec"}},
    "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Foo"}]},
  "com.example.v1.FooSpec": {"type": "object", "properties": {
    "items": {"type": "array", "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge",
      "items": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}},
    "ref": {"type": "object", "properties": {"name": {"type": "string"}}}}}}}
"##;

fn simple(tape: &mut Tape<'_>, text: &mut String) {
    if tape.chance(25) {
        let _ = writeln!(text, "namePrefix: {}", tape.one(&["pre-", "a-", "\"\"", "x"]));
    }
    if tape.chance(15) {
        let _ = writeln!(text, "nameSuffix: {}", tape.one(&["-suf", "-v1", "\"1\""]));
    }
    if tape.chance(25) {
        let _ = writeln!(text, "namespace: {}", tape.one(&["prod", "default", "other"]));
    }
    if tape.chance(15) {
        let _ = write!(text, "commonLabels:\n  app: {}\n", tape.one(&["mine", "\"1\"", "\"yes\""]));
        if tape.chance(40) {
            *text += "  team: \"42\"\n";
        }
    }
    if tape.chance(15) {
        let _ = write!(text, "commonAnnotations:\n  note: {}\n", tape.one(&["x", "\"1\"", "\"true\""]));
    }
}

fn labels(tape: &mut Tape<'_>, text: &mut String) {
    *text += "labels:\n";
    for at in 0..=tape.below(2) {
        let _ = write!(text, "- pairs:\n    l{at}: {}\n", tape.one(&["v", "\"2\"", "\"off\""]));
        match tape.below(5) {
            0 => *text += "  includeSelectors: true\n",
            1 => *text += "  includeTemplates: true\n",
            2 => *text += "  fields:\n  - path: spec/ref/labels\n    create: true\n    kind: Foo\n",
            _ => {}
        }
    }
}

fn images(tape: &mut Tape<'_>, text: &mut String) {
    *text += "images:\n";
    for _ in 0..=tape.below(2) {
        let _ = writeln!(text, "- name: {}", tape.one(&["nginx", "web", "reg.io:5000/a/b", "nginx.*"]));
        if tape.chance(40) {
            let _ = writeln!(text, "  newName: {}", tape.one(&["other/nginx", "reg.io:5000/x"]));
        }
        if tape.chance(60) {
            let _ = writeln!(text, "  newTag: {}", tape.one(&["v2", "\"1\"", "1.8.0", "\"2020-01-01\""]));
        } else if tape.chance(40) {
            *text += "  digest: sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3\n";
        }
        if tape.chance(10) {
            *text += "  tagSuffix: -x\n";
        }
    }
}

fn generators(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str, text: &mut String) {
    if tape.chance(25) {
        *text += "generatorOptions:\n";
        let _ = writeln!(text, "  disableNameSuffixHash: {}", tape.one(&["true", "false"]));
        if tape.chance(40) {
            *text += "  labels: {gen: \"1\"}\n";
        }
        if tape.chance(30) {
            *text += "  annotations: {gen: x}\n";
        }
        if tape.chance(20) {
            *text += "  immutable: true\n";
        }
    }
    for field in ["configMapGenerator", "secretGenerator"] {
        if !tape.chance(65) {
            continue;
        }
        let _ = writeln!(text, "{field}:");
        for _ in 0..=tape.below(2) {
            generator(tape, tree, dir, text, field);
        }
    }
}

fn generator(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str, text: &mut String, field: &str) {
    let _ = writeln!(text, "- name: {}", name(tape));
    if tape.chance(25) {
        let _ = writeln!(text, "  behavior: {}", tape.one(&["merge", "replace", "create"]));
    }
    if tape.chance(15) {
        let _ = writeln!(text, "  namespace: {}", tape.one(&["prod", "default"]));
    }
    if field == "secretGenerator" && tape.chance(20) {
        *text += "  type: kubernetes.io/tls\n";
    }
    if tape.chance(60) {
        let _ = write!(text, "  literals:\n  - a={}\n", tape.one(&["1", "x y", "\"q\"", "", "a=b", "true"]));
        if tape.chance(40) {
            *text += "  - 'b=multi word'\n";
        }
    }
    if tape.chance(35) {
        let (file, content) = tape.one(&[
            ("f.txt", "hello\n"),
            ("g.properties", "a=1\nb=2\n"),
            ("bin.dat", "\u{0}\u{1}x"),
            ("w.txt", "trail  \nx\n\ty"),
            ("crlf.txt", "a\r\nb\r\n"),
            ("e.txt", ""),
        ]);
        tree.files.insert(format!("{dir}/{file}"), content.to_owned());
        let _ = writeln!(text, "  files:\n  - {}{file}", tape.one(&["", "key=", "k.e-y="]));
    }
    if tape.chance(20) {
        tree.files.insert(format!("{dir}/x.env"), "A=1\n# comment\n\nB=two words\nC=\"q\"\n".to_owned());
        *text += tape.one(&["  envs: [x.env]\n", "  env: x.env\n"]);
    }
    if tape.chance(15) {
        let _ = writeln!(text, "  options:\n    disableNameSuffixHash: {}\n    labels: {{o: \"1\"}}", tape.one(&["true", "false"]));
    }
}

const KINDS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("apps/v1", "StatefulSet"),
    ("example.com/v1", "Foo"),
    ("batch/v1", "CronJob"),
];

fn patches(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str, text: &mut String) {
    *text += "patches:\n";
    for at in 0..=tape.below(3) {
        let json = tape.chance(30).then(|| tape.known()).flatten();
        let body = match &json {
            Some(known) => json_patch(tape, &known.kind),
            None => merge_patch(tape),
        };
        if tape.chance(50) {
            let file = format!("p{at}.yaml");
            tree.files.insert(format!("{dir}/{file}"), body);
            let _ = writeln!(text, "- path: {file}");
        } else {
            let _ = writeln!(text, "- patch: |-");
            for line in body.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        match &json {
            Some(known) => {
                let _ = write!(text, "  target:\n    kind: {}\n    name: {}\n", known.kind, known.name);
            }
            None if tape.chance(30) => target(tape, text),
            None => {}
        }
        if json.is_none() && tape.chance(10) {
            *text += "  options: {allowNameChange: true}\n";
        }
    }
    if tape.chance(8) {
        let file = "psm.yaml";
        tree.files.insert(format!("{dir}/{file}"), merge_patch(tape));
        let _ = writeln!(text, "patchesStrategicMerge: [{file}]");
    }
    if tape.chance(8)
        && let Some(Known { version, kind, name, .. }) = tape.known()
    {
        tree.files.insert(format!("{dir}/pj.yaml"), json_patch(tape, &kind));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let target = format!("{{group: \"{group}\", version: {version}, kind: {kind}, name: {name}}}");
        let _ = write!(text, "patchesJson6902:\n- path: pj.yaml\n  target: {target}\n");
    }
}

fn target(tape: &mut Tape<'_>, text: &mut String) {
    *text += "  target:\n";
    match tape.below(6) {
        0 | 1 => {
            let _ =
                writeln!(text, "    kind: {}", tape.one(&["Deployment", "Service", "ConfigMap", "Deployment|StatefulSet", "Foo", ".*"]));
        }
        2 => {
            let _ = writeln!(text, "    name: {}", tape.one(&["web", "web.*", ".*", "a.i", "(web|db)"]));
        }
        3 => {
            let _ = writeln!(text, "    labelSelector: \"{}\"", tape.one(&["app=web", "tier in (front)", "!tier", "app!=web,tier", "app"]));
        }
        4 => {
            let _ = writeln!(text, "    annotationSelector: {}", tape.one(&["note=a", "note", "\"!note\""]));
        }
        _ => {
            let _ = writeln!(text, "    group: {}\n    version: v1", tape.one(&["apps", "\"\"", "example.com"]));
        }
    }
    if tape.chance(15) {
        let _ = writeln!(text, "    namespace: {}", tape.one(&["prod", "default", ".*"]));
    }
}

fn merge_patch(tape: &mut Tape<'_>) -> String {
    let target = tape.known().unwrap_or_else(|| {
        let (version, kind) = tape.one(KINDS);
        Known { version: version.to_owned(), kind: kind.to_owned(), name: name(tape), namespace: tape.one(NAMESPACES) }
    });
    let Known { version, kind, name, namespace } = target;
    let kind = kind.as_str();
    let mut text = format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n");
    if !namespace.is_empty() {
        let _ = writeln!(text, "  namespace: {namespace}");
    }
    if tape.chance(20) {
        let _ = write!(text, "  labels:\n    app: {}\n    new: {}\n", tape.one(&["patched", "null", "\"3\""]), tape.one(&["x", "\"1\""]));
    }
    if tape.chance(10) {
        *text_mut(&mut text) += "  finalizers: [z, example.com/a]\n";
    }
    if tape.chance(10) {
        text += "$patch: delete\n";
        return text;
    }
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            text += "spec:\n";
            if tape.chance(40) {
                let _ = writeln!(text, "  replicas: {}", tape.one(&["5", "null", "\"5\""]));
            }
            if tape.chance(15) {
                text += tape.one(&[
                    "  strategy:\n    $patch: replace\n    type: Recreate\n",
                    "  strategy: null\n",
                    "  template: {$patch: delete}\n",
                    "  selector:\n    $patch: merge\n    matchLabels: {x: y}\n",
                ]);
            }
            text += "  template:\n    spec:\n";
            if tape.chance(80) {
                text += "      containers:\n";
                text += &patch_containers(tape);
            } else {
                text += tape.one(&[
                    "      volumes:\n      - name: v\n        $patch: delete\n",
                    "      volumes:\n      - $patch: replace\n      - name: n\n        emptyDir: {}\n",
                    "      nodeSelector: {c: d, a: null}\n",
                    "      tolerations: [{key: a}]\n",
                ]);
            }
        }
        "Service" => {
            text += "spec:\n  ports:\n";
            for _ in 0..=tape.below(3) {
                let _ = writeln!(text, "  - port: {}", tape.one(&[80, 81, 9000]));
                if tape.chance(50) {
                    let _ = writeln!(text, "    protocol: {}", tape.one(&["TCP", "UDP"]));
                }
                if tape.chance(30) {
                    text += "    name: patched\n";
                }
            }
        }
        "ConfigMap" => {
            text += "data:\n";
            for at in 0..=tape.below(4) {
                let _ = writeln!(text, "  k{at}: {}", scalar(tape));
            }
        }
        "CronJob" => {
            text += "spec:\n  suspend: true\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n          - name: web\n            image: patched\n";
        }
        _ => {
            text += tape.one(&[
                "spec:\n  items:\n  - name: b\n    value: patched\n",
                "spec:\n  ref: null\n  new: {a: {b: null}}\n",
                "spec: {$patch: replace, only: this}\n",
                "spec:\n  image: 5\n  replicas: \"3\"\n",
            ]);
        }
    }
    text
}

fn text_mut(text: &mut String) -> &mut String {
    text
}

fn patch_containers(tape: &mut Tape<'_>) -> String {
    let mut text = String::new();
    for _ in 0..=tape.below(3) {
        let container = tape.one(&["web", "side", "new", "third"]);
        match tape.below(6) {
            0 => {
                let _ = writeln!(text, "      - name: {container}\n        $patch: {}", tape.one(&["delete", "replace", "merge"]));
                text += "        image: replaced\n";
            }
            1 if tape.chance(30) => text += "      - $patch: replace\n",
            2 if tape.chance(30) => text += "      - image: nameless\n",
            3 => {
                let _ = writeln!(
                    text,
                    "      - name: {container}\n        env:\n        - name: E0\n          value: {}\n        - name: N\n          value: {}",
                    scalar(tape),
                    scalar(tape)
                );
            }
            _ => text += &resources::container(tape, container, "      "),
        }
    }
    text
}

fn json_patch(tape: &mut Tape<'_>, kind: &str) -> String {
    let mut text = String::new();
    for _ in 0..=tape.below(2) {
        let any = [
            "/metadata/labels",
            "/spec/new",
            "/spec/new",
            "/metadata/name",
            "/metadata/labels/app",
            "/metadata/annotations/example.com~1x",
        ];
        let path = match kind {
            _ if tape.chance(25) => tape.one(&any),
            "Deployment" | "StatefulSet" | "DaemonSet" => tape.one(&[
                "/spec/replicas",
                "/spec/template/spec/containers/0/image",
                "/spec/template/spec/containers/-",
                "/spec/template/spec/containers/-1/image",
                "/spec/template/spec/containers/0",
                "/spec/template/spec/containers/1",
                "/spec/template/metadata/labels/app",
            ]),
            "ConfigMap" => tape.one(&["/data/k0", "/data/k1", "/data/new.key", "/data"]),
            "Service" => tape.one(&["/spec/ports/0/port", "/spec/ports/0", "/spec/ports/-", "/spec/selector/app"]),
            _ => tape.one(&any),
        };
        match tape.below(6) {
            0 => {
                let _ = writeln!(text, "- op: remove\n  path: {path}");
            }
            1 => {
                let _ = writeln!(text, "- op: test\n  path: {path}\n  value: {}", scalar(tape));
            }
            2 => {
                let _ = writeln!(text, "- op: {}\n  from: {path}\n  path: /spec/moved", tape.one(&["copy", "move"]));
            }
            3 => {
                let _ = writeln!(
                    text,
                    "- op: add\n  path: {path}\n  value: {{a: {}, b: [1, x]}}",
                    tape.one(&["1", "1.0", "yes", "\"x\"", "null", "100000000"])
                );
            }
            op => {
                let _ = writeln!(text, "- op: {}\n  path: {path}\n  value: {}", if op == 4 { "add" } else { "replace" }, scalar(tape));
            }
        }
    }
    text
}

const PATHS: &[&str] = &[
    "metadata.name",
    "metadata.labels.app",
    "metadata.annotations.note",
    "metadata.annotations.[example.com/x]",
    "spec.replicas",
    "spec.template.spec.containers.[name=web].image",
    "spec.template.spec.containers.*.image",
    "spec.template.spec.containers.0.env.[name=E0].value",
    "data.k0",
    "data.config\\.json.host",
    "data.config\\.yaml.host",
    "spec.ports.0.port",
    "spec.template.metadata.labels.app",
    "metadata.namespace",
    "spec.ref.name",
    "spec.items.[name=a].value",
    "spec.selector",
    "data.config\\.yaml.port",
    "spec.template.spec.containers.[name=side].args.1",
];

fn path_of(tape: &mut Tape<'_>, kind: &str) -> &'static str {
    let fitting: Vec<&'static str> = PATHS
        .iter()
        .copied()
        .filter(|path| match kind {
            "Deployment" | "StatefulSet" | "DaemonSet" => {
                path.starts_with("spec.template") || *path == "spec.replicas" || *path == "metadata.name"
            }
            "ConfigMap" => path.starts_with("data."),
            "Service" => *path == "spec.ports.0.port" || *path == "spec.selector" || *path == "metadata.name",
            "Foo" | "Rollout" => matches!(*path, "spec.ref.name" | "spec.items.[name=a].value" | "spec.replicas" | "metadata.name"),
            _ => path.starts_with("metadata"),
        })
        .collect();
    if fitting.is_empty() || tape.chance(10) { tape.one(PATHS) } else { tape.one(&fitting) }
}

fn options(tape: &mut Tape<'_>, text: &mut String, pad: &str, target: bool) {
    let mut parts = Vec::new();
    if tape.chance(70) {
        parts.push(format!("delimiter: \"{}\"", tape.one(&[":", "-", ".", "/"])));
    }
    if tape.chance(60) {
        parts.push(format!("index: {}", tape.one(&[0, 1, 2, -1])));
    }
    if target && tape.chance(50) {
        parts.push("create: true".to_owned());
    }
    let _ = writeln!(text, "{pad}options: {{{}}}", parts.join(", "));
}

fn replacements(tape: &mut Tape<'_>, text: &mut String) {
    *text += "replacements:\n";
    for _ in 0..=tape.below(2) {
        if tape.chance(15) {
            let _ = writeln!(text, "- sourceValue: {}", tape.one(&["v", "\"8080\"", "\"true\"", "\"a:b\""]));
        } else {
            let (kind, name) = tape.known().map_or_else(|| ("Service".to_owned(), "web"), |known| (known.kind, known.name));
            let _ = write!(text, "- source:\n    kind: {kind}\n    name: {name}\n");
            if tape.chance(70) {
                let _ = writeln!(text, "    fieldPath: {}", path_of(tape, &kind));
            }
            if tape.chance(20) {
                options(tape, text, "    ", false);
            }
        }
        *text += "  targets:\n";
        for _ in 0..=tape.below(2) {
            let known = tape.known().filter(|_| tape.chance(70));
            let select = known.as_ref().map(|known| format!("{{kind: {}}}", known.kind));
            let others = [
                "{kind: Deployment}",
                "{kind: Service}",
                "{name: web}",
                "{kind: ConfigMap}",
                "{name: web.*}",
                "{labelSelector: app=web}",
                "{namespace: prod}",
            ];
            let select = select.unwrap_or_else(|| tape.one(&others).to_owned());
            let _ = writeln!(text, "  - select: {select}");
            if tape.chance(20) {
                let _ = writeln!(
                    text,
                    "    reject: [{}]",
                    tape.one(&["{name: api}", "{kind: Service}", "{labelSelector: tier}", "{name: web, kind: Deployment}"])
                );
            }
            if tape.chance(90) {
                let path = match &known {
                    Some(known) => path_of(tape, &known.kind),
                    None => tape.one(PATHS),
                };
                let _ = writeln!(text, "    fieldPaths: ['{path}']");
            }
            if tape.chance(35) {
                options(tape, text, "    ", true);
            }
        }
    }
}

fn variables(tape: &mut Tape<'_>, text: &mut String) {
    let Some(Known { version, kind, name, .. }) = tape.known() else { return };
    let _ = write!(text, "vars:\n- name: VAR\n  objref: {{apiVersion: {version}, kind: {kind}, name: {name}}}\n");
    if tape.chance(50) {
        let _ = writeln!(
            text,
            "  fieldref: {{fieldpath: {}}}",
            tape.one(&["metadata.name", "metadata.namespace", "spec.replicas", "data.k0", "spec.ports[0].port"])
        );
    }
}

fn configurations(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str, text: &mut String) {
    let config = match tape.below(6) {
        0 => "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - path: spec/ref/name\n    kind: Foo\n",
        1 => "namePrefix:\n- path: metadata/name\n  apiVersion: example.com/v1\n  kind: Foo\n- path: spec/ref/name\n  kind: Foo\n",
        2 => "commonLabels:\n- path: spec/ref/labels\n  create: true\n  kind: Foo\n",
        3 => "images:\n- path: spec/image\n  kind: Foo\n",
        4 => "replicas:\n- path: spec/replicas\n  create: true\n  kind: Foo\n",
        _ => "varReference:\n- path: spec/ref/name\n  kind: Foo\n",
    };
    tree.files.insert(format!("{dir}/config.yaml"), config.to_owned());
    *text += "configurations: [config.yaml]\n";
}

fn transformers(tape: &mut Tape<'_>, tree: &mut Tree, dir: &str, text: &mut String) {
    let one = match tape.below(5) {
        0 => "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: t}\nprefix: tr-\nfieldSpecs:\n- path: metadata/name\n",
        1 => {
            "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: t}\nlabels: {tl: \"1\"}\nfieldSpecs:\n- path: metadata/labels\n  create: true\n"
        }
        2 => "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: t, namespace: trns}\nunsetOnly: true\n",
        3 => {
            "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: t}\nannotations: {ta: \"1\"}\nfieldSpecs:\n- path: metadata/annotations\n  create: true\n"
        }
        _ => {
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npatch: '[{\"op\": \"add\", \"path\": \"/metadata/pt\", \"value\": 1}]'\ntarget: {kind: Service}\n"
        }
    };
    tree.files.insert(format!("{dir}/t.yaml"), one.to_owned());
    *text += "transformers: [t.yaml]\n";
}
