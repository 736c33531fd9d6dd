//! Defaults, choices, JSON, and what type a value has.

use gitops_manifest::{self as manifest, json};

use super::args::{Outcome, boolean, done, text};
use super::weight::weigh;
use crate::error::FuncError;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::Value;

type Args<'a> = &'a mut [Value];

/// The second if it is not empty, else the first.
pub(super) fn default(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let at = usize::from(args.get(1).is_some_and(Value::truth));
    Ok(args[at].take())
}

pub(super) fn empty(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(!args[0].truth()))
}

pub(super) fn coalesce(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(args.iter_mut().find(|value| value.truth()).map(Value::take).unwrap_or_default())
}

pub(super) fn all(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(args.iter().all(Value::truth)))
}

pub(super) fn any(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(args.iter().any(Value::truth)))
}

pub(super) fn ternary(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let at = usize::from(!boolean(&args[2])?);
    Ok(args[at].take())
}

pub(super) fn fail(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Err(text(&args[0])?.clone().into())
}

pub(super) fn hello(_: &mut Scope<'_>, _: Args<'_>) -> Outcome {
    done("Hello!")
}

pub(super) fn type_of(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(args[0].type_name())
}

pub(super) fn type_is(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(*text(&args[0])? == args[1].type_name()))
}

/// A star before the value's type is forgiven: `*semver.Version` is like `semver.Version`.
pub(super) fn type_is_like(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let (want, is) = (text(&args[0])?, args[1].type_name());
    Ok(Value::Bool(*want == is || is.strip_prefix('*').is_some_and(|is| *want == is)))
}

pub(super) fn kind_of(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    done(args[0].kind().name())
}

pub(super) fn kind_is(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(Value::Bool(*text(&args[0])? == args[1].kind().name()))
}

pub(super) fn deep_equal(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    weigh(scope, &args[0])?;
    Ok(Value::Bool(args[0].deep_equal(&args[1])?))
}

/// A JSON text as template values: numbers are float64.
fn decoded(value: &Value) -> Outcome {
    let text = text(value)?.text();
    let parsed = json::parse(text.as_bytes(), "").or_else(|e| match without_half_pairs(&text) {
        Some(text) => json::parse(text.as_bytes(), ""),
        None => Err(e),
    });
    Ok(Value::from(&parsed.map_err(|e| FuncError::new(e.to_string()))?))
}

/// The text with `\ufffd` for each escape of half a surrogate pair, which Go forgives; nothing if there are none.
fn without_half_pairs(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..0xe000).contains(unit))
    };
    let (mut out, mut at, mut any) = (String::with_capacity(text.len()), 0, false);
    while let Some(c) = text[at..].chars().next() {
        let len = match (c, unit(at), unit(at + 6)) {
            ('\\', Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            ('\\', Some(_), _) => {
                any = true;
                out.push_str("\\ufffd");
                at += 6;
                continue;
            }
            // The next character belongs to the escape, whatever it is.
            ('\\', None, _) => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        out.push_str(&text[at..at + len]);
        at += len;
    }
    any.then_some(out)
}

pub(super) fn from_json(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    Ok(decoded(&args[0]).unwrap_or_default())
}

pub(super) fn must_from_json(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    decoded(&args[0])
}

/// Prints with `print` what JSON can hold.
fn encoded(scope: &mut Scope<'_>, value: &Value, print: fn(&manifest::Value) -> String) -> Outcome {
    let broken = weigh(scope, value)?.broken_text;
    let marked = broken.then(|| marked(value));
    let plain = marked.as_ref().unwrap_or(value).to_manifest()?;
    if let Some(number) = not_finite(&plain) {
        return Err(FuncError::new(format!("json: unsupported value: {}", crate::fmt::float(number, 'g', None))));
    }
    let text = print(&plain);
    done(if broken { text.replace(NO_UTF8, "\\ufffd") } else { text })
}

/// Stands for a byte that is no UTF-8, which JSON shows as an escape; a character that no text means anything by.
const NO_UTF8: char = '\u{10ffff}';

/// The value with such bytes marked.
fn marked(value: &Value) -> Value {
    match value {
        Value::Str(text) => {
            let mut out = String::with_capacity(text.len() + 8);
            for chunk in text.utf8_chunks() {
                out.push_str(chunk.valid());
                out.extend(chunk.invalid().iter().map(|_| NO_UTF8));
            }
            Value::from(out)
        }
        Value::List(list) if !list.is_nil() => Value::from(list.iter().map(marked).collect::<Vec<_>>()),
        Value::Map(map) if !map.is_nil() => Value::Map(map.entries().iter().map(|(key, value)| (key.clone(), marked(value))).collect()),
        other => other.clone(),
    }
}

/// JSON has no NaN and no infinities.
fn not_finite(value: &manifest::Value) -> Option<f64> {
    match value {
        manifest::Value::Number(manifest::Number::Float(n)) if !n.is_finite() => Some(*n),
        manifest::Value::List(items) => items.iter().find_map(not_finite),
        manifest::Value::Map(map) => map.iter().find_map(|(_, value)| not_finite(value)),
        _ => None,
    }
}

/// What cannot be printed is nothing; a limit stays an error.
fn or_nothing(outcome: Outcome) -> Outcome {
    match outcome {
        Err(FuncError::Message(_)) => Ok(Value::Str(Str::EMPTY)),
        other => other,
    }
}

pub(super) fn to_json(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    or_nothing(encoded(scope, &args[0], json::print_html_safe))
}

pub(super) fn must_to_json(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    encoded(scope, &args[0], json::print_html_safe)
}

pub(super) fn to_pretty_json(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    or_nothing(encoded(scope, &args[0], json::print_pretty_html_safe))
}

pub(super) fn must_to_pretty_json(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    encoded(scope, &args[0], json::print_pretty_html_safe)
}

pub(super) fn to_raw_json(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    encoded(scope, &args[0], json::print)
}
