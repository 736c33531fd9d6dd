//! The control plane, as this test needs it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gitops_control_plane::ControlPlane;
use gitops_manifest::{Value, json};

use crate::MANAGER;
use crate::table::Row;

const RECORD: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How long controllers may take until they change nothing any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may have changed for that.
const QUIET: Duration = Duration::from_secs(2);

pub(crate) struct Plane {
    plane: &'static ControlPlane,
    namespace: String,
    /// Plural and whether namespaced, by `apiVersion/Kind`.
    kinds: std::sync::Mutex<BTreeMap<String, (String, bool)>>,
}

fn ours(value: &serde_json::Value) -> Value {
    json::parse(value.to_string().as_bytes(), "answer").unwrap()
}

fn theirs(value: &Value) -> serde_json::Value {
    serde_json::from_str(&json::print(value)).unwrap()
}

pub(crate) fn name_of(object: &Value) -> String {
    format!("{} {}", object.str_at(&["kind"]).unwrap(), object.str_at(&["metadata", "name"]).unwrap())
}

impl Plane {
    /// The plane that the tests share.
    pub(crate) fn new() -> Option<Plane> {
        gitops_control_plane::shared().map(Plane::of)
    }

    /// A plane of its own, which ends with the process.
    pub(crate) fn own() -> Option<Plane> {
        gitops_control_plane::start().map(|plane| Plane::of(Box::leak(Box::new(plane))))
    }

    fn of(plane: &'static ControlPlane) -> Plane {
        Plane { plane, namespace: plane.namespace("no-false-drift"), kinds: std::sync::Mutex::default() }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, answer) = self.plane.request("GET", path, None);
        (status, ours(&answer))
    }

    fn kind(&self, api_version: &str, kind: &str) -> Option<(String, bool)> {
        let key = format!("{api_version}/{kind}");
        if let Some(known) = self.kinds.lock().unwrap().get(&key) {
            return Some(known.clone());
        }
        let (_, list) = self.get(&root(api_version));
        let resources = list["resources"].as_list().unwrap_or_default();
        let found = resources.iter().find(|r| r.str_at(&["kind"]) == Some(kind) && !r.str_at(&["name"]).unwrap().contains('/'))?;
        let found = (found.str_at(&["name"]).unwrap().to_owned(), found["namespaced"] == Value::Bool(true));
        self.kinds.lock().unwrap().insert(key, found.clone());
        Some(found)
    }

    fn path(&self, object: &Value) -> Option<String> {
        let api_version = object.str_at(&["apiVersion"])?;
        let (plural, namespaced) = self.kind(api_version, object.str_at(&["kind"])?)?;
        let place = if namespaced { format!("namespaces/{}/", self.namespace) } else { String::new() };
        Some(format!("{}/{place}{plural}/{}", root(api_version), object.str_at(&["metadata", "name"])?))
    }

    /// The object with this run's namespace in the places that name one.
    pub(crate) fn place(&self, object: Value) -> Value {
        let text = json::print(&object).replace("NAMESPACE", &self.namespace);
        json::parse(text.as_bytes(), "object").unwrap()
    }

    pub(crate) fn apply(&self, object: &Value, dry_run: bool) -> (u16, Value) {
        let Some(path) = self.path(object) else { return (404, Value::from("no such kind")) };
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={MANAGER}&force=true{dry_run}");
        // The API server cuts the connection off where a change makes it panic (a kept-alive one may also be over).
        let send = || self.plane.send("PATCH", &path, "application/apply-patch+yaml", Some(&theirs(object)));
        match send().or_else(|_| send()) {
            Ok((status, answer)) => (status, ours(&answer)),
            Err(e) => (500, Value::from(e)),
        }
    }

    /// Creates an object as `kubectl apply` does: with a record of what was sent.
    pub(crate) fn create(&self, object: &Value, manager: &str) -> (u16, Value) {
        let Some(path) = self.path(object) else { return (404, Value::from("no such kind")) };
        let list = path.rsplit_once('/').unwrap().0;
        let mut sent = object.clone();
        let metadata = sent.as_map_mut().unwrap().get_mut("metadata").unwrap().as_map_mut().unwrap();
        if metadata.get("annotations").is_none() {
            metadata.insert("annotations", Value::Map(gitops_manifest::Map::new()));
        }
        let record = json::print(object);
        metadata.get_mut("annotations").unwrap().as_map_mut().unwrap().insert(RECORD, record);
        let path = format!("{list}?fieldManager={manager}");
        let (status, answer) = self.plane.send("POST", &path, "application/json", Some(&theirs(&sent))).unwrap();
        (status, ours(&answer))
    }

    /// The OpenAPI documents that the API server publishes.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let (_, index) = self.get("/openapi/v3");
        let paths: Vec<String> =
            index["paths"].as_map().unwrap().values().map(|p| p.str_at(&["serverRelativeURL"]).unwrap().to_owned()).collect();
        paths.iter().map(|path| self.get(path).1).filter(|d| d.at(&["components", "schemas"]).is_some()).collect()
    }

    fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} after {} s", PATIENCE.as_secs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a definition's kind is served.
    pub(crate) fn established(&self, definition: &Value) {
        let text = |path: &[&str]| definition.str_at(path).unwrap().to_owned();
        let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
        self.wait(&format!("{kind} is not served"), || self.kind(&format!("{group}/v1"), &kind));
    }

    /// The objects as they are when controllers have done what they do.
    pub(crate) fn settled(&self, objects: &[Value]) -> Vec<Option<Value>> {
        let look = || objects.iter().map(|o| Some(self.get(&self.path(o)?)).filter(|(status, _)| *status == 200).map(|(_, o)| o)).collect();
        let mut last: (Instant, Vec<Option<Value>>) = (Instant::now(), look());
        self.wait("controllers do not settle", || {
            let now: Vec<Option<Value>> = look();
            if now != last.1 {
                last = (Instant::now(), now);
            }
            (last.0.elapsed() > QUIET).then(|| last.1.clone())
        })
    }

    /// The kinds that the API server stores and that have no example.
    pub(crate) fn left_out(&self, rows: &BTreeMap<String, Row>) -> Vec<String> {
        let (_, groups) = self.get("/apis");
        let preferred = groups["groups"].as_list().unwrap_or_default().iter().flat_map(|g| g["versions"].as_list().unwrap_or_default());
        let versions = preferred.filter_map(|v| v.str_at(&["groupVersion"])).map(str::to_owned);
        let mut out = Vec::new();
        for version in versions.chain(["v1".to_owned()]).filter(|v| !v.contains("example.com")) {
            let (_, list) = self.get(&root(&version));
            for resource in list["resources"].as_list().unwrap_or_default() {
                let (name, kind) = (resource.str_at(&["name"]).unwrap(), resource.str_at(&["kind"]).unwrap());
                let key = format!("{version} {kind}");
                if !name.contains('/') && !rows.contains_key(&key) {
                    out.push(key);
                }
            }
        }
        out.sort();
        out
    }
}

fn root(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}
