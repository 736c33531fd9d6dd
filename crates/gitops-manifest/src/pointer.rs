//! JSON pointers (RFC 6901): `/spec/containers/0/image`, with `~1` for `/` and `~0` for `~` within a token.
//!
//! A token names a member of a map, or a place in a list: decimal without leading zeros, or `-` for the place behind the
//! last item. The empty pointer is the whole value. Errors name the pointer and the token that failed, never a value.

use std::fmt;
use std::str::FromStr;

use crate::{Str, Value};

/// A path into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Pointer(Vec<Str>);

/// Why a text is no pointer, or a pointer leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PointerError {
    /// The text is neither empty nor starts with `/`.
    #[error("`{text}` is not a JSON pointer: it must be empty or start with `/`")]
    NoSlash {
        /// What was read.
        text: String,
    },
    /// A `~` that is neither `~0` nor `~1`.
    #[error("`{text}` is not a JSON pointer: `~` in token {token} must be followed by 0 (for `~`) or 1 (for `/`)")]
    BadEscape {
        /// What was read.
        text: String,
        /// Which token, from 0.
        token: usize,
    },
    /// A map has no such member.
    #[error("`{pointer}`: token {token} (`{name}`): no such member")]
    NoMember {
        /// The pointer.
        pointer: Pointer,
        /// Which token, from 0.
        token: usize,
        /// The token.
        name: Str,
    },
    /// A token for a list that is no place in it.
    #[error("`{pointer}`: token {token} (`{name}`): a list of {len} has no such place")]
    NoItem {
        /// The pointer.
        pointer: Pointer,
        /// Which token, from 0.
        token: usize,
        /// The token.
        name: Str,
        /// How long the list is.
        len: usize,
    },
    /// A token for something that has no members.
    #[error("`{pointer}`: token {token} (`{name}`): a {kind} has no members")]
    NoContainer {
        /// The pointer.
        pointer: Pointer,
        /// Which token, from 0.
        token: usize,
        /// The token.
        name: Str,
        /// What stands there instead of a map or list.
        kind: &'static str,
    },
    /// The whole value cannot be taken out.
    #[error("the empty pointer is the whole value, which cannot be removed")]
    RemoveRoot,
}

impl Pointer {
    /// The pointer to the whole value.
    pub fn root() -> Pointer {
        Pointer::default()
    }

    /// Reads a pointer.
    ///
    /// # Errors
    /// When the text does not start with `/`, or has a `~` without 0 or 1.
    pub fn parse(text: &str) -> Result<Pointer, PointerError> {
        let Some(tokens) = text.strip_prefix('/') else {
            return if text.is_empty() { Ok(Pointer::root()) } else { Err(PointerError::NoSlash { text: text.to_owned() }) };
        };
        let tokens = tokens.split('/').enumerate();
        let tokens = tokens.map(|(token, t)| unescape(t).ok_or_else(|| PointerError::BadEscape { text: text.to_owned(), token }));
        tokens.collect::<Result<Vec<Str>, _>>().map(Pointer)
    }

    /// From tokens as they are in the value, not escaped.
    pub fn from_tokens<T: Into<Str>>(tokens: impl IntoIterator<Item = T>) -> Pointer {
        Pointer(tokens.into_iter().map(Into::into).collect())
    }

    /// The tokens, not escaped.
    pub fn tokens(&self) -> &[Str] {
        &self.0
    }

    /// Whether this is the whole value.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes one level down.
    pub fn push(&mut self, token: impl Into<Str>) {
        self.0.push(token.into());
    }

    /// Goes one level up, and returns the token that was left.
    pub fn pop(&mut self) -> Option<Str> {
        self.0.pop()
    }

    /// Whether `self` is `other`, or leads to something around it.
    pub fn contains(&self, other: &Pointer) -> bool {
        other.0.starts_with(&self.0)
    }

