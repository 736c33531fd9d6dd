//! `gitops-server`: reconciler, JSON API and web hooks in one process, on its embedded default.

mod clusters;
mod config;
mod quick_start;
mod status;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use gitops_apply::{OpeningTarget, Target};
use gitops_engine::{Engine, Objects, Parts, Renderers, Report, Settings};
use gitops_http::{Access, Api, router};
use gitops_plugin::Plugin;
use gitops_render::{Decryption, Renderer};
use gitops_source::{AllowList, ChartsConfig, Credentials, Keyring, KeyringRule, Mirrors, MirrorsConfig};
use gitops_state::{OpenError, OpenOptions, OpenReport, Store};
use gitops_target_platform::{Drift, PlatformTarget, Resolvers};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::ServerConfig;

/// How long operations may take to reach a safe point when the server ends.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
#[command(
    name = "gitops-server",
    version,
    about = "Makes a target match git, and keeps it so",
    after_help = "Examples:
  gitops-server                           this checkout's examples/ on the embedded default
  gitops-server --config server.yaml      see docs/server.md for every field
  gitops-server --config server.yaml --check"
)]
struct Arguments {
    /// The configuration file. Without one, the examples/ of the checkout around the working directory are brought live.
    #[arg(long, short, env = "GITOPS_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port instead of the configuration's; port 0 lets the system choose.
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// Directory for everything that is kept, when there is no configuration file.
    #[arg(long, default_value = ".gitops")]
    data_dir: PathBuf,
    /// Read the configuration, say what is wrong with it, and end.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("GITOPS_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut config = match &arguments.config {
        Some(file) => ServerConfig::read(file)?,
        None => quick_start::config(&std::env::current_dir()?, arguments.data_dir.clone())?,
    };
    if let Some(listen) = arguments.listen {
        config.listen = listen;
    }
    let decryption = config.decryption()?;
    if arguments.check {
        println!("the configuration is good");
        return Ok(());
    }
    // Few threads: passes wait far more than they compute, and blocking work has threads of its own that end when idle.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(32)
        .thread_keep_alive(Duration::from_secs(5))
        .enable_all()
        .build()?;
    runtime.block_on(serve(config, decryption))
}

async fn serve(config: ServerConfig, decryption: Decryption) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("data directory {}", config.data_dir.display()))?;
    let backups = config.data_dir.join("backups");
    let options = OpenOptions { backups_dir: Some(backups.clone()), ..OpenOptions::default() };
    let (store, opened) = open_store(&config.data_dir.join("state.db"), &options).await?;
    for warning in &opened.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(backup) = &opened.restored_from {
        tracing::warn!("the store was restored from `{}`: what happened since then is not in it", backup.display());
    }
    if let Some(aside) = &opened.set_aside {
        tracing::warn!("the damaged store is kept as `{}`", aside.display());
    }
    let mut mirrors = MirrorsConfig::new(config.data_dir.join("mirrors"));
    mirrors.credentials = credentials(&config)?;
    let mirrors = Arc::new(Mirrors::open(mirrors)?);
    let resolvers = Resolvers { sealer: decryption.sealer().cloned(), ..Resolvers::default() };
    let platform = Arc::new(PlatformTarget::open_with(config.platform.clone(), resolvers)?);
    let report: Option<Arc<dyn Report>> =
        if config.statuses.is_empty() { None } else { Some(Arc::new(status::Statuses::start(config.statuses.clone())?)) };
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let external_url = config.external_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let mut targets: Vec<Arc<dyn Target>> = vec![platform.clone()];
    let (changed, changes) = mpsc::unbounded_channel();
    let connected = clusters::connect(&config.clusters, &changed).await;
    let opening = |cluster| Arc::new(OpeningTarget::new(cluster, decryption.sealer().cloned())) as Arc<dyn Target>;
    targets.extend(connected.into_iter().map(opening));
    let settings = Settings { decryption, ..settings(&config, &external_url)? };
    let engine = Engine::start(Parts { store: store.clone(), mirrors, targets, report }, settings).await?;
    tokio::spawn(clusters::watch(engine.clone(), changes));
    tokio::spawn(watch(engine.clone(), platform));
    tokio::spawn(back_up(store, backups, config.backup_interval, config.backup_keep));
    eprintln!("ready: {external_url}/   live files: {}   data: {}", config.platform.root.display(), config.data_dir.display());
    let access = if config.tokens.is_empty() { Access::anonymous() } else { Access::tokens(config.tokens.clone()) };
    let api = Api::new(engine.clone(), access).with_webhooks(config.webhooks.clone(), config.webhook_limit);
    axum::serve(listener, router(api)).with_graceful_shutdown(asked_to_end()).await?;
    tracing::info!("ending: operations stop at a safe point and go on at the next start");
    engine.stop(PATIENCE).await;
    Ok(())
}

