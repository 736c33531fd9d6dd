//! `cargo xtask openapi`: makes the table of patch keys and scopes that kustomize builds with.
//!
//! The OpenAPI document is the one that kustomize carries (its version is pinned below), asked from its own library by a
//! small Go program; Go must be installed. The table is committed, so that nobody needs Go to build.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// The library of kustomize v5.8.2. A newer one may have another table, and another table changes what is built.
const LIBRARY: &str = "sigs.k8s.io/kustomize/kyaml@v0.21.2";
const TABLE: &str = "crates/gitops-kustomize/src/openapi/table.rs";
const NONE: u16 = u16::MAX;

/// Writes the table.
pub(crate) fn write() -> Vec<String> {
    let made = dump().and_then(|document| table(&document)).and_then(|text| fs::write(TABLE, text).map_err(|e| format!("{TABLE}: {e}")));
    made.err().into_iter().collect()
}

/// The document, as printed by the Go program beside this file.
fn dump() -> Result<Value, String> {
    let dir: PathBuf = env::temp_dir().join("gitops-openapi-dump");
    let step = |what: &str, result: std::io::Result<()>| result.map_err(|e| format!("{what}: {e}"));
    step("make a folder for the Go program", fs::create_dir_all(&dir))?;
    step("write go.mod", fs::write(dir.join("go.mod"), "module dump\n\ngo 1.24\n"))?;
    step("write main.go", fs::write(dir.join("main.go"), include_str!("openapi/dump.go")))?;
    go(&dir, &["get", LIBRARY])?;
    let printed = go(&dir, &["run", "."])?;
    serde_json::from_slice(&printed).map_err(|e| format!("the Go program printed no JSON: {e}"))
}

fn go(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("go").args(arguments).current_dir(dir).env("GOFLAGS", "-mod=mod").output();
    let output = output.map_err(|e| format!("go: {e}; install Go to make the table anew"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("go {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

/// One schema: fields by name, what a map's values and a list's elements are, and the keys that elements are merged by.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Schema {
    fields: Vec<(String, u16)>,
    values: Option<u16>,
    elements: Option<u16>,
    /// `None`: the list is replaced. Empty: a list of plain values that is merged by value.
    merge: Option<Vec<String>>,
}

struct Schemas<'a> {
    definitions: BTreeMap<&'a str, u16>,
    all: Vec<Schema>,
    seen: HashMap<Schema, u16>,
}

impl<'a> Schemas<'a> {
    fn of(definitions: &'a serde_json::Map<String, Value>) -> Result<Schemas<'a>, String> {
        let names: BTreeSet<&str> = definitions.keys().map(String::as_str).collect();
        let ids = names.iter().zip(0_u16..).map(|(name, id)| (*name, id)).collect();
        let mut schemas = Schemas { definitions: ids, all: vec![Schema::default(); names.len()], seen: HashMap::new() };
        for name in names {
            let schema = schemas.schema(&definitions[name])?;
            let id = schemas.definitions[name];
            schemas.all[usize::from(id)] = schema;
        }
        Ok(schemas)
    }

    /// A reference wins over whatever stands beside it, as kustomize resolves it.
    fn id(&mut self, schema: &Value) -> Result<u16, String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/definitions/").unwrap_or(reference);
            return self.definitions.get(name).copied().ok_or_else(|| format!("no definition `{reference}`"));
        }
        let schema = self.schema(schema)?;
        if let Some(id) = self.seen.get(&schema) {
            return Ok(*id);
        }
        let id = u16::try_from(self.all.len()).map_err(|_| "too many schemas for 16 bits".to_owned())?;
        self.all.push(schema.clone());
        self.seen.insert(schema, id);
        Ok(id)
    }

    fn schema(&mut self, schema: &Value) -> Result<Schema, String> {
        let mut fields = Vec::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            fields.push((name.clone(), self.id(field)?));
        }
        fields.sort();
        let values = Some(&schema["additionalProperties"]).filter(|v| v.is_object()).map(|v| self.id(v)).transpose()?;
        let is_list = schema["type"] == "array" || schema["type"] == serde_json::json!(["array"]);
        let elements = Some(&schema["items"]).filter(|v| is_list && v.is_object()).map(|v| self.id(v)).transpose()?;
        Ok(Schema { fields, values, elements, merge: merge(schema) })
    }
}

