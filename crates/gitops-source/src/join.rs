//! Joining of callers who want the same work done at the same time.
//!
//! One caller does the work, the others wait. Who comes while it runs may not have its result: work that began before the
//! call may have looked before what the caller wants to see was there (a push that has just been announced). So those who
//! come meanwhile share the next run: however many call at once, there are at most two runs. A failure is shared with all
//! who wait, so that a server that hangs costs each of them one time-out and not two.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct State<T> {
    started: u64,
    running: bool,
    waiting: usize,
    finished: Option<(u64, T)>,
}

/// The meeting point for one piece of work. `T` is its outcome.
pub(crate) struct Join<T> {
    state: Mutex<State<T>>,
    done: Condvar,
}

impl<T: Clone> Join<T> {
    pub(crate) fn new() -> Join<T> {
        Join { state: Mutex::new(State { started: 0, running: false, waiting: 0, finished: None }), done: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait for others' work now.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Does `work`, or waits for somebody who does it. `is_failure` says which outcomes are shared with all who wait.
    pub(crate) fn run(&self, work: impl FnOnce() -> T, is_failure: impl Fn(&T) -> bool) -> T {
        let mut state = self.lock();
        if state.running {
            let current = state.started;
            state.waiting += 1;
            while state.running {
                state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
                let usable = |(run, outcome): &&(u64, T)| *run > current || (*run == current && is_failure(outcome));
                if let Some((_, outcome)) = state.finished.as_ref().filter(usable) {
                    let outcome = outcome.clone();
                    state.waiting -= 1;
                    return outcome;
                }
            }
            state.waiting -= 1;
        }
        state.started += 1;
        state.running = true;
        let run = state.started;
        drop(state);
        let _end = End(self);
        let outcome = work();
        self.lock().finished = Some((run, outcome.clone()));
        outcome
    }
}

/// Lets the others go on, also when the work panicked: one of them then does it.
struct End<'a, T: Clone>(&'a Join<T>);

impl<T: Clone> Drop for End<'_, T> {
    fn drop(&mut self) {
        self.0.lock().running = false;
        self.0.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    /// Starts one run, lets seven more callers come, ends the run; says how often the work was done.
    fn eight_callers(fails: bool) -> u32 {
        let join = Join::new();
        let runs = AtomicU32::new(0);
        let (begun, has_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let (join, runs) = (&join, &runs);
            scope.spawn(move || {
                let work = || {
                    begun.send(()).unwrap();
                    may_go_on.recv().unwrap();
                    runs.fetch_add(1, Ordering::SeqCst)
                };
                join.run(work, |_| fails);
            });
            has_begun.recv().unwrap();
            for _ in 0..7 {
                scope.spawn(move || join.run(|| runs.fetch_add(1, Ordering::SeqCst), |_| fails));
            }
            while join.waiting() < 7 {
                std::thread::yield_now();
            }
            go_on.send(()).unwrap();
        });
        runs.load(Ordering::SeqCst)
    }

    #[test]
    fn who_comes_meanwhile_shares_the_next_run() {
        assert_eq!(eight_callers(false), 2);
    }

    #[test]
    fn a_failure_is_shared_with_all() {
        assert_eq!(eight_callers(true), 1);
    }

    #[test]
    fn a_panic_leaves_the_place_free() {
        let join = Join::new();
        let panicked = std::thread::scope(|s| s.spawn(|| join.run(|| -> u32 { panic!("expected by the test") }, |_| false)).join());
        assert!(panicked.is_err());
        assert_eq!(join.run(|| 5, |_| false), 5);
    }
}
