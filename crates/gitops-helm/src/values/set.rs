//! `--set`, `--set-string`, `--set-file` and `--set-json`: the little language `a.b[0].c=value,d={x,y}`.
//!
//! Rules (Helm's `strvals`): `\` takes the next character as it is; `true`, `false`, `null`, `0` and decimal integers that
//! do not begin with 0 are typed, everything else is text; `{a,b}` is a list; an index fills what is missing with null;
//! indices go to 65,536 and names 30 deep. What was set before an error stays set, but the error is the result.

use gitops_template::Str;

use super::json;
use super::{Table, Val};

/// Highest index of a list.
const MAX_INDEX: usize = 65_536;
/// Deepest name.
const MAX_DEPTH: usize = 30;

/// How the text after `=` is read.
pub(super) enum Reading<'r> {
    Typed,
    Text,
    Json,
    /// The text is handed over, and the answer is the value.
    File(&'r mut dyn FnMut(&str) -> Result<Val, String>),
}

/// The end of the text, as Go's readers report it, or a message.
#[derive(Debug)]
pub(super) enum Stop {
    End,
    Wrong(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Stop {
        Stop::Wrong(message)
    }
}

/// Sets in `into` what `text` says.
pub(super) fn set(text: &str, into: &mut Table, reading: Reading<'_>) -> Result<(), String> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, reading };
    loop {
        match parser.key(into, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Wrong(message)) => return Err(message),
        }
    }
}

struct Parser<'r> {
    chars: Vec<char>,
    at: usize,
    reading: Reading<'r>,
}

/// Go's panic when a value of another type stands where a table or list is needed.
pub(super) fn conversion(found: &Val, wanted: &str) -> Stop {
    let found = match found {
        Val::Null => return Stop::Wrong(format!("unable to parse key: interface conversion: interface {{}} is nil, not {wanted}")),
        Val::Bool(_) => "bool",
        Val::Int(_) => "int64",
        Val::Float(_) => "float64",
        Val::Str(_) => "string",
        Val::List(_) => "[]interface {}",
        Val::Table(_) => "map[string]interface {}",
    };
    Stop::Wrong(format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}"))
}

pub(super) fn set_key(table: &mut Table, key: &str, value: Val) {
    if !key.is_empty() {
        table.insert(Str::from(key), value);
    }
}

pub(super) fn set_index(list: &mut Vec<Val>, index: usize, value: Val) -> Result<(), Stop> {
    if index > MAX_INDEX {
        return Err(Stop::Wrong(format!("index of {index} is greater than maximum supported index of {MAX_INDEX}")));
    }
    if list.len() <= index {
        list.resize(index + 1, Val::Null);
    }
    list[index] = value;
    Ok(())
}

pub(super) fn deeper(depth: usize) -> Result<usize, Stop> {
    if depth >= MAX_DEPTH {
        return Err(Stop::Wrong(format!("value name nested level is greater than maximum supported nested level of {MAX_DEPTH}")));
    }
    Ok(depth + 1)
}

/// The number in `[…]`. It is checked for its sign where the list is known.
pub(super) fn index(text: &str) -> Result<i64, Stop> {
    text.parse::<i64>()
        .map_err(|_| Stop::Wrong(format!("error parsing index: strconv.Atoi: parsing {}: invalid syntax", crate::quoted(text))))
}

/// The table at `key`, or an empty one.
pub(super) fn table_at(table: &Table, key: &str) -> Result<Table, Stop> {
    match table.get(key) {
        None => Ok(Table::default()),
        Some(Val::Table(inner)) => Ok(inner.clone()),
        Some(other) => Err(conversion(other, "map[string]interface {}")),
    }
}

/// The list at `key`, or an empty one.
pub(super) fn list_at(table: &Table, key: &str) -> Result<Vec<Val>, Stop> {
    match table.get(key) {
        None => Ok(Vec::new()),
        Some(Val::List(list)) => Ok(list.to_vec()),
        Some(other) => Err(conversion(other, "[]interface {}")),
    }
}

