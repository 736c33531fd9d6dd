//! `gitops proj …`: the verbs people know from `argocd proj`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::EXIT_FOUND;
use crate::client::{Client, segment};
use crate::output::{Format, print, structured, table};

/// The verbs.
#[derive(Subcommand)]
pub(crate) enum ProjectCommand {
    /// List projects.
    List {
        /// Output: wide, name, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
    },
    /// Show a project.
    Get {
        /// The project.
        name: String,
        /// Output: wide, json, yaml.
        #[arg(short, long, value_enum, default_value = "wide")]
        output: Format,
    },
    /// Create a project from a manifest or from flags, or change it with --upsert.
    #[command(after_help = "Examples:
  gitops proj create shop -s 'https://git.example.com/shop/*' -d platform,shop-*
  gitops proj create -f project.yaml --upsert")]
    Create {
        /// Its name, when no manifest is given.
        name: Option<String>,
        /// The manifest; `-` reads standard input.
        #[arg(short, long, conflicts_with_all = ["name", "src", "dest", "description"])]
        file: Option<String>,
        /// A repository that is permitted: a pattern.
        #[arg(short, long)]
        src: Vec<String>,
        /// A destination that is permitted: SERVER-OR-NAME,NAMESPACE, both patterns.
        #[arg(short, long)]
        dest: Vec<String>,
        /// For people.
        #[arg(long, default_value = "")]
        description: String,
        /// Change it when it is there.
        #[arg(long)]
        upsert: bool,
    },
    /// Delete a project that no application uses.
    Delete {
        /// The projects.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// Runs one verb.
pub(crate) fn run(command: ProjectCommand, client: &Client) -> anyhow::Result<u8> {
    match command {
        ProjectCommand::List { output } => list(client, output),
        ProjectCommand::Get { name, output } => get(&client.get(&format!("/api/v1/projects/{}", segment(&name)))?, output),
        ProjectCommand::Create { name, file, src, dest, description, upsert } => {
            let bodies = match (name, file) {
                (_, Some(file)) => crate::app::documents(&file)?,
                (Some(name), None) => vec![from_flags(&name, &src, &dest, &description)?],
                (None, None) => {
                    eprintln!("error: give a name, or a manifest with -f");
                    return Ok(EXIT_FOUND);
                }
            };
            for body in bodies {
                let answer = client.post(&format!("/api/v1/projects?upsert={upsert}"), &body)?;
                println!("project '{}' created", answer["metadata"]["name"].as_str().unwrap_or_default());
            }
            Ok(0)
        }
        ProjectCommand::Delete { names } => {
            for name in names {
                client.delete(&format!("/api/v1/projects/{}", segment(&name)))?;
                println!("project '{name}' deleted");
            }
            Ok(0)
        }
    }
}

fn from_flags(name: &str, sources: &[String], destinations: &[String], description: &str) -> anyhow::Result<Value> {
    let destination = |text: &String| {
        let (target, namespace) = text
            .split_once(',')
            .ok_or_else(|| anyhow::anyhow!("`{text}`: expected SERVER-OR-NAME,NAMESPACE, for example `platform,shop-*`"))?;
        Ok(if target.contains("://") || target == "*" {
            json!({ "server": target, "namespace": namespace })
        } else {
            json!({ "name": target, "namespace": namespace })
        })
    };
    let destinations = destinations.iter().map(destination).collect::<anyhow::Result<Vec<Value>>>()?;
    let mut spec = json!({ "sourceRepos": sources, "destinations": destinations });
    if !description.is_empty() {
        spec["description"] = json!(description);
    }
    Ok(json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": { "name": name }, "spec": spec }))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn joined(list: &Value, one: impl Fn(&Value) -> String) -> String {
    let items: Vec<String> = list.as_array().into_iter().flatten().map(one).collect();
    if items.is_empty() { "<none>".to_owned() } else { items.join(" ") }
}

fn destination(to: &Value) -> String {
    let target = to["server"].as_str().filter(|s| !s.is_empty()).or(to["name"].as_str()).unwrap_or_default();
    format!("{target},{}", text(&to["namespace"]))
}

fn list(client: &Client, format: Format) -> anyhow::Result<u8> {
    let answer = client.get("/api/v1/projects")?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    match format {
        Format::Json | Format::Yaml => structured(&answer["items"], format),
        Format::Name | Format::Id => items.iter().for_each(|p| print(&format!("{}\n", text(&p["metadata"]["name"])))),
        Format::Wide => {
            let row = |p: &Value| {
                let spec = &p["spec"];
                vec![
                    text(&p["metadata"]["name"]),
                    text(&spec["description"]),
                    joined(&spec["destinations"], destination),
                    joined(&spec["sourceRepos"], text),
                    spec["syncWindows"].as_array().map_or(0, Vec::len).to_string(),
                ]
            };
            let rows: Vec<Vec<String>> = items.iter().map(row).collect();
            print(&table(&["NAME", "DESCRIPTION", "DESTINATIONS", "SOURCES", "WINDOWS"], &rows));
        }
    }
    Ok(0)
}

fn get(project: &Value, format: Format) -> anyhow::Result<u8> {
    if matches!(format, Format::Json | Format::Yaml) {
        structured(project, format);
        return Ok(0);
    }
    let spec = &project["spec"];
    let kind = |k: &Value| format!("{}/{}", text(&k["group"]), text(&k["kind"]));
    let namespaced =
        if spec["namespaceResourceWhitelist"].is_array() { joined(&spec["namespaceResourceWhitelist"], kind) } else { "*/*".to_owned() };
    let lines = [
        ("Name", text(&project["metadata"]["name"])),
        ("Description", text(&spec["description"])),
        ("Destinations", joined(&spec["destinations"], destination)),
        ("Repositories", joined(&spec["sourceRepos"], text)),
        ("Source Namespaces", joined(&spec["sourceNamespaces"], text)),
        ("Cluster Kinds", joined(&spec["clusterResourceWhitelist"], kind)),
        ("Denied Cluster Kinds", joined(&spec["clusterResourceBlacklist"], kind)),
        ("Namespaced Kinds", namespaced),
        ("Denied Namespaced Kinds", joined(&spec["namespaceResourceBlacklist"], kind)),
        ("Signature Keys", joined(&spec["signatureKeys"], |k| text(&k["keyID"]))),
    ];
    let mut out: String =
        lines.iter().map(|(name, value)| format!("{:<25}{value}", format!("{name}:")).trim_end().to_owned() + "\n").collect();
    let windows: Vec<Vec<String>> = spec["syncWindows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|w| {
            let manual = if w["manualSync"] == Value::Bool(true) { "allowed" } else { "" };
            let zone = w["timeZone"].as_str().unwrap_or("UTC").to_owned();
            let [a, n, c] = ["applications", "namespaces", "clusters"].map(|key| joined(&w[key], text));
            vec![text(&w["kind"]), text(&w["schedule"]), text(&w["duration"]), zone, a, n, c, manual.to_owned()]
        })
        .collect();
    if !windows.is_empty() {
        out.push('\n');
        out.push_str(&table(&["KIND", "SCHEDULE", "DURATION", "ZONE", "APPLICATIONS", "NAMESPACES", "CLUSTERS", "MANUAL SYNC"], &windows));
    }
    print(&out);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_made_of_flags() {
        let made = from_flags("shop", &["https://x/*".into()], &["platform,shop-*".into(), "*,ops".into()], "").expect("good");
        assert_eq!(made["spec"]["destinations"], json!([{"name": "platform", "namespace": "shop-*"}, {"server": "*", "namespace": "ops"}]));
        assert!(from_flags("shop", &[], &["platform".into()], "").is_err());
    }
}
