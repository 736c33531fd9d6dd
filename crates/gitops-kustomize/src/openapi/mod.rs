//! What is known of kinds: the keys that lists are merged by, and which kinds live in a namespace.
//!
//! The built-in table (`table`, made by `cargo xtask openapi`) is constant data that is looked up in place: nothing is
//! read at the start. A document of the `openapi:` field's `path` takes its place, as kustomize has it: in a process
//! that asked for a kind before such a document was set, both are there.

#[rustfmt::skip]
mod table;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use gitops_manifest::Value;

/// No schema, no name: what the table's columns hold when they hold nothing.
const NONE: u16 = u16::MAX;

/// How many references may lead to each other before a schema counts as unknown.
const LONGEST_CHAIN: usize = 64;

/// Why a kustomization's `openapi` field is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenApiError {
    /// Only one version is built in.
    #[error("no OpenAPI document of version `{version}` is built in; there is only {}", table::VERSION)]
    UnknownVersion {
        /// What stands there.
        version: String,
    },
    /// A version and a document were given.
    #[error("`version` and `path` cannot both be given: a document takes the built-in version's place")]
    VersionAndPath,
    /// The document cannot be read as OpenAPI.
    #[error("the OpenAPI document has no map at `{field}`")]
    NotAMap {
        /// Where.
        field: String,
    },
}

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// They do.
    Namespaced,
    /// They stand beside namespaces.
    Cluster,
}

/// What one build knows of kinds.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    custom: Option<Custom>,
    version_chosen: bool,
    /// Which documents count is settled by the first question that needs one, as in kustomize; these say what was.
    settled: AtomicBool,
    builtin_loaded: AtomicBool,
    builtin_wanted: AtomicBool,
    custom_loaded: AtomicBool,
    builtin_wins: AtomicBool,
}

#[derive(Debug)]
struct Custom {
    document: Value,
    kinds: HashMap<(String, String), String>,
    scopes: HashMap<(String, String), Scope>,
}

impl Schemas {
    /// The built-in table only.
    pub(crate) fn builtin() -> Schemas {
        Schemas::default()
    }

    /// What a kustomization's `openapi` field says: the root's always counts, a base's only when none was set before.
    pub(crate) fn choose(&mut self, version: Option<&str>, document: Option<Value>, root: bool) -> Result<(), OpenApiError> {
        if !root && (self.version_chosen || self.custom.is_some()) {
            return Ok(());
        }
        let version = match (version, document) {
            (Some(_), Some(_)) => return Err(OpenApiError::VersionAndPath),
            (None, Some(document)) => {
                self.custom = Some(Custom::read(document)?);
                self.settled.store(false, Ordering::Relaxed);
                return Ok(());
            }
            (version, None) => version.unwrap_or_default(),
        };
        self.version_chosen = !version.is_empty();
        if self.version_chosen && version != table::VERSION {
            return Err(OpenApiError::UnknownVersion { version: version.to_owned() });
        }
        Ok(())
    }

    /// Whether objects of this kind live in a namespace; `None` for a kind that is not known.
    pub(crate) fn scope(&self, api_version: &str, kind: &str) -> Option<Scope> {
        if let Some(scope) = builtin_scope(api_version, kind) {
            return Some(scope);
        }
        if !self.settled.load(Ordering::Relaxed) {
            match &self.custom {
                Some(_) => self.settle(),
                None => self.builtin_wanted.store(true, Ordering::Relaxed),
            }
        }
        let custom = self.custom.as_ref().filter(|_| self.custom_loaded.load(Ordering::Relaxed))?;
        custom.scopes.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }

