//! `gitops stop` and `gitops resume`: the emergency stop, recorded with who and why.

use serde_json::{Value, json};

use crate::client::Client;
use crate::output::{print, table};

/// What it is about.
#[derive(clap::Args)]
#[group(required = false, multiple = false)]
struct Scope {
    /// Everything.
    #[arg(long)]
    all: bool,
    /// The applications of a project.
    #[arg(long)]
    project: Option<String>,
    /// One application.
    name: Option<String>,
}

impl Scope {
    fn body(&self) -> Option<Value> {
        match (self.all, &self.project, &self.name) {
            (true, ..) => Some(json!({ "all": true })),
            (_, Some(project), _) => Some(json!({ "project": project })),
            (.., Some(name)) => Some(json!({ "application": name })),
            _ => None,
        }
    }

    fn named(&self) -> String {
        match (&self.project, &self.name) {
            (Some(project), _) => format!("project {project}"),
            (_, Some(name)) => format!("application {name}"),
            _ => "everything".to_owned(),
        }
    }
}

/// `gitops stop`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gitops stop --all --reason 'the database is being moved'
  gitops stop --project shop --reason 'incident 4711'
  gitops stop honua-production --reason 'bad release'
  gitops stop                                          what is stopped now")]
pub(crate) struct StopArguments {
    #[command(flatten)]
    scope: Scope,
    /// Why, for whoever finds it standing still.
    #[arg(long, default_value = "")]
    reason: String,
}

/// `gitops resume`.
#[derive(clap::Args)]
#[command(after_help = "Example: gitops resume --all")]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    scope: Scope,
}

pub(crate) fn stop(arguments: &StopArguments, client: &Client) -> anyhow::Result<u8> {
    let Some(mut body) = arguments.scope.body() else { return list(client) };
    body["reason"] = json!(arguments.reason);
    client.post("/api/v1/stops", &body)?;
    eprintln!("{}: stopped", arguments.scope.named());
    Ok(0)
}

pub(crate) fn resume(arguments: &ResumeArguments, client: &Client) -> anyhow::Result<u8> {
    let Some(body) = arguments.scope.body() else { anyhow::bail!("say what goes on: --all, --project NAME or an application") };
    client.post("/api/v1/stops/resume", &body)?;
    eprintln!("{}: goes on", arguments.scope.named());
    Ok(0)
}

fn list(client: &Client) -> anyhow::Result<u8> {
    let answer = client.get("/api/v1/stops")?;
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            let what = match (item["project"].as_str(), item["application"].as_str()) {
                (Some(project), _) => format!("project {project}"),
                (_, Some(name)) => format!("application {name}"),
                _ => "everything".to_owned(),
            };
            vec![what, text(&item["by"]), text(&item["at"]), text(&item["reason"])]
        })
        .collect();
    print(&table(&["STOPPED", "BY", "SINCE", "REASON"], &rows));
    Ok(0)
}
