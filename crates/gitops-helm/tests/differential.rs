//! Against the real program: made-up charts (`tests/charts`), their own values files (`ci/`) and values changed at random; single
//! expressions (`tests/expressions.txt`); and a chart with a sub-chart under many values and flags.
//!
//! The program is `helm` v3.22.0 from `GITOPS_HELM` or the `PATH`; without it this is skipped, loudly. `GITOPS_DIFFERENTIAL_SEED`
//! chooses the charts (default: the same each time), `GITOPS_RUNS` is how many random values each chart gets (default 25).
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test runs a program and reads the disk and the clock")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gitops_helm::{Capabilities, Chart, KubeVersion, Limits, RenderOptions, Values};
use gitops_manifest::yaml::{self, DuplicateKeys, ParseOptions};
use gitops_manifest::{Value, json};
use gitops_tree::{DiskTree, TreePath};

struct Run<'r> {
    chart: &'r Path,
    values: Option<PathBuf>,
    flags: Vec<&'static str>,
}

impl Run<'_> {
    fn real(&self, helm: &Path) -> Result<String, String> {
        let mut command = Command::new(helm);
        command.args(["template", "rel"]).arg(self.chart).args(["--namespace", "ns", "--kube-version", "v1.37.0"]).args(&self.flags);
        if let Some(values) = &self.values {
            command.arg("-f").arg(values);
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    fn ours(&self) -> Result<String, String> {
        let tree = DiskTree::open(self.chart).map_err(|e| e.to_string())?;
        let chart = Chart::load(&tree, &TreePath::root(), &Limits::default()).map_err(|e| e.to_string())?;
        let mut values = Values::default();
        if let Some(file) = &self.values {
            let text = std::fs::read(file).unwrap();
            values.merge(&Values::from_yaml(&text, "values.yaml", 1 << 20).map_err(|e| e.to_string())?);
        }
        let mut options = RenderOptions::new("rel", "ns");
        let mut capabilities = Capabilities { kube_version: KubeVersion::parse("v1.37.0").unwrap(), ..Capabilities::default() };
        for flag in &self.flags {
            match *flag {
                "--include-crds" => options.include_crds = true,
                "--is-upgrade" => options.is_upgrade = true,
                "--skip-tests" => options.skip_tests = true,
                "--no-hooks" => options.no_hooks = true,
                "--api-versions=batch/v1/Job" => capabilities.api_versions.push("batch/v1/Job".to_owned()),
                other => set(&mut values, other)?,
            }
        }
        options.capabilities = Arc::new(capabilities);
        chart.render(&values, &options).map(|rendered| rendered.to_text()).map_err(|e| e.to_string())
    }
}

fn set(values: &mut Values, flag: &str) -> Result<(), String> {
    let (name, text) = flag.split_once('=').unwrap();
    let outcome = match name {
        "--set" => values.set(text),
        "--set-string" => values.set_string(text),
        "--set-json" => values.set_json(text),
        "--set-literal" => values.set_literal(text),
        other => panic!("{other}"),
    };
    outcome.map_err(|e| e.to_string())
}

/// A small generator, so that a seed gives the same values everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

const CHOICES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-3",
    "1000000",
    "1.5",
    "\"\"",
    "\"x\"",
    "\"a: b\"",
    "\"10\"",
    "\"{{ .Release.Name }}\"",
    "[]",
    "{}",
    "[1, \"b\"]",
    "{\"k\": \"v\"}",
    "\"LoadBalancer\"",
    "\"a,b\\n c\"",
    "\"\\u00e9\"",
    "[{\"name\": \"n\"}]",
    "\"none\"",
];

/// Replaces something within `value`, or takes it away.
fn mutate(value: &mut Value, random: &mut Random) {
    if let Value::Map(map) = value
        && !map.is_empty()
        && random.below(8) > 0
    {
        let key = map.keys().nth(random.below(map.len())).unwrap().clone();
        return mutate(map.get_mut(&key).unwrap(), random);
    }
    *value = json::parse(CHOICES[random.below(CHOICES.len())].as_bytes(), "").unwrap();
}

