//! Resources that a base may hold: the kinds that kustomize knows something about, and some that it does not.

use super::tape::{Known, Tape};

/// Names are few, so that they meet.
pub(crate) const NAMES: &[&str] = &["web", "api", "db", "my-web", "web-2"];
/// Namespaces too.
pub(crate) const NAMESPACES: &[&str] = &["", "prod", "default", "test-1"];
/// Scalars as people write them, the doubtful ones above all.
pub(crate) const SCALARS: &[&str] = &[
    "plain",
    "\"quoted\"",
    "'single'",
    "8080",
    "\"8080\"",
    "1.50",
    "1e3",
    "0x1F",
    "010",
    "0o7",
    "yes",
    "\"yes\"",
    "on",
    "true",
    "null",
    "~",
    "",
    "\"\"",
    "2020-01-01",
    "\"2020-01-01\"",
    "1_000",
    "12345678901",
    "-1",
    "+1",
    ".5",
    "1.0",
    "a: b",
    "'a: b'",
    "\"with \\\"quotes\\\"\"",
    "a#b",
    "\"a #b\"",
    "*",
    "\"*\"",
    "/path/to",
    "\"{}\"",
    "\"[]\"",
    "a,b",
    "é",
    "\"\\t\"",
    "\"line\\nline\\n\"",
    "1:30",
    "0b1",
    "Inf",
    "~x",
    "=",
    "\"-\"",
];

