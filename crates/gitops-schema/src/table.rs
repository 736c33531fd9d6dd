//! [`TypeTable`]: all types of a document, each once.

use std::collections::BTreeMap;

use gitops_manifest::Value;

/// A type's number in its table.
pub(crate) type Id = u32;

/// No default.
pub(crate) const NONE: u32 = u32::MAX;

/// The type of which nothing is known; always the first of a table.
pub(crate) const ANY: Id = 0;

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They stand beside namespaces.
    Cluster,
}

/// What a single value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scalar {
    /// Text.
    String,
    /// Text in base64.
    Bytes,
    /// A time in RFC 3339.
    Time,
    /// A duration as Go writes it: `1h0m0s`.
    Duration,
    /// A resource quantity: `500m`, `1Gi`, or a number.
    Quantity,
    /// A whole number or text.
    IntOrString,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// A type as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stored {
    Any,
    Scalar(Scalar),
    /// `keys`: range in `TypeTable::keys`; empty with `set` false is atomic.
    List {
        element: Id,
        set: bool,
        keys: (u32, u16),
    },
    Map {
        values: Id,
        atomic: bool,
    },
    /// `fields`: range in `TypeTable::fields`, sorted by name.
    Object {
        fields: (u32, u16),
        atomic: bool,
        open: bool,
    },
}

/// A field as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StoredField {
    pub(crate) name: u32,
    pub(crate) ty: Id,
    pub(crate) default: u32,
    pub(crate) required: bool,
}

/// Group, version, kind.
pub(crate) type KindKey = (String, String, String);

/// The types of a document.
#[derive(Clone, Debug, Default)]
pub struct TypeTable {
    pub(crate) names: Names,
    pub(crate) types: Vec<Stored>,
    pub(crate) fields: Vec<StoredField>,
    /// Names of list keys.
    pub(crate) keys: Vec<u32>,
    pub(crate) defaults: Vec<Value>,
    pub(crate) kinds: BTreeMap<KindKey, (Id, Option<Scope>)>,
    /// Types of the core API, by the name that people call them in settings: `core/v1/PodSpec`.
    pub(crate) named: BTreeMap<String, Id>,
}

/// Texts end to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) text: String,
    pub(crate) ends: Vec<u32>,
}

impl Names {
    pub(crate) fn get(&self, n: u32) -> &str {
        let n = n as usize;
        let start = if n == 0 { 0 } else { self.ends[n - 1] as usize };
        &self.text[start..self.ends[n] as usize]
    }
}

/// A kind of objects.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'a> {
    /// The type of its objects.
    pub ty: Type<'a>,
    /// Whether they live in a namespace; `None` when the document does not say.
    pub scope: Option<Scope>,
}

/// A type: a place in a table, cheap to copy.
#[derive(Clone, Copy)]
pub struct Type<'a> {
    pub(crate) table: &'a TypeTable,
    pub(crate) id: Id,
}

impl std::fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.table.types[self.id as usize])
    }
}

/// What a type is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Shape<'a> {
    /// Unknown: as the value is.
    Any,
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List {
        /// What its elements are.
        element: Type<'a>,
        /// How it is merged.
        merge: Merge<'a>,
    },
    /// A map from text.
    Map {
        /// What its values are.
        values: Type<'a>,
        /// Whether it is replaced as a whole.
        atomic: bool,
    },
    /// A map with known fields.
    Object(Object<'a>),
}

/// How a list is merged.
#[derive(Clone, Copy, Debug)]
pub enum Merge<'a> {
    /// Replaced as a whole.
    Atomic,
    /// Every value once, the order means nothing.
    Set,
    /// By these keys of its elements.
    Keys(Keys<'a>),
}

/// Names of list keys.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    table: &'a TypeTable,
    at: u32,
    end: u32,
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        let n = (self.at < self.end).then_some(self.at)?;
        self.at += 1;
        Some(self.table.names.get(self.table.keys[n as usize]))
    }
}

/// A map with known fields.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    table: &'a TypeTable,
    first: u32,
    count: u16,
    /// Whether it is replaced as a whole.
    pub atomic: bool,
    /// Whether fields that are not listed are kept.
    pub open: bool,
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fields().map(|field| field.name)).finish()
    }
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub ty: Type<'a>,
    /// What the API server fills in where it is missing.
    pub default: Option<&'a Value>,
    /// Whether it must be there.
    pub required: bool,
}

