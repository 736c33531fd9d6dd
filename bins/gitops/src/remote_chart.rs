//! Charts that are not on the disk: fetched anew for each run, as helm does, with the credentials of the environment
//! (`GITOPS_REPO_<NAME>_URL`, …, as the server reads them).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use gitops_render::{ChartFetcher, ChartRequest, FetchedChart};
use gitops_source::{AllowList, ChartSource, Charts, ChartsConfig, Credentials, Keyring, KeyringRule};
use tempfile::TempDir;

/// Fetches whatever is named: it is the user's own wish. Nothing is made ready before the first chart is asked for.
pub(crate) struct RemoteCharts {
    /// `--plain-http`
    plain_http: Vec<String>,
    /// `--verify --keyring`: all charts must be signed by one of these.
    keyring: Option<PathBuf>,
    fetching: OnceLock<Result<Fetching, String>>,
}

struct Fetching {
    charts: Charts,
    /// Where archives lie; it goes with the process.
    _dir: TempDir,
}

impl RemoteCharts {
    pub(crate) fn new(plain_http: Vec<String>, keyring: Option<PathBuf>) -> RemoteCharts {
        RemoteCharts { plain_http, keyring, fetching: OnceLock::new() }
    }

    fn open(&self) -> Result<Fetching, String> {
        let dir = tempfile::tempdir().map_err(|e| format!("a temporary directory cannot be made: {e}"))?;
        let mut config = ChartsConfig::new(dir.path());
        config.credentials = Credentials::from_env("GITOPS_REPO").map_err(|e| e.to_string())?;
        config.plain_http.clone_from(&self.plain_http);
        if let Some(file) = &self.keyring {
            let places = AllowList::new(["*"]).map_err(|e| e.to_string())?;
            config.keyrings.push(KeyringRule { places, keyring: keyring(file)? });
        }
        Ok(Fetching { charts: Charts::open(config).map_err(|e| e.to_string())?, _dir: dir })
    }
}

/// Public keys of a file.
pub(crate) fn keyring(file: &Path) -> Result<Keyring, String> {
    let bytes = std::fs::read(file).map_err(|e| format!("keyring {}: {e}", file.display()))?;
    Keyring::parse(&bytes, &file.display().to_string())
}

impl ChartFetcher for RemoteCharts {
    fn fetch(&self, request: &ChartRequest) -> Result<FetchedChart, String> {
        let Fetching { charts, .. } = self.fetching.get_or_init(|| self.open()).as_ref().map_err(Clone::clone)?;
        let source = ChartSource::new(&request.repository, &request.name, &request.version).map_err(|e| e.to_string())?;
        let archive = charts.fetch(&source.with_pass_credentials(request.pass_credentials)).map_err(|e| e.to_string())?;
        Ok(FetchedChart { version: archive.version, revision: archive.revision, archive: archive.bytes })
    }
}
