//! Every field of the Application contract, once, and the check of a document against it.
//!
//! In: the body of a manifest. Out: the same as JSON, ready for serde, and every problem found (not only the first).
//! `null` counts as absent, as the API server prunes it. A test compares the table with Argo CD's CRD.

use gitops_manifest::{Manifest, Number, Value};
use serde::de::DeserializeOwned;
use serde_json::{Map as JsonMap, Value as Json};

mod project;
mod set;

pub(crate) use project::APP_PROJECT;
pub(crate) use set::APPLICATION_SET;

use crate::code::{HookType, OperationPhase, ResultCode, SyncCode};
use crate::error::{ApplicationError, Problem};

/// What may stand in a field.
pub(crate) enum Shape {
    Text,
    Bool,
    Int,
    IntOrText,
    /// Empty or one of these.
    OneOf(&'static [&'static str]),
    /// Any map, not looked into.
    Opaque,
    /// Anything.
    Any,
    List(&'static Shape),
    /// A map from any key to this.
    MapOf(&'static Shape),
    Fields(&'static [Field]),
    /// Checked by us; the CRD accepts anything there.
    Unchecked(&'static Shape),
}

/// One member of a map.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// Why it is there, when it is ours and not Argo CD's.
    pub(crate) ours: Option<&'static str>,
    pub(crate) shape: Shape,
}

const fn opt(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, ours: None, shape }
}

const fn req(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, ours: None, shape }
}

const fn ours(name: &'static str, why: &'static str, shape: Shape) -> Field {
    Field { name, required: false, ours: Some(why), shape }
}

use Shape::{Any, Bool, Fields, Int, IntOrText, List, MapOf, OneOf, Opaque, Text, Unchecked};

const TEXTS: Shape = List(&Text);
const TEXT_MAP: Shape = MapOf(&Text);
const HEALTH_NAMES: &[&str] = &["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"];

static NAME_VALUE: &[Field] = &[req("name", Text), req("value", Text)];
static JSONNET_VAR: &[Field] = &[opt("code", Bool), req("name", Text), req("value", Text)];
static JSONNET: &[Field] = &[opt("extVars", List(&Fields(JSONNET_VAR))), opt("libs", TEXTS), opt("tlas", List(&Fields(JSONNET_VAR)))];
static DIRECTORY: &[Field] = &[
    opt("disableExtensionFilter", Bool),
    opt("exclude", Text),
    opt("include", Text),
    opt("jsonnet", Fields(JSONNET)),
    opt("recurse", Bool),
];
static HELM_FILE_PARAMETER: &[Field] = &[opt("name", Text), opt("path", Text)];
static HELM_PARAMETER: &[Field] = &[opt("forceString", Bool), opt("name", Text), opt("value", Text)];
static HELM: &[Field] = &[
    opt("apiVersions", TEXTS),
    opt("fileParameters", List(&Fields(HELM_FILE_PARAMETER))),
    opt("ignoreMissingValueFiles", Bool),
    opt("kubeVersion", Text),
    opt("namespace", Text),
    opt("parameters", List(&Fields(HELM_PARAMETER))),
    opt("passCredentials", Bool),
    opt("releaseName", Text),
    opt("skipCrds", Bool),
    opt("skipSchemaValidation", Bool),
    opt("skipTests", Bool),
    opt("valueFiles", TEXTS),
    opt("values", Text),
    opt("valuesObject", Opaque),
    opt("version", Text),
];
static KUSTOMIZE_TARGET: &[Field] = &[
    opt("annotationSelector", Text),
    opt("group", Text),
    opt("kind", Text),
    opt("labelSelector", Text),
    opt("name", Text),
    opt("namespace", Text),
    opt("version", Text),
];
static KUSTOMIZE_PATCH: &[Field] =
    &[opt("options", MapOf(&Bool)), opt("patch", Text), opt("path", Text), opt("target", Fields(KUSTOMIZE_TARGET))];
