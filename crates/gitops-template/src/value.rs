//! The values that templates work on: Go's dynamic types, with maps that are shared and mutable and lists that are shared.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::compare;
use crate::error::FuncError;
use crate::object::{Method, Object};
use crate::text::Str;

/// A Go value inside an `interface{}`. 24 bytes; a clone shares text, lists, maps and objects.
#[derive(Clone, Default)]
pub enum Value {
    /// `nil`
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`, 64 bits wide
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`, an element of `[]byte`
    Uint8(u8),
    /// `int32`, a rune
    Int32(i32),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float(f64),
    /// `complex128`, which only a literal can make
    Complex(Box<(f64, f64)>),
    /// `string`
    Str(Str),
    /// `[]byte`
    Bytes(Rc<Vec<u8>>),
    /// A slice of anything else
    List(List),
    /// A map with string keys
    Map(Map),
    /// A struct, or a pointer to one
    Object(Rc<dyn Object>),
}

/// Go's `reflect.Kind`, as far as it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are reflect's own")]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int64,
    Uint8,
    Int32,
    Uint64,
    Float64,
    Complex128,
    String,
    Slice,
    Map,
    Struct,
    Ptr,
    Func,
}

impl Kind {
    /// As `reflect.Kind` prints.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Int64 => "int64",
            Kind::Uint8 => "uint8",
            Kind::Int32 => "int32",
            Kind::Uint64 => "uint64",
            Kind::Float64 => "float64",
            Kind::Complex128 => "complex128",
            Kind::String => "string",
            Kind::Slice => "slice",
            Kind::Map => "map",
            Kind::Struct => "struct",
            Kind::Ptr => "ptr",
            Kind::Func => "func",
        }
    }
}

/// The static type of a list's or a map's elements. `Any` elements are interfaces, which shows in error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of `Value`")]
pub enum Elem {
    Any,
    Str,
    Bytes,
    Int,
    Int64,
    Float,
    Map,
    List,
    Object,
}

/// A Go slice type. Always a constant; types of one name are one type.
pub struct ListType {
    /// As `%T` prints it.
    pub name: &'static str,
    /// Of what.
    pub elem: Elem,
    /// Methods of a named type.
    pub methods: &'static [Method],
}

/// A Go map type with string keys. Always a constant.
pub struct MapType {
    /// As `%T` prints it.
    pub name: &'static str,
    /// To what.
    pub elem: Elem,
    /// Methods of a named type.
    pub methods: &'static [Method],
}

impl ListType {
    /// `[]interface {}`
    pub const ANY: &'static ListType = &ListType { name: "[]interface {}", elem: Elem::Any, methods: &[] };
    /// `[]string`
    pub const STRINGS: &'static ListType = &ListType { name: "[]string", elem: Elem::Str, methods: &[] };
    /// `[]int`
    pub const INTS: &'static ListType = &ListType { name: "[]int", elem: Elem::Int, methods: &[] };
}

impl MapType {
    /// `map[string]interface {}`
    pub const ANY: &'static MapType = &MapType { name: "map[string]interface {}", elem: Elem::Any, methods: &[] };
    /// `map[string]string`
    pub const STRINGS: &'static MapType = &MapType { name: "map[string]string", elem: Elem::Str, methods: &[] };
}

/// A slice: immutable, shared. Derefs to `[Value]`.
#[derive(Clone)]
pub struct List(Rc<ListInner>);

struct ListInner {
    ty: &'static ListType,
    nil: bool,
    items: Vec<Value>,
}

impl List {
    /// An `[]interface{}`.
    pub fn new(items: Vec<Value>) -> List {
        List::typed(ListType::ANY, items)
    }

    /// A list of another type. The items must be of its element type.
    pub fn typed(ty: &'static ListType, items: Vec<Value>) -> List {
        List(Rc::new(ListInner { ty, nil: false, items }))
    }

    /// A `[]string`.
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> List {
        List::typed(ListType::STRINGS, items.into_iter().map(|s| Value::Str(s.into())).collect())
    }

    /// A nil slice: empty, but `null` in JSON.
    pub fn nil(ty: &'static ListType) -> List {
        List(Rc::new(ListInner { ty, nil: true, items: Vec::new() }))
    }