    /// What stands there.
    ///
    /// # Errors
    /// When nothing does.
    pub fn get<'v>(&self, value: &'v Value) -> Result<&'v Value, PointerError> {
        self.0.iter().enumerate().try_fold(value, |at, (token, name)| match at {
            Value::Map(map) => map.get(name).ok_or_else(|| self.no_member(token)),
            Value::List(items) => Ok(&items[self.place(token, items.len())?]),
            other => Err(self.no_container(token, other)),
        })
    }

    /// What stands there, to change.
    ///
    /// # Errors
    /// When nothing does.
    pub fn get_mut<'v>(&self, value: &'v mut Value) -> Result<&'v mut Value, PointerError> {
        self.walk_mut(value, self.0.len())
    }

    /// Puts `new` there: a member or item is replaced, a new member is made, `-` (or the list's length) appends.
    /// What leads there must exist. Returns what stood there before.
    ///
    /// # Errors
    /// When what leads there does not exist, or a list has no such place.
    pub fn set(&self, value: &mut Value, new: Value) -> Result<Option<Value>, PointerError> {
        self.put(value, new, |items, i, new| {
            if i < items.len() {
                return Some(std::mem::replace(&mut items[i], new));
            }
            items.push(new);
            None
        })
    }

    /// Like [`Pointer::set`], but a list makes room: what stood at the place and behind moves back. RFC 6902's `add`.
    ///
    /// # Errors
    /// When what leads there does not exist, or a list has no such place.
    pub fn insert(&self, value: &mut Value, new: Value) -> Result<Option<Value>, PointerError> {
        self.put(value, new, |items, i, new| {
            items.insert(i, new);
            None
        })
    }

    fn put(
        &self,
        value: &mut Value,
        new: Value,
        into_list: impl FnOnce(&mut Vec<Value>, usize, Value) -> Option<Value>,
    ) -> Result<Option<Value>, PointerError> {
        let Some(last) = self.0.len().checked_sub(1) else { return Ok(Some(std::mem::replace(value, new))) };
        match self.walk_mut(value, last)? {
            Value::Map(map) => Ok(map.insert(self.0[last].clone(), new)),
            Value::List(items) => {
                let i = if self.0[last] == "-" {
                    items.len()
                } else {
                    self.place(last, items.len() + 1).map_err(|_| self.no_item(last, items.len()))?
                };
                Ok(into_list(items, i, new))
            }
            other => Err(self.no_container(last, other)),
        }
    }

    /// Takes out what stands there, and returns it.
    ///
    /// # Errors
    /// When nothing stands there, or the pointer is the whole value.
    pub fn remove(&self, value: &mut Value) -> Result<Value, PointerError> {
        let last = self.0.len().checked_sub(1).ok_or(PointerError::RemoveRoot)?;
        match self.walk_mut(value, last)? {
            Value::Map(map) => map.remove(&self.0[last]).ok_or_else(|| self.no_member(last)),
            Value::List(items) => Ok(items.remove(self.place(last, items.len())?)),
            other => Err(self.no_container(last, other)),
        }
    }

    fn walk_mut<'v>(&self, value: &'v mut Value, levels: usize) -> Result<&'v mut Value, PointerError> {
        let mut at = value;
        for (token, name) in self.0[..levels].iter().enumerate() {
            at = match at {
                Value::Map(map) => map.get_mut(name).ok_or_else(|| self.no_member(token))?,
                Value::List(items) => {
                    let i = self.place(token, items.len())?;
                    &mut items[i]
                }
                other => return Err(self.no_container(token, other)),
            };
        }
        Ok(at)
    }

    /// The token as a place below `len`.
    fn place(&self, token: usize, len: usize) -> Result<usize, PointerError> {
        index(&self.0[token]).filter(|i| *i < len).ok_or_else(|| self.no_item(token, len))
    }

    fn no_member(&self, token: usize) -> PointerError {
        PointerError::NoMember { pointer: self.clone(), token, name: self.0[token].clone() }
    }

    fn no_item(&self, token: usize, len: usize) -> PointerError {
        PointerError::NoItem { pointer: self.clone(), token, name: self.0[token].clone(), len }
    }

    fn no_container(&self, token: usize, found: &Value) -> PointerError {
        PointerError::NoContainer { pointer: self.clone(), token, name: self.0[token].clone(), kind: found.kind_name() }
    }
}

