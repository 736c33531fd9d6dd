//! Values that must not be seen, inside objects that are kept and shown.
//!
//! A render that decrypted something hands its objects to [`Sealer::seal_object`] together with the [`Secrets`] it met. Every
//! value that holds one becomes a text `sealed:v1:…`, encrypted with a key of this server. From there on plans, the store,
//! history, diffs, the API and logs have nothing else; a target opens it ([`Sealer::open_object`]) when it writes, as it
//! resolves other references to secrets.
//!
//! What is sealed: all that `data` and `stringData` of a core Secret hold, once the render has decrypted anything; and every
//! value in any object that holds a decrypted text of at least [`SHORTEST`] characters, also in base64, hexadecimal,
//! percent-encoded, escaped as in JSON, or line by line. Shorter texts (`1`, `true`) stand in nearly every object. What names and
//! steers an object (`apiVersion`, `kind`, name, namespace, annotations and labels of syncs) is never sealed.
//!
//! The same value at the same place gives the same text, so that rendering twice gives the same bytes and equality can be
//! seen; at another place it gives another one. The length is hidden up to 32 bytes. A text in git that looks sealed is
//! sealed itself: nobody can have the server open what was copied out of its store.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod object;
mod sealer;
mod secrets;

pub use object::holds_sealed;
pub use sealer::{OpenError, Sealer, is_sealed};
pub use secrets::{SHORTEST, Secrets};