fn helm() -> Option<PathBuf> {
    let named = std::env::var_os("GITOPS_HELM").map(PathBuf::from);
    let found = named.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).map(|d| d.join("helm")).find(|p| p.exists()))?;
    let version = Command::new(&found).args(["version", "--short"]).output().ok()?;
    String::from_utf8_lossy(&version.stdout).starts_with("v3.22").then_some(found)
}

#[test]
fn made_up_charts() {
    let Some(helm) = helm() else { return skipped() };
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    // The same charts each time, unless the environment says another number, or `clock` for new ones.
    let asked = std::env::var("GITOPS_DIFFERENTIAL_SEED").unwrap_or_else(|_| "20261121".to_owned());
    let seed = if asked == "clock" { clock() } else { asked.parse().expect("GITOPS_DIFFERENTIAL_SEED is a number, or `clock`") } | 1;
    let mut random = Random(seed);
    let flags: [&[&str]; 4] =
        [&[], &["--include-crds"], &["--is-upgrade", "--skip-tests"], &["--include-crds", "--api-versions=batch/v1/Job", "--no-hooks"]];
    let scratch = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts");
    let mut charts: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    charts.extend(std::env::var_os("GITOPS_CHARTS").into_iter().flat_map(|d| std::fs::read_dir(d).unwrap()).map(|e| e.unwrap().path()));
    charts.sort();
    let (mut passed, mut failed, mut errors, mut same_words) = (0, Vec::new(), 0, 0);
    for chart in &charts {
        let mut values: Vec<Option<PathBuf>> = vec![None];
        if let Ok(files) = std::fs::read_dir(chart.join("ci")) {
            values.extend(files.map(|e| Some(e.unwrap().path())));
        }
        let defaults = std::fs::read(chart.join("values.yaml")).unwrap_or_default();
        let options = ParseOptions { duplicates: DuplicateKeys::LastWins, ..ParseOptions::default() };
        let defaults = yaml::parse(&defaults, "values.yaml", &options).unwrap().documents.pop().map(|d| d.value).unwrap_or_default();
        for run in 0..number("GITOPS_RUNS").unwrap_or(25) {
            let mut changed = defaults.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut changed, &mut random);
            }
            let file = scratch.path().join(format!("{}-{run}.yaml", chart.file_name().unwrap().display()));
            std::fs::write(&file, json::print(&changed)).unwrap();
            values.push(Some(file));
        }
        for values in values {
            let run = Run { chart, values, flags: flags[random.below(flags.len())].to_vec() };
            match (run.real(&helm), run.ours()) {
                (Ok(want), Ok(got)) if want == got => passed += 1,
                (Err(want), Err(got)) => {
                    passed += 1;
                    errors += 1;
                    let same = want.trim().trim_end_matches("Use --debug flag to render out invalid YAML").trim().ends_with(got.trim());
                    same_words += usize::from(same);
                    if !same && std::env::var_os("SHOW_ERRORS").is_some() {
                        eprintln!("{}\n  want {want}\n  got  {got}", chart.display());
                    }
                }
                (want, got) => failed.push(report(&run, &want, &got)),
            }
        }
    }
    println!(
        "differential: {passed} passed, {} failed ({errors} errors, {same_words} in Helm's very words); GITOPS_DIFFERENTIAL_SEED={seed}",
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn report(run: &Run<'_>, want: &Result<String, String>, got: &Result<String, String>) -> String {
    let values = run.values.as_ref().map(|f| std::fs::read_to_string(f).unwrap()).unwrap_or_default();
    let head = format!("{} {:?}\nvalues {values}", run.chart.display(), run.flags);
    match (want, got) {
        (Ok(want), Ok(got)) => {
            let at =
                want.lines().zip(got.lines()).position(|(a, b)| a != b).unwrap_or_else(|| want.lines().count().min(got.lines().count()));
            let near = |text: &str| text.lines().skip(at.saturating_sub(3)).take(6).collect::<Vec<_>>().join("\n");
            format!("{head}\nline {at}\n--- want\n{}\n--- got\n{}", near(want), near(got))
        }
        (want, got) => format!("{head}\nwant {}\ngot  {}", brief(want), brief(got)),
    }
}

fn brief(outcome: &Result<String, String>) -> String {
    match outcome {
        Ok(_) => "success".to_owned(),
        Err(e) => format!("error: {e}"),
    }
}

/// What the expressions look at.
const LOOKED_AT: &str = "big: 12345678\nhuge: 123456789012345678901234567890\ni: 3\nf: 2.5\nneg: -7\nt: true\ns: str\nn: null\n\
    tp: \"{{ .Release.Name }}-{{ .Values.s }}\"\nl: [a, 1, {name: x}]\ndeep: {a: {b: {c: v}}, z: 1}\nanch: &x {q: 1, r: [1, 2]}\n\
    merged: {<<: *x, r: 3}\nb11: [yes, No, on, OFF, y, n, True, ~, Null]\noct: 0755\nhex: 0x1F\nsexa: 12:30:45\ndate: 2020-01-02\n\
    ml: |\n  a\n   b\n\nfold: >\n  x\n  y\n\n  z\nstrip: |-\n  e\n";

/// One expression a line, each in a chart of its own, so that one that fails hides no other. Not among them, because the texts of
/// Go's JSON and TOML parsers are not copied: `fromJson` and `fromToml` of what is neither.
#[test]
fn single_expressions() {
    let Some(helm) = helm() else { return skipped() };
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"1.2\"\n");
    write("values.yaml", LOOKED_AT.as_bytes());
    write("f.txt", b"line1\nline2\n");
    write("crlf.txt", b"a\r\nb\r\n");
    write("d/bin", b"\x00\xFF\xFE\x80abc");
    write("d/u.txt", "\u{e9}\n".as_bytes());
    let mut tally = Tally::default();
    for expression in include_str!("expressions.txt").lines() {
        let head = if expression.contains("toYaml") { "# c\n" } else { "kind: A\nx: |\n  " };
        write("templates/a.yaml", format!("{head}{expression}\n").as_bytes());
        tally.compare(&Run { chart: dir.path(), values: None, flags: Vec::new() }, &helm, expression);
    }
    tally.end("expressions");
}