    /// Whether it is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// Its type.
    pub fn ty(&self) -> &'static ListType {
        self.0.ty
    }

    /// Whether both are the same list in memory.
    pub fn same(&self, other: &List) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The items, to own: without a copy if nobody else holds the list.
    pub fn into_items(self) -> Vec<Value> {
        match Rc::try_unwrap(self.0) {
            Ok(mut inner) => std::mem::take(&mut inner.items),
            Err(shared) => shared.items.clone(),
        }
    }
}

impl Drop for ListInner {
    fn drop(&mut self) {
        release(std::mem::take(&mut self.items));
    }
}

/// Drops values one after the other: dropping a list in a list in a list must not take the real stack.
fn release(mut pending: Vec<Value>) {
    if !pending.iter().any(|value| matches!(value, Value::List(_) | Value::Map(_))) {
        return;
    }
    while let Some(mut value) = pending.pop() {
        match &mut value {
            Value::List(list) => {
                if let Some(inner) = Rc::get_mut(&mut list.0) {
                    pending.append(&mut inner.items);
                }
            }
            Value::Map(map) => {
                if let Some(inner) = Rc::get_mut(&mut map.shared) {
                    inner.empty_into(&mut pending);
                }
            }
            _ => {}
        }
    }
}

impl Shared {
    fn empty_into(&mut self, pending: &mut Vec<Value>) {
        let entries = std::mem::take(self.entries.get_mut());
        if let Ok(entries) = Rc::try_unwrap(entries) {
            pending.extend(entries.into_iter().map(|(_, value)| value));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut pending = Vec::new();
        self.empty_into(&mut pending);
        release(pending);
    }
}

impl Deref for List {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.0.items
    }
}

/// A map with string keys: shared, and mutable through any of its holders, as in Go. Iterated in order of the keys' bytes.
#[derive(Clone)]
pub struct Map {
    ty: &'static MapType,
    shared: Rc<Shared>,
}

struct Shared {
    nil: bool,
    /// Sorted by key. Behind an `Rc`, so that a range or a copy takes a snapshot for nothing; who writes next pays for it.
    entries: RefCell<Rc<Vec<(Str, Value)>>>,
}

impl Map {
    /// An empty `map[string]interface{}`.
    pub fn new() -> Map {
        Map::typed(MapType::ANY, Vec::new())
    }

