//! `gitops backup` and `gitops restore`: the store's copies, without the server's API.

use std::path::PathBuf;

use anyhow::Context as _;

/// `gitops backup`.
#[derive(clap::Args)]
#[command(after_help = "Example: gitops backup --data-dir .gitops --to /backups/gitops.db")]
pub(crate) struct BackupArguments {
    /// The server's data directory.
    #[arg(long, default_value = ".gitops")]
    data_dir: PathBuf,
    /// The file to write. It must not exist.
    #[arg(long)]
    to: PathBuf,
}

/// `gitops restore`.
#[derive(clap::Args)]
#[command(after_help = "Example: gitops restore --from /backups/gitops.db --data-dir .gitops")]
pub(crate) struct RestoreArguments {
    /// The back-up to read.
    #[arg(long)]
    from: PathBuf,
    /// The data directory of a server that is stopped.
    #[arg(long, default_value = ".gitops")]
    data_dir: PathBuf,
}

/// Name of the store in a data directory.
const DATABASE: &str = "state.db";

pub(crate) fn backup(arguments: &BackupArguments) -> anyhow::Result<u8> {
    let database = arguments.data_dir.join(DATABASE);
    if !database.exists() {
        anyhow::bail!("{}: there is no store here: is `--data-dir` the server's dataDir?", database.display());
    }
    let made = gitops_state::backup_file(&database, &arguments.to)?;
    println!("{}", made.path.display());
    Ok(0)
}

pub(crate) fn restore(arguments: &RestoreArguments) -> anyhow::Result<u8> {
    let database = arguments.data_dir.join(DATABASE);
    if !arguments.from.is_file() {
        anyhow::bail!("{}: there is no such back-up", arguments.from.display());
    }
    // On a new machine there is no data directory yet.
    std::fs::create_dir_all(&arguments.data_dir).with_context(|| format!("data directory {}", arguments.data_dir.display()))?;
    if let Some(aside) = gitops_state::restore(&arguments.from, &database)? {
        eprintln!("the store that was there is now {}", aside.display());
    }
    println!("{}", database.display());
    Ok(0)
}
