//! How values stand on the wire: what is left out when empty, and names of other crates' enums.

use gitops_health::HealthStatus;
use serde::{Deserialize, Deserializer, Serializer};

use crate::code::{HookType, OperationPhase, ResultCode, SyncCode};

pub(crate) fn is_false(b: &bool) -> bool {
    !*b
}

pub(crate) fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// A closed set of names in a field that may also be empty.
pub(crate) trait Code: Copy {
    fn name(self) -> &'static str;
    fn read(text: &str) -> Option<Self>;
}

macro_rules! code {
    ($($name:ty),+) => {
        $(impl Code for $name {
            fn name(self) -> &'static str { self.as_str() }
            fn read(text: &str) -> Option<Self> { <$name>::parse(text) }
        })+
    };
}
code!(HealthStatus, SyncCode, OperationPhase, ResultCode, HookType);

/// For `#[serde(with)]`: an optional name; the empty string reads as none.
pub(crate) mod optional_code {
    use super::{Code, Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<C: Code, S: Serializer>(code: &Option<C>, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(code.map_or("", Code::name))
    }

    pub(crate) fn deserialize<'de, C: Code, D: Deserializer<'de>>(d: D) -> Result<Option<C>, D::Error> {
        let text = String::deserialize(d)?;
        if text.is_empty() {
            return Ok(None);
        }
        match C::read(&text) {
            Some(code) => Ok(Some(code)),
            None => Err(serde::de::Error::custom(format!("`{text}` is not one of the names this field takes"))),
        }
    }
}
