//! Arguments and the types of parameters, as Go checks them.

use crate::error::FuncError;
use crate::function::{Function, Ty};
use crate::value::{Elem, List, ListType, Map, MapType, Value};

/// The type of the parameter at `index`.
pub(super) fn parameter(function: &Function, index: usize) -> Ty {
    function.params.get(index).copied().or(function.variadic).unwrap_or(Ty::Any)
}

/// Whether Go would assign the value to a variable of the type.
fn fits(value: &Value, ty: Ty) -> bool {
    match (ty, value) {
        (Ty::Any | Ty::Reflect, _)
        | (Ty::Bool, Value::Bool(_))
        | (Ty::Str, Value::Str(_))
        | (Ty::Int, Value::Int(_))
        | (Ty::Int64, Value::Int64(_))
        | (Ty::Float, Value::Float(_))
        | (Ty::Bytes, Value::Bytes(_)) => true,
        (Ty::Map, Value::Map(map)) => map.ty().elem == Elem::Any,
        (Ty::List, Value::List(list)) => list.ty().elem == Elem::Any,
        (Ty::Strings, Value::List(list)) => list.ty().elem == Elem::Str,
        (Ty::Object(name), Value::Object(object)) => {
            // A pointer is followed once.
            object.type_name() == name || object.type_name().strip_prefix('*') == Some(name)
        }
        _ => false,
    }
}

/// Makes a value fit a parameter. `interface`: a nil came in an interface, which only an interface can take.
pub(super) fn coerce(value: Value, ty: Ty, interface: bool) -> Result<Value, FuncError> {
    if fits(&value, ty) {
        return Ok(value);
    }
    if value.is_nil() && !interface {
        return match ty {
            Ty::Map => Ok(Value::Map(Map::nil(MapType::ANY))),
            Ty::List => Ok(Value::List(List::nil(ListType::ANY))),
            Ty::Strings => Ok(Value::List(List::nil(ListType::STRINGS))),
            Ty::Bytes => Ok(Value::Bytes(std::rc::Rc::default())),
            ty if ty.can_be_nil() => Ok(Value::Nil),
            ty => Err(format!("invalid value; expected {}", ty.name()).into()),
        };
    }
    let got = if value.is_nil() { "interface {}" } else { value.type_name() };
    Err(format!("wrong type for value; expected {}; got {got}", ty.name()).into())
}
