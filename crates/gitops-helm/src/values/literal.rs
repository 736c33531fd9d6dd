//! `--set-literal`: names as in `--set`, but the value is all that follows `=`, and nothing is escaped.

use super::set::{Stop, conversion, deeper, index, list_at, set_index, set_key, table_at};
use super::{Table, Val};

/// Sets in `into` what `text` says.
pub(super) fn set(text: &str, into: &mut Table) -> Result<(), String> {
    match key(text, into, 0) {
        Ok(()) | Err(Stop::End) => Ok(()),
        Err(Stop::Wrong(message)) => Err(message),
    }
}

fn until<'t>(text: &'t str, stops: &[char]) -> (&'t str, Option<char>, &'t str) {
    match text.find(stops) {
        Some(at) => (&text[..at], text[at..].chars().next(), &text[at + 1..]),
        None => (text, None, ""),
    }
}

fn key(text: &str, data: &mut Table, depth: usize) -> Result<(), Stop> {
    let (key_text, stop, rest) = until(text, &['=', '[', '.']);
    match stop {
        None if key_text.is_empty() => Err(Stop::End),
        None => Err(Stop::Wrong(format!("key {} has no value", crate::quoted(key_text)))),
        Some('=') => {
            set_key(data, key_text, Val::text(rest));
            Ok(())
        }
        Some('.') => {
            let depth = deeper(depth)?;
            let mut inner = table_at(data, key_text)?;
            let outcome = key(rest, &mut inner, depth);
            if outcome.is_ok() && inner.is_empty() {
                return Err(Stop::Wrong(format!("key map {} has no value", crate::quoted(key_text))));
            }
            if !inner.is_empty() {
                set_key(data, key_text, Val::Table(inner));
            }
            outcome
        }
        Some(_) => {
            let (i, rest) = key_index(rest)?;
            let mut list = list_at(data, key_text)?;
            let outcome = list_item(rest, &mut list, i, depth);
            set_key(data, key_text, Val::list(list));
            outcome
        }
    }
}

fn key_index(text: &str) -> Result<(i64, &str), Stop> {
    let (number, rest) = text.split_once(']').ok_or_else(|| Stop::Wrong("error parsing index: EOF".to_owned()))?;
    Ok((index(number)?, rest))
}

fn list_item(text: &str, list: &mut Vec<Val>, i: i64, depth: usize) -> Result<(), Stop> {
    let Ok(at) = usize::try_from(i) else { return Err(Stop::Wrong(format!("negative {i} index not allowed"))) };
    let (before, stop, rest) = until(text, &['[', '.', '=']);
    if !before.is_empty() {
        return Err(Stop::Wrong(format!("unexpected data at end of array index: {}", crate::quoted(before))));
    }
    match stop {
        None => Err(Stop::End),
        Some('=') => set_index(list, at, Val::text(rest)),
        Some('.') => {
            let mut inner = match list.get(at) {
                Some(Val::Table(inner)) => inner.clone(),
                _ => Table::default(),
            };
            key(rest, &mut inner, depth)?;
            set_index(list, at, Val::Table(inner))
        }
        Some(_) => {
            let (next, rest) = key_index(rest)?;
            let mut inner = match list.get(at) {
                Some(Val::List(inner)) => inner.to_vec(),
                Some(Val::Null) | None => Vec::new(),
                Some(other) => return Err(conversion(other, "[]interface {}")),
            };
            list_item(rest, &mut inner, next, depth)?;
            set_index(list, at, Val::list(inner))
        }
    }
}