/// Opens the store. A process that a killed server was starting may hold its lock for a moment longer.
async fn open_store(path: &Path, options: &OpenOptions) -> Result<(Store, OpenReport), OpenError> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match Store::open(path, options) {
            Err(OpenError::InUse { .. }) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(50)).await,
            other => return other,
        }
    }
}

fn credentials(config: &ServerConfig) -> anyhow::Result<Credentials> {
    match &config.credentials_file {
        Some(file) => {
            let text = std::fs::read(file).with_context(|| format!("credentialsFile {}", file.display()))?;
            Ok(Credentials::from_file(&text, &file.display().to_string())?)
        }
        None => Ok(Credentials::from_env("GITOPS_REPO")?),
    }
}

/// The ConfigMaps and Secrets of the files that the configuration names.
fn objects(config: &ServerConfig) -> anyhow::Result<Objects> {
    let mut objects = Objects::default();
    for file in &config.objects {
        let text = std::fs::read(file).with_context(|| format!("objects: {}", file.display()))?;
        objects.add(&text, &file.display().to_string()).map_err(anyhow::Error::msg)?;
    }
    Ok(objects)
}

/// Charts are fetched with the credentials of repositories.
fn charts(config: &ServerConfig) -> anyhow::Result<ChartsConfig> {
    let mut charts = ChartsConfig::new(config.data_dir.join("charts"));
    charts.credentials = credentials(config)?;
    charts.allow = Some(AllowList::new(config.helm.repositories.iter().map(String::as_str)).context("helm.repositories")?);
    charts.plain_http.clone_from(&config.helm.plain_http);
    for (repository, file) in &config.helm.keyrings {
        let places = AllowList::new([repository.as_str()]).context("helm.keyrings")?;
        let text = std::fs::read(file).with_context(|| format!("helm.keyrings: {}", file.display()))?;
        let keyring = Keyring::parse(&text, &file.display().to_string()).map_err(anyhow::Error::msg)?;
        charts.keyrings.push(KeyringRule { places, keyring });
    }
    (charts.cache_limit, charts.archive_limit) = (config.helm.cache, config.helm.archive);
    Ok(charts)
}

fn settings(config: &ServerConfig, external_url: &str) -> anyhow::Result<Settings> {
    let plugins = config.plugins.iter().map(|plugin| Ok(Arc::new(Plugin::new(plugin.clone())?) as Arc<dyn Renderer>));
    Ok(Settings {
        charts: Some(charts(config)?),
        parsed_charts: config.helm.parsed,
        renderers: Renderers(plugins.collect::<anyhow::Result<_>>()?),
        workers: config.workers,
        poll_interval: config.poll_interval,
        resync_interval: config.resync_interval,
        aliases: config.aliases.clone(),
        declarations: config.applications.clone(),
        apply: gitops_apply::Settings {
            wave_delay: config.wave_delay,
            timeout: config.operation_timeout,
            ..gitops_apply::Settings::default()
        },
        external_url: external_url.to_owned(),
        remotes: config.remotes.clone(),
        load_restrictor: config.load_restrictor,
        objects: Arc::new(objects(config)?),
        ..Settings::default()
    })
}

/// Hands what changes in the live directory on to the engine.
async fn watch(engine: Engine, platform: Arc<PlatformTarget>) {
    let mut watch = match platform.watch() {
        Ok(watch) => watch,
        Err(e) => return tracing::error!("{e}: drift is found at the next resync only"),
    };
    while let Some(drift) = watch.next().await {
        match drift {
            Drift::Object { app, id, change } => {
                tracing::info!(app, %id, "changed by hand: {change:?}");
                engine.drifted(Some(&app));
            }
            Drift::Foreign { path } => tracing::debug!(path, "a file that nobody owns"),
            _ => engine.drifted(None),
        }
    }
}

/// Backs the store up while it runs, and keeps the newest.
async fn back_up(store: Store, directory: PathBuf, interval: Duration, keep: usize) {
    if interval.is_zero() {
        return;
    }
    loop {
        tokio::time::sleep(interval).await;
        let (store, directory) = (store.clone(), directory.clone());
        let done = tokio::task::spawn_blocking(move || store.backup_rotate(&directory, keep)).await;
        match done {
            Ok(Ok(rotation)) => tracing::info!(file = %rotation.written.path.display(), "backed up"),
            Ok(Err(e)) => tracing::error!("back-up: {e}"),
            Err(e) => tracing::error!("back-up: {e}"),
        }
    }
}

async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