/// One of the scalars; `*` alone and `a: b` are no YAML where they stand, and are left out.
pub(crate) fn scalar(tape: &mut Tape<'_>) -> &'static str {
    match tape.one(SCALARS) {
        "*" | "a: b" => "plain",
        other => other,
    }
}

/// A name.
pub(crate) fn name(tape: &mut Tape<'_>) -> &'static str {
    tape.one(NAMES)
}

fn metadata(tape: &mut Tape<'_>, name: &str, namespaced: bool) -> String {
    let mut text = format!("metadata:\n  name: {name}\n");
    tape.namespace = "";
    if namespaced && tape.chance(15) {
        tape.namespace = tape.one(&["prod", "default", "test-1"]);
        text += &format!("  namespace: {}\n", tape.namespace);
    }
    if tape.chance(35) {
        text += &format!("  labels:\n    app: {name}\n    tier: {}\n", tape.one(&["front", "back", "\"1\"", "'yes'"]));
    }
    if tape.chance(20) {
        text += &format!("  annotations:\n    note: {}\n    example.com/x: \"{}\"\n", tape.one(&["a", "\"1\"", "'true'"]), tape.below(9));
    }
    if tape.chance(8) {
        text += "  finalizers: [example.com/a, \"b\"]\n";
    }
    text
}

/// A container's lines, indented by `pad`.
pub(crate) fn container(tape: &mut Tape<'_>, name: &str, pad: &str) -> String {
    let image = tape.one(&[
        "nginx",
        "nginx:1.7.9",
        "nginx@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3",
        "reg.io:5000/a/b:v1",
        "web",
    ]);
    let mut text = format!("{pad}- name: {name}\n{pad}  image: {image}\n");
    if tape.chance(40) {
        text += &format!("{pad}  env:\n");
        for at in 0..=tape.below(3) {
            text += &format!("{pad}  - name: E{at}\n{pad}    value: {}\n", scalar(tape));
        }
        if tape.chance(50) {
            let (kind, target) = (tape.one(&["configMapKeyRef", "secretKeyRef"]), self::name(tape));
            text +=
                &format!("{pad}  - name: REF\n{pad}    valueFrom:\n{pad}      {kind}:\n{pad}        name: {target}\n{pad}        key: k\n");
        }
    }
    if tape.chance(30) {
        text +=
            &format!("{pad}  envFrom:\n{pad}  - {}:\n{pad}      name: {}\n", tape.one(&["configMapRef", "secretRef"]), self::name(tape));
    }
    if tape.chance(40) {
        text += &format!("{pad}  ports:\n");
        for at in 0..=tape.below(3) {
            text += &format!("{pad}  - containerPort: {}\n", tape.one(&[80, 81, 443]));
            if tape.chance(40) {
                text += &format!("{pad}    protocol: {}\n", tape.one(&["TCP", "UDP"]));
            }
            if tape.chance(30) {
                text += &format!("{pad}    name: p{at}\n");
            }
        }
    }
    if tape.chance(25) {
        text += &format!("{pad}  args: [\"--a\", $(VAR), {}]\n", tape.one(&["x", "\"1\"", "2"]));
    }
    if tape.chance(20) {
        text += &format!("{pad}  volumeMounts:\n{pad}  - name: v\n{pad}    mountPath: /{}\n", tape.one(&["a", "b"]));
    }
    if tape.chance(15) {
        text += &format!("{pad}  resources: {{limits: {{cpu: {}, memory: 1Gi}}}}\n", tape.one(&["1", "\"1\"", "100m", "0.5"]));
    }
    text
}

fn pod_spec(tape: &mut Tape<'_>, pad: &str) -> String {
    let mut text = format!("{pad}containers:\n");
    for name in ["web", "side", "third"].iter().take(1 + tape.below(3)) {
        text += &container(tape, name, pad);
    }
    if tape.chance(15) {
        text += &format!("{pad}initContainers:\n{}", container(tape, "init", pad));
    }
    if tape.chance(30) {
        text += &format!("{pad}volumes:\n");
        for volume in ["v", "w"].iter().take(1 + tape.below(2)) {
            let source = match tape.below(5) {
                0 => "emptyDir: {}".to_owned(),
                1 => format!("configMap:\n{pad}    name: {}", name(tape)),
                2 => format!("secret:\n{pad}    secretName: {}", name(tape)),
                3 => format!("persistentVolumeClaim:\n{pad}    claimName: {}", name(tape)),
                _ => format!("projected:\n{pad}    sources:\n{pad}    - configMap:\n{pad}        name: {}", name(tape)),
            };
            text += &format!("{pad}- name: {volume}\n{pad}  {source}\n");
        }
    }
    if tape.chance(25) {
        text += &format!("{pad}serviceAccountName: {}\n", name(tape));
    }
    if tape.chance(10) {
        text += &format!("{pad}imagePullSecrets: [{{name: {}}}]\n", name(tape));
    }
    if tape.chance(10) {
        text += &format!("{pad}nodeSelector:\n{pad}  a: \n{pad}  b: null\n{pad}  c: {}\n", tape.one(&["x", "\"1\""]));
    }
    if tape.chance(10) {
        text += &format!(
            "{pad}topologySpreadConstraints:\n{pad}- maxSkew: 1\n{pad}  topologyKey: zone\n{pad}  whenUnsatisfiable: DoNotSchedule\n"
        );
    }
    if tape.chance(10) {
        text += &format!(
            "{pad}affinity:\n{pad}  podAntiAffinity:\n{pad}    requiredDuringSchedulingIgnoredDuringExecution:\n{pad}    - topologyKey: h\n{pad}      labelSelector:\n{pad}        matchLabels: {{app: web}}\n"
        );
    }
    text
}

fn workload(tape: &mut Tape<'_>, kind: &str, version: &str, name: &str) -> String {
    let mut text = format!("apiVersion: {version}\nkind: {kind}\n{}spec:\n", metadata(tape, name, true));
    if kind != "DaemonSet" && tape.chance(70) {
        text += &format!("  replicas: {}\n", tape.below(4));
    }
    if kind == "StatefulSet" && tape.chance(60) {
        text += &format!("  serviceName: {}\n", self::name(tape));
    }
    if tape.chance(70) {
        text += &format!("  selector:\n    matchLabels:\n      app: {name}\n");
    }
    text += "  template:\n";
    if tape.chance(80) {
        text += &format!("    metadata:\n      labels:\n        app: {name}\n");
    }
    text += &format!("    spec:\n{}", pod_spec(tape, "      "));
    if kind == "StatefulSet" && tape.chance(30) {
        text += "  volumeClaimTemplates:\n  - metadata:\n      name: data\n    spec:\n      resources: {requests: {storage: 1Gi}}\n";
    }
    text
}

/// A resource's text; no second one of a kind and name, mostly.
pub(crate) fn resource(tape: &mut Tape<'_>) -> String {
    let first = name(tape);
    let text = one_resource(tape, first);
    let field = |text: &str, field: &str| text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default().to_owned();
    let (version, kind) = (field(&text, "apiVersion: "), field(&text, "kind: "));
    let mut found = Known { version, kind, name: first, namespace: tape.namespace };
    let is_taken = |tape: &Tape<'_>, found: &Known| tape.known.iter().any(|known| known.kind == found.kind && known.name == found.name);
    let mut text = text;
    if is_taken(tape, &found)
        && let Some(other) = NAMES.iter().find(|name| !is_taken(tape, &Known { name, ..found.clone() }))
    {
        text = text.replacen(&format!("  name: {first}\n"), &format!("  name: {other}\n"), 1);
        found.name = other;
    }
    if found.kind != "List" {
        tape.known.push(found);
    }
    text
}

fn one_resource(tape: &mut Tape<'_>, name: &str) -> String {
    match tape.below(21) {
        0..=3 => {
            let version = tape.one(&["apps/v1", "apps/v1", "apps/v1", "apps/v1beta2", "extensions/v1beta1"]);
            workload(tape, "Deployment", version, name)
        }
        4 => workload(tape, "StatefulSet", "apps/v1", name),
        5 => workload(tape, "DaemonSet", "apps/v1", name),
        6 | 7 => service(tape, name),
        8 => config_map(tape, name),
        9 => {
            let data = tape.one(&["data:\n  a: YQ==\n", "stringData:\n  a: b\n", "type: Opaque\ndata: {}\n"]);
            format!("apiVersion: v1\nkind: Secret\n{}{data}", metadata(tape, name, true))
        }
        10 => format!("apiVersion: v1\nkind: ServiceAccount\n{}secrets: [{{name: {}}}]\n", metadata(tape, name, true), self::name(tape)),
        11 => binding(tape, name),
        12 => {
            let (kind, namespaced) = tape.one(&[("Role", true), ("ClusterRole", false)]);
            let names = self::name(tape);
            format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n{}rules:\n- apiGroups: [\"\"]\n  resources: [secrets, configmaps]\n  resourceNames: [{names}]\n  verbs: [get]\n",
                metadata(tape, name, namespaced)
            )
        }
        13 => cron_job(tape, name),
        14 => ingress(tape, name),
        15 => format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n{}spec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: {}\n    name: {}\n  maxReplicas: 3\n",
            metadata(tape, name, true),
            tape.one(&["Deployment", "StatefulSet"]),
            self::name(tape)
        ),
        16 => format!("apiVersion: v1\nkind: {}\n{}", tape.one(&["Namespace", "PersistentVolume"]), metadata(tape, name, false)),
        17 => format!(
            "apiVersion: example.com/v1\nkind: {}\n{}spec:\n  ref:\n    name: {}\n  image: nginx:1.0\n  replicas: 1\n  items:\n  - name: a\n    value: {}\n  - name: b\n",
            tape.one(&["Foo", "Rollout"]),
            metadata(tape, name, true),
            self::name(tape),
            scalar(tape)
        ),
        18 => format!(
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\n{}spec:\n  minAvailable: {}\n  selector:\n    matchLabels: {{app: {name}}}\n",
            metadata(tape, name, true),
            tape.one(&["1", "50%", "\"1\""])
        ),
        19 if tape.chance(60) => shared_parts(tape, name),
        _ => format!(
            "apiVersion: v1\nkind: List\nitems:\n{}",
            [service(tape, "listed"), config_map(tape, "listed")].iter().map(|item| as_item(item)).collect::<String>()
        ),
    }
}

/// Anchors, aliases and merge keys, as people use them to say things once.
fn shared_parts(tape: &mut Tape<'_>, name: &str) -> String {
    let more = tape.one(&["", "      app: other\n", "      tier: x\n"]);
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: &labels\n    app: {name}\n    note: {}\nspec:\n  selector:\n    matchLabels:\n      <<: *labels\n  template:\n    metadata:\n      labels:\n        <<: *labels\n{}    spec:\n      containers:\n      - name: web\n        image: &image nginx:1.2\n        env: &env\n        - {{name: A, value: &value {}}}\n        - {{name: B, value: *value}}\n      - name: side\n        image: *image\n        env: *env\n",
        scalar(tape),
        more.replace("      ", "        "),
        scalar(tape),
    )
}

