//! Host objects: Go structs with fields and methods that a template can reach, such as `.Capabilities` or a `time.Time`.

use std::any::Any;

use crate::error::FuncError;
use crate::function::Ty;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Kind, Value};

/// A Go value that is not one of the plain kinds. Immutable, shared by reference count.
pub trait Object: 'static {
    /// Go's name of the type, as `%T` prints it: `time.Time`, `*semver.Version`.
    fn type_name(&self) -> &str;

    /// Go's `reflect.Kind`: what `kindOf` prints and `if` looks at. A struct and a pointer that is not nil are true.
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// An exported field, or the entry of a promoted (embedded) struct.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// A method. Methods come before fields.
    fn method(&self, name: &str) -> Option<&'static Method> {
        let _ = name;
        None
    }

    /// What `String()` or `Error()` returns; `None` if the type has neither, and [`Object::fields`] are printed.
    fn string(&self) -> Option<Str> {
        None
    }

    /// Every field in order of declaration: printed as `{a b}`, or `&{a b}` for a pointer.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// What JSON and YAML show of it (struct tags, `MarshalJSON`): a plain value.
    fn plain(&self) -> Value {
        Value::Nil
    }

    /// The number inside a named integer type such as `time.Duration` (whose kind is `Int64`).
    fn int(&self) -> Option<i64> {
        None
    }

    /// Go's `==` and `reflect.DeepEqual`.
    fn equals(&self, other: &dyn Object) -> bool {
        let _ = other;
        false
    }

    /// For `downcast_ref`.
    fn as_any(&self) -> &dyn Any;
}

/// A method of a host object, a named list type or a named map type. Always a `static`.
pub struct Method {
    /// Its name, as a template writes it.
    pub name: &'static str,
    /// The types of its fixed parameters (without the receiver).
    pub params: &'static [Ty],
    /// The element type of a trailing `...` parameter.
    pub variadic: Option<Ty>,
    /// The code. The receiver is whatever the method was found on.
    pub body: fn(&mut Scope<'_>, &Value, &mut [Value]) -> Result<Value, FuncError>,
}