static KUSTOMIZE_REPLICA: &[Field] = &[req("count", IntOrText), req("name", Text)];
static KUSTOMIZE: &[Field] = &[
    opt("apiVersions", TEXTS),
    opt("commonAnnotations", TEXT_MAP),
    opt("commonAnnotationsEnvsubst", Bool),
    opt("commonLabels", TEXT_MAP),
    opt("components", TEXTS),
    opt("forceCommonAnnotations", Bool),
    opt("forceCommonLabels", Bool),
    opt("ignoreMissingComponents", Bool),
    opt("images", TEXTS),
    opt("kubeVersion", Text),
    opt("labelIncludeTemplates", Bool),
    opt("labelWithoutSelector", Bool),
    opt("namePrefix", Text),
    opt("nameSuffix", Text),
    opt("namespace", Text),
    opt("patches", List(&Fields(KUSTOMIZE_PATCH))),
    opt("replicas", List(&Fields(KUSTOMIZE_REPLICA))),
    opt("version", Text),
];
static PLUGIN_PARAMETER: &[Field] = &[opt("array", TEXTS), opt("map", TEXT_MAP), opt("name", Text), opt("string", Text)];
static PLUGIN: &[Field] = &[opt("env", List(&Fields(NAME_VALUE))), opt("name", Text), opt("parameters", List(&Fields(PLUGIN_PARAMETER)))];
static SOURCE: &[Field] = &[
    opt("chart", Text),
    opt("directory", Fields(DIRECTORY)),
    opt("helm", Fields(HELM)),
    opt("kustomize", Fields(KUSTOMIZE)),
    opt("name", Text),
    opt("path", Text),
    opt("plugin", Fields(PLUGIN)),
    opt("ref", Text),
    req("repoURL", Text),
    opt("tagPrefix", Text),
    opt("targetRevision", Text),
];
static DRY_SOURCE: &[Field] = &[
    opt("directory", Fields(DIRECTORY)),
    opt("helm", Fields(HELM)),
    opt("kustomize", Fields(KUSTOMIZE)),
    req("path", Text),
    opt("plugin", Fields(PLUGIN)),
    req("repoURL", Text),
    req("targetRevision", Text),
];
static HYDRATE_TO: &[Field] = &[req("targetBranch", Text)];
static SYNC_SOURCE: &[Field] = &[req("path", Text), opt("repoURL", Text), req("targetBranch", Text)];
static SOURCE_HYDRATOR: &[Field] =
    &[req("drySource", Fields(DRY_SOURCE)), opt("hydrateTo", Fields(HYDRATE_TO)), req("syncSource", Fields(SYNC_SOURCE))];
