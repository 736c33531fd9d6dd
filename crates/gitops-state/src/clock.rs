//! The system's clock, and times as text in documents.

use std::time::{SystemTime, UNIX_EPOCH};

use gitops_manifest::Timestamp;
use serde::Serializer;

/// The system's time; a clock before 1970 reads as the epoch.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// As RFC 3339 text, for `serialize_with`.
pub(crate) fn text<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// As RFC 3339 text or null, for `serialize_with`.
pub(crate) fn text_or_null<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}