    /// The schema of a kind's objects.
    pub(crate) fn resource(&self, api_version: &str, kind: &str) -> Option<Schema<'_>> {
        self.settle();
        let custom = || {
            let custom = self.custom.as_ref().filter(|_| self.custom_loaded.load(Ordering::Relaxed))?;
            let name = custom.kinds.get(&(api_version.to_owned(), kind.to_owned()))?;
            Some(Schema { schemas: self, at: At::Custom(custom.definition(name)?) })
        };
        let builtin = || {
            let id = self.has_builtin().then(|| builtin_row(&table::RESOURCES, api_version, kind))??;
            Some(Schema { schemas: self, at: At::Builtin(id) })
        };
        match self.builtin_wins.load(Ordering::Relaxed) {
            true => builtin().or_else(custom),
            false => custom().or_else(builtin),
        }
    }

    fn has_builtin(&self) -> bool {
        self.builtin_loaded.load(Ordering::Relaxed)
    }

    /// Decides which documents count, at the first question after a change.
    fn settle(&self) {
        if self.settled.swap(true, Ordering::Relaxed) {
            return;
        }
        let wanted = self.builtin_wanted.load(Ordering::Relaxed) && !self.has_builtin();
        match &self.custom {
            Some(_) => {
                self.custom_loaded.store(true, Ordering::Relaxed);
                self.builtin_wins.store(wanted, Ordering::Relaxed);
                if wanted {
                    self.builtin_loaded.store(true, Ordering::Relaxed);
                }
            }
            None => self.builtin_loaded.store(true, Ordering::Relaxed),
        }
    }

    /// What `#/definitions/…` refers to.
    fn definition<'a>(&'a self, reference: &str) -> Option<At<'a>> {
        let mut path = reference.strip_prefix("#/definitions/")?.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
        let name = path.next()?;
        let custom = self.custom.as_ref().filter(|_| self.custom_loaded.load(Ordering::Relaxed)).and_then(|c| c.definition(&name));
        let builtin = || {
            let row = self.has_builtin().then(|| table::DEFINITIONS.binary_search_by(|[n, _]| text(*n).cmp(&name)).ok())??;
            Some(At::Builtin(table::DEFINITIONS[row][1]))
        };
        match custom {
            Some(value) => path.try_fold(value, |value, part| value.get(&part)).map(At::Custom),
            None => builtin().filter(|_| path.next().is_none()),
        }
    }
}

impl Custom {
    fn read(document: Value) -> Result<Custom, OpenApiError> {
        let mut kinds = HashMap::new();
        let mut scopes = HashMap::new();
        for (name, definition) in members(&document, "definitions")? {
            for gvk in definition.get(GVK).and_then(Value::as_list).into_iter().flatten() {
                kinds.entry(type_of(gvk)).or_insert_with(|| name.to_owned());
            }
        }
        for (path, item) in members(&document, "paths")? {
            let Some(gvk) = item.get("get").and_then(|get| get.get(GVK)) else { continue };
            if path.contains("namespaces/{namespace}") {
                scopes.insert(type_of(gvk), Scope::Namespaced);
            } else {
                scopes.entry(type_of(gvk)).or_insert(Scope::Cluster);
            }
        }
        Ok(Custom { document, kinds, scopes })
    }

    fn definition(&self, name: &str) -> Option<&Value> {
        self.document.get("definitions")?.get(name)
    }
}

const GVK: &str = "x-kubernetes-group-version-kind";

fn members<'a>(document: &'a Value, field: &str) -> Result<Vec<(&'a str, &'a Value)>, OpenApiError> {
    match document.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Map(map)) => Ok(map.iter().map(|(key, value)| (key.as_str(), value)).collect()),
        Some(_) => Err(OpenApiError::NotAMap { field: field.to_owned() }),
    }
}

/// `(apiVersion, kind)` of `{group, version, kind}`.
fn type_of(gvk: &Value) -> (String, String) {
    let member = |field: &str| gvk.get(field).and_then(Value::as_str).unwrap_or_default();
    let version = match member("group") {
        "" => member("version").to_owned(),
        group => format!("{group}/{}", member("version")),
    };
    (version, member("kind").to_owned())
}

/// The schema of an object or of a part of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'a> {
    schemas: &'a Schemas,
    at: At<'a>,
}

#[derive(Clone, Copy, Debug)]
enum At<'a> {
    Builtin(u16),
    Custom(&'a Value),
}

impl<'a> Schema<'a> {
    /// The schema of a field, or of a map's value.
    pub(crate) fn field(&self, name: &str) -> Option<Schema<'a>> {
        match self.at {
            At::Builtin(id) => {
                let [from, to, values, ..] = *table::SCHEMAS.get(usize::from(id))?;
                let fields = table::FIELDS.get(usize::from(from)..usize::from(to))?;
                match fields.binary_search_by(|[n, _]| text(*n).cmp(name)) {
                    Ok(at) => self.to(fields[at][1]),
                    Err(_) => self.to(values),
                }
            }
            At::Custom(value) => {
                let field = value.get("properties").and_then(|properties| properties.get(name));
                let values = || value.get("additionalProperties").filter(|v| matches!(v, Value::Map(_)));
                self.resolve(field.or_else(values)?)
            }
        }
    }

    /// The schema of a list's elements.
    pub(crate) fn elements(&self) -> Option<Schema<'a>> {
        match self.at {
            At::Builtin(id) => self.to(table::SCHEMAS.get(usize::from(id))?[3]),
            At::Custom(value) => {
                let is_list = match value.get("type")? {
                    Value::List(types) => matches!(types.as_slice(), [only] if only.as_str() == Some("array")),
                    one => one.as_str() == Some("array"),
                };
                self.resolve(value.get("items").filter(|_| is_list)?)
            }
        }
    }

    /// What a list is merged by: `None` when it is replaced as a whole, no key when its plain values are merged.
    pub(crate) fn merge_keys(&self) -> Option<MergeKeys<'a>> {
        match self.at {
            At::Builtin(id) => {
                let row = table::SCHEMAS.get(usize::from(id))?[4];
                let keys = table::MERGES.get(usize::from(row))?;
                Some(MergeKeys(keys.iter().filter(|key| **key != NONE).map(|key| text(*key)).collect()))
            }
            At::Custom(value) => {
                let strategy = value.get("x-kubernetes-patch-strategy").and_then(Value::as_str)?;
                if !strategy.split(',').any(|s| s == "merge") {
                    return None;
                }
                let listed = value.get("x-kubernetes-list-map-keys").and_then(Value::as_list);
                let single = || value.get("x-kubernetes-patch-merge-key").and_then(Value::as_str).into_iter().collect();
                Some(MergeKeys(listed.map_or_else(single, |keys| keys.iter().filter_map(Value::as_str).collect())))
            }
        }
    }

    fn to(self, id: u16) -> Option<Schema<'a>> {
        (id != NONE).then_some(Schema { schemas: self.schemas, at: At::Builtin(id) })
    }

    fn resolve(self, value: &'a Value) -> Option<Schema<'a>> {
        let mut at = At::Custom(value);
        for _ in 0..LONGEST_CHAIN {
            let reference = match at {
                At::Custom(value) => value.get("$ref").and_then(Value::as_str).filter(|reference| !reference.is_empty()),
                At::Builtin(_) => None,
            };
            let Some(reference) = reference else { return Some(Schema { schemas: self.schemas, at }) };
            at = self.schemas.definition(reference)?;
        }
        None
    }
}