static DESTINATION: &[Field] = &[opt("name", Text), opt("namespace", Text), opt("server", Text)];
static IGNORE_DIFFERENCE: &[Field] = &[
    opt("group", Text),
    opt("jqPathExpressions", TEXTS),
    opt("jsonPointers", TEXTS),
    req("kind", Text),
    opt("managedFieldsManagers", TEXTS),
    opt("name", Text),
    opt("namespace", Text),
];
static BACKOFF: &[Field] = &[opt("duration", Text), opt("factor", Int), opt("maxDuration", Text)];
static RETRY: &[Field] = &[opt("backoff", Fields(BACKOFF)), opt("limit", Int), opt("refresh", Bool)];
static AUTOMATED: &[Field] = &[opt("allowEmpty", Bool), opt("enabled", Bool), opt("prune", Bool), opt("selfHeal", Bool)];
static NAMESPACE_METADATA: &[Field] = &[opt("annotations", TEXT_MAP), opt("labels", TEXT_MAP)];
static SYNC_POLICY: &[Field] = &[
    opt("automated", Fields(AUTOMATED)),
    opt("managedNamespaceMetadata", Fields(NAMESPACE_METADATA)),
    opt("retry", Fields(RETRY)),
    opt("syncOptions", TEXTS),
    ours("syncWindows", "Windows of this application alone, besides those of its project.", List(&Fields(project::SYNC_WINDOW))),
];
static HEALTH_CHECK: &[Field] = &[req("check", Text), opt("group", Text), req("kind", Text)];
static SPEC: &[Field] = &[
    req("destination", Fields(DESTINATION)),
    ours("health", "Health checks in Lua of this application alone.", List(&Fields(HEALTH_CHECK))),
    opt("ignoreDifferences", List(&Fields(IGNORE_DIFFERENCE))),
    opt("info", List(&Fields(NAME_VALUE))),
    req("project", Text),
    opt("revisionHistoryLimit", Int),
    opt("source", Fields(SOURCE)),
    opt("sourceHydrator", Fields(SOURCE_HYDRATOR)),
    opt("sources", List(&Fields(SOURCE))),
    opt("syncPolicy", Fields(SYNC_POLICY)),
];
static INITIATED_BY: &[Field] = &[opt("automated", Bool), opt("username", Text)];
static STRATEGY_OPTIONS: &[Field] = &[opt("force", Bool)];
static SYNC_STRATEGY: &[Field] = &[opt("apply", Fields(STRATEGY_OPTIONS)), opt("hook", Fields(STRATEGY_OPTIONS))];
static SYNC_RESOURCE: &[Field] = &[opt("group", Text), req("kind", Text), req("name", Text), opt("namespace", Text)];
static SYNC: &[Field] = &[
    opt("autoHealAttemptsCount", Int),
    opt("dryRun", Bool),
    opt("manifests", TEXTS),
    opt("prune", Bool),
    opt("resources", List(&Fields(SYNC_RESOURCE))),
    opt("revision", Text),
    opt("revisions", TEXTS),
    opt("source", Fields(SOURCE)),
    opt("sources", List(&Fields(SOURCE))),
    opt("syncOptions", TEXTS),
    opt("syncStrategy", Fields(SYNC_STRATEGY)),
];
static OPERATION: &[Field] = &[
    opt("info", List(&Fields(NAME_VALUE))),
    opt("initiatedBy", Fields(INITIATED_BY)),
    opt("retry", Fields(RETRY)),
    opt("sync", Fields(SYNC)),
];
static CONDITION: &[Field] = &[opt("lastTransitionTime", Text), req("message", Text), req("type", Text)];
static HEALTH: &[Field] = &[opt("lastTransitionTime", Text), opt("message", Text), opt("status", OneOf(HEALTH_NAMES))];
static HISTORY: &[Field] = &[
    opt("deployStartedAt", Text),
    req("deployedAt", Text),
    req("id", Int),
    opt("initiatedBy", Fields(INITIATED_BY)),
    opt("revision", Text),
    opt("revisions", TEXTS),
    opt("source", Fields(SOURCE)),
    opt("sources", List(&Fields(SOURCE))),
];
static RESOURCE_RESULT: &[Field] = &[
    req("group", Text),
    opt("hookPhase", OneOf(OperationPhase::NAMES)),
    opt("hookType", OneOf(HookType::NAMES)),
    opt("images", TEXTS),
    req("kind", Text),
    opt("message", Text),
    req("name", Text),
    req("namespace", Text),
    opt("status", OneOf(ResultCode::NAMES)),
    opt("syncPhase", OneOf(HookType::NAMES)),
    req("version", Text),
];
static SYNC_RESULT: &[Field] = &[
    opt("managedNamespaceMetadata", Fields(NAMESPACE_METADATA)),
    opt("resources", List(&Fields(RESOURCE_RESULT))),
    req("revision", Text),
    opt("revisions", TEXTS),
    opt("source", Fields(SOURCE)),
    opt("sources", List(&Fields(SOURCE))),
];
static OPERATION_STATE: &[Field] = &[
    opt("finishedAt", Text),
    opt("message", Text),
    req("operation", Fields(OPERATION)),
    req("phase", OneOf(OperationPhase::NAMES)),
    opt("retryCount", Int),
    req("startedAt", Text),
    opt("syncResult", Fields(SYNC_RESULT)),
];
static RESOURCE_STATUS: &[Field] = &[
    opt("group", Text),
    opt("health", Fields(HEALTH)),
    opt("hook", Bool),
    opt("kind", Text),
    opt("name", Text),
    opt("namespace", Text),
    opt("requiresDeletionConfirmation", Bool),
    opt("requiresPruning", Bool),
    opt("status", OneOf(SyncCode::NAMES)),
    opt("syncWave", Int),
    opt("version", Text),
];
static HYDRATE_OPERATION: &[Field] = &[
    opt("drySHA", Text),
    opt("finishedAt", Text),
    opt("hydratedSHA", Text),
    req("message", Text),
    req("phase", OneOf(&["Hydrating", "Failed", "Hydrated"])),
    opt("sourceHydrator", Fields(SOURCE_HYDRATOR)),
    opt("startedAt", Text),
];
static HYDRATED: &[Field] = &[opt("drySHA", Text), opt("hydratedSHA", Text), opt("sourceHydrator", Fields(SOURCE_HYDRATOR))];
static HYDRATOR_STATUS: &[Field] = &[
    opt("currentOperation", Fields(HYDRATE_OPERATION)),
    opt("lastComparedDryRevision", Text),
    opt("lastSuccessfulOperation", Fields(HYDRATED)),
];
static SUMMARY: &[Field] = &[opt("externalURLs", TEXTS), opt("images", TEXTS), opt("isAppOfApps", Bool)];
static COMPARED_TO: &[Field] = &[
    req("destination", Fields(DESTINATION)),
    opt("ignoreDifferences", List(&Fields(IGNORE_DIFFERENCE))),
    opt("source", Fields(SOURCE)),
    opt("sources", List(&Fields(SOURCE))),
];
static SYNC_STATUS: &[Field] =
    &[opt("comparedTo", Fields(COMPARED_TO)), opt("revision", Text), opt("revisions", TEXTS), req("status", OneOf(SyncCode::NAMES))];
