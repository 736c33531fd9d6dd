//! What must not be seen, and how it may look in the meantime.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use gitops_manifest::{Value, json};
use zeroize::Zeroize;

/// Shorter texts are not looked for inside others.
pub const SHORTEST: usize = 5;

/// What stands in the place of a secret in a message.
const MASK: &str = "********";

/// Texts that were decrypted, in all the forms that they are looked for in.
#[derive(Default)]
pub struct Secrets {
    forms: BTreeSet<String>,
    any: bool,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} forms)", self.forms.len())
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        std::mem::take(&mut self.forms).into_iter().for_each(|mut form| form.zeroize());
    }
}

impl Secrets {
    /// Notes a decrypted text.
    pub fn add(&mut self, text: &str) {
        self.any = true;
        let lines = text.lines().filter(|_| text.contains('\n'));
        for part in [text, text.trim()].into_iter().chain(lines.map(str::trim)) {
            if part.len() < SHORTEST || self.forms.contains(part) {
                continue;
            }
            self.forms.insert(part.to_owned());
            let quoted = json::print(&Value::from(part));
            self.forms.insert(quoted[1..quoted.len() - 1].to_owned());
            self.forms.insert(hex::encode(part));
            self.forms.insert(percent(part));
            self.forms.extend(base64s(part.as_bytes()));
        }
    }

    /// Whether anything was decrypted at all, be it nothing that is looked for.
    pub fn any(&self) -> bool {
        self.any
    }

    /// Whether a text holds a secret.
    pub fn are_in(&self, text: &str) -> bool {
        text.len() >= SHORTEST && self.forms.iter().any(|form| text.contains(form.as_str()))
    }

    /// A message without secrets.
    pub fn redact(&self, text: &str) -> String {
        // Longest first: a secret that holds another is hidden whole.
        let mut forms: Vec<&String> = self.forms.iter().filter(|form| text.contains(form.as_str())).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), MASK))
    }
}

/// What of a text's base64 does not depend on what stands around it, at each of the three places it can begin.
fn base64s(text: &[u8]) -> impl Iterator<Item = String> {
    (0..3).filter_map(move |before| {
        let padded = [&[0; 3][..before], text].concat();
        let encoded = STANDARD_NO_PAD.encode(&padded);
        // The first characters have bits of what stands before, the last may have bits of what follows.
        let start = (before * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        encoded.get(start..end).filter(|form| form.len() >= SHORTEST).map(str::to_owned)
    })
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn secrets_are_found_in_every_form() {
        let mut secrets = Secrets::default();
        secrets.add("p\"ss word/1");
        for around in ["", "a", "ab", "user:"] {
            for behind in ["", "x", "xy"] {
                let text = format!("{around}p\"ss word/1{behind}");
                assert!(secrets.are_in(&text) && secrets.are_in(&STANDARD.encode(&text)), "{text}");
                assert!(secrets.are_in(&hex::encode(&text)), "{text}");
            }
        }
        assert!(secrets.are_in("https://u:p%22ss%20word%2F1@host") && secrets.are_in(r#"{"p": "p\"ss word/1"}"#));
        assert!(!secrets.are_in("password"));
        assert_eq!(secrets.redact("no p\"ss word/1 here"), "no ******** here");
    }

    #[test]
    fn lines_are_found_by_themselves_and_short_texts_are_not() {
        let mut secrets = Secrets::default();
        assert!(!secrets.any());
        secrets.add("true");
        assert!(secrets.any() && !secrets.are_in("true"));
        secrets.add("-----BEGIN\nabcdefgh\n");
        assert!(secrets.are_in("  key: |\n    abcdefgh"));
    }
}
