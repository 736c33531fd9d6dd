//! `gitops`: applications of a server, local rendering and diffs, back-ups.

mod app;
mod appset;
mod chart;
mod client;
mod local;
mod output;
mod project;
mod remote;
mod remote_chart;
mod stop;
mod store;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::client::Client;

/// Exit code of a difference that was found, of a wait that failed, and of wrong usage.
pub(crate) const EXIT_FOUND: u8 = 1;
/// Exit code of every other failure.
pub(crate) const EXIT_ERROR: u8 = 20;

#[derive(Parser)]
#[command(
    name = "gitops",
    version,
    about = "Applications of a GitOps server, local rendering and diffs, back-ups",
    after_help = "Examples:
  gitops app list
  gitops app get honua-production -o json
  gitops app sync honua-production --prune
  gitops app rollback honua-production 3
  gitops render examples/guestbook
  gitops diff HEAD~1:examples/guestbook examples/guestbook

Exit codes: 0 done; 1 wrong usage, a difference was found, or a wait failed; 20 any other error."
)]
struct Cli<C: Subcommand> {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: C,
}

/// How the server is reached.
#[derive(clap::Args)]
pub(crate) struct Connection {
    /// Address of the server, with or without scheme.
    #[arg(long, global = true, env = "GITOPS_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// Token for the API.
    #[arg(long, global = true, env = "GITOPS_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// Talk http where the address has no scheme (the default on loopback addresses).
    #[arg(long, global = true)]
    plaintext: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Applications of a server.
    #[command(subcommand)]
    App(app::AppCommand),
    /// Projects of a server.
    #[command(subcommand)]
    Proj(project::ProjectCommand),
    /// ApplicationSets of a server.
    #[command(subcommand)]
    Appset(appset::SetCommand),
    /// Stop syncs at once: of everything, a project, or applications. What runs pauses at its next safe point.
    Stop(stop::StopArguments),
    /// Let stopped syncs go on.
    Resume(stop::ResumeArguments),
    #[command(flatten)]
    Render(Render),
    /// Compare what two directories or revisions render to. Needs no server.
    Diff(local::DiffArguments),
    /// Back up a server's store while it runs, and verify the copy.
    Backup(store::BackupArguments),
    /// Put a verified back-up in the place of a stopped server's store.
    Restore(store::RestoreArguments),
    /// Print a completion script for a shell.
    #[command(after_help = "Example: gitops completion bash > /etc/bash_completion.d/gitops")]
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand)]
enum Render {
    /// Render a directory and print its objects as YAML. Needs no server.
    Render(Box<local::RenderArguments>),
}

fn main() -> ExitCode {
    // Describing all commands takes longer than rendering a small directory, so this one is tried alone.
    let done = if std::env::args_os().nth(1).is_some_and(|command| command == "render") {
        Cli::try_parse().map(|Cli { command: Render::Render(arguments), .. }| local::render(&arguments))
    } else {
        Cli::try_parse().map(run)
    };
    let done = match done {
        Ok(done) => done,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { EXIT_FOUND } else { 0 });
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::from(EXIT_ERROR)
        }
    }
}

fn run(cli: Cli<Command>) -> anyhow::Result<u8> {
    match cli.command {
        Command::App(command) => app::run(command, &Client::new(&cli.connection)?),
        Command::Proj(command) => project::run(command, &Client::new(&cli.connection)?),
        Command::Appset(command) => appset::run(command, &Client::new(&cli.connection)?),
        Command::Stop(arguments) => stop::stop(&arguments, &Client::new(&cli.connection)?),
        Command::Resume(arguments) => stop::resume(&arguments, &Client::new(&cli.connection)?),
        Command::Render(Render::Render(arguments)) => local::render(&arguments),
        Command::Diff(arguments) => local::diff(&arguments),
        Command::Backup(arguments) => store::backup(&arguments),
        Command::Restore(arguments) => store::restore(&arguments),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::<Command>::command(), "gitops", &mut std::io::stdout());
            Ok(0)
        }
    }
}
