//! How many requests are under way at the same time: as many as the API server takes.
//!
//! There is no fixed rate. The bound grows by one with every round of requests that went well, and halves when the server
//! says that it is busy (429), as its priority and fairness rules do when others need it more.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The bound to begin with.
const FIRST: usize = 32;

pub(crate) struct Limiter {
    permits: Semaphore,
    state: Mutex<State>,
    most: usize,
}

struct State {
    bound: usize,
    /// Permits to take away when they come back.
    debt: usize,
    went_well: usize,
    halved: Option<Instant>,
}

impl Limiter {
    pub(crate) fn new(most: usize) -> Limiter {
        let bound = FIRST.min(most.max(1));
        let state = State { bound, debt: 0, went_well: 0, halved: None };
        Limiter { permits: Semaphore::new(bound), state: Mutex::new(state), most: most.max(1) }
    }

    pub(crate) async fn begin(&self) -> SemaphorePermit<'_> {
        self.permits.acquire().await.expect("the semaphore is never closed")
    }

    /// Gives a permit back. `busy`: the server said that it is.
    pub(crate) fn end(&self, permit: SemaphorePermit<'_>, busy: bool, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if busy {
            // The answers of one burst halve once.
            if state.halved.is_none_or(|at| now.duration_since(at) > Duration::from_millis(200)) {
                let bound = (state.bound / 2).max(1);
                state.debt += state.bound - bound;
                (state.bound, state.went_well, state.halved) = (bound, 0, Some(now));
            }
        } else {
            state.went_well += 1;
            if state.went_well >= state.bound && state.bound < self.most {
                state.went_well = 0;
                state.bound += 1;
                match state.debt {
                    0 => self.permits.add_permits(1),
                    _ => state.debt -= 1,
                }
            }
        }
        if state.debt > 0 {
            state.debt -= 1;
            permit.forget();
        }
    }

    #[cfg(test)]
    fn bound(&self) -> usize {
        self.state.lock().expect("one thread").bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_bound_follows_the_server() {
        let limiter = Limiter::new(64);
        let mut now = Instant::now();
        for _ in 0..40 {
            limiter.end(limiter.begin().await, false, now);
        }
        assert_eq!(limiter.bound(), 33);
        for _ in 0..3 {
            now += Duration::from_secs(1);
            limiter.end(limiter.begin().await, true, now);
            limiter.end(limiter.begin().await, true, now);
        }
        assert_eq!(limiter.bound(), 4);
        for _ in 0..60 {
            limiter.end(limiter.begin().await, false, now);
        }
        assert!(limiter.bound() > 4 && limiter.permits.available_permits() <= limiter.bound(), "the debt is paid");
    }
}