    /// A map of some type, from entries in any order; of equal keys the last wins.
    pub fn typed(ty: &'static MapType, mut entries: Vec<(Str, Value)>) -> Map {
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            entries.reverse();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|a, b| a.0 == b.0);
        }
        Map::of(ty, false, Rc::new(entries))
    }

    fn of(ty: &'static MapType, nil: bool, entries: Rc<Vec<(Str, Value)>>) -> Map {
        Map { ty, shared: Rc::new(Shared { nil, entries: RefCell::new(entries) }) }
    }

    /// A nil map: empty, but `null` in JSON.
    pub fn nil(ty: &'static MapType) -> Map {
        Map::of(ty, true, Rc::default())
    }

    /// Whether it is a nil map.
    pub fn is_nil(&self) -> bool {
        self.shared.nil
    }

    /// Its type.
    pub fn ty(&self) -> &'static MapType {
        self.ty
    }

    /// Whether both are the same map in memory.
    pub fn same(&self, other: &Map) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// A new map with the same entries (the values are shared) and another type. Costs nothing until one of them is changed.
    #[must_use]
    pub fn copy_as(&self, ty: &'static MapType) -> Map {
        Map::of(ty, false, self.entries())
    }

    /// The same map under another type, as Go's conversion of named types: what is set in one shows in the other.
    #[must_use]
    pub fn alias_as(&self, ty: &'static MapType) -> Map {
        Map { ty, shared: Rc::clone(&self.shared) }
    }

    /// The entries as they are now, sorted by key. Later changes of the map do not show in them.
    pub fn entries(&self) -> Rc<Vec<(Str, Value)>> {
        Rc::clone(&self.shared.entries.borrow())
    }

    /// The value of `key`.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        let entries = self.shared.entries.borrow();
        find(&entries, key.as_ref()).map(|at| entries[at].1.clone())
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> bool {
        find(&self.shared.entries.borrow(), key.as_ref()).is_some()
    }

    /// Sets `key`, and returns what it held. Seen by all holders of the map.
    pub fn insert(&self, key: impl Into<Str>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        let mut shared = self.shared.entries.borrow_mut();
        let entries = Rc::make_mut(&mut shared);
        match place(entries, &key) {
            Ok(at) => Some(std::mem::replace(&mut entries[at].1, value)),
            Err(at) => {
                entries.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes `key` out. Seen by all holders of the map.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        let mut shared = self.shared.entries.borrow_mut();
        let at = find(&shared, key.as_ref())?;
        Some(Rc::make_mut(&mut shared).remove(at).1)
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.shared.entries.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Up to so many entries are looked through one by one: lengths tell most keys apart, and comparing them costs nothing.
const FEW: usize = 12;

/// Where `key` is.
fn find(entries: &[(Str, Value)], key: &[u8]) -> Option<usize> {
    if entries.len() <= FEW {
        return entries.iter().position(|(other, _)| other.as_bytes() == key);
    }
    entries.binary_search_by(|(other, _)| other.as_bytes().cmp(key)).ok()
}

/// Where `key` is, or belongs.
fn place(entries: &[(Str, Value)], key: &[u8]) -> Result<usize, usize> {
    // Building in order of keys is common, and then needs no search.
    if entries.last().is_none_or(|(last, _)| last.as_bytes() < key) {
        return Err(entries.len());
    }
    entries.binary_search_by(|(other, _)| other.as_bytes().cmp(key))
}

impl Default for Map {
    fn default() -> Map {
        Map::new()
    }
}

impl<K: Into<Str>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Map {
        Map::typed(MapType::ANY, entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl Value {
    /// Takes the value and leaves nil.
    pub fn take(&mut self) -> Value {
        std::mem::take(self)
    }

    /// `nil`, not an empty map or list.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// Go's `reflect.Kind`; `kindOf` of nil is `invalid`.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Nil => Kind::Invalid,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Int64(_) => Kind::Int64,
            Value::Uint8(_) => Kind::Uint8,
            Value::Int32(_) => Kind::Int32,
            Value::Uint64(_) => Kind::Uint64,
            Value::Float(_) => Kind::Float64,
            Value::Complex(_) => Kind::Complex128,
            Value::Str(_) => Kind::String,
            Value::Bytes(_) | Value::List(_) => Kind::Slice,
            Value::Map(_) => Kind::Map,
            Value::Object(object) => object.kind(),
        }
    }

    /// Go's name of the type, as `%T` prints it; `<nil>` for nil.
    pub fn type_name(&self) -> &str {
        match self {
            Value::Nil => "<nil>",
            Value::Bytes(_) => "[]uint8",
            Value::List(list) => list.ty().name,
            Value::Map(map) => map.ty().name,
            Value::Object(object) => object.type_name(),
            _ => self.kind().name(),
        }
    }

    /// Whether `if` takes it for true: not the zero of its kind, and not empty.
    pub fn truth(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(n) | Value::Int64(n) => *n != 0,
            Value::Uint8(n) => *n != 0,
            Value::Int32(n) => *n != 0,
            Value::Uint64(n) => *n != 0,
            Value::Float(n) => *n != 0.0,
            Value::Complex(n) => **n != (0.0, 0.0),
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Object(object) => object.int() != Some(0),
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if it is one (`[]byte` is not).
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// `reflect.DeepEqual`: same types, same content. Fails if the values nest too deep.
    pub fn deep_equal(&self, other: &Value) -> Result<bool, FuncError> {
        compare::deep_equal(self, other)
    }

    /// A host object of type `T`.
    pub fn as_object<T: Object>(&self) -> Option<&T> {
        match self {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// A host object.
    pub fn object(object: impl Object) -> Value {
        Value::Object(Rc::new(object))
    }
}

macro_rules! from {
    ($($from:ty => |$x:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($x: $from) -> Value {
                $to
            }
        }
    )*};
}

from! {
    bool => |x| Value::Bool(x);
    i64 => |x| Value::Int(x);
    f64 => |x| Value::Float(x);
    &str => |x| Value::Str(x.into());
    String => |x| Value::Str(x.into());
    Str => |x| Value::Str(x);
    List => |x| Value::List(x);
    Map => |x| Value::Map(x);
    Vec<Value> => |x| Value::List(List::new(x));
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match crate::fmt::display(self) {
            Ok(text) => write!(f, "{}({text})", self.type_name()),
            Err(_) => write!(f, "{}(…)", self.type_name()),
        }
    }
}