static STATUS: &[Field] = &[
    opt("conditions", List(&Fields(CONDITION))),
    opt("controllerNamespace", Text),
    opt("health", Fields(HEALTH)),
    opt("history", List(&Fields(HISTORY))),
    opt("observedAt", Text),
    opt("operationState", Fields(OPERATION_STATE)),
    opt("reconciledAt", Text),
    opt("resourceHealthSource", Text),
    opt("resources", List(&Fields(RESOURCE_STATUS))),
    opt("sourceHydrator", Fields(HYDRATOR_STATUS)),
    opt("sourceType", Text),
    opt("sourceTypes", TEXTS),
    opt("summary", Fields(SUMMARY)),
    opt("sync", Fields(SYNC_STATUS)),
];
/// Kubernetes' ObjectMeta; the CRD only says `object` here.
static METADATA: &[Field] = &[
    opt("annotations", TEXT_MAP),
    opt("clusterName", Text),
    opt("creationTimestamp", Text),
    opt("deletionGracePeriodSeconds", Int),
    opt("deletionTimestamp", Text),
    opt("finalizers", TEXTS),
    opt("generateName", Text),
    opt("generation", Int),
    opt("labels", TEXT_MAP),
    opt("managedFields", Any),
    opt("name", Text),
    opt("namespace", Text),
    opt("ownerReferences", Any),
    opt("resourceVersion", Text),
    opt("selfLink", Text),
    opt("uid", Text),
];
/// The whole object.
pub(crate) static APPLICATION: Shape = Fields(&[
    opt("apiVersion", Text),
    opt("kind", Text),
    req("metadata", Fields(METADATA)),
    opt("operation", Fields(OPERATION)),
    req("spec", Fields(SPEC)),
    opt("status", Fields(STATUS)),
]);

