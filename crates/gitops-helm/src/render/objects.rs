//! The objects at the top of a template: `.Values`, `.Chart`, `.Release`, `.Capabilities`, `.Files`, `.Template`,
//! `.Subcharts`.

use std::rc::Rc;

use gitops_template::{Elem, FuncError, List, ListType, Map, MapType, Method, Scope, Str, Ty, Value};

use super::record::{Field, Record};
use super::{Dots, RenderOptions, files};
use crate::capabilities::{Capabilities, KubeVersion};
use crate::chart::{Dependency, Maintainer, Metadata};
use crate::instance::{Id, Instances, import_paths};

/// `chartutil.Values`
const VALUES: &MapType = &MapType { name: "chartutil.Values", elem: Elem::Any, methods: &[] };

/// `chartutil.VersionSet`
const VERSION_SET: &ListType = &ListType {
    name: "chartutil.VersionSet",
    elem: Elem::Str,
    methods: &[Method { name: "Has", params: &[Ty::Str], variadic: None, body: version_set_has }],
};

const KUBE_VERSION_METHODS: &[Method] = &[
    Method { name: "String", params: &[], variadic: None, body: kube_version_text },
    Method { name: "GitVersion", params: &[], variadic: None, body: kube_version_text },
];

fn version_set_has(_: &mut Scope<'_>, receiver: &Value, arguments: &mut [Value]) -> Result<Value, FuncError> {
    let found = receiver.as_list().is_some_and(|list| list.iter().any(|v| v.as_str() == arguments[0].as_str()));
    Ok(Value::Bool(found))
}

fn kube_version_text(_: &mut Scope<'_>, receiver: &Value, _: &mut [Value]) -> Result<Value, FuncError> {
    Ok(receiver.as_object::<Record>().and_then(|r| r.text.clone()).map_or(Value::Nil, Value::Str))
}

/// `.Template`
pub(super) fn template(path: &str, base: &str) -> Value {
    let entries = vec![(Str::from_static("BasePath"), Value::from(base)), (Str::from_static("Name"), Value::from(path))];
    Value::Map(Map::typed(VALUES, entries))
}

/// The dot of each instance; those of sub-charts are in their parents' `.Subcharts`.
pub(super) fn dots(instances: &Instances, values: &Map, options: &RenderOptions) -> Dots {
    let mut dots = Dots::new();
    let shared = Shared { release: release(options), capabilities: capabilities(&options.capabilities) };
    dot(instances, Instances::ROOT, values.alias_as(VALUES), &shared, &mut dots);
    dots
}

struct Shared {
    release: Value,
    capabilities: Value,
}

fn dot(instances: &Instances, id: Id, values: Map, shared: &Shared, dots: &mut Dots) -> Map {
    let node = instances.node(id);
    let subcharts = Map::new();
    for child in &node.children {
        let name = instances.node(*child).name.clone();
        let inner = table_at(&values, &name).unwrap_or_default().alias_as(VALUES);
        let dot = dot(instances, *child, inner, shared, dots);
        subcharts.insert(name, dot);
    }
    let entries = vec![
        (Str::from_static("Capabilities"), shared.capabilities.clone()),
        (Str::from_static("Chart"), chart(instances, id)),
        (Str::from_static("Files"), files::all(&node.data.files)),
        (Str::from_static("Release"), shared.release.clone()),
        (Str::from_static("Subcharts"), Value::Map(subcharts)),
        (Str::from_static("Values"), Value::Map(values)),
    ];
    let dot = Map::typed(MapType::ANY, entries);
    dots.insert(id, dot.clone());
    dot
}

/// A chart with a dot in its name looks for its values along a path.
fn table_at(values: &Map, name: &Str) -> Option<Map> {
    let mut table = values.clone();
    for key in name.as_bytes().split(|b| *b == b'.') {
        table = match table.get(key) {
            Some(Value::Map(inner)) => inner,
            _ => return None,
        };
    }
    Some(table)
}

fn release(options: &RenderOptions) -> Value {
    let entries = vec![
        (Str::from_static("IsInstall"), Value::Bool(!options.is_upgrade)),
        (Str::from_static("IsUpgrade"), Value::Bool(options.is_upgrade)),
        (Str::from_static("Name"), Value::from(options.release.as_str())),
        (Str::from_static("Namespace"), Value::from(options.namespace.as_str())),
        (Str::from_static("Revision"), Value::Int(1)),
        (Str::from_static("Service"), Value::from("Helm")),
    ];
    Value::Map(Map::typed(MapType::ANY, entries))
}

fn capabilities(capabilities: &Capabilities) -> Value {
    let versions = capabilities.api_versions.iter().map(|v| Value::from(v.as_str())).collect();
    let helm = vec![
        Field::optional("Version", "version", "v3.22.0"),
        Field::optional("GitCommit", "git_commit", ""),
        Field::optional("GitTreeState", "git_tree_state", "clean"),
        Field::optional("GoVersion", "go_version", "go1.26.8"),
    ];
    Value::object(Record::new(
        "*chartutil.Capabilities",
        vec![
            Field::always("KubeVersion", "KubeVersion", kube_version(&capabilities.kube_version)),
            Field::always("APIVersions", "APIVersions", List::typed(VERSION_SET, versions)),
            Field::always("HelmVersion", "HelmVersion", Value::object(Record::new("version.BuildInfo", helm))),
        ],
    ))
}

