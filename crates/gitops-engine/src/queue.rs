//! Which application is looked at next. Joins duplicates: an application is queued at most once and runs at most once at
//! a time; what is asked for while it runs makes it run once more afterwards.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Running,
    /// Runs, and is to run again: something changed since it began.
    RunningAgain,
}

#[derive(Default)]
struct Inner {
    order: VecDeque<Arc<str>>,
    state: HashMap<Arc<str>, State>,
    later: BTreeSet<(Instant, Arc<str>)>,
    due: HashMap<Arc<str>, Instant>,
    closed: bool,
}

/// The queue. Cheap to share.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for `key` now.
    pub(crate) fn add(&self, key: &str) {
        self.lock().add(key.into());
        self.changed.notify_one();
    }

    /// Asks for `key` at `when`; of several times the earliest counts.
    pub(crate) fn add_at(&self, key: &str, when: Instant) {
        let mut inner = self.lock();
        let key: Arc<str> = key.into();
        match inner.due.get(&key) {
            Some(due) if *due <= when => return,
            Some(due) => {
                let old = (*due, key.clone());
                inner.later.remove(&old);
            }
            None => {}
        }
        inner.due.insert(key.clone(), when);
        inner.later.insert((when, key));
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for the next key, which then counts as running until [`Queue::done`]. `None` once the queue is closed.
    pub(crate) async fn next(&self) -> Option<Arc<str>> {
        loop {
            let wake = self.changed.notified();
            let due = {
                let mut inner = self.lock();
                if inner.closed {
                    // Another waiter may sleep on the same call.
                    self.changed.notify_one();
                    return None;
                }
                inner.move_due(Instant::now());
                if let Some(key) = inner.order.pop_front() {
                    inner.state.insert(key.clone(), State::Running);
                    if !inner.order.is_empty() {
                        self.changed.notify_one();
                    }
                    return Some(key);
                }
                inner.later.first().map(|(when, _)| *when)
            };
            match due {
                Some(when) => {
                    let _ = tokio::time::timeout_at(when, wake).await;
                }
                None => wake.await,
            }
        }
    }

    /// The run of `key` is over.
    pub(crate) fn done(&self, key: &str) {
        let mut inner = self.lock();
        if inner.state.remove(key) == Some(State::RunningAgain) {
            inner.add(key.into());
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Ends every wait.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// How many keys wait or run.
    pub(crate) fn len(&self) -> usize {
        self.lock().state.len()
    }
}

impl Inner {
    fn add(&mut self, key: Arc<str>) {
        match self.state.get(&key) {
            Some(State::Queued | State::RunningAgain) => {}
            Some(State::Running) => {
                self.state.insert(key, State::RunningAgain);
            }
            None => {
                self.state.insert(key.clone(), State::Queued);
                self.order.push_back(key);
            }
        }
    }

    fn move_due(&mut self, now: Instant) {
        while let Some((when, _)) = self.later.first() {
            if *when > now {
                break;
            }
            if let Some((_, key)) = self.later.pop_first() {
                self.due.remove(&key);
                self.add(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn duplicates_join_and_a_request_while_running_runs_once_more() {
        let q = Queue::default();
        q.add("a");
        q.add("a");
        q.add("b");
        assert_eq!(q.next().await.as_deref(), Some("a"));
        q.add("a");
        q.add("a");
        assert_eq!(q.next().await.as_deref(), Some("b"));
        assert_eq!(q.len(), 2);
        q.done("a");
        assert_eq!(q.next().await.as_deref(), Some("a"));
        q.done("a");
        q.done("b");
        assert_eq!(q.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_time_counts() {
        let q = Queue::default();
        let now = Instant::now();
        q.add_at("a", now + Duration::from_secs(60));
        q.add_at("a", now + Duration::from_secs(5));
        q.add_at("a", now + Duration::from_secs(30));
        assert_eq!(q.next().await.as_deref(), Some("a"));
        assert_eq!(Instant::now() - now, Duration::from_secs(5));
        q.close();
        assert_eq!(q.next().await, None);
    }
}
