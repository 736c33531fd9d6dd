//! The first JSON value of a text, for `--set-json`, where more assignments may follow it.

use super::Val;

/// The value and how many bytes it takes.
pub(super) fn first(text: &str) -> Result<(Val, usize), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    match values.next() {
        Some(Ok(_)) => {
            let end = values.byte_offset();
            let value = gitops_manifest::json::parse(&text.as_bytes()[..end], "--set-json").map_err(|e| e.to_string())?;
            Ok((Val::from_manifest(&value), end))
        }
        Some(Err(e)) => Err(e.to_string()),
        None => Err("no JSON value".to_owned()),
    }
}