/// What Chart.yaml says of the sub-chart, the chart's own values, those of the user, and flags.
type Structure = (&'static str, &'static str, &'static str, &'static [&'static str]);

const STRUCTURES: &[Structure] = &[
    ("", "x: 1", "", &[]),
    ("", "x: 1", "sub: {a: null, b: {c: null}}", &[]),
    ("", "global: {g: 1, k: {z: 1}}", "global: {g: null, h: null}", &[]),
    ("", "sub: {a: null}", "", &[]),
    ("", "sub: {b: null}\nglobal: {h: null}", "sub: {b: {c: 9}}", &[]),
    ("", "x: 1", "sub: null", &[]),
    ("", "x: 1", "sub: x", &[]),
    (", alias: other", "x: 1", "other: {a: 7}\nsub: {a: 8}", &[]),
    (", condition: \"sub.enabled,global.sub\"", "global: {sub: false}", "", &[]),
    (", condition: \"sub.enabled,global.sub\"", "global: {sub: false}\nsub: {enabled: true}", "", &[]),
    (", condition: sub.enabled", "sub: {enabled: \"false\"}", "", &[]),
    (", tags: [t1, t2], condition: sub.on", "tags: {t1: false, t2: true}", "", &[]),
    (", tags: [t1], condition: sub.on", "tags: {t1: true}\nsub: {on: false}", "", &[]),
    (", tags: [t1]", "x: 1", "", &["--set=tags.t1=false"]),
    (", import-values: [data]", "x: 1", "", &[]),
    (", import-values: [{child: b, parent: imported.here}]", "imported: {here: {c: 5}}", "", &[]),
    (", import-values: [nope]", "x: 1", "", &[]),
    (", alias: al, import-values: [data]", "x: 1", "al: {exports: {data: {e: 9, f: 1}}}", &[]),
    ("", "global: {h: {x: null, y: 2}, list: [1]}", "global: {h: {z: 3}}", &[]),
    ("", "global: str", "", &[]),
    ("", "sub: {global: {g: of the parent}}", "", &[]),
    ("", "a: 1", "a: 1\na: {b: 2}", &[]),
    ("", "a: {b: 1, c: [1]}", "a: {b: null, d: 1}\n---\nz: 1", &[]),
    ("", "x: 1", "1: a\n1.5: b\ntrue: c\n\"q\": e\n0x10: f\n1e3: g", &[]),
    ("", "x: 1", "- a", &[]),
    ("", "x: 1", "a: [", &[]),
    ("", "x: 1", "", &["--set=a=1,b=1.5,c=true,d=null,e=,f=\"q\""]),
    ("", "l: [p, q]", "", &["--set=l[0]=x,l[2]=z"]),
    ("", "x: 1", "", &["--set=l={a,b,1}", "--set=m={}"]),
    ("", "x: 1", "", &["--set=a\\.b=c\\,d,a.b[1].c=1"]),
    ("", "x: 1", "", &["--set=x=null"]),
    ("", "x: 1", "", &["--set=x"]),
    ("", "x: 1", "", &["--set==1"]),
    ("", "x: 1", "", &["--set=a[x]=1"]),
    ("", "x: 1", "", &["--set-string=n=1000000,t=true,u=null"]),
    ("", "x: 1", "", &["--set=n=1000000,m=0123,o=1e6,p=-5,q=+5,r=9223372036854775808"]),
    ("", "x: 1", "", &["--set-json=a={\"b\":[1,2.5,null]},c=\"x\""]),
    ("", "x: 1", "", &["--set-literal=a.b=x,y=z"]),
    ("", "x: 1", "", &["--set=a=1", "--set=a.b=2"]),
    ("", "x: 1", "", &["--set=a[0].b=1,a[0].c=2,a[1].b=3", "--set=c[0][1]=q"]),
    ("", "x: 1", "", &["--set=a=b=c", "--set= d = e "]),
    ("", "x: 1", "", &["--set=sub.a=null,sub.b.c=5"]),
    ("", "x: 1", "", &["--set=a={x,y},b={1,null,true}"]),
];

/// A chart with a sub-chart: how values, conditions, tags, aliases and imports meet.
#[test]
fn structures() {
    let Some(helm) = helm() else { return skipped() };
    let dir = tempfile::tempdir().unwrap();
    let chart = dir.path().join("web");
    let write = |name: &str, text: &str| {
        let path = chart.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let shows = "v: {{ toJson .Values }}\nn: {{ .Chart.Name }}\nb: {{ .Template.BasePath }}\ns: {{ keys .Subcharts | toJson }}\n";
    write("templates/p.yaml", shows);
    write("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n");
    write("charts/sub/values.yaml", "a: 1\nb: {c: 2, d: [1, 2]}\nglobal: {g: sub, h: {x: 1}}\nexports: {data: {e: 5}}\n");
    write("charts/sub/templates/a.yaml", shows);
    let values = dir.path().join("values.yaml");
    let mut tally = Tally::default();
    for (dependency, own, users, flags) in STRUCTURES {
        let listed = format!("dependencies:\n- {{name: sub, version: 0.x.x, repository: \"file://../sub\"{dependency}}}\n");
        write("Chart.yaml", &format!("apiVersion: v2\nname: web\nversion: 1.0.0\n{listed}"));
        write("values.yaml", own);
        std::fs::write(&values, users).unwrap();
        tally.compare(&Run { chart: &chart, values: Some(values.clone()), flags: flags.to_vec() }, &helm, dependency);
    }
    tally.end("structures");
}

#[derive(Default)]
struct Tally {
    passed: usize,
    errors: usize,
    failed: Vec<String>,
}

impl Tally {
    fn compare(&mut self, run: &Run<'_>, helm: &Path, what: &str) {
        match (run.real(helm), run.ours()) {
            (Ok(want), Ok(got)) if want == got => self.passed += 1,
            (Err(_), Err(_)) => {
                self.passed += 1;
                self.errors += 1;
            }
            (want, got) => self.failed.push(format!("{what}\n{}", report(run, &want, &got))),
        }
    }

    fn end(self, what: &str) {
        println!("{what}: {} passed, {} failed ({} errors)", self.passed, self.failed.len(), self.errors);
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n\n"));
    }
}

fn skipped() {
    assert_ne!(std::env::var("GITOPS_REQUIRE").as_deref(), Ok("all"), "no helm v3.22.0 (GITOPS_HELM)");
    eprintln!("SKIPPED: no helm v3.22.0 (GITOPS_HELM or PATH)");
}
