//! `semver` and `semverCompare`, and versions as values: `{{ (semver "1.2.3").Major }}`.

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use super::args::{Outcome, text};
use super::list::NIL_POINTER;
use super::semver::{Constraint, SemverError, Version};
use crate::error::FuncError;
use crate::function::Ty;
use crate::object::{Method, Object};
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Kind, Value};

type Args<'a> = &'a mut [Value];

const POINTER: &str = "*semver.Version";

/// A `*semver.Version`, or a `semver.Version`, which `IncMajor` and its like return.
struct VersionValue {
    version: Version,
    pointer: bool,
}

impl Object for VersionValue {
    fn type_name(&self) -> &str {
        if self.pointer { POINTER } else { "semver.Version" }
    }

    fn kind(&self) -> Kind {
        if self.pointer { Kind::Ptr } else { Kind::Struct }
    }

    fn method(&self, name: &str) -> Option<&'static Method> {
        // What `IncMajor` returns has no address: methods of the pointer are not its own.
        let all = if self.pointer { POINTER_METHODS } else { &[] };
        METHODS.iter().chain(all).find(|method| method.name == name)
    }

    fn string(&self) -> Option<Str> {
        Some(self.version.to_string().into())
    }

    fn plain(&self) -> Value {
        Value::from(self.version.to_string())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<VersionValue>().is_some_and(|other| self.pointer == other.pointer && self.version == other.version)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What `deepCopy` makes of a version: one of zeros, as the reference cannot see into it.
pub(super) fn copied(value: &Value) -> Option<Value> {
    let pointer = value.as_object::<VersionValue>()?.pointer;
    let zeros = Version { major: 0, minor: 0, patch: 0, prerelease: String::new(), metadata: String::new(), original: String::new() };
    Some(Value::object(VersionValue { version: zeros, pointer }))
}

fn pointer(version: Version) -> Value {
    Value::object(VersionValue { version, pointer: true })
}

fn plain(version: Version) -> Value {
    Value::object(VersionValue { version: version.renamed(), pointer: false })
}

fn wrong(e: SemverError) -> FuncError {
    FuncError::new(e.to_string())
}

pub(super) fn semver(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Version::parse(&text(&args[0])?.text()).map(pointer).map_err(wrong)
}

pub(super) fn semver_compare(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let constraint = Constraint::parse(&text(&args[0])?.text()).map_err(wrong)?;
    let version = Version::parse(&text(&args[1])?.text()).map_err(wrong)?;
    Ok(Value::Bool(constraint.matches(&version)))
}

fn version_of(value: &Value) -> Result<&Version, FuncError> {
    value.as_object::<VersionValue>().map(|v| &v.version).ok_or_else(|| NIL_POINTER.into())
}

fn next(number: u64, name: &str) -> Result<u64, FuncError> {
    number.checked_add(1).ok_or_else(|| FuncError::new(format!("{name} version increment would overflow uint64")))
}

/// Without pre-release and metadata.
fn released(v: &Version, major: u64, minor: u64, patch: u64) -> Value {
    plain(Version { major, minor, patch, prerelease: String::new(), metadata: String::new(), original: v.original.clone() })
}

fn compared(receiver: &Value, args: &[Value], holds: impl Fn(Ordering) -> bool) -> Outcome {
    Ok(Value::Bool(holds(version_of(receiver)?.compare(version_of(&args[0])?))))
}

const fn method(name: &'static str, params: &'static [Ty], body: fn(&mut Scope<'_>, &Value, &mut [Value]) -> Outcome) -> Method {
    Method { name, params, variadic: None, body }
}

const OTHER: &[Ty] = &[Ty::Object(POINTER)];

static METHODS: &[Method] = &[
    method("Major", &[], |_, v, _| Ok(Value::Uint64(version_of(v)?.major))),
    method("Minor", &[], |_, v, _| Ok(Value::Uint64(version_of(v)?.minor))),
    method("Patch", &[], |_, v, _| Ok(Value::Uint64(version_of(v)?.patch))),
    method("Prerelease", &[], |_, v, _| Ok(Value::from(version_of(v)?.prerelease.as_str()))),
    method("Metadata", &[], |_, v, _| Ok(Value::from(version_of(v)?.metadata.as_str()))),
    method("String", &[], |_, v, _| Ok(Value::from(version_of(v)?.to_string()))),
    method("IncMajor", &[], |_, v, _| {
        let v = version_of(v)?;
        Ok(released(v, next(v.major, "major")?, 0, 0))
    }),
    method("IncMinor", &[], |_, v, _| {
        let v = version_of(v)?;
        Ok(released(v, v.major, next(v.minor, "minor")?, 0))
    }),
    method("IncPatch", &[], |_, v, _| {
        let v = version_of(v)?;
        // A pre-release becomes its release.
        let patch = if v.prerelease.is_empty() { next(v.patch, "patch")? } else { v.patch };
        Ok(released(v, v.major, v.minor, patch))
    }),
    method("SetPrerelease", &[Ty::Str], |_, v, args| version_of(v)?.with_prerelease(&text(&args[0])?.text()).map(plain).map_err(wrong)),
    method("SetMetadata", &[Ty::Str], |_, v, args| version_of(v)?.with_metadata(&text(&args[0])?.text()).map(plain).map_err(wrong)),
    method("Value", &[], |_, v, _| Ok(Value::from(version_of(v)?.to_string()))),
    method("MarshalText", &[], |_, v, _| Ok(Value::Bytes(Rc::new(version_of(v)?.to_string().into_bytes())))),
    method("MarshalJSON", &[], |_, v, _| Ok(Value::Bytes(Rc::new(format!("\"{}\"", version_of(v)?).into_bytes())))),
];

static POINTER_METHODS: &[Method] = &[
    method("Original", &[], |_, v, _| Ok(Value::from(version_of(v)?.original.as_str()))),
    method("Compare", OTHER, |_, v, args| Ok(Value::Int(version_of(v)?.compare(version_of(&args[0])?) as i64))),
    method("LessThan", OTHER, |_, v, args| compared(v, args, Ordering::is_lt)),
    method("LessThanEqual", OTHER, |_, v, args| compared(v, args, Ordering::is_le)),
    method("GreaterThan", OTHER, |_, v, args| compared(v, args, Ordering::is_gt)),
    method("GreaterThanEqual", OTHER, |_, v, args| compared(v, args, Ordering::is_ge)),
    method("Equal", OTHER, |_, v, args| compared(v, args, Ordering::is_eq)),
];