/// Checks `value` against the contract and turns it into JSON for serde. Empty `problems` afterwards means that serde will
/// accept it.
pub(crate) fn check(value: &Value, shape: &Shape, path: &str, problems: &mut Vec<Problem>) -> Json {
    let mut wrong = |expected: String| {
        problems.push(Problem::WrongType { path: path.to_owned(), expected, found: value.kind_name() });
        Json::Null
    };
    match (shape, value) {
        (Any, v) => to_json(v),
        (Opaque, Value::Map(_)) => to_json(value),
        (Text, Value::String(s)) | (IntOrText, Value::String(s)) => Json::from(s.as_str()),
        (OneOf(names), Value::String(s)) if s.is_empty() || names.contains(&s.as_str()) => Json::from(s.as_str()),
        // Another program's status is not ours to refuse: a name we do not know counts as none.
        (OneOf(_), Value::String(_)) if path == "status.operationState.phase" => Json::from(OperationPhase::Error.as_str()),
        (OneOf(_), Value::String(_)) if path.starts_with("status.") => Json::from(""),
        (OneOf(names), Value::String(_)) => wrong(format!("one of {}", names.join(", "))),
        (Bool, Value::Bool(b)) => Json::from(*b),
        (Int | IntOrText, Value::Number(n)) => integer(*n).map_or_else(|| wrong(expectation(shape)), Json::from),
        (List(item), Value::List(items)) => {
            let one = |(i, v)| check(v, item, &format!("{path}[{i}]"), problems);
            Json::Array(items.iter().enumerate().map(one).collect())
        }
        (MapOf(item), Value::Map(map)) => {
            let entries = map.iter().filter(|(_, v)| !v.is_null());
            Json::Object(entries.map(|(k, v)| (k.as_str().to_owned(), check(v, item, &join(path, k), problems))).collect())
        }
        (Fields(fields), Value::Map(_)) => check_fields(value, fields, path, problems),
        (Unchecked(inner), v) => check(v, inner, path, problems),
        _ => wrong(expectation(shape)),
    }
}

/// Checks the body of a manifest. Fields of `status` that we do not know are no problem: those directly in it are kept.
pub(crate) fn check_manifest(body: &Value, shape: &Shape) -> (Json, Vec<Problem>) {
    let mut problems = Vec::new();
    let json = check(body, shape, "", &mut problems);
    (json, problems)
}

/// Refuses a manifest of another kind than `wanted`.
pub(crate) fn expect_kind(manifest: &Manifest, wanted: &'static str) -> Result<(), ApplicationError> {
    let body = manifest.body();
    let (api_version, kind) = (body.str_at(&["apiVersion"]).unwrap_or(""), body.str_at(&["kind"]).unwrap_or(""));
    if (api_version, kind) == (crate::API_VERSION, wanted) {
        return Ok(());
    }
    Err(ApplicationError::OtherKind { at: manifest.at().clone(), wanted, found: format!("{kind} of {api_version}") })
}

/// Reads a manifest of one kind by its table.
pub(crate) fn read<T: DeserializeOwned>(manifest: &Manifest, kind: &'static str, shape: &Shape) -> Result<T, ApplicationError> {
    expect_kind(manifest, kind)?;
    let (json, mut problems) = check_manifest(manifest.body(), shape);
    if problems.is_empty() {
        match serde_json::from_value(json) {
            Ok(read) => return Ok(read),
            Err(e) => problems.push(Problem::Rule { path: "spec".into(), message: e.to_string() }),
        }
    }
    Err(ApplicationError::InvalidSpec { at: manifest.at().clone(), kind, name: manifest.id().name.clone(), problems })
}

