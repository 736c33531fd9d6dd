//! Printing applications, their objects and their history.

use serde_json::Value;

use crate::client::{Client, segment};
use crate::output::{Format, print, structured, table};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn or(value: &Value, default: &str) -> String {
    value.as_str().filter(|s| !s.is_empty()).unwrap_or(default).to_owned()
}

fn destination(app: &Value) -> String {
    let d = &app["spec"]["destination"];
    or(&d["server"], d["name"].as_str().unwrap_or_default())
}

fn sync_policy(app: &Value) -> &'static str {
    let automated = &app["spec"]["syncPolicy"]["automated"];
    if automated.is_null() || automated["enabled"] == Value::Bool(false) {
        "Manual"
    } else if automated["prune"] == Value::Bool(true) {
        "Auto-Prune"
    } else {
        "Auto"
    }
}

/// `Type(n),…`, or `<none>`.
fn conditions(app: &Value) -> String {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for condition in app["status"]["conditions"].as_array().into_iter().flatten() {
        let kind = text(&condition["type"]);
        match counted.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, n)) => *n += 1,
            None => counted.push((kind, 1)),
        }
    }
    if counted.is_empty() {
        return "<none>".to_owned();
    }
    counted.iter().map(|(kind, n)| if *n > 1 { format!("{kind}({n})") } else { kind.clone() }).collect::<Vec<_>>().join(",")
}

fn source(app: &Value) -> Value {
    let spec = &app["spec"];
    if spec["sources"][0].is_object() { spec["sources"][0].clone() } else { spec["source"].clone() }
}

/// `gitops app list`: every page.
pub(super) fn list(client: &Client, format: Format, projects: &[String], search: Option<&str>) -> anyhow::Result<u8> {
    let mut filter = String::new();
    for project in projects {
        filter.push_str(&format!("&projects={}", segment(project)));
    }
    if let Some(search) = search {
        filter.push_str(&format!("&search={}", segment(search)));
    }
    let mut items: Vec<Value> = Vec::new();
    let mut after = String::new();
    loop {
        let mut page = client.get(&format!("/api/v1/applications?limit=500{filter}{after}"))?;
        if let Some(list) = page["items"].as_array_mut() {
            items.append(list);
        }
        match page["metadata"]["continue"].as_str() {
            Some(next) if !next.is_empty() => after = format!("&continue={}", segment(next)),
            _ => break,
        }
    }
    match format {
        Format::Json | Format::Yaml => structured(&Value::Array(items), format),
        Format::Name | Format::Id => items.iter().for_each(|app| print(&format!("{}\n", text(&app["metadata"]["name"])))),
        Format::Wide => print(&applications(&items)),
    }
    Ok(0)
}

fn applications(items: &[Value]) -> String {
    let header = ["NAME", "CLUSTER", "NAMESPACE", "PROJECT", "STATUS", "HEALTH", "SYNCPOLICY", "CONDITIONS", "REPO", "PATH", "TARGET"];
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|app| {
            let source = source(app);
            vec![
                text(&app["metadata"]["name"]),
                destination(app),
                text(&app["spec"]["destination"]["namespace"]),
                or(&app["spec"]["project"], "default"),
                or(&app["status"]["sync"]["status"], "Unknown"),
                or(&app["status"]["health"]["status"], "Unknown"),
                sync_policy(app).to_owned(),
                conditions(app),
                text(&source["repoURL"]),
                text(&source["path"]),
                or(&source["targetRevision"], "HEAD"),
            ]
        })
        .collect();
    table(&header, &rows)
}

/// `gitops app get`.
pub(super) fn get(client: &Client, app: &Value, format: Format) -> anyhow::Result<u8> {
    match format {
        Format::Json | Format::Yaml => structured(app, format),
        Format::Name | Format::Id => print(&format!("{}\n", text(&app["metadata"]["name"]))),
        Format::Wide => print(&overview(app, client.base())),
    }
    Ok(0)
}