/// The keys that a list's elements are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergeKeys<'a>(pub(crate) Vec<&'a str>);

/// The last column of the row with these two names in front.
fn builtin_row(rows: &[[u16; 3]], api_version: &str, kind: &str) -> Option<u16> {
    let at = rows.binary_search_by(|[v, k, _]| text(*v).cmp(api_version).then_with(|| text(*k).cmp(kind))).ok()?;
    Some(rows[at][2])
}

/// Where the rows of the table of scopes are, by a hash of their names: it is asked for every identity of every resource.
static SCOPE_PLACES: [u16; 1024] = {
    let mut places = [NONE; 1024];
    let mut row = 0;
    while row < table::SCOPES.len() {
        let [version, kind, _] = table::SCOPES[row];
        let hash = hash(hash(0, name_bytes(version)), name_bytes(kind));
        let mut place = hash as usize % places.len();
        while places[place] != NONE {
            place = (place + 1) % places.len();
        }
        places[place] = row as u16;
        row += 1;
    }
    places
};

fn builtin_scope(api_version: &str, kind: &str) -> Option<Scope> {
    let mut place = hash(hash(0, api_version.as_bytes()), kind.as_bytes()) as usize % SCOPE_PLACES.len();
    loop {
        let [v, k, namespaced] = *table::SCOPES.get(usize::from(SCOPE_PLACES[place]))?;
        if text(k) == kind && text(v) == api_version {
            return Some(if namespaced == 0 { Scope::Cluster } else { Scope::Namespaced });
        }
        place = (place + 1) % SCOPE_PLACES.len();
    }
}