/// Takes out what the table does not know, as an API server does, and says which fields those were.
pub(crate) fn prune(value: &mut Value, shape: &Shape, path: &str, dropped: &mut Vec<String>) {
    match (shape, value) {
        (List(item), Value::List(items)) => {
            for (i, v) in items.iter_mut().enumerate() {
                prune(v, item, &format!("{path}[{i}]"), dropped);
            }
        }
        (MapOf(item), Value::Map(map)) => {
            for (key, v) in map.iter_mut() {
                prune(v, item, &join(path, key), dropped);
            }
        }
        (Fields(fields), Value::Map(map)) => map.retain(|key, v| {
            let at = join(path, key);
            match fields.iter().find(|f| f.name == key) {
                Some(field) => prune(v, &field.shape, &at, dropped),
                None => dropped.push(at),
            }
            fields.iter().any(|f| f.name == key)
        }),
        _ => {}
    }
}

fn check_fields(value: &Value, fields: &[Field], path: &str, problems: &mut Vec<Problem>) -> Json {
    let mut out = JsonMap::new();
    for (key, v) in value.as_map().into_iter().flat_map(gitops_manifest::Map::iter) {
        let Some(field) = fields.iter().find(|f| f.name == key.as_str()) else {
            if path == "status" {
                out.insert(key.as_str().to_owned(), to_json(v));
            } else if !path.starts_with("status.") {
                problems.push(Problem::UnknownField { path: join(path, key), similar: similar(key, fields) });
            }
            continue;
        };
        if !v.is_null() {
            out.insert(field.name.to_owned(), check(v, &field.shape, &join(path, key), problems));
        }
    }
    for field in fields.iter().filter(|f| f.required && !out.contains_key(f.name)) {
        problems.push(Problem::Missing { path: join(path, field.name) });
    }
    Json::Object(out)
}

fn expectation(shape: &Shape) -> String {
    let text = match shape {
        Text => "string",
        Bool => "boolean",
        Int => "whole number",
        IntOrText => "whole number or string",
        OneOf(names) => return format!("one of {}", names.join(", ")),
        Any => "value",
        List(_) => "list",
        Unchecked(inner) => return expectation(inner),
        Opaque | MapOf(_) | Fields(_) => "map",
    };
    text.to_owned()
}

/// An `i64`, also when written as `5.0`.
fn integer(n: Number) -> Option<i64> {
    match n {
        Number::Int(n) => Some(n),
        // Exact: every whole float below 2^53 in size is an i64.
        Number::Float(f) if f.fract() == 0.0 && f.abs() < 9_007_199_254_740_992.0 => Some(f as i64),
        _ => None,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The field that was probably meant: same letters in another case, or close enough.
fn similar(key: &str, fields: &[Field]) -> Option<&'static str> {
    let near = |f: &&Field| strsim::damerau_levenshtein(&f.name.to_lowercase(), &key.to_lowercase());
    fields.iter().map(|f| (near(&f), f.name)).min().filter(|(distance, name)| *distance <= name.len().max(3) / 3).map(|(_, name)| name)
}

/// Our value as JSON. YAML's `.nan` and `.inf` have no JSON and become `null`.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::from(*b),
        Value::Number(Number::Int(n)) => Json::from(*n),
        Value::Number(Number::UInt(n)) => Json::from(*n),
        Value::Number(Number::Float(n)) => Json::from(*n),
        Value::String(s) => Json::from(s.as_str()),
        Value::List(l) => Json::Array(l.iter().map(to_json).collect()),
        Value::Map(m) => Json::Object(m.iter().map(|(k, v)| (k.as_str().to_owned(), to_json(v))).collect()),
    }
}

/// JSON as our value.
pub(crate) fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => Value::Number(match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Number::Int(n),
            (None, Some(n)) => Number::UInt(n),
            (None, None) => Number::Float(n.as_f64().unwrap_or(f64::NAN)),
        }),
        Json::String(s) => Value::from(s),
        Json::Array(a) => Value::List(a.into_iter().map(from_json).collect()),
        Json::Object(o) => Value::Map(o.into_iter().map(|(k, v)| (k, from_json(v))).collect()),
    }
}

#[cfg(test)]
mod tests;