impl Parser<'_> {
    /// Text up to one of `stops`, which is consumed. At the end: what there was, and no stop.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(&c) = self.chars.get(self.at) {
            self.at += 1;
            if stops.contains(&c) {
                return (text, Some(c));
            }
            if c == '\\' {
                let Some(&next) = self.chars.get(self.at) else { return (text, None) };
                self.at += 1;
                text.push(next);
            } else {
                text.push(c);
            }
        }
        (text, None)
    }

    fn key(&mut self, data: &mut Table, depth: usize) -> Result<(), Stop> {
        let (key, stop) = self.until(&['=', '[', ',', '.']);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(Stop::Wrong(format!("key {} has no value", crate::quoted(&key)))),
            Some('[') => {
                let i = self.key_index()?;
                let mut list = list_at(data, &key)?;
                let outcome = self.list_item(&mut list, i, depth);
                set_key(data, &key, Val::list(list));
                outcome
            }
            Some('=') => self.assign(data, &key),
            Some(',') => {
                set_key(data, &key, Val::text(""));
                Err(Stop::Wrong(format!("key {} has no value (cannot end with ,)", crate::quoted(&key))))
            }
            Some(_) => {
                let depth = deeper(depth)?;
                let mut inner = table_at(data, &key)?;
                let outcome = self.key(&mut inner, depth);
                if outcome.is_ok() && inner.is_empty() {
                    return Err(Stop::Wrong(format!("key map {} has no value", crate::quoted(&key))));
                }
                if !inner.is_empty() {
                    set_key(data, &key, Val::Table(inner));
                }
                outcome
            }
        }
    }

    fn assign(&mut self, data: &mut Table, key: &str) -> Result<(), Stop> {
        if matches!(self.reading, Reading::Json) {
            let value = self.json()?;
            set_key(data, key, value);
            return Ok(());
        }
        match self.braced()? {
            Braced::List(list) => set_key(data, key, Val::list(list)),
            Braced::End => {
                set_key(data, key, Val::text(""));
                return Err(Stop::End);
            }
            Braced::No => {
                let text = self.until(&[',']).0;
                let value = self.read(&text)?;
                set_key(data, key, value);
            }
        }
        Ok(())
    }

    fn key_index(&mut self) -> Result<i64, Stop> {
        match self.until(&[']']) {
            (_, None) => Err(Stop::Wrong("error parsing index: EOF".to_owned())),
            (text, Some(_)) => index(&text),
        }
    }

    fn list_item(&mut self, list: &mut Vec<Val>, i: i64, depth: usize) -> Result<(), Stop> {
        let Ok(at) = usize::try_from(i) else { return Err(Stop::Wrong(format!("negative {i} index not allowed"))) };
        let (before, stop) = self.until(&['[', '.', '=']);
        if !before.is_empty() {
            return Err(Stop::Wrong(format!("unexpected data at end of array index: {}", crate::quoted(&before))));
        }
        match stop {
            None => Err(Stop::End),
            Some('=') if matches!(self.reading, Reading::Json) => {
                let value = self.json()?;
                set_index(list, at, value)
            }
            Some('=') => match self.braced()? {
                Braced::List(items) => set_index(list, at, Val::list(items)),
                Braced::End => set_index(list, at, Val::text("")),
                Braced::No => {
                    let text = self.until(&[',']).0;
                    let value = self.read(&text)?;
                    set_index(list, at, value)
                }
            },
            Some('[') => {
                let next = self.key_index()?;
                let mut inner = match list.get(at) {
                    Some(Val::List(inner)) => inner.to_vec(),
                    Some(Val::Null) | None => Vec::new(),
                    Some(other) => return Err(conversion(other, "[]interface {}")),
                };
                self.list_item(&mut inner, next, depth)?;
                set_index(list, at, Val::list(inner))
            }
            Some(_) => {
                let mut inner = match list.get(at) {
                    Some(Val::Table(inner)) => inner.clone(),
                    _ => Table::default(),
                };
                let outcome = self.key(&mut inner, depth);
                // A table that was there is changed even when the text ends behind it.
                match outcome {
                    Err(stop) => {
                        if at < list.len() {
                            list[at] = Val::Table(inner);
                        }
                        Err(stop)
                    }
                    Ok(()) => set_index(list, at, Val::Table(inner)),
                }
            }
        }
    }

    /// Skips blanks up to a comma, which is consumed, or the end; whether there was nothing else.
    fn nothing_follows(&mut self) -> bool {
        while let Some(&c) = self.chars.get(self.at) {
            if c != ',' && !c.is_whitespace() {
                return false;
            }
            self.at += 1;
            if c == ',' {
                return true;
            }
        }
        true
    }

    fn json(&mut self) -> Result<Val, Stop> {
        if self.nothing_follows() {
            return Ok(Val::Null);
        }
        let rest: String = self.chars[self.at..].iter().collect();
        let (value, length) = json::first(&rest)?;
        self.at += rest[..length].chars().count();
        self.nothing_follows();
        Ok(value)
    }

    /// A list in braces, if one follows.
    fn braced(&mut self) -> Result<Braced, Stop> {
        match self.chars.get(self.at) {
            None => return Ok(Braced::End),
            Some('{') => self.at += 1,
            Some(_) => return Ok(Braced::No),
        }
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return Err(Stop::Wrong("list must terminate with '}'".to_owned()));
            }
            list.push(self.read(&text)?);
            if stop == Some('}') {
                if self.chars.get(self.at) == Some(&',') {
                    self.at += 1;
                }
                return Ok(Braced::List(list));
            }
        }
    }

    fn read(&mut self, text: &str) -> Result<Val, Stop> {
        match &mut self.reading {
            Reading::Text | Reading::Json => Ok(Val::text(text)),
            Reading::Typed => Ok(typed(text)),
            Reading::File(read) => Ok(read(text)?),
        }
    }
}

enum Braced {
    List(Vec<Val>),
    No,
    End,
}

/// Go compares with `EqualFold`, whose only folds beyond ASCII among these letters are `ſ` and `K`: none of them matters
/// but the first, for `falſe`.
fn typed(text: &str) -> Val {
    let folded = |word: &str| text.eq_ignore_ascii_case(word) || text.replace('ſ', "s").eq_ignore_ascii_case(word);
    if folded("true") {
        return Val::Bool(true);
    }
    if folded("false") {
        return Val::Bool(false);
    }
    if folded("null") {
        return Val::Null;
    }
    if text == "0" {
        return Val::Int(0);
    }
    if text.starts_with('0') {
        return Val::text(text);
    }
    text.parse().map_or_else(|_| Val::text(text), Val::Int)
}
