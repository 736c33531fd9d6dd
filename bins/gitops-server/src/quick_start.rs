//! The embedded default: with no configuration file, the `examples/` of the checkout around the working directory.

use std::path::{Path, PathBuf};

use anyhow::bail;
use gitops_engine::{Alias, Declarations};
use gitops_manifest::yaml;
use gitops_target_platform::{KindRule, PlatformConfig};

use crate::config::ServerConfig;

/// The repository that the examples' Applications name. The default server reads it from the checkout itself.
const EXAMPLES_URL: &str = "https://git.example.com/platform/gitops.git";

/// The configuration that brings a checkout's examples live.
pub(crate) fn config(from: &Path, data_dir: PathBuf) -> anyhow::Result<ServerConfig> {
    let Some(checkout) = from.ancestors().find(|dir| dir.join(".git").exists()) else {
        bail!(
            "{} is in no git checkout: start inside one that has examples/applications, or give --config (docs/server.md)",
            from.display()
        );
    };
    if !checkout.join("examples/applications").is_dir() {
        bail!("{} has no examples/applications: give --config (docs/server.md)", checkout.display());
    }
    let Some(checkout) = checkout.to_str() else { bail!("the path of the checkout is not UTF-8") };
    let mut config = ServerConfig::new(data_dir);
    // The examples' own throw-away identity, beside what it decrypts.
    config.age_key_file = Some(Path::new(checkout).join("examples/age-key.txt")).filter(|file| file.is_file());
    config.platform.kinds.push(everything()?);
    config.aliases.push(Alias { prefix: EXAMPLES_URL.to_owned(), read_from: format!("file://{checkout}") });
    config.applications.push(Declarations {
        repo_url: EXAMPLES_URL.to_owned(),
        target_revision: "HEAD".to_owned(),
        path: "examples/applications".to_owned(),
    });
    Ok(config)
}

/// The rule for every kind: references such as `vault://…` are written as they stand, because there is no vault here.
fn everything() -> anyhow::Result<KindRule> {
    let text = b"root: unused\nkinds:\n- {match: '*', secrets: keep}\n";
    let parsed = yaml::parse(text, "the embedded default", &yaml::ParseOptions::default())?;
    let Some(document) = parsed.documents.first() else { bail!("the embedded default is empty") };
    let Some(rule) = PlatformConfig::parse(&document.value, "the embedded default")?.kinds.pop() else {
        bail!("the embedded default has no rule")
    };
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_for_every_kind_reads() {
        assert!(everything().is_ok());
    }
}
