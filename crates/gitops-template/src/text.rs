//! `Str`: Go's string, which is bytes that are mostly UTF-8. Cheap to clone: short texts are inline, long ones are shared.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

const INLINE: usize = 22;

/// Immutable bytes, usually UTF-8. 24 bytes wide; up to 22 bytes of text need no allocation, and a clone never copies more.
/// Derefs to `[u8]`; see [`Str::text`] for `&str`.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Inline(u8, [u8; INLINE]),
    Static(&'static str),
    Shared(Arc<[u8]>),
}

impl Str {
    /// The empty text.
    pub const EMPTY: Str = Str(Repr::Static(""));

    /// A text that lives as long as the program: no copy is made.
    pub const fn from_static(text: &'static str) -> Str {
        Str(Repr::Static(text))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => &bytes[..usize::from(*len).min(INLINE)],
            Repr::Static(text) => text.as_bytes(),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The text, if it is UTF-8 throughout.
    pub fn to_utf8(&self) -> Option<&str> {
        match &self.0 {
            Repr::Static(text) => Some(text),
            _ => std::str::from_utf8(self.as_bytes()).ok(),
        }
    }

    /// The text; bytes that are not UTF-8 are replaced one by one by U+FFFD, as Go's conversion to runes does.
    pub fn text(&self) -> Cow<'_, str> {
        match self.to_utf8() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(replace_invalid(self.as_bytes())),
        }
    }
}

/// Go decodes one invalid byte at a time; `String::from_utf8_lossy` takes a whole cut-off sequence for one.
fn replace_invalid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

impl Deref for Str {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Str {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Str {
        match u8::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= INLINE => {
                let mut inline = [0; INLINE];
                inline[..bytes.len()].copy_from_slice(bytes);
                Str(Repr::Inline(len, inline))
            }
            _ => Str(Repr::Shared(Arc::from(bytes))),
        }
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Str {
        Str::from(text.as_bytes())
    }
}

impl From<String> for Str {
    fn from(text: String) -> Str {
        Str::from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Str {
        Str::from(bytes.as_slice())
    }
}

impl From<Cow<'_, str>> for Str {
    fn from(text: Cow<'_, str>) -> Str {
        Str::from(text.as_bytes())
    }
}

impl Default for Str {
    fn default() -> Str {
        Str::EMPTY
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Str) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Str) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
