//! Against the real program: made-up charts (`tests/charts`), their own values files (`ci/`) and values changed at random.
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
                other => panic!("{other}"),
            }
        }
        options.capabilities = Arc::new(capabilities);
        chart.render(&values, &options).map(|rendered| rendered.to_text()).map_err(|e| e.to_string())
    }
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
    let Some(helm) = helm() else {
        assert_ne!(std::env::var("GITOPS_REQUIRE").as_deref(), Ok("all"), "no helm v3.22.0 (GITOPS_HELM)");
        eprintln!("SKIPPED: no helm v3.22.0 (GITOPS_HELM or PATH)");
        return;
    };
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