fn overview(app: &Value, server: &str) -> String {
    let source = source(app);
    let status = &app["status"];
    let revision: String = text(&status["sync"]["revision"]).chars().take(7).collect();
    let mut lines = vec![
        ("Name", text(&app["metadata"]["name"])),
        ("Project", or(&app["spec"]["project"], "default")),
        ("Destination", destination(app)),
        ("Namespace", text(&app["spec"]["destination"]["namespace"])),
        ("URL", format!("{server}/api/v1/applications/{}", text(&app["metadata"]["name"]))),
        ("Repo", text(&source["repoURL"])),
        ("Target", or(&source["targetRevision"], "HEAD")),
        ("Path", text(&source["path"])),
        ("Sync Policy", sync_policy(app).to_owned()),
        ("Sync Status", format!("{} ({revision})", or(&status["sync"]["status"], "Unknown"))),
        ("Health Status", or(&status["health"]["status"], "Unknown")),
    ];
    if let Some(message) = status["health"]["message"].as_str() {
        lines.push(("Health Reason", message.to_owned()));
    }
    let gate = &status["syncGate"];
    if gate.is_object() {
        let allowed = |key: &str| gate[key] == Value::Bool(true);
        let verdict = match (allowed("automated"), allowed("manual")) {
            (true, _) => "Sync Allowed",
            (false, true) => "Manual Sync Allowed",
            (false, false) => "Sync Denied",
        };
        let reason = gate["reason"].as_str().map(|r| format!(": {r}")).unwrap_or_default();
        lines.push(("SyncWindow", format!("{verdict}{reason}")));
    }
    if let Some(reason) = status["hold"]["reason"].as_str() {
        lines.push(("Held", format!("{reason}, by {}", text(&status["hold"]["by"]))));
    }
    for condition in status["conditions"].as_array().into_iter().flatten() {
        lines.push(("Condition", format!("{}: {}", text(&condition["type"]), text(&condition["message"]))));
    }
    let operation = &status["operationState"];
    if operation.is_object() {
        lines.push(("Operation", format!("{}: {}", text(&operation["phase"]), text(&operation["message"]))));
    }
    let mut out: String =
        lines.iter().map(|(name, value)| format!("{:<16}{value}", format!("{name}:")).trim_end().to_owned() + "\n").collect();
    out.push('\n');
    out.push_str(&objects(status));
    out
}

fn objects(status: &Value) -> String {
    let results = status["operationState"]["syncResult"]["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let same = |a: &Value, b: &Value| ["group", "kind", "namespace", "name"].iter().all(|k| or(&a[k], "") == or(&b[k], ""));
    let mut rows = Vec::new();
    for object in status["resources"].as_array().into_iter().flatten().filter(|o| o["hook"] != Value::Bool(true)) {
        let message = results.iter().find(|r| same(r, object)).map(|r| text(&r["message"])).unwrap_or_default();
        rows.push(row(object, text(&object["status"]), text(&object["health"]["status"]), String::new(), message));
    }
    for hook in results.iter().filter(|r| r["hookType"].as_str().is_some_and(|t| !t.is_empty())) {
        rows.push(row(hook, text(&hook["hookPhase"]), String::new(), text(&hook["hookType"]), text(&hook["message"])));
    }
    table(&["GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"], &rows)
}

fn row(object: &Value, status: String, health: String, hook: String, message: String) -> Vec<String> {
    vec![text(&object["group"]), text(&object["kind"]), text(&object["namespace"]), text(&object["name"]), status, health, hook, message]
}

/// `gitops app sync --plan`.
pub(super) fn plan(name: &str, answer: &Value) {
    let revisions: Vec<String> = answer["revisions"].as_array().into_iter().flatten().map(text).collect();
    print(&format!("{name} at {}\nhash {}\n\n", revisions.join(", "), text(&answer["hash"])));
    let row = |s: &Value| vec![text(&s["phase"]), s["wave"].to_string(), text(&s["action"]), text(&s["subject"])];
    let rows: Vec<Vec<String>> = answer["steps"].as_array().into_iter().flatten().map(row).collect();
    print(&table(&["PHASE", "WAVE", "ACTION", "OBJECT"], &rows));
    for difference in answer["differences"].as_array().into_iter().flatten() {
        print(&crate::output::coloured_diff(&text(difference)));
    }
}

/// `gitops app history`, newest first.
pub(super) fn history(answer: &Value, format: Format) -> anyhow::Result<u8> {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    match format {
        Format::Json | Format::Yaml => structured(&answer["items"], format),
        Format::Id | Format::Name => items.iter().for_each(|entry| print(&format!("{}\n", entry["id"]))),
        Format::Wide => {
            let rows: Vec<Vec<String>> = items
                .iter()
                .map(|e| {
                    let by = if e["initiatedBy"]["automated"] == Value::Bool(true) {
                        "automated".to_owned()
                    } else {
                        text(&e["initiatedBy"]["username"])
                    };
                    vec![e["id"].to_string(), text(&e["deployedAt"]), text(&e["revision"]), text(&e["status"]), by]
                })
                .collect();
            print(&table(&["ID", "DATE", "REVISION", "STATUS", "BY"], &rows));
        }
    }
    Ok(0)
}
