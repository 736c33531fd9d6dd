//! `gitops app …`: the verbs people know from `argocd app`.

mod show;
mod wait;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{Client, segment};
use crate::output::{self, Format};
use crate::{EXIT_FOUND, output::print};

/// The verbs.
#[derive(Subcommand)]
pub(crate) enum AppCommand {
    /// List applications.
    #[command(after_help = "Example: gitops app list -p default -o name")]
    List {
        /// Output: wide, name, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
        /// Only of these projects.
        #[arg(short, long)]
        project: Vec<String>,
        /// Only names that hold this text.
        #[arg(long)]
        search: Option<String>,
    },
    /// Show one application, its last operation and its objects.
    Get {
        /// The application.
        name: String,
        /// Output: wide, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
        /// Fetch and compare first.
        #[arg(long)]
        refresh: bool,
        /// As --refresh, and render again.
        #[arg(long)]
        hard_refresh: bool,
    },
    /// Create an application from a manifest, or change it with --upsert.
    #[command(after_help = "Example: gitops app create -f application.yaml --upsert")]
    Create {
        /// The manifest; `-` reads standard input.
        #[arg(short, long)]
        file: String,
        /// Change it when it is there.
        #[arg(long)]
        upsert: bool,
    },
    /// Delete an application.
    Delete {
        /// The application.
        name: String,
        /// Remove what it manages too.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        cascade: bool,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Show what differs between desired and live. Exit code 1 when something does.
    Diff {
        /// The application.
        name: String,
        /// Fetch and compare first.
        #[arg(long)]
        refresh: bool,
        /// 0 even when something differs.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        exit_code: bool,
    },
    /// Print the desired manifests as YAML documents.
    Manifests {
        /// The application.
        name: String,
    },
    /// Make the target match.
    #[command(after_help = "Examples:
  gitops app sync honua-production --prune --timeout 300
  gitops app sync honua-production --prune --plan            what it would do, with a hash
  gitops app sync honua-production --prune --expect 4f5a6b7c only if it would still do that")]
    Sync(SyncArguments),
    /// Show what was deployed, newest first.
    History {
        /// The application.
        name: String,
        /// Output: wide, id, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
    },
    /// Go back to an earlier deployment, from the store: git need not be there. Auto-sync is held until `app resume`.
    #[command(after_help = "Examples:
  gitops app rollback honua-production            the one before
  gitops app rollback honua-production 3          by id
  gitops app rollback honua-production 4f5a6b7c   by revision")]
    Rollback {
        /// The application.
        name: String,
        /// Id or revision of the deployment; without it the one before the current one.
        id: Option<String>,
        /// Remove what that deployment did not have.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        prune: bool,
        /// Return at once.
        #[arg(long = "async")]
        no_wait: bool,
        /// Seconds to wait; 0 waits for ever.
        #[arg(long, default_value_t = 0)]
        timeout: u64,
    },
    /// Release the hold of a rollback: auto-sync goes on.
    Resume {
        /// The application.
        name: String,
    },
    /// Stop the running operation at the next safe point.
    TerminateOp {
        /// The application.
        name: String,
    },
    /// Wait until an application is synced, healthy and idle.
    #[command(after_help = "Example: gitops app wait honua-production --sync --health --timeout 600")]
    Wait(wait::WaitArguments),
    /// Show state, health and current deployment: what a deployment state file holds.
    Deployment {
        /// The application.
        name: String,
    },
}

/// `gitops app sync`.
#[derive(clap::Args)]
pub(crate) struct SyncArguments {
    /// The applications.
    #[arg(required = true)]
    names: Vec<String>,
    /// The revision instead of the application's own.
    #[arg(long)]
    revision: Option<String>,
    /// Remove what is no longer desired.
    #[arg(long)]
    prune: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// `apply` runs no hooks.
    #[arg(long, value_parser = ["apply", "hook"], default_value = "hook")]
    strategy: String,
    /// Only these objects: GROUP:KIND:[NAMESPACE/]NAME.
    #[arg(long)]
    resource: Vec<String>,
    /// Only what differs.
    #[arg(long)]
    apply_out_of_sync_only: bool,
    /// Show the ordered steps, the differences and their hash, and do nothing.
    #[arg(long, conflicts_with = "expect")]
    plan: bool,
    /// Sync only if what would be done still has this hash (of --plan; 8 digits suffice).
    #[arg(long)]
    expect: Option<String>,
    /// With --resource: run the hooks too.
    #[arg(long, requires = "resource")]
    with_hooks: bool,
    /// How often to try again.
    #[arg(long, default_value_t = 0)]
    retry_limit: i64,
    /// Return at once.
    #[arg(long = "async")]
    no_wait: bool,
    /// Seconds to wait; 0 waits for ever.
    #[arg(long, default_value_t = 0)]
    timeout: u64,
}

fn path(name: &str, rest: &str) -> String {
    format!("/api/v1/applications/{}{rest}", segment(name))
}

/// Runs one verb.
pub(crate) fn run(command: AppCommand, client: &Client) -> anyhow::Result<u8> {
    match command {
        AppCommand::List { output, project, search } => show::list(client, output, &project, search.as_deref()),
        AppCommand::Get { name, output, refresh, hard_refresh } => {
            let query = match (hard_refresh, refresh) {
                (true, _) => "?refresh=hard",
                (false, true) => "?refresh=normal",
                (false, false) => "",
            };
            show::get(client, &client.get(&path(&name, query))?, output)
        }
        AppCommand::Create { file, upsert } => create(client, &file, upsert),
        AppCommand::Delete { name, cascade, yes } => delete(client, &name, cascade, yes),
        AppCommand::Diff { name, refresh, exit_code } => diff(client, &name, refresh, exit_code),
        AppCommand::Manifests { name } => manifests(client, &name),
        AppCommand::Sync(arguments) => sync(client, &arguments),
        AppCommand::History { name, output } => show::history(&client.get(&path(&name, "/history"))?, output),
        AppCommand::Rollback { name, id, prune, no_wait, timeout } => {
            let answer = client.post(&path(&name, "/rollback"), &rollback_body(id.as_deref(), prune))?;
            eprintln!("rolling {name} back to {}", answer["revision"].as_str().unwrap_or("the earlier deployment"));
            if no_wait { Ok(0) } else { wait::for_operation(client, &name, &answer, timeout) }
        }
        AppCommand::Resume { name } => {
            client.post(&path(&name, "/resume"), &json!({}))?;
            eprintln!("{name}: the hold is released");
            Ok(0)
        }
        AppCommand::TerminateOp { name } => {
            client.delete(&path(&name, "/operation"))?;
            eprintln!("{name}: the operation stops at the next safe point");
            Ok(0)
        }
        AppCommand::Wait(arguments) => wait::run(client, &arguments),
        AppCommand::Deployment { name } => {
            output::structured(&client.get(&path(&name, "/deployment"))?, Format::Json);
            Ok(0)
        }
    }
}

/// Digits of at most nine places are an id; anything else is a revision.
fn rollback_body(id: Option<&str>, prune: bool) -> Value {
    match id {
        None => json!({ "prune": prune }),
        Some(id) if id.len() <= 9 && id.bytes().all(|b| b.is_ascii_digit()) && !id.is_empty() => {
            json!({ "id": id.parse::<i64>().unwrap_or_default(), "prune": prune })
        }
        Some(revision) => json!({ "revision": revision, "prune": prune }),
    }
}

fn create(client: &Client, file: &str, upsert: bool) -> anyhow::Result<u8> {
    for body in documents(file)? {
        let answer = client.post(&format!("/api/v1/applications?upsert={upsert}"), &body)?;
        println!("application '{}' created", answer["metadata"]["name"].as_str().unwrap_or_default());
    }
    Ok(0)
}

/// The documents of a file of manifests; `-` reads standard input.
pub(crate) fn documents(file: &str) -> anyhow::Result<Vec<Value>> {
    let text = if file == "-" { std::io::read_to_string(std::io::stdin())?.into_bytes() } else { std::fs::read(file)? };
    let parsed = gitops_manifest::yaml::parse(&text, file, &gitops_manifest::yaml::ParseOptions::default())?;
    parsed.documents.iter().map(|d| Ok(serde_json::from_str(&gitops_manifest::json::print(&d.value))?)).collect()
}

/// Asks a person.
pub(crate) fn confirmed(question: &str) -> anyhow::Result<bool> {
    eprint!("{question} [y/N] ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn delete(client: &Client, name: &str, cascade: bool, yes: bool) -> anyhow::Result<u8> {
    if !yes {
        let what = if cascade { " and all that it manages" } else { "" };
        if !confirmed(&format!("Delete application '{name}'{what}?"))? {
            return Ok(EXIT_FOUND);
        }
    }
    client.delete(&path(name, &format!("?cascade={cascade}")))?;
    println!("application '{name}' deleted");
    Ok(0)
}

fn diff(client: &Client, name: &str, refresh: bool, exit_code: bool) -> anyhow::Result<u8> {
    if refresh {
        client.get(&path(name, "?refresh=normal"))?;
    }
    let answer = client.get(&path(name, "/diff"))?;
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    for item in items {
        print(&output::coloured_diff(item["text"].as_str().unwrap_or_default()));
    }
    Ok(if items.is_empty() || !exit_code { 0 } else { EXIT_FOUND })
}

fn manifests(client: &Client, name: &str) -> anyhow::Result<u8> {
    let answer = client.get(&path(name, "/manifests"))?;
    for (i, manifest) in answer["manifests"].as_array().into_iter().flatten().enumerate() {
        let text = manifest.as_str().unwrap_or_default();
        let value = gitops_manifest::json::parse(text.as_bytes(), "manifest")?;
        print(&format!("{}{}", if i > 0 { "---\n" } else { "" }, gitops_manifest::yaml::print(&value)));
    }
    Ok(0)
}

fn sync(client: &Client, arguments: &SyncArguments) -> anyhow::Result<u8> {
    let mut body = json!({
        "prune": arguments.prune,
        "dryRun": arguments.dry_run,
        "strategy": if arguments.strategy == "apply" { json!({ "apply": {} }) } else { json!({ "hook": {} }) },
    });
    if let Some(revision) = &arguments.revision {
        body["revision"] = json!(revision);
    }
    if arguments.apply_out_of_sync_only {
        body["syncOptions"] = json!({ "items": ["ApplyOutOfSyncOnly=true"] });
    }
    if arguments.retry_limit != 0 {
        body["retryStrategy"] = json!({ "limit": arguments.retry_limit });
    }
    if !arguments.resource.is_empty() {
        body["resources"] = arguments.resource.iter().map(|r| selected(r)).collect::<anyhow::Result<Vec<Value>>>()?.into();
    }
    if let Some(hash) = &arguments.expect {
        body["expect"] = json!(hash);
    }
    body["withHooks"] = json!(arguments.with_hooks);
    let mut worst = 0;
    for name in &arguments.names {
        if arguments.plan {
            show::plan(name, &client.post(&path(name, "/plan"), &body)?);
            continue;
        }
        let answer = client.post(&path(name, "/sync"), &body)?;
        if !arguments.no_wait {
            worst = worst.max(wait::for_operation(client, name, &answer, arguments.timeout)?);
        }
    }
    Ok(worst)
}

/// Reads GROUP:KIND:[NAMESPACE/]NAME.
fn selected(text: &str) -> anyhow::Result<Value> {
    let parts: Vec<&str> = text.splitn(3, ':').collect();
    let [group, kind, name] = parts[..] else {
        anyhow::bail!("`{text}`: expected GROUP:KIND:[NAMESPACE/]NAME, for example `apps:Deployment:web`")
    };
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    Ok(json!({ "group": group, "kind": kind, "namespace": namespace, "name": name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_takes_an_id_or_a_revision() {
        assert_eq!(rollback_body(Some("3"), true), json!({ "id": 3, "prune": true }));
        assert_eq!(rollback_body(Some("4f5a6b7"), true), json!({ "revision": "4f5a6b7", "prune": true }));
        // Forty digits that happen to be decimal are a commit.
        assert_eq!(rollback_body(Some(&"1".repeat(40)), false)["revision"], json!("1".repeat(40)));
    }

    #[test]
    fn a_resource_is_three_parts() {
        assert_eq!(selected("apps:Deployment:ns/web").expect("ok")["namespace"], "ns");
        assert!(selected("web").is_err());
    }
}