/// The merge keys, when the strategy says `merge`.
fn merge(schema: &Value) -> Option<Vec<String>> {
    let strategy = schema["x-kubernetes-patch-strategy"].as_str()?;
    if !strategy.split(',').any(|s| s == "merge") {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(keys) = schema["x-kubernetes-list-map-keys"].as_array() {
        return Some(keys.iter().map(text).collect());
    }
    Some(schema["x-kubernetes-patch-merge-key"].as_str().into_iter().map(str::to_owned).collect())
}

/// `(apiVersion, kind)` pairs of a definition.
fn kinds(definition: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pair = |gvk: &Value| match text(&gvk["group"]) {
        group if group.is_empty() => (text(&gvk["version"]), text(&gvk["kind"])),
        group => (format!("{group}/{}", text(&gvk["version"])), text(&gvk["kind"])),
    };
    definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten().map(pair).collect()
}

fn table(document: &Value) -> Result<String, String> {
    let definitions = document["definitions"].as_object().ok_or("the document has no definitions")?;
    let schemas = Schemas::of(definitions)?;
    let mut resources: BTreeMap<(String, String), u16> = BTreeMap::new();
    for (name, id) in &schemas.definitions {
        for kind in kinds(&definitions[*name]) {
            if let Some(other) = resources.insert(kind.clone(), *id) {
                return Err(format!("two definitions for {kind:?}: {other} and {id}"));
            }
        }
    }
    let mut scopes: BTreeMap<(String, String), bool> = BTreeMap::new();
    for scope in document["scopes"].as_array().into_iter().flatten() {
        let text = |field: &str| scope[field].as_str().unwrap_or_default().to_owned();
        scopes.insert((text("apiVersion"), text("kind")), scope["namespaced"] == true);
    }
    let names = Names::of(&schemas, &resources, &scopes);
    print(document["version"].as_str().unwrap_or_default(), &schemas, &resources, &scopes, &names)
}

/// Every text of the table, once, sorted: text order is the order of numbers.
struct Names(Vec<String>);

impl Names {
    fn of(schemas: &Schemas<'_>, resources: &BTreeMap<(String, String), u16>, scopes: &BTreeMap<(String, String), bool>) -> Names {
        let mut names: BTreeSet<&str> = schemas.definitions.keys().copied().collect();
        for schema in &schemas.all {
            names.extend(schema.fields.iter().map(|(name, _)| name.as_str()));
            names.extend(schema.merge.iter().flatten().map(String::as_str));
        }
        for (version, kind) in resources.keys().chain(scopes.keys()) {
            names.extend([version.as_str(), kind.as_str()]);
        }
        Names(names.into_iter().map(str::to_owned).collect())
    }

    fn at(&self, name: &str) -> usize {
        self.0.binary_search_by(|n| n.as_str().cmp(name)).expect("every name was collected")
    }
}

fn print(
    version: &str,
    schemas: &Schemas<'_>,
    resources: &BTreeMap<(String, String), u16>,
    scopes: &BTreeMap<(String, String), bool>,
    names: &Names,
) -> Result<String, String> {
    let mut text = format!(
        "//! Made by `cargo xtask openapi` from the OpenAPI document {version} of {LIBRARY}: do not edit.\n\n\
         /// The document's version.\npub(super) const VERSION: &str = {version:?};\n\n\
         /// Every name, sorted, end to end.\npub(super) const NAMES: &str = concat!(\n"
    );
    let joined = names.0.concat();
    u16::try_from(joined.len()).map_err(|_| "too many names for 16 bits".to_owned())?;
    for line in joined.as_bytes().chunks(180) {
        let _ = writeln!(text, "    {:?},", String::from_utf8_lossy(line));
    }
    text.push_str(");\n");
    let mut end = 0;
    let ends = names.0.iter().map(|name| {
        end += name.len();
        vec![end]
    });
    let ends: Vec<Vec<usize>> = ends.collect();
    array(&mut text, "NAME_ENDS", "Where each name ends.", &ends);
    let (mut fields, mut merges, mut rows) = (Vec::new(), vec![], Vec::new());
    for schema in &schemas.all {
        let from = fields.len();
        fields.extend(schema.fields.iter().map(|(name, id)| vec![names.at(name), usize::from(*id)]));
        let merge = schema.merge.as_ref().map(|keys| {
            let keys: Vec<usize> = keys.iter().map(|key| names.at(key)).collect();
            merges.iter().position(|m| *m == keys).unwrap_or_else(|| {
                merges.push(keys);
                merges.len() - 1
            })
        });
        let id = |id: Option<u16>| usize::from(id.unwrap_or(NONE));
        rows.push(vec![from, fields.len(), id(schema.values), id(schema.elements), merge.unwrap_or(usize::from(NONE))]);
    }
    array(
        &mut text,
        "SCHEMAS",
        "First field, end of fields, schema of a map's values, of a list's elements, how elements are merged.",
        &rows,
    );
    array(&mut text, "FIELDS", "Name and schema, sorted by name within a schema.", &fields);
    let longest = merges.iter().map(Vec::len).max().unwrap_or_default();
    for keys in &mut merges {
        keys.resize(longest, usize::from(NONE));
    }
    array(&mut text, "MERGES", "The names of the keys that elements are merged by; none for plain values.", &merges);
    let pair = |(version, kind): &(String, String)| vec![names.at(version), names.at(kind)];
    let with = |mut pair: Vec<usize>, last: usize| {
        pair.push(last);
        pair
    };
    let rows: Vec<_> = resources.iter().map(|(key, id)| with(pair(key), usize::from(*id))).collect();
    array(&mut text, "RESOURCES", "apiVersion, kind and schema, sorted.", &rows);
    let rows: Vec<_> = scopes.iter().map(|(key, namespaced)| with(pair(key), usize::from(*namespaced))).collect();
    array(&mut text, "SCOPES", "apiVersion, kind and whether it lives in a namespace, sorted.", &rows);
    let rows: Vec<_> = schemas.definitions.iter().map(|(name, id)| vec![names.at(name), usize::from(*id)]).collect();
    array(&mut text, "DEFINITIONS", "Name and schema, sorted.", &rows);
    Ok(text)
}

/// An array of rows, many to a line.
fn array(text: &mut String, name: &str, doc: &str, rows: &[Vec<usize>]) {
    let width = rows.first().map_or(1, Vec::len);
    let kind = if width == 1 { "u16".to_owned() } else { format!("[u16; {width}]") };
    let _ = write!(text, "\n/// {doc}\npub(super) static {name}: [{kind}; {}] = [", rows.len());
    let mut line = 200;
    for row in rows {
        let numbers: Vec<String> = row.iter().map(usize::to_string).collect();
        let item = if width == 1 { numbers.concat() } else { format!("[{}]", numbers.join(",")) };
        if line + item.len() + 1 > 180 {
            text.push_str("\n    ");
            line = 4;
        }
        line += item.len() + 1;
        text.push_str(&item);
        text.push(',');
    }
    text.push_str("\n];\n");
}