/// The place in a list that a token names: digits without a leading zero.
pub fn index(token: &str) -> Option<usize> {
    let well_formed = token == "0" || !token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit());
    if well_formed { token.parse().ok() } else { None }
}

/// Adds a token to a pointer's text.
pub fn append(pointer: &mut String, token: &str) {
    // Writing to a `String` does not fail.
    let _ = write_token(pointer, token);
}

fn write_token(to: &mut impl fmt::Write, token: &str) -> fmt::Result {
    to.write_char('/')?;
    token.chars().try_for_each(|c| match c {
        '~' => to.write_str("~0"),
        '/' => to.write_str("~1"),
        c => to.write_char(c),
    })
}

fn unescape(token: &str) -> Option<Str> {
    if !token.contains('~') {
        return Some(token.into());
    }
    let mut out = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out.into())
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write_token(f, token))
    }
}

impl FromStr for Pointer {
    type Err = PointerError;
    fn from_str(text: &str) -> Result<Pointer, PointerError> {
        Pointer::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes(), "test").expect("valid JSON")
    }

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("valid pointer")
    }

    #[test]
    fn the_rfc_examples() {
        let v = value(r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#);
        for (text, expected) in [
            ("/foo/0", Value::from("bar")),
            ("/", 0.into()),
            ("/a~1b", 1.into()),
            ("/c%d", 2.into()),
            ("/i\\j", 5.into()),
            ("/ ", 7.into()),
            ("/m~0n", 8.into()),
        ] {
            assert_eq!(pointer(text).get(&v), Ok(&expected), "{text}");
            assert_eq!(pointer(text).to_string(), text);
        }
        assert_eq!(pointer("").get(&v), Ok(&v));
    }

    #[test]
    fn errors_name_the_token() {
        let v = value(r#"{"a":{"b":[1,2]},"s":"x"}"#);
        let error = |text: &str| pointer(text).get(&v).expect_err("leads nowhere").to_string();
        assert_eq!(error("/a/c/0"), "`/a/c/0`: token 1 (`c`): no such member");
        assert_eq!(error("/a/b/2"), "`/a/b/2`: token 2 (`2`): a list of 2 has no such place");
        assert_eq!(error("/a/b/01"), "`/a/b/01`: token 2 (`01`): a list of 2 has no such place");
        assert_eq!(error("/a/b/"), "`/a/b/`: token 2 (``): a list of 2 has no such place");
        assert_eq!(error("/s/x"), "`/s/x`: token 1 (`x`): a string has no members");
        assert!(Pointer::parse("a").is_err() && Pointer::parse("/~2").is_err() && Pointer::parse("/~").is_err());
    }

    #[test]
    fn set_insert_and_remove() {
        let mut v = value(r#"{"l":[1,2]}"#);
        assert_eq!(pointer("/l/0").set(&mut v, 9.into()), Ok(Some(1.into())));
        assert_eq!(pointer("/l/-").set(&mut v, 3.into()), Ok(None));
        assert_eq!(pointer("/l/0").insert(&mut v, 0.into()), Ok(None));
        assert_eq!(pointer("/l/2").remove(&mut v), Ok(2.into()));
        assert_eq!(pointer("/m").set(&mut v, 7.into()), Ok(None));
        assert_eq!(v, value(r#"{"l":[0,9,3],"m":7}"#));
        assert!(pointer("/l/4").insert(&mut v, 0.into()).is_err());
        assert!(pointer("/x/y").set(&mut v, 0.into()).is_err());
        assert_eq!(pointer("").remove(&mut v), Err(PointerError::RemoveRoot));
    }
}
