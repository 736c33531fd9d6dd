//! Waiting: look, and look again until a deadline.

use std::time::{Duration, Instant};

/// Far more than anything here takes: only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(90);

/// Calls `look` until it has an answer; fails with the last reason why there was none.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) => assert!(Instant::now() < deadline, "{what}: not within {} s: {why}", PATIENCE.as_secs()),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `Ok` when it holds, else the reason.
pub(crate) fn holds(it: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if it { Ok(()) } else { Err(why()) }
}
