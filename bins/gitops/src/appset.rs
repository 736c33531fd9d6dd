//! `gitops appset …`: the verbs people know from `argocd appset`, and a preview that shows manifests.

use clap::Subcommand;
use serde_json::Value;

use crate::EXIT_FOUND;
use crate::client::{Client, segment};
use crate::output::{Format, coloured_diff, print, structured, table};

/// The verbs.
#[derive(Subcommand)]
pub(crate) enum SetCommand {
    /// List ApplicationSets.
    List {
        /// Output: wide, name, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
    },
    /// Show one ApplicationSet with its conditions and applications.
    Get {
        /// The set.
        name: String,
        /// Output: wide, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
        /// Expand it again first.
        #[arg(long)]
        refresh: bool,
    },
    /// Create an ApplicationSet from a manifest, or change it with --upsert.
    #[command(after_help = "Example: gitops appset create -f set.yaml --upsert")]
    Create {
        /// The manifest; `-` reads standard input.
        #[arg(short, long)]
        file: String,
        /// Change it when it is there.
        #[arg(long)]
        upsert: bool,
        /// Only check that it expands.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete an ApplicationSet.
    Delete {
        /// The set.
        name: String,
        /// Delete its applications too, each as its finalizer says.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        cascade: bool,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Print the applications that a manifest comes to.
    Generate {
        /// The manifest; `-` reads standard input.
        #[arg(short, long)]
        file: String,
    },
    /// Show what a set would change, manifests included. Exit code 1 when something would.
    #[command(after_help = "Examples:
  gitops appset preview shops          a set of the server
  gitops appset preview -f set.yaml    a manifest that is not there yet, or not so")]
    Preview {
        /// The set.
        #[arg(required_unless_present = "file", conflicts_with = "file")]
        name: Option<String>,
        /// A manifest; `-` reads standard input.
        #[arg(short, long)]
        file: Option<String>,
        /// Show the parameter sets too.
        #[arg(long)]
        show_params: bool,
    },
}

fn path(name: &str, rest: &str) -> String {
    format!("/api/v1/applicationsets/{}{rest}", segment(name))
}

/// Runs one verb.
pub(crate) fn run(command: SetCommand, client: &Client) -> anyhow::Result<u8> {
    match command {
        SetCommand::List { output } => list(client, output),
        SetCommand::Get { name, output, refresh } => {
            get(&client.get(&path(&name, if refresh { "?refresh=normal" } else { "" }))?, output);
            Ok(0)
        }
        SetCommand::Create { file, upsert, dry_run } => {
            for body in crate::app::documents(&file)? {
                let answer = client.post(&format!("/api/v1/applicationsets?upsert={upsert}&dryRun={dry_run}"), &body)?;
                let name = answer["metadata"]["name"].as_str().unwrap_or_default();
                println!("ApplicationSet '{name}' {}", if dry_run { "is good (dry run)" } else { "created" });
            }
            Ok(0)
        }
        SetCommand::Delete { name, cascade, yes } => {
            let what = if cascade { " and its applications" } else { "" };
            if !yes && !crate::app::confirmed(&format!("Delete ApplicationSet '{name}'{what}?"))? {
                return Ok(EXIT_FOUND);
            }
            client.delete(&path(&name, &format!("?cascade={cascade}")))?;
            println!("ApplicationSet '{name}' deleted");
            Ok(0)
        }
        SetCommand::Generate { file } => {
            for body in crate::app::documents(&file)? {
                let answer = client.post("/api/v1/applicationsets/generate", &body)?;
                for application in answer["applications"].as_array().into_iter().flatten() {
                    print("---\n");
                    structured(application, Format::Yaml);
                }
                problems(&answer);
            }
            Ok(0)
        }
        SetCommand::Preview { name, file, show_params } => {
            let answers = match (name, file) {
                (Some(name), _) => vec![client.get(&path(&name, "/preview"))?],
                (None, Some(file)) => {
                    let bodies = crate::app::documents(&file)?;
                    bodies.iter().map(|body| client.post("/api/v1/applicationsets/preview", body)).collect::<anyhow::Result<Vec<_>>>()?
                }
                (None, None) => Vec::new(),
            };
            Ok(if answers.iter().any(|answer| preview(answer, show_params)) { EXIT_FOUND } else { 0 })
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn problems(answer: &Value) {
    for problem in answer["problems"].as_array().into_iter().flatten() {
        eprintln!("warning: {}", text(problem));
    }
}

/// Says whether something would change.
fn preview(answer: &Value, show_params: bool) -> bool {
    if show_params {
        structured(&answer["parameters"], Format::Yaml);
    }
    let mut changes = false;
    for app in answer["applications"].as_array().into_iter().flatten() {
        let change = text(&app["change"]);
        print(&format!("{:<8}{}\n", change, text(&app["name"])));
        if change == "keep" {
            continue;
        }
        changes = true;
        print(&coloured_diff(&text(&app["difference"])));
        for object in app["manifests"].as_array().into_iter().flatten() {
            print(&coloured_diff(&text(&object["text"])));
        }
        if let Some(error) = app["error"].as_str() {
            eprintln!("warning: {}: {error}", text(&app["name"]));
        }
    }
    for held in answer["held"].as_array().into_iter().flatten() {
        print(&format!("{:<8}{}\n", "held", text(held)));
    }
    problems(answer);
    changes
}

fn kinds(set: &Value) -> String {
    let of = |g: &Value| g.as_object().and_then(|o| o.keys().find(|k| *k != "selector").cloned()).unwrap_or_default();
    set["spec"]["generators"].as_array().into_iter().flatten().map(of).collect::<Vec<_>>().join(",")
}

fn list(client: &Client, format: Format) -> anyhow::Result<u8> {
    let answer = client.get("/api/v1/applicationsets")?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    match format {
        Format::Json | Format::Yaml => structured(&answer["items"], format),
        Format::Name | Format::Id => items.iter().for_each(|s| print(&format!("{}\n", text(&s["metadata"]["name"])))),
        Format::Wide => {
            let row = |s: &Value| {
                let status = &s["status"];
                vec![
                    text(&s["metadata"]["name"]),
                    kinds(s),
                    status["resourcesCount"].as_u64().unwrap_or_default().to_string(),
                    text(&status["health"]["status"]),
                    text(&status["health"]["message"]),
                ]
            };
            let rows: Vec<Vec<String>> = items.iter().map(row).collect();
            print(&table(&["NAME", "GENERATORS", "APPLICATIONS", "HEALTH", "MESSAGE"], &rows));
        }
    }
    Ok(0)
}

fn get(set: &Value, format: Format) {
    if matches!(format, Format::Json | Format::Yaml) {
        return structured(set, format);
    }
    let status = &set["status"];
    let mut out = format!("{:<16}{}\n{:<16}{}\n", "Name:", text(&set["metadata"]["name"]), "Generators:", kinds(set));
    for condition in status["conditions"].as_array().into_iter().flatten() {
        out +=
            &format!("{:<16}{}={}: {}\n", "Condition:", text(&condition["type"]), text(&condition["status"]), text(&condition["message"]));
    }
    if let Some(waiting) = status["waiting"].as_str() {
        out += &format!("{:<16}{waiting}\n", "Rollout:");
    }
    let step = |name: &Value| {
        let found = status["applicationStatus"].as_array().into_iter().flatten().find(|a| a["application"] == *name);
        found.map(|a| format!("{} (step {})", text(&a["status"]), text(&a["step"]))).unwrap_or_default()
    };
    let row = |r: &Value| vec![text(&r["name"]), text(&r["status"]), text(&r["health"]["status"]), step(&r["name"])];
    let rows: Vec<Vec<String>> = status["resources"].as_array().into_iter().flatten().map(row).collect();
    print(&format!("{out}\n{}", table(&["APPLICATION", "STATUS", "HEALTH", "ROLLOUT"], &rows)));
}
