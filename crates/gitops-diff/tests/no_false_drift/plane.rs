//! The control plane, as this test needs it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gitops_control_plane::ControlPlane;
use gitops_manifest::{Value, json};

use crate::MANAGER;
use crate::table::Row;

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
    pub(crate) fn new() -> Option<Plane> {
        let plane = gitops_control_plane::shared()?;
        Some(Plane { plane, namespace: plane.namespace("no-false-drift"), kinds: std::sync::Mutex::default() })
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
