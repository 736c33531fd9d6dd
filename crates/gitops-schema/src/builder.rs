//! Makes a [`TypeTable`]: names and equal types are kept once.

use std::collections::HashMap;

use gitops_manifest::Value;

use crate::table::{ANY, Id, KindKey, NONE, Scope, Stored, StoredField, Type, TypeTable};

/// How deep types are followed; what lies below is unknown. Objects are not that deep, hostile documents are.
pub(crate) const DEEPEST: usize = 200;

/// A table in the making.
#[derive(Default)]
pub(crate) struct Builder {
    table: TypeTable,
    names: HashMap<String, u32>,
    /// Ids of anonymous types; fields and keys are ranges, so objects are found by their fields.
    shapes: HashMap<Stored, Id>,
    objects: HashMap<(Vec<StoredField>, bool, bool), Id>,
    keys: HashMap<Vec<u32>, (u32, u16)>,
}

/// A field that is to be stored.
pub(crate) struct NewField {
    pub(crate) name: String,
    pub(crate) ty: Id,
    pub(crate) default: Option<Value>,
    pub(crate) required: bool,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let mut builder = Builder::default();
        builder.shape(Stored::Any);
        builder
    }

    pub(crate) fn name(&mut self, text: &str) -> u32 {
        if let Some(n) = self.names.get(text) {
            return *n;
        }
        let names = &mut self.table.names;
        let n = names.ends.len() as u32;
        names.text.push_str(text);
        names.ends.push(names.text.len() as u32);
        self.names.insert(text.to_owned(), n);
        n
    }

    /// A type without fields.
    pub(crate) fn shape(&mut self, shape: Stored) -> Id {
        if let Some(id) = self.shapes.get(&shape) {
            return *id;
        }
        let id = self.push(shape);
        self.shapes.insert(shape, id);
        id
    }

    pub(crate) fn list(&mut self, element: Id, set: bool, keys: &[String]) -> Id {
        let keys = self.list_keys(keys);
        self.shape(Stored::List { element, set, keys })
    }

    fn list_keys(&mut self, keys: &[String]) -> (u32, u16) {
        let names: Vec<u32> = keys.iter().map(|k| self.name(k)).collect();
        if let Some(range) = self.keys.get(&names) {
            return *range;
        }
        let range = (self.table.keys.len() as u32, names.len() as u16);
        self.table.keys.extend(&names);
        self.keys.insert(names, range);
        range
    }

    pub(crate) fn object(&mut self, fields: Vec<NewField>, atomic: bool, open: bool) -> Id {
        let fields = self.stored(fields);
        let key = (fields, atomic, open);
        if let Some(id) = self.objects.get(&key) {
            return *id;
        }
        let shape = self.place(&key.0, atomic, open);
        let id = self.push(shape);
        self.objects.insert(key, id);
        id
    }

    /// A number for a type that is not made yet, so that it may hold itself.
    pub(crate) fn reserve(&mut self) -> Id {
        self.push(Stored::Any)
    }

    /// Makes a reserved type what another one is.
    pub(crate) fn settle(&mut self, reserved: Id, made: Id) {
        self.table.types[reserved as usize] = self.table.types[made as usize];
    }

    /// The same type, replaced as a whole.
    pub(crate) fn atomic(&mut self, id: Id) -> Id {
        match self.table.types[id as usize] {
            Stored::Map { values, .. } => self.shape(Stored::Map { values, atomic: true }),
            Stored::Object { fields, open, .. } => self.push(Stored::Object { fields, atomic: true, open }),
            _ => id,
        }
    }

    /// A copy of a type of another table, with all that it holds.
    pub(crate) fn import(&mut self, ty: Type<'_>, done: &mut HashMap<Id, Id>, depth: usize) -> Id {
        if depth > DEEPEST {
            return ANY;
        }
        if let Some(id) = done.get(&ty.id) {
            return *id;
        }
        match ty.table.types[ty.id as usize] {
            Stored::Any => ANY,
            Stored::Scalar(scalar) => self.shape(Stored::Scalar(scalar)),
            Stored::List { element, set, keys: (first, count) } => {
                let element = self.import(Type { id: element, ..ty }, done, depth + 1);
                let keys = &ty.table.keys[first as usize..first as usize + usize::from(count)];
                let keys: Vec<String> = keys.iter().map(|n| ty.table.names.get(*n).to_owned()).collect();
                self.list(element, set, &keys)
            }
            Stored::Map { values, atomic } => {
                let values = self.import(Type { id: values, ..ty }, done, depth + 1);
                self.shape(Stored::Map { values, atomic })
            }
            Stored::Object { fields: (first, count), atomic, open } => {
                let id = self.reserve();
                done.insert(ty.id, id);
                let stored = &ty.table.fields[first as usize..first as usize + usize::from(count)];
                let fields = stored
                    .iter()
                    .map(|f| NewField {
                        name: ty.table.names.get(f.name).to_owned(),
                        ty: self.import(Type { id: f.ty, ..ty }, done, depth + 1),
                        default: ty.table.defaults.get(f.default as usize).cloned(),
                        required: f.required,
                    })
                    .collect();
                let fields = self.stored(fields);
                self.table.types[id as usize] = self.place(&fields, atomic, open);
                id
            }
        }
    }

    /// The next type, not shared with an equal one: numbers are those of the text that is read. Gives back `below`.
    pub(crate) fn add(&mut self, shape: Stored, below: Id) -> Option<Id> {
        self.push(shape);
        Some(below)
    }

    /// As [`Builder::add`].
    pub(crate) fn add_list(&mut self, element: Id, set: bool, keys: &[String]) -> Option<Id> {
        let keys = self.list_keys(keys);
        self.add(Stored::List { element, set, keys }, element)
    }

    /// As [`Builder::add`]; fields have been looked at by the caller.
    pub(crate) fn add_object(&mut self, fields: Vec<NewField>, atomic: bool, open: bool) -> Option<Id> {
        let fields = self.stored(fields);
        let shape = self.place(&fields, atomic, open);
        self.add(shape, 0)
    }

    /// The table as it is.
    pub(crate) fn into_table(self) -> TypeTable {
        let mut table = self.table;
        table.names.text.shrink_to_fit();
        table.names.ends.shrink_to_fit();
        table.types.shrink_to_fit();
        table.fields.shrink_to_fit();
        table.defaults.shrink_to_fit();
        table
    }

    pub(crate) fn kind(&mut self, key: KindKey, id: Id, scope: Option<Scope>) {
        self.table.kinds.insert(key, (id, scope));
    }

    pub(crate) fn named(&mut self, name: String, id: Id) {
        self.table.named.insert(name, id);
    }

    pub(crate) fn len(&self) -> usize {
        self.table.types.len()
    }

    /// The table, with what its kinds and names reach and nothing else.
    pub(crate) fn finish(self) -> TypeTable {
        let mut out = Builder::new();
        let mut done = HashMap::new();
        for (key, (id, scope)) in &self.table.kinds {
            let id = out.import(Type { table: &self.table, id: *id }, &mut done, 0);
            out.kind(key.clone(), id, *scope);
        }
        for (name, id) in &self.table.named {
            let id = out.import(Type { table: &self.table, id: *id }, &mut done, 0);
            out.named(name.clone(), id);
        }
        out.into_table()
    }

    fn stored(&mut self, fields: Vec<NewField>) -> Vec<StoredField> {
        let mut fields = fields;
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
            .into_iter()
            .map(|f| StoredField { name: self.name(&f.name), ty: f.ty, default: self.default_number(f.default), required: f.required })
            .collect()
    }

    fn default_number(&mut self, value: Option<Value>) -> u32 {
        let Some(value) = value else { return NONE };
        let defaults = &mut self.table.defaults;
        let same = |v: &Value| *v == value && std::mem::discriminant(v) == std::mem::discriminant(&value);
        // Few distinct ones: a search costs less than a hash of values would.
        let known = defaults.iter().position(same);
        let n = known.unwrap_or_else(|| {
            defaults.push(value);
            defaults.len() - 1
        });
        n as u32
    }

    fn place(&mut self, fields: &[StoredField], atomic: bool, open: bool) -> Stored {
        let range = (self.table.fields.len() as u32, u16::try_from(fields.len()).unwrap_or(u16::MAX));
        self.table.fields.extend(&fields[..usize::from(range.1)]);
        Stored::Object { fields: range, atomic, open }
    }

    fn push(&mut self, shape: Stored) -> Id {
        self.table.types.push(shape);
        (self.table.types.len() - 1) as Id
    }
}