fn as_item(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    format!("- {first}\n{}", lines.map(|line| format!("  {line}\n")).collect::<String>())
}

fn service(tape: &mut Tape<'_>, name: &str) -> String {
    let mut text = format!("apiVersion: v1\nkind: Service\n{}spec:\n  selector:\n    app: {name}\n  ports:\n", metadata(tape, name, true));
    for at in 0..=tape.below(3) {
        text += &format!("  - port: {}\n", tape.one(&[80, 81, 443]));
        if tape.chance(40) {
            text += &format!("    protocol: {}\n", tape.one(&["TCP", "UDP"]));
        }
        if tape.chance(40) {
            text += &format!("    name: p{at}\n    targetPort: {}\n", tape.one(&["http", "8080"]));
        }
    }
    text
}

/// A key's rest and a value of several lines, in any of YAML's styles.
fn long_text(tape: &mut Tape<'_>) -> String {
    const LINES: &[&str] = &[
        "text",
        "",
        "  indented",
        "\ttab",
        "trailing  ",
        "a: b",
        "# no comment",
        "- item",
        "'quoted' \"twice\"",
        "very long line with so many words in it that a printer which breaks lines at eighty columns must break it, \
         perhaps more than once, and then some",
        "back\\slash",
        "é ü",
        "---",
        "...",
        "key:",
        "{a}",
        "[b]",
        " ",
        "%x",
        "1",
        "tail:",
    ];
    let lines: Vec<&str> = (0..=tape.below(5)).map(|_| tape.one(LINES)).collect();
    let block = |lines: &[&str]| {
        lines.iter().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("\n    {line}") }).collect::<String>()
    };
    match tape.below(9) {
        0 => format!(": |{}", block(&lines)),
        1 => format!(": |-{}", block(&lines)),
        2 => format!(": |+{}\n", block(&lines)),
        3 => format!(": |2{}", block(&lines)),
        4 => format!(": >{}", block(&lines)),
        5 => format!(": >-{}", block(&lines)),
        6 => format!(": \"{}\"", lines.join("\\n").replace('\t', "\\t").replace("\\s", "\\\\s").replace(" \"twice\"", " \\\"twice\\\"")),
        7 => format!(": '{}'", lines.concat().replace('\'', "''")),
        _ => ": plain words\n    that go on\n    over lines".to_owned(),
    }
}

