//! `gitops render` of a Helm chart: the flags of `helm template`, and what it prints.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use gitops_helm::{Capabilities, Chart, KubeVersion, Limits, RenderOptions, Values};
use gitops_render::{ChartFetcher, ChartRequest, HelmCharts};
use gitops_tree::{EntryKind, Tree, TreePath};

use crate::remote_chart::RemoteCharts;

/// How a chart is rendered: only charts look at these.
#[derive(clap::Args)]
#[command(next_help_heading = "Options for Helm charts")]
pub(crate) struct ChartArguments {
    /// Decrypt files that SOPS encrypted, those of `-f` too, with the age identities of SOPS_AGE_KEY_FILE or SOPS_AGE_KEY, and
    /// print them in the clear. Without it they are taken as they are: ciphertexts are printed.
    #[arg(long)]
    pub(crate) decrypt: bool,
    /// Name of the release.
    #[arg(long, default_value = "release-name", conflicts_with = "name_template")]
    release_name: String,
    /// Name of the release, as a template: `web-{{ lower "X" }}`.
    #[arg(long)]
    name_template: Option<String>,
    /// Values files, the later ones over the earlier.
    #[arg(long, short = 'f', value_delimiter = ',')]
    values: Vec<String>,
    /// Set a value: `a.b[0]=c,d={e,f}`.
    #[arg(long)]
    set: Vec<String>,
    /// Set a value to text.
    #[arg(long)]
    set_string: Vec<String>,
    /// Set a value to the content of a file: `key=path`.
    #[arg(long)]
    set_file: Vec<String>,
    /// Set a value to JSON.
    #[arg(long)]
    set_json: Vec<String>,
    /// Set a value to the text as it stands.
    #[arg(long)]
    set_literal: Vec<String>,
    /// Print the files of `crds/` too.
    #[arg(long)]
    include_crds: bool,
    /// Leave out hooks.
    #[arg(long)]
    no_hooks: bool,
    /// Leave out tests.
    #[arg(long)]
    skip_tests: bool,
    /// Render as an upgrade, not as a first installation.
    #[arg(long)]
    is_upgrade: bool,
    /// Do not check values against `values.schema.json`.
    #[arg(long)]
    skip_schema_validation: bool,
    /// Version of Kubernetes to render for.
    #[arg(long, visible_alias = "helm-kube-version")]
    kube_version: Option<String>,
    /// API versions that the cluster has beside the usual ones.
    #[arg(long, short = 'a', value_delimiter = ',', visible_alias = "helm-api-versions")]
    api_versions: Vec<String>,
    /// Address of the chart repository that the chart is in: the place is its name then. Credentials are those of the
    /// environment: `GITOPS_REPO_<NAME>_URL`, `…_USERNAME`, `…_PASSWORD`, `…_CA_FILE`, `…_CLIENT_CERT_FILE` and `…_CLIENT_KEY_FILE`.
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Version or range of a chart that is fetched.
    #[arg(long, default_value = "", hide_default_value = true)]
    version: String,
    /// Send the repository's credentials to archives on other hosts too.
    #[arg(long)]
    pass_credentials: bool,
    /// Registries (HOST or HOST:PORT) that are asked over http.
    #[arg(long, value_name = "HOST")]
    plain_http: Vec<String>,
    /// Render only what is signed: an archive with its provenance file (`.prov`) beside it, and every chart that is fetched.
    #[arg(long, requires = "keyring")]
    verify: bool,
    /// Public keys of `gpg --export`, by one of which charts must be signed.
    #[arg(long, value_name = "FILE", requires = "verify")]
    keyring: Option<PathBuf>,
    /// Print only what these templates give.
    #[arg(long, short = 's')]
    show_only: Vec<String>,
    #[command(flatten)]
    refused: Refused,
}

/// Flags of `helm template` that are known, and not carried out: each says why and what to do instead.
#[derive(clap::Args)]
struct Refused {
    #[arg(long, hide = true)]
    validate: bool,
    #[arg(long, hide = true)]
    dependency_update: bool,
    #[arg(long, short = 'g', hide = true)]
    generate_name: bool,
    #[arg(long, hide = true)]
    output_dir: Option<String>,
    #[arg(long, hide = true)]
    post_renderer: Option<String>,
    #[arg(long, hide = true)]
    enable_dns: bool,
}

impl Refused {
    fn check(&self) -> anyhow::Result<()> {
        let given = [
            (self.validate, "--validate", "it asks a cluster, and `gitops render` asks none: leave it out, and diff against the cluster"),
            (self.dependency_update, "--dependency-update", "charts are rendered as they lie there: run `helm dependency build` first"),
            (self.generate_name, "--generate-name", "the name would be another one each time: name the release with --release-name"),
            (self.output_dir.is_some(), "--output-dir", "everything is printed to the standard output: redirect it"),
            (self.post_renderer.is_some(), "--post-renderer", "no program is run: pipe the output into it"),
            (
                self.enable_dns,
                "--enable-dns",
                "templates may not ask the network: `getHostByName` gives the empty text, as helm's does by itself",
            ),
        ];
        match given.iter().find(|(is_given, ..)| *is_given) {
            Some((_, flag, reason)) => bail!("{flag} is not supported: {reason}"),
            None => Ok(()),
        }
    }
}

/// Whether a chart stands at `path`: a directory with a Chart.yaml, or an archive.
pub(crate) fn is_chart(tree: &dyn Tree, path: &TreePath) -> bool {
    match tree.entry(path) {
        Ok(Some(entry)) if entry.kind == EntryKind::File => path.file_name().ends_with(".tgz"),
        Ok(Some(_)) => tree.entry(&path.child("Chart.yaml")).is_ok_and(|entry| entry.is_some()),
        _ => false,
    }
}