/// FNV-1a, going on from another text's.
const fn hash(before: u32, text: &[u8]) -> u32 {
    let mut hash = before ^ 0x811c_9dc5;
    let mut at = 0;
    while at < text.len() {
        hash = (hash ^ text[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

const fn name_bytes(name: u16) -> &'static [u8] {
    let from = if name == 0 { 0 } else { table::NAME_ENDS[name as usize - 1] as usize };
    table::NAMES.as_bytes().split_at(table::NAME_ENDS[name as usize] as usize).0.split_at(from).1
}

/// The name with this number.
fn text(name: u16) -> &'static str {
    let name = usize::from(name);
    let from = name.checked_sub(1).map_or(0, |before| usize::from(table::NAME_ENDS[before]));
    &table::NAMES[from..usize::from(table::NAME_ENDS[name])]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(schemas: &Schemas, api_version: &str, kind: &str, path: &[&str]) -> Option<Vec<String>> {
        let mut schema = schemas.resource(api_version, kind)?;
        for part in path {
            schema = if *part == "[]" { schema.elements()? } else { schema.field(part)? };
        }
        schema.merge_keys().map(|keys| keys.0.iter().map(|key| (*key).to_owned()).collect())
    }

    fn custom(text: &str) -> Schemas {
        let mut schemas = Schemas::builtin();
        let document = gitops_manifest::json::parse(text.as_bytes(), "test").expect("JSON");
        schemas.choose(None, Some(document), true).expect("a document");
        schemas
    }

    const ROLLOUT: &str = r##"{"definitions": {
        "a.Rollout": {"type": "object", "properties": {"spec": {"$ref": "#/definitions/a~1Spec"}},
            "x-kubernetes-group-version-kind": [{"group": "argoproj.io", "version": "v1alpha1", "kind": "Rollout"}]},
        "a/Spec": {"properties": {"steps": {"type": "array", "items": {"$ref": "#/definitions/loop"},
            "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "id"}}},
        "loop": {"$ref": "#/definitions/loop"}},
      "paths": {"/apis/argoproj.io/v1alpha1/rollouts": {"get": {"x-kubernetes-group-version-kind":
            {"group": "argoproj.io", "version": "v1alpha1", "kind": "Rollout"}}}}}"##;

    #[test]
    fn the_table_knows_merge_keys() {
        let schemas = Schemas::builtin();
        let pod = ["spec", "template", "spec", "containers"];
        assert_eq!(keys(&schemas, "apps/v1", "Deployment", &pod), Some(vec!["name".to_owned()]));
        let ports = ["spec", "template", "spec", "containers", "[]", "ports"];
        assert_eq!(keys(&schemas, "apps/v1", "Deployment", &ports), Some(vec!["containerPort".to_owned(), "protocol".to_owned()]));
        assert_eq!(keys(&schemas, "v1", "Pod", &["metadata", "finalizers"]), Some(Vec::new()));
        assert_eq!(keys(&schemas, "v1", "Pod", &["spec", "tolerations"]), None);
        assert!(schemas.resource("apps/v1beta2", "Deployment").is_none());
        let labels = schemas.resource("v1", "Pod").and_then(|s| s.field("metadata")?.field("labels")?.field("any"));
        assert!(labels.is_some(), "a map's values have a schema whatever the key");
    }

    #[test]
    fn every_row_leads_somewhere() {
        for [from, to, values, elements, merge] in table::SCHEMAS {
            assert!(from <= to && usize::from(to) <= table::FIELDS.len());
            assert!([values, elements].iter().all(|id| *id == NONE || usize::from(*id) < table::SCHEMAS.len()));
            assert!(merge == NONE || usize::from(merge) < table::MERGES.len());
        }
        assert!(table::FIELDS.iter().all(|[name, id]| !text(*name).is_empty() && usize::from(*id) < table::SCHEMAS.len()));
    }

    #[test]
    fn every_scope_is_found() {
        for [version, kind, namespaced] in table::SCOPES {
            let wanted = if namespaced == 0 { Scope::Cluster } else { Scope::Namespaced };
            assert_eq!(builtin_scope(text(version), text(kind)), Some(wanted), "{} {}", text(version), text(kind));
            assert_eq!(builtin_scope(text(version), "nothing"), None);
        }
    }

    #[test]
    fn scopes() {
        let schemas = Schemas::builtin();
        assert_eq!(schemas.scope("v1", "Namespace"), Some(Scope::Cluster));
        assert_eq!(schemas.scope("apps/v1", "Deployment"), Some(Scope::Namespaced));
        assert_eq!(schemas.scope("argoproj.io/v1alpha1", "Rollout"), None);
    }

    #[test]
    fn a_document_takes_the_tables_place() {
        let schemas = custom(ROLLOUT);
        assert_eq!(schemas.scope("argoproj.io/v1alpha1", "Rollout"), Some(Scope::Cluster));
        assert_eq!(keys(&schemas, "argoproj.io/v1alpha1", "Rollout", &["spec", "steps"]), Some(vec!["id".to_owned()]));
        assert_eq!(keys(&schemas, "argoproj.io/v1alpha1", "Rollout", &["spec", "steps", "[]"]), None);
        assert!(schemas.resource("v1", "Pod").is_none());
        assert_eq!(schemas.scope("v1", "Namespace"), Some(Scope::Cluster), "the list of scopes stays");
    }

    #[test]
    fn a_kind_asked_for_before_keeps_the_table() {
        let mut schemas = Schemas::builtin();
        assert_eq!(schemas.scope("example.org/v1", "Thing"), None);
        let document = gitops_manifest::json::parse(ROLLOUT.as_bytes(), "test").expect("JSON");
        schemas.choose(None, Some(document), false).expect("a document");
        assert!(schemas.resource("v1", "Pod").is_some());
        assert!(schemas.resource("argoproj.io/v1alpha1", "Rollout").is_some());
    }

    #[test]
    fn the_field_is_checked() {
        let mut schemas = Schemas::builtin();
        assert_eq!(schemas.choose(Some("v1.21.2"), None, true), Ok(()));
        let unknown = OpenApiError::UnknownVersion { version: "v1.19".to_owned() };
        assert_eq!(schemas.choose(Some("v1.19"), None, true), Err(unknown));
        assert_eq!(schemas.choose(Some("v1.21.2"), Some(Value::Null), true), Err(OpenApiError::VersionAndPath));
    }
}