fn kube_version(version: &KubeVersion) -> Value {
    let fields = vec![
        Field::always("Version", "Version", version.version.as_str()),
        Field::always("Major", "Major", version.major.as_str()),
        Field::always("Minor", "Minor", version.minor.as_str()),
    ];
    let text = Some(Str::from(version.version.as_str()));
    Value::object(Record { text, methods: KUBE_VERSION_METHODS, ..Record::new("chartutil.KubeVersion", fields) })
}

const MAINTAINERS: &ListType = &ListType { name: "[]*chart.Maintainer", elem: Elem::Object, methods: &[] };
const DEPENDENCIES: &ListType = &ListType { name: "[]*chart.Dependency", elem: Elem::Object, methods: &[] };

fn texts(texts: &[String]) -> Value {
    Value::List(if texts.is_empty() { List::nil(ListType::STRINGS) } else { List::strings(texts.iter().map(String::as_str)) })
}

fn chart(instances: &Instances, id: Id) -> Value {
    let node = instances.node(id);
    let m: &Metadata = &node.data.metadata;
    let annotations = match &m.annotations {
        Some(list) => Map::typed(MapType::STRINGS, list.iter().map(|(k, v)| (k.as_str().into(), Value::from(v.as_str()))).collect()),
        None => Map::nil(MapType::STRINGS),
    };
    let maintainers: Vec<Value> = m.maintainers.iter().map(maintainer).collect();
    let dependencies: Vec<Value> = instances.requirements(id).map(|(d, name, enabled)| dependency(d, name, enabled)).collect();
    let list = |ty: &'static ListType, items: Vec<Value>| if items.is_empty() { List::nil(ty) } else { List::typed(ty, items) };
    let fields = vec![
        Field::optional("Name", "name", node.name.clone()),
        Field::optional("Home", "home", m.home.as_str()),
        Field::optional("Sources", "sources", texts(&m.sources)),
        Field::optional("Version", "version", m.version.as_str()),
        Field::optional("Description", "description", m.description.as_str()),
        Field::optional("Keywords", "keywords", texts(&m.keywords)),
        Field::optional("Maintainers", "maintainers", list(MAINTAINERS, maintainers)),
        Field::optional("Icon", "icon", m.icon.as_str()),
        Field::optional("APIVersion", "apiVersion", m.api_version.as_str()),
        Field::optional("Condition", "condition", m.condition.as_str()),
        Field::optional("Tags", "tags", m.tags.as_str()),
        Field::optional("AppVersion", "appVersion", m.app_version.as_str()),
        Field::optional("Deprecated", "deprecated", m.deprecated),
        Field::optional("Annotations", "annotations", annotations),
        Field::optional("KubeVersion", "kubeVersion", m.kube_version.as_str()),
        Field::optional("Dependencies", "dependencies", list(DEPENDENCIES, dependencies)),
        Field::optional("Type", "type", m.kind.as_str()),
        Field::always("IsRoot", "IsRoot", node.parent.is_none()),
    ];
    Value::object(Record::new("struct { chart.Metadata; IsRoot bool }", fields))
}

fn maintainer(maintainer: &Maintainer) -> Value {
    Value::object(Record::new(
        "*chart.Maintainer",
        vec![
            Field::optional("Name", "name", maintainer.name.as_str()),
            Field::optional("Email", "email", maintainer.email.as_str()),
            Field::optional("URL", "url", maintainer.url.as_str()),
        ],
    ))
}

/// As it is after processing: the alias has taken the place of the name, and imports are written out.
fn dependency(d: &Dependency, name: &str, enabled: bool) -> Value {
    let pair = |(child, parent): (String, String)| {
        let entries = vec![(Str::from_static("child"), Value::from(child)), (Str::from_static("parent"), Value::from(parent))];
        Value::Map(Map::typed(MapType::STRINGS, entries))
    };
    let imports: Vec<Value> = d.import_values.iter().filter_map(import_paths).map(pair).collect();
    let imports = if imports.is_empty() { List::nil(ListType::ANY) } else { List::new(imports) };
    Value::object(Record::new(
        "*chart.Dependency",
        vec![
            Field::always("Name", "name", name),
            Field::optional("Version", "version", d.version.as_str()),
            Field::always("Repository", "repository", d.repository.as_str()),
            Field::optional("Condition", "condition", d.condition.as_str()),
            Field::optional("Tags", "tags", texts(&d.tags)),
            Field::optional("Enabled", "enabled", enabled),
            Field::optional("ImportValues", "import-values", imports),
            Field::optional("Alias", "alias", d.alias.as_str()),
        ],
    ))
}

/// Bytes of a file.
pub(super) fn bytes(data: &[u8]) -> Value {
    Value::Bytes(Rc::new(data.to_vec()))
}
