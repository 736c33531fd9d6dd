//! `clusters` of the configuration file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_customize::Customizations;
use gitops_lua::{HealthScript, HealthScripts, Libraries};
use gitops_manifest::{Manifest, Map, Value, json, yaml};
use gitops_target_kubernetes::{Access, ClusterSecret, KubernetesConfig, Tracking, TrackingMethod};

use super::required;
use super::section::Section;

/// The address of the cluster that the server runs in, as Applications write it.
const IN_CLUSTER: &str = "https://kubernetes.default.svc";

/// The clusters that the file names. Without any, the one that the server runs in, if it runs in one.
pub(super) fn clusters(root: &mut Section<'_>, environment: &dyn Fn(&str) -> Option<String>) -> Vec<KubernetesConfig> {
    let tracking = tracking(root);
    let customizations = customizations(root);
    let health = health_scripts(root, customizations.health);
    let mut clusters: Vec<KubernetesConfig> = root.list("clusters", cluster).into_iter().flatten().collect();
    if clusters.is_empty() && root.value("clusters").is_none() && environment("KUBERNETES_SERVICE_HOST").is_some() {
        let mut own = KubernetesConfig::new("in-cluster", Access::InCluster);
        own.server = IN_CLUSTER.to_owned();
        clusters.push(own);
    }
    for cluster in &mut clusters {
        (cluster.tracking, cluster.health) = (tracking.clone(), health.clone());
        (cluster.compare, cluster.rules) = (customizations.options.clone(), customizations.rules.clone());
    }
    clusters
}

fn cluster(section: &mut Section<'_>) -> Option<KubernetesConfig> {
    let name = section.text("name");
    let mut server = section.text("server");
    let context = section.text("context");
    let (kubeconfig, secret) = (section.text("kubeconfig").map(PathBuf::from), section.text("secretFile").map(PathBuf::from));
    let inside = section.flag("inCluster");
    let mut secret_namespaces = Vec::new();
    let mut secret_name = None;
    let mut whole = false;
    let access = match (kubeconfig, secret, inside) {
        (Some(file), None, false) => {
            server = server.or_else(|| address(&file, context.as_deref()));
            Some(Access::Kubeconfig { file, context })
        }
        (None, Some(file), false) => match cluster_secret(&file) {
            Ok(read) => {
                server = server.or_else(|| Some(read.server.clone()));
                (secret_name, secret_namespaces, whole) = (Some(read.name.clone()), read.namespaces.clone(), read.cluster_resources);
                Some(Access::Secret(Box::new(read)))
            }
            Err(e) => {
                section.wrong("secretFile", &e);
                None
            }
        },
        (None, None, true) => {
            server = server.or_else(|| Some(IN_CLUSTER.to_owned()));
            Some(Access::InCluster)
        }
        _ => {
            section.wrong("kubeconfig", "expected exactly one of `kubeconfig`, `secretFile` and `inCluster: true`");
            None
        }
    };
    let name = name.or(secret_name).unwrap_or_else(|| required(section, "name"));
    let defaults = KubernetesConfig::new(name, access.clone().unwrap_or(Access::InCluster));
    let config = KubernetesConfig {
        server: server.unwrap_or_default(),
        exec_allowed: section.texts("execAllowed").unwrap_or_default(),
        namespaces: section.texts("namespaces").unwrap_or(secret_namespaces),
        cluster_resources: section.flag("clusterResources") || whole,
        field_manager: section.text("fieldManager").unwrap_or_else(|| defaults.field_manager.clone()),
        most_requests: section.count("maxRequests", defaults.most_requests),
        silence: section.duration("watchSilence", defaults.silence),
        patience: section.duration("applyPatience", defaults.patience),
        ..defaults
    };
    access.map(|_| config)
}

