//! Go structs that templates see: `.Chart`, `.Capabilities` and what is in them.

use std::any::Any;

use gitops_template::{Kind, Map, Method, Object, Str, Value};

/// A struct as templates see one: named fields, and what JSON shows of them.
pub(super) struct Record {
    pub(super) type_name: &'static str,
    pub(super) kind: Kind,
    /// Name of the field, name in JSON (empty: never shown), value, and whether JSON leaves it out when it is empty.
    pub(super) fields: Vec<Field>,
    /// What `String()` returns.
    pub(super) text: Option<Str>,
    pub(super) methods: &'static [Method],
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) json: &'static str,
    pub(super) omit_empty: bool,
    pub(super) value: Value,
}

impl Field {
    /// A field that JSON shows when it is not empty.
    pub(super) fn optional(name: &'static str, json: &'static str, value: impl Into<Value>) -> Field {
        Field { name, json, omit_empty: true, value: value.into() }
    }

    /// A field that JSON always shows.
    pub(super) fn always(name: &'static str, json: &'static str, value: impl Into<Value>) -> Field {
        Field { name, json, omit_empty: false, value: value.into() }
    }
}

impl Record {
    pub(super) fn new(type_name: &'static str, fields: Vec<Field>) -> Record {
        let kind = if type_name.starts_with('*') { Kind::Ptr } else { Kind::Struct };
        Record { type_name, kind, fields, text: None, methods: &[] }
    }

    /// The fields that JSON shows, in their order.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| !f.omit_empty || f.value.truth())
    }
}

impl Object for Record {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|f| f.name == name).map(|f| f.value.clone())
    }

    fn method(&self, name: &str) -> Option<&'static Method> {
        self.methods.iter().find(|m| m.name == name)
    }

    fn string(&self) -> Option<Str> {
        self.text.clone()
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.fields.iter().map(|f| (f.name, f.value.clone())).collect()
    }

    fn plain(&self) -> Value {
        Value::Map(self.shown().map(|f| (f.json, f.value.clone())).collect::<Map>())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