/// The chart that the place and `--repo` name, where it is to be fetched.
pub(crate) fn to_fetch(place: &str, arguments: &ChartArguments) -> Option<ChartRequest> {
    let (repository, name) = match &arguments.repo {
        Some(repository) => (repository.clone(), place.to_owned()),
        None if place.starts_with("oci://") => (place.to_owned(), String::new()),
        None => return None,
    };
    Some(ChartRequest { repository, name, version: arguments.version.clone(), pass_credentials: arguments.pass_credentials })
}

/// What `helm template` prints of a chart that is fetched.
pub(crate) fn render_fetched(request: &ChartRequest, namespace: &str, arguments: &ChartArguments) -> anyhow::Result<String> {
    let fetched = fetcher(arguments).fetch(request).map_err(anyhow::Error::msg)?;
    print_chart(&Chart::from_archive(&fetched.archive, &Limits::default())?, namespace, arguments)
}

/// Who fetches charts, with what the flags say.
pub(crate) fn fetcher(arguments: &ChartArguments) -> RemoteCharts {
    RemoteCharts::new(arguments.plain_http.clone(), arguments.keyring.clone())
}

/// What `helm template` prints.
pub(crate) fn render(tree: &dyn Tree, path: &TreePath, namespace: &str, arguments: &ChartArguments) -> anyhow::Result<String> {
    if let Some(file) = &arguments.keyring {
        verify(tree, path, file)?;
    }
    print_chart(&Chart::load(tree, path, &Limits::default())?, namespace, arguments)
}

fn verify(tree: &dyn Tree, path: &TreePath, keyring: &Path) -> anyhow::Result<()> {
    if !path.file_name().ends_with(".tgz") {
        bail!("{path}: --verify is for archives: a directory has no provenance file");
    }
    let keyring = crate::remote_chart::keyring(keyring).map_err(anyhow::Error::msg)?;
    let archive = tree.read(path)?.with_context(|| format!("{path}: no such file"))?;
    let proof = TreePath::parse(&format!("{path}.prov"))?;
    let provenance = tree.read(&proof)?.with_context(|| format!("{path}: there is no provenance file {proof} beside it"))?;
    keyring.verify_archive(&archive, path.file_name(), &provenance).map_err(anyhow::Error::msg)
}

fn print_chart(chart: &Chart, namespace: &str, arguments: &ChartArguments) -> anyhow::Result<String> {
    arguments.refused.check()?;
    let values = values(arguments, &Limits::default())?;
    let rendered = chart.render(&values, &options(namespace, arguments)?)?;
    for warning in chart.warnings().iter().chain(&rendered.warnings) {
        eprintln!("warning: {warning}");
    }
    let text = if arguments.show_only.is_empty() { Ok(rendered.to_text()) } else { Ok(rendered.show_only(&arguments.show_only)?) };
    // The process ends behind this: taking thousands of templates apart piece by piece would be for nothing.
    std::mem::forget((chart, rendered));
    text
}

fn options(namespace: &str, arguments: &ChartArguments) -> anyhow::Result<RenderOptions> {
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    let mut capabilities = Capabilities::default();
    if let Some(version) = &arguments.kube_version {
        capabilities.kube_version = KubeVersion::parse(version)?;
    }
    capabilities.api_versions.extend(arguments.api_versions.iter().cloned());
    let release = match &arguments.name_template {
        Some(template) => gitops_helm::release_name(template)?,
        None => arguments.release_name.clone(),
    };
    let mut options = RenderOptions::new(release, namespace);
    options.capabilities = Arc::new(capabilities);
    options.is_upgrade = arguments.is_upgrade;
    options.include_crds = arguments.include_crds;
    options.no_hooks = arguments.no_hooks;
    options.skip_tests = arguments.skip_tests;
    options.skip_schema_validation = arguments.skip_schema_validation;
    options.now = now();
    Ok(options)
}

fn now() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| i128::try_from(now.as_nanos()).unwrap_or(0))
}

/// For the charts of a kustomization, of which each says most for itself.
pub(crate) fn of_kustomizations<'f>(arguments: &ChartArguments, fetcher: Option<&'f RemoteCharts>) -> HelmCharts<'f> {
    let charts = HelmCharts::new(arguments.kube_version.as_deref().unwrap_or_default(), arguments.api_versions.clone(), now());
    charts.with_fetcher(fetcher.map(|fetcher| fetcher as &dyn ChartFetcher), None)
}

fn read(path: &str, arguments: &ChartArguments) -> anyhow::Result<Vec<u8>> {
    let bytes = read_plain(path)?;
    if arguments.decrypt && gitops_sops::is_encrypted(&bytes, path) {
        return Ok(gitops_sops::decrypt(&bytes, path, &crate::local::keys()?)?.bytes().to_vec());
    }
    Ok(bytes)
}

fn read_plain(path: &str) -> anyhow::Result<Vec<u8>> {
    if path.trim() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(Path::new(path)).with_context(|| format!("{path}: cannot be read"))
}

fn values(arguments: &ChartArguments, limits: &Limits) -> anyhow::Result<Values> {
    let mut values = Values::default();
    for file in &arguments.values {
        values.merge(&Values::from_yaml(&read(file, arguments)?, file, limits.max_values_bytes)?);
    }
    for text in &arguments.set_json {
        values.set_json(text)?;
    }
    for text in &arguments.set {
        values.set(text)?;
    }
    for text in &arguments.set_string {
        values.set_string(text)?;
    }
    for text in &arguments.set_file {
        values.set_file(text, &mut |path| read(path, arguments).map_err(|e| format!("{e:#}")))?;
    }
    for text in &arguments.set_literal {
        values.set_literal(text)?;
    }
    Ok(values)
}