/// The address of a context's cluster; none when the file is not readable, which its first use says.
fn address(file: &Path, context: Option<&str>) -> Option<String> {
    let text = std::fs::read(file).ok()?;
    let parsed = yaml::parse(&text, "kubeconfig", &yaml::ParseOptions::default()).ok()?;
    let config = &parsed.documents.first()?.value;
    let context = context.or_else(|| config.str_at(&["current-context"]))?;
    let named = |list: &str, name: &str| {
        let all = config.get(list).and_then(Value::as_list)?;
        all.iter().find(|entry| entry.str_at(&["name"]) == Some(name)).cloned()
    };
    let cluster = named("contexts", context)?.str_at(&["context", "cluster"])?.to_owned();
    named("clusters", &cluster)?.str_at(&["cluster", "server"]).map(str::to_owned)
}

/// Reads a Secret as Argo CD keeps it, from a file.
fn cluster_secret(file: &Path) -> Result<ClusterSecret, String> {
    let shown = file.display().to_string();
    let text = std::fs::read(file).map_err(|e| format!("{shown}: {e}"))?;
    let parsed = yaml::parse(&text, &shown, &yaml::ParseOptions::default()).map_err(|e| e.to_string())?;
    let document = parsed.documents.into_iter().next().ok_or_else(|| format!("{shown}: is empty"))?;
    let secret = Manifest::from_value(document.value, document.at).map_err(|e| e.to_string())?;
    let mut data: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (key, value) in secret.body().get("data").and_then(Value::as_map).into_iter().flat_map(|m| m.iter()) {
        let bytes = gitops_target_kubernetes::decode(value.as_str().unwrap_or_default());
        data.insert(key.to_string(), bytes.ok_or_else(|| format!("{shown}: `data.{key}` is no base64"))?);
    }
    for (key, value) in secret.body().get("stringData").and_then(Value::as_map).into_iter().flat_map(|m| m.iter()) {
        data.insert(key.to_string(), value.as_str().unwrap_or_default().as_bytes().to_vec());
    }
    ClusterSecret::parse(&secret.id().name, &data).map_err(|e| e.to_string())
}

fn tracking(root: &mut Section<'_>) -> Tracking {
    let method = match root.text("trackingMethod").as_deref() {
        None | Some("annotation") => TrackingMethod::Annotation,
        Some("annotation+label") => TrackingMethod::AnnotationAndLabel,
        Some("label") => TrackingMethod::Label,
        Some(_) => {
            root.wrong("trackingMethod", "expected annotation, annotation+label or label");
            TrackingMethod::Annotation
        }
    };
    let defaults = Tracking::default();
    Tracking { method, label: root.text("instanceLabelKey").unwrap_or(defaults.label) }
}

/// `healthScripts`: users' Lua by kind.
/// `customizations`: the keys of Argo CD's `argocd-cm` that say something of kinds. Texts, as they stand there, or what these hold.
fn customizations(root: &mut Section<'_>) -> Customizations {
    let settings = root.value("customizations").and_then(Value::as_map).into_iter().flat_map(Map::iter);
    let texts: Vec<(&str, String)> =
        settings.map(|(key, value)| (key.as_str(), value.as_str().map_or_else(|| json::print(value), str::to_owned))).collect();
    let (found, problems) = Customizations::read(texts.iter().map(|(key, text)| (*key, text.as_str())));
    for problem in problems {
        root.wrong("customizations", &problem.to_string());
    }
    for (key, _) in texts.iter().filter(|(key, _)| !key.starts_with("resource.")) {
        root.wrong(
            "customizations",
            &format!("`{key}` says nothing of kinds; write `resource.customizations…` or `resource.compareoptions`"),
        );
    }
    found
}

/// Health scripts in files, over those of `customizations`.
fn health_scripts(root: &mut Section<'_>, mut scripts: HealthScripts) -> HealthScripts {
    root.list("healthScripts", |entry| {
        let (kind, file) = (required(entry, "kind"), required(entry, "file"));
        let libraries = if entry.flag("useOpenLibs") { Libraries::Open } else { Libraries::Reduced };
        let read = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"));
        match read.and_then(|text| HealthScript::new(&kind, &text, libraries).map_err(|e| format!("{file}: {e}"))) {
            Ok(script) => scripts.add(&kind, script),
            Err(e) => entry.wrong("file", &e),
        }
    });
    scripts
}