fn config_map(tape: &mut Tape<'_>, name: &str) -> String {
    let mut text = format!("apiVersion: v1\nkind: ConfigMap\n{}data:\n", metadata(tape, name, true));
    for at in 0..=tape.below(4) {
        text += &format!("  k{at}: {}\n", scalar(tape));
    }
    if tape.chance(40) {
        text += &format!("  long{}\n", long_text(tape));
    }
    if tape.chance(25) {
        text += "  config.json: |\n    {\"host\": \"old\", \"n\": 1, \"list\": [1, 2]}\n";
    }
    if tape.chance(25) {
        text += "  config.yaml: |\n    host: old\n    port: 80\n    list:\n    - name: a\n";
    }
    text
}

fn binding(tape: &mut Tape<'_>, name: &str) -> String {
    let (kind, namespaced) = tape.one(&[("RoleBinding", true), ("ClusterRoleBinding", false)]);
    let mut text = format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n{}", metadata(tape, name, namespaced));
    text += &format!(
        "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {}\n  name: {}\nsubjects:\n",
        tape.one(&["Role", "ClusterRole"]),
        self::name(tape)
    );
    for _ in 0..=tape.below(2) {
        text += &format!("- kind: ServiceAccount\n  name: {}\n", tape.one(&["web", "api", "default"]));
        let namespace = tape.one(NAMESPACES);
        if !namespace.is_empty() {
            text += &format!("  namespace: {namespace}\n");
        }
    }
    text
}

fn cron_job(tape: &mut Tape<'_>, name: &str) -> String {
    format!(
        "apiVersion: {}\nkind: CronJob\n{}spec:\n  schedule: \"*/1 * * * *\"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n{}",
        tape.one(&["batch/v1", "batch/v1beta1"]),
        metadata(tape, name, true),
        pod_spec(tape, "          ")
    )
}

fn ingress(tape: &mut Tape<'_>, name: &str) -> String {
    let service = self::name(tape);
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n{}spec:\n  tls:\n  - secretName: {}\n    hosts: [a.example.com]\n  rules:\n  - host: a.example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            name: {service}\n            port: {{number: 80}}\n",
        metadata(tape, name, true),
        self::name(tape)
    )
}
