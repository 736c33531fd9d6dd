//! Why a chart was not found or fetched.

use std::path::PathBuf;

use crate::WebError;

/// Why a chart was not found or fetched. Cloneable, so that all who waited for one fetch get its outcome; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The server cannot be reached, refuses, or has no such file.
    #[error(transparent)]
    Web(#[from] WebError),
    /// What was written is no address of a chart.
    #[error("chart `{chart}`: the repository is no http, https or oci address: {reason}")]
    Address {
        /// Whose.
        chart: String,
        /// What is wrong, without the text: it may hold a password.
        reason: String,
    },
    /// The part that speaks to such places is left out of this build.
    #[error("{url}: this build is without the feature `{feature}` of gitops-source")]
    NotBuilt {
        /// What was asked for.
        url: String,
        /// The feature.
        feature: &'static str,
    },
    /// `index.yaml` is not what it should be.
    #[error("{url}: {reason}: a chart repository has an index.yaml as `helm repo index` writes it")]
    Index {
        /// Where it lies.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The version is neither a version nor a range.
    #[error("chart `{chart}`: version `{version}` is neither a version nor a semver range such as `^1.2`")]
    Version {
        /// Whose.
        chart: String,
        /// What was written.
        version: String,
    },
    /// The repository has no chart of that name.
    #[error("{url}: no chart `{chart}` (of {count} charts there)")]
    NoChart {
        /// The repository.
        url: String,
        /// What was asked for.
        chart: String,
        /// How many others there are.
        count: usize,
    },
    /// No version fits.
    #[error("{url}: no version of chart `{chart}` fits `{version}`{}", highest(.newest))]
    NoVersion {
        /// The repository.
        url: String,
        /// Which chart.
        chart: String,
        /// What was asked for.
        version: String,
        /// The highest there is.
        newest: Option<String>,
    },
    /// What came is not what was promised.
    #[error("{url}: digest mismatch: expected {expected}, found {found}: the file was changed after it was published, or on its way")]
    Digest {
        /// What was fetched.
        url: String,
        /// By the index or manifest.
        expected: String,
        /// Of what came.
        found: String,
    },
    /// Nobody that is trusted vouches for the chart.
    #[error("chart `{chart}` {version}: not verified with the keyring {keyring}: {reason}")]
    Provenance {
        /// Which chart.
        chart: String,
        /// Its version.
        version: String,
        /// The keyring that it has to be signed by.
        keyring: String,
        /// What is wrong or missing.
        reason: String,
    },
    /// The registry's answer is not what it should be.
    #[error("{url}: {reason}")]
    Registry {
        /// What was asked.
        url: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The cache's directory cannot be written or read.
    #[error("chart cache {}: {reason}", path.display())]
    Cache {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

fn highest(newest: &Option<String>) -> String {
    newest.as_ref().map(|version| format!(": the highest there is {version}")).unwrap_or_default()
}
