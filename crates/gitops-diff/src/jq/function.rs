//! The functions of jq that run here.

use gitops_manifest::{Map, Value, json};
use jaq_core::ops::Math;
use regex::RegexBuilder;

use super::compile::Expr;
use super::eval::{Flow, Item, Out, Run, Scope, Stop, error, holds};
use super::order;

/// What a pattern may take when it is compiled.
const LARGEST_PATTERN: usize = 1 << 18;
/// Steps that compiling a pattern counts as.
const PATTERN_STEPS: u64 = 5_000;

macro_rules! functions {
    ($($variant:ident $name:literal $count:literal,)*) => {
        /// A function, by its name and how many arguments it takes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function { $($variant,)* }

        impl Function {
            pub(super) fn named(name: &str, arguments: usize) -> Option<Function> {
                match (name, arguments) {
                    $(($name, $count) => Some(Function::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

functions! {
    Empty "empty" 0,
    Error0 "error" 0,
    Error1 "error" 1,
    Not "not" 0,
    Length "length" 0,
    Keys "keys" 0,
    KeysUnsorted "keys_unsorted" 0,
    Add "add" 0,
    Any0 "any" 0,
    All0 "all" 0,
    Any1 "any" 1,
    All1 "all" 1,
    Type "type" 0,
    ToString "tostring" 0,
    ToNumber "tonumber" 0,
    ToJson "tojson" 0,
    Lower "ascii_downcase" 0,
    Upper "ascii_upcase" 0,
    First0 "first" 0,
    Last0 "last" 0,
    First1 "first" 1,
    Last1 "last" 1,
    ToEntries "to_entries" 0,
    Reverse "reverse" 0,
    Sort "sort" 0,
    Unique "unique" 0,
    Min "min" 0,
    Max "max" 0,
    Floor "floor" 0,
    Recurse0 "recurse" 0,
    Recurse1 "recurse" 1,
    Values "values" 0,
    Nulls "nulls" 0,
    Strings "strings" 0,
    Numbers "numbers" 0,
    Booleans "booleans" 0,
    Arrays "arrays" 0,
    Objects "objects" 0,
    Iterables "iterables" 0,
    Scalars "scalars" 0,
    Select "select" 1,
    Map1 "map" 1,
    Has "has" 1,
    Contains "contains" 1,
    Inside "inside" 1,
    StartsWith "startswith" 1,
    EndsWith "endswith" 1,
    TrimStart "ltrimstr" 1,
    TrimEnd "rtrimstr" 1,
    Split "split" 1,
    Join "join" 1,
    Index "index" 1,
    GetPath "getpath" 1,
    Range1 "range" 1,
    Range2 "range" 2,
    Test1 "test" 1,
    Test2 "test" 2,
}

use Function as F;

impl Run {
    pub(super) fn call<'v>(&mut self, f: Function, arguments: &[Expr], input: Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        match f {
            F::Empty => Ok(()),
            F::Error0 => Err(Stop::Error(input.value.into_owned())),
            F::Select => {
                for test in self.all(&arguments[0], &input, scope)? {
                    if holds(&test) {
                        let copy = self.copy(&input)?;
                        out(self, copy)?;
                    }
                }
                Ok(())
            }
            F::First0 | F::Last0 => {
                let item = self.index(input, &Value::from(if f == F::First0 { 0 } else { -1 }))?;
                out(self, item)
            }
            F::First1 => self.first(&arguments[0], input, scope, out),
            F::Last1 => {
                let mut last = None;
                self.run(&arguments[0], input, scope, &mut |_, item| {
                    last = Some(item);
                    Ok(())
                })?;
                last.map_or(Ok(()), |item| out(self, item))
            }
            F::Recurse0 => self.run(&Expr::Recurse, input, scope, out),
            F::Recurse1 => self.recurse_by(&arguments[0], input, scope, out),
            F::GetPath => {
                for path in self.all(&arguments[0], &input, scope)? {
                    let mut item = self.copy(&input)?;
                    for step in path.as_list().unwrap_or_default() {
                        item = self.index(item, step)?;
                    }
                    out(self, item)?;
                }
                Ok(())
            }
            F::Range1 | F::Range2 => self.range(arguments, &input, scope, out),
            _ if kinds(f).is_some() => {
                let fits = kinds(f).is_some_and(|kinds| kinds.contains(&input.value.kind_name()));
                if fits { out(self, input) } else { Ok(()) }
            }
            _ => self.computed(f, arguments, &input, scope, out),
        }
    }

    fn first<'v>(&mut self, expr: &Expr, input: Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        let label = self.label();
        let mut first = None;
        let flow = self.run(expr, input, scope, &mut |_, item| {
            first = Some(item);
            Err(Stop::Enough(label))
        });
        match flow {
            Ok(()) => Ok(()),
            Err(Stop::Enough(l)) if l == label => first.map_or(Ok(()), |item| out(self, item)),
            Err(stop) => Err(stop),
        }
    }

    fn recurse_by<'v>(&mut self, step: &Expr, input: Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        let mut waiting = vec![input];
        while let Some(item) = waiting.pop() {
            self.charge(1)?;
            let copy = self.copy(&item)?;
            out(self, copy)?;
            let mut next = Vec::new();
            self.run(step, item, scope, &mut |run, item| {
                run.charge(1)?;
                next.push(item);
                Ok(())
            })?;
            waiting.extend(next.into_iter().rev());
        }
        Ok(())
    }

    fn range<'v>(&mut self, arguments: &[Expr], input: &Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        let mut bounds = Vec::new();
        for argument in arguments {
            match self.all(argument, input, scope)?.as_slice() {
                [Value::Number(n)] => bounds.push(n.as_f64()),
                _ => return error("a range is bounded by one number each"),
            }
        }
        let (mut at, end) = if let [from, to] = bounds[..] { (from, to) } else { (0.0, bounds[0]) };
        while at < end {
            self.charge(1)?;
            let whole = at.fract() == 0.0 && at.abs() < 9e15;
            out(self, Item::computed(if whole { Value::from(at as i64) } else { Value::from(at) }))?;
            at += 1.0;
        }
        Ok(())
    }

    /// Functions from a value to one value.
    fn computed<'v>(&mut self, f: Function, arguments: &[Expr], input: &Item<'v>, scope: Scope<'_>, out: Out<'_, 'v>) -> Flow {
        self.charge_for(&input.value)?;
        let value = input.value.as_ref();
        match (f, arguments) {
            (F::Any1 | F::All1 | F::Map1, [each]) => {
                let mut found = Vec::new();
                let mut children = Vec::new();
                let copy = Item { path: None, ..self.copy(input)? };
                self.each(copy, &mut |_, child| {
                    children.push(child);
                    Ok(())
                })?;
                for child in &children {
                    found.extend(self.all(each, child, scope)?);
                }
                out(
                    self,
                    Item::computed(match f {
                        F::Any1 => Value::Bool(found.iter().any(holds)),
                        F::All1 => Value::Bool(found.iter().all(holds)),
                        _ => Value::List(found),
                    }),
                )
            }
            (_, []) => {
                let result = self.unary(f, value)?;
                out(self, Item::computed(result))
            }
            (F::Test2, [pattern, flags]) => {
                for flags in self.all(flags, input, scope)? {
                    for pattern in self.all(pattern, input, scope)? {
                        let found = self.test(value, &pattern, flags.as_str().unwrap_or_default())?;
                        out(self, Item::computed(found))?;
                    }
                }
                Ok(())
            }
            (_, [argument, ..]) => {
                for argument in self.all(argument, input, scope)? {
                    let result = self.binary(f, value, &argument)?;
                    out(self, Item::computed(result))?;
                }
                Ok(())
            }
        }
    }

    fn unary(&mut self, f: Function, value: &Value) -> Result<Value, Stop> {
        let list = || match value {
            Value::List(list) => Ok(list.clone()),
            Value::Map(map) => Ok(map.values().cloned().collect()),
            other => error(format!("a {} has no elements", other.kind_name())),
        };
        let text = || value.as_str().map_or_else(|| error(format!("a {} is no text", value.kind_name())), Ok);
        Ok(match (f, value) {
            (F::Not, _) => Value::Bool(!holds(value)),
            (F::Length, Value::Null) => Value::from(0),
            (F::Length, Value::String(text)) => Value::from(text.chars().count() as i64),
            (F::Length, Value::List(list)) => Value::from(list.len() as i64),
            (F::Length, Value::Map(map)) => Value::from(map.len() as i64),
            (F::Length, Value::Number(n)) => Value::from(n.as_f64().abs()),
            (F::Keys | F::KeysUnsorted, Value::Map(map)) => Value::List(map.keys().map(|k| Value::from(k.clone())).collect()),
            (F::Keys | F::KeysUnsorted, Value::List(list)) => Value::List((0..list.len() as i64).map(Value::from).collect()),
            (F::Add, _) => {
                let mut sum = Value::Null;
                for value in list()? {
                    sum = self.math(Math::Add, &sum, &value)?;
                }
                sum
            }
            (F::Any0, _) => Value::Bool(list()?.iter().any(holds)),
            (F::All0, _) => Value::Bool(list()?.iter().all(holds)),
            (F::Type, _) => Value::from(type_name(value)),
            (F::ToString, Value::String(_)) => value.clone(),
            (F::ToString | F::ToJson, _) => Value::from(json::print(value)),
            (F::ToNumber, Value::Number(_)) => value.clone(),
            (F::ToNumber, Value::String(text)) => match json::parse(text.as_bytes(), "number") {
                Ok(number @ Value::Number(_)) => number,
                _ => return error("the text is no number"),
            },
            (F::Lower, _) => Value::from(text()?.to_ascii_lowercase()),
            (F::Upper, _) => Value::from(text()?.to_ascii_uppercase()),
            (F::ToEntries, Value::Map(map)) => {
                let entry = |(key, value): (&gitops_manifest::Str, &Value)| {
                    Value::Map([("key", Value::from(key.clone())), ("value", value.clone())].into_iter().collect::<Map>())
                };
                Value::List(map.iter().map(entry).collect())
            }
            (F::Floor, Value::Number(n)) => Value::from(n.as_f64().floor()),
            (F::Reverse, _) => Value::List(list()?.into_iter().rev().collect()),
            (F::Sort | F::Unique, _) => {
                let mut list = list()?;
                self.charge(list.len() as u64 * 16)?;
                list.sort_by(order::compare);
                if f == F::Unique {
                    list.dedup();
                }
                Value::List(list)
            }
            (F::Min, _) => list()?.into_iter().min_by(order::compare).unwrap_or_default(),
            (F::Max, _) => list()?.into_iter().max_by(order::compare).unwrap_or_default(),
            (_, value) => return error(format!("the function does not take a {}", value.kind_name())),
        })
    }

    fn binary(&mut self, f: Function, value: &Value, argument: &Value) -> Result<Value, Stop> {
        self.charge_for(argument)?;
        let bool = |b| Ok(Value::Bool(b));
        match (f, value, argument) {
            (F::Error1, ..) => Err(Stop::Error(argument.clone())),
            (F::Has, Value::Map(map), Value::String(key)) => bool(map.contains_key(key)),
            (F::Has, Value::List(list), Value::Number(n)) => bool(n.as_i64().is_some_and(|n| n >= 0 && (n as usize) < list.len())),
            (F::Contains, a, b) => {
                let found = self.contains(a, b)?;
                bool(found)
            }
            (F::Inside, a, b) => {
                let found = self.contains(b, a)?;
                bool(found)
            }
            (F::StartsWith, Value::String(text), Value::String(part)) => bool(text.starts_with(part.as_str())),
            (F::EndsWith, Value::String(text), Value::String(part)) => bool(text.ends_with(part.as_str())),
            (F::TrimStart, Value::String(text), Value::String(part)) => Ok(text.strip_prefix(part.as_str()).unwrap_or(text).into()),
            (F::TrimEnd, Value::String(text), Value::String(part)) => Ok(text.strip_suffix(part.as_str()).unwrap_or(text).into()),
            (F::TrimStart | F::TrimEnd, ..) => Ok(value.clone()),
            (F::Split, Value::String(text), Value::String(by)) => {
                let parts = text.split(by.as_str()).filter(|part| !(by.is_empty() && part.is_empty()));
                Ok(Value::List(parts.map(Value::from).collect()))
            }
            (F::Join, Value::List(list), Value::String(by)) => {
                let text = |v: &Value| match v {
                    Value::Null => String::new(),
                    Value::String(text) => text.to_string(),
                    other => json::print(other),
                };
                self.charge((list.len() * by.len()) as u64 / 64)?;
                Ok(list.iter().map(text).collect::<Vec<_>>().join(by).into())
            }
            (F::Index, Value::List(list), wanted) => {
                Ok(list.iter().position(|v| v == wanted).map_or(Value::Null, |i| Value::from(i as i64)))
            }
            (F::Index, Value::String(text), Value::String(part)) => {
                Ok(text.find(part.as_str()).map_or(Value::Null, |i| Value::from(i as i64)))
            }
            (F::Index, Value::Null, _) => Ok(Value::Null),
            (F::Test1, value, pattern) => {
                let found = self.test(value, pattern, "")?;
                bool(found)
            }
            (_, value, argument) => error(format!("the function does not take a {} and a {}", value.kind_name(), argument.kind_name())),
        }
    }

    fn test(&mut self, value: &Value, pattern: &Value, flags: &str) -> Result<bool, Stop> {
        let (Value::String(text), Value::String(pattern)) = (value, pattern) else { return error("a pattern is tested on a text") };
        self.charge(PATTERN_STEPS + text.len() as u64)?;
        let built = RegexBuilder::new(pattern)
            .size_limit(LARGEST_PATTERN)
            .dfa_size_limit(LARGEST_PATTERN)
            .case_insensitive(flags.contains('i'))
            .ignore_whitespace(flags.contains('x'))
            .dot_matches_new_line(flags.contains('s'))
            .build();
        built.map_or_else(|_| error("the pattern is none, or too big"), |regex| Ok(regex.is_match(text)))
    }

    fn contains(&mut self, a: &Value, b: &Value) -> Result<bool, Stop> {
        self.charge(1)?;
        Ok(match (a, b) {
            (Value::Map(a), Value::Map(b)) => {
                for (key, b) in b.iter() {
                    match a.get(key) {
                        Some(a) if self.contains(a, b)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Value::List(a), Value::List(b)) => {
                for b in b {
                    let mut found = false;
                    for a in a {
                        found = found || self.contains(a, b)?;
                    }
                    if !found {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::String(a), Value::String(b)) => a.contains(b.as_str()),
            (a, b) => a == b,
        })
    }
}

/// The kinds of values that a function lets through.
fn kinds(f: Function) -> Option<&'static [&'static str]> {
    Some(match f {
        F::Values => &["boolean", "number", "string", "list", "map"],
        F::Nulls => &["null"],
        F::Strings => &["string"],
        F::Numbers => &["number"],
        F::Booleans => &["boolean"],
        F::Arrays => &["list"],
        F::Objects => &["map"],
        F::Iterables => &["list", "map"],
        F::Scalars => &["null", "boolean", "number", "string"],
        _ => return None,
    })
}

/// What jq calls a kind of value.
fn type_name(value: &Value) -> &'static str {
    match value.kind_name() {
        "list" => "array",
        "map" => "object",
        name => name,
    }
}