impl<'a> Object<'a> {
    /// The fields, by name.
    pub fn fields(self) -> impl ExactSizeIterator<Item = Field<'a>> {
        self.stored().iter().map(move |f| self.read(f))
    }

    /// A field by its name.
    pub fn field(self, name: &str) -> Option<Field<'a>> {
        let stored = self.stored();
        let i = stored.binary_search_by(|f| self.table.names.get(f.name).cmp(name)).ok()?;
        Some(self.read(&stored[i]))
    }

    fn stored(self) -> &'a [StoredField] {
        &self.table.fields[self.first as usize..self.first as usize + usize::from(self.count)]
    }

    fn read(self, field: &StoredField) -> Field<'a> {
        Field {
            name: self.table.names.get(field.name),
            ty: Type { table: self.table, id: field.ty },
            default: self.table.defaults.get(field.default as usize),
            required: field.required,
        }
    }
}

impl<'a> Type<'a> {
    /// The type of which nothing is known.
    pub fn any() -> Type<'static> {
        static NOTHING: std::sync::LazyLock<TypeTable> =
            std::sync::LazyLock::new(|| TypeTable { types: vec![Stored::Any], ..TypeTable::default() });
        Type { table: &NOTHING, id: ANY }
    }

    /// What it is.
    pub fn shape(self) -> Shape<'a> {
        let table = self.table;
        let at = |id| Type { table, id };
        match table.types[self.id as usize] {
            Stored::Any => Shape::Any,
            Stored::Scalar(scalar) => Shape::Scalar(scalar),
            Stored::List { element, set: true, .. } => Shape::List { element: at(element), merge: Merge::Set },
            Stored::List { element, keys: (_, 0), .. } => Shape::List { element: at(element), merge: Merge::Atomic },
            Stored::List { element, keys: (first, count), .. } => {
                Shape::List { element: at(element), merge: Merge::Keys(Keys { table, at: first, end: first + u32::from(count) }) }
            }
            Stored::Map { values, atomic } => Shape::Map { values: at(values), atomic },
            Stored::Object { fields: (first, count), atomic, open } => Shape::Object(Object { table, first, count, atomic, open }),
        }
    }

    /// The field `name`, or a value of a map; of which nothing is known when the type does not list it.
    pub fn field(self, name: &str) -> Field<'a> {
        let of = |ty| Field { name: "", ty, default: None, required: false };
        match self.shape() {
            Shape::Object(object) => object.field(name).unwrap_or(of(Type { table: self.table, id: ANY })),
            Shape::Map { values, .. } => of(values),
            _ => of(Type { table: self.table, id: ANY }),
        }
    }
}

impl TypeTable {
    /// A kind that the table knows.
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<Kind<'_>> {
        let (id, scope) = self.kinds.get(&(group.to_owned(), version.to_owned(), kind.to_owned()))?;
        Some(Kind { ty: Type { table: self, id: *id }, scope: *scope })
    }

    /// Its kinds: group, version, kind, scope.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str, &str, Option<Scope>)> {
        self.kinds.iter().map(|((group, version, kind), (_, scope))| (group.as_str(), version.as_str(), kind.as_str(), *scope))
    }

    /// A type of the core API by the name that settings use: `core/v1/PodSpec`, `core/Quantity`, `meta/v1/Duration`.
    pub fn named(&self, name: &str) -> Option<Type<'_>> {
        self.named.get(name).map(|id| Type { table: self, id: *id })
    }

    /// How many types it holds.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Bytes on the heap, without what defaults hold.
    pub fn heap_bytes(&self) -> usize {
        let kinds: usize = self.kinds.keys().map(|(g, v, k)| g.capacity() + v.capacity() + k.capacity()).sum();
        self.names.text.capacity()
            + 4 * (self.names.ends.capacity() + self.keys.capacity())
            + size_of::<Stored>() * self.types.capacity()
            + size_of::<StoredField>() * self.fields.capacity()
            + size_of::<Value>() * self.defaults.capacity()
            + self.kinds.len() * size_of::<(KindKey, (Id, Option<Scope>))>()
            + kinds
            + self.named.keys().map(|name| name.capacity() + size_of::<(String, Id)>()).sum::<usize>()
    }
}
