//! Notices changes of live files by others: with inotify, or by walking the directory where that is not to be had.
//!
//! A thread collects paths, waits until nothing has happened for 20 ms (200 ms at most), and then compares each file's
//! bytes with what was last applied: what is as applied, our own writes among it, is not reported. What may have been
//! missed (a full queue, a failing look) is reported as [`Drift::Everything`]. Changes from before the watch began are
//! not reported: compare once after starting it. Hidden files (leading dot) of others are left alone: editors make them.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, PipeReader, PipeWriter};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gitops_manifest::ObjectId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use crate::config::WatchMode;
use crate::disk::Seen;
use crate::files::{Files, LiveFile};

const QUIET: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// How many changes wait to be read before they become [`Drift::Everything`].
const WAITING: usize = 1024;

/// Why no watch can be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The system gives no thread or pipe.
    #[error("the live directory cannot be watched: {0}")]
    NoThread(io::Error),
}

/// What happened to a live file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It holds something else than was applied, or cannot be read.
    Changed,
    /// It is gone.
    Removed,
}

/// A change by others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// A file of an application.
    Object {
        /// The application that owns it.
        app: String,
        /// Which object.
        id: ObjectId,
        /// What happened.
        change: Change,
    },
    /// A file that belongs to no application appeared or changed.
    Foreign {
        /// Its path, from the live directory.
        path: String,
    },
    /// Changes may have been missed: compare all applications.
    Everything,
}

/// A running watch. Ends when dropped.
#[derive(Debug)]
pub struct DriftWatch {
    changes: mpsc::Receiver<Drift>,
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
    polling: bool,
}

impl DriftWatch {
    pub(crate) fn start(files: Arc<Files>) -> Result<DriftWatch, WatchError> {
        let (send, changes) = mpsc::channel(WAITING);
        let (stopped, stop) = io::pipe().map_err(WatchError::NoThread)?;
        let source = match files.config.watch {
            WatchMode::Auto => events::Events::start(&files).ok(),
            WatchMode::Poll => None,
        };
        let polling = source.is_none();
        // Taken before the thread starts: what changes after this call has returned is noticed.
        let before = if polling { snapshot(&files) } else { HashMap::new() };
        let reporter = Reporter { files, send, missed: false };
        let run = move || match source {
            Some(events) => events.run(reporter, &stopped),
            None => poll_files(reporter, before, &stopped),
        };
        let thread = thread::Builder::new().name("live-watch".into()).spawn(run).map_err(WatchError::NoThread)?;
        Ok(DriftWatch { changes, stop: Some(stop), thread: Some(thread), polling })
    }

    /// The next change; `None` when the watch has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Drift> {
        self.changes.recv().await
    }

    /// Whether the directory is walked, because inotify is not to be had or not wanted.
    pub fn is_polling(&self) -> bool {
        self.polling
    }
}

impl Drop for DriftWatch {
    fn drop(&mut self) {
        self.changes.close();
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread only looks at files: it ends at once.
            let _ = thread.join();
        }
    }
}

/// Whether to stop, waiting up to `timeout` (`None`: until something happens on `also` or the stop).
fn stops(stopped: &PipeReader, also: Option<std::os::fd::BorrowedFd<'_>>, timeout: Option<Duration>) -> bool {
    let timeout = timeout.map(|t| Timespec { tv_sec: t.as_secs() as i64, tv_nsec: i64::from(t.subsec_nanos()) });
    let mut fds = vec![PollFd::new(stopped, PollFlags::IN)];
    if let Some(fd) = &also {
        fds.push(PollFd::new(fd, PollFlags::IN));
    }
    // An interrupted wait is a wait that was short.
    let _ = poll(&mut fds, timeout.as_ref());
    !fds[0].revents().is_empty()
}

/// Compares paths with what was applied, and sends what differs.
struct Reporter {
    files: Arc<Files>,
    send: mpsc::Sender<Drift>,
    missed: bool,
}

impl Reporter {
    fn report(&mut self, drift: Drift) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.send.try_send(drift) {
            self.missed = true;
        }
    }

    /// Looks at the paths, and says whether anybody still listens.
    fn settle(&mut self, paths: &mut BTreeSet<String>, everything: &mut bool) -> bool {
        for path in std::mem::take(paths) {
            if let Some(drift) = self.look(&path) {
                self.report(drift);
            }
        }
        if std::mem::take(everything) || self.missed {
            // When the queue is full, it is tried again with the next change or look.
            self.missed = self.send.try_send(Drift::Everything).is_err();
        }
        !self.send.is_closed()
    }

    fn look(&self, path: &str) -> Option<Drift> {
        let id = self.files.index().at_path(path).cloned();
        let Some(id) = id else {
            let hidden = path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
            let there = matches!(self.files.disk.look(path), Ok(Seen::File(_)));
            return (there && !hidden).then(|| Drift::Foreign { path: path.to_owned() });
        };
        // Waits for an apply or prune of ours to end.
        let _guard = self.files.lock_object(&id);
        let record = self.files.index().get(&id).map(|e| Arc::clone(&e.record))?;
        let change = match self.files.live_file(&id, &record.path, None) {
            Ok(LiveFile::AsApplied(_)) => return None,
            Ok(LiveFile::Missing) => Change::Removed,
            Ok(LiveFile::Other(_) | LiveFile::Unreadable(_)) | Err(_) => Change::Changed,
        };
        Some(Drift::Object { app: record.app.clone(), id, change })
    }
}

type Snapshot = HashMap<String, Seen>;

fn snapshot(files: &Files) -> Snapshot {
    let mut all = Snapshot::new();
    files.disk.walk("", &mut |path, seen| {
        if matches!(seen, Seen::File(_)) {
            all.insert(path, seen);
        }
    });
    all
}

fn poll_files(mut reporter: Reporter, mut before: Snapshot, stopped: &PipeReader) {
    let mut everything = false;
    while !stops(stopped, None, Some(reporter.files.config.poll)) {
        let now = snapshot(&reporter.files);
        let changed = now.iter().filter(|(path, seen)| before.get(*path) != Some(seen)).map(|(path, _)| path);
        let gone = before.keys().filter(|path| !now.contains_key(*path));
        let mut paths: BTreeSet<String> = changed.chain(gone).cloned().collect();
        before = now;
        if !reporter.settle(&mut paths, &mut everything) {
            return;
        }
    }
}

#[cfg(target_os = "linux")]
mod events {
    //! inotify: one watch per folder.

    use std::os::fd::AsFd;

    use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};

    use super::*;

    pub(super) struct Events {
        inotify: Inotify,
        folders: HashMap<WatchDescriptor, String>,
    }

    impl Events {
        pub(super) fn start(files: &Files) -> io::Result<Events> {
            let mut events = Events { inotify: Inotify::init()?, folders: HashMap::new() };
            events.add(files, "", &mut BTreeSet::new())?;
            Ok(events)
        }

        /// Watches a folder and those below it; the files found there go to `paths`.
        fn add(&mut self, files: &Files, below: &str, paths: &mut BTreeSet<String>) -> io::Result<()> {
            let mask = WatchMask::CREATE
                | WatchMask::MODIFY
                | WatchMask::CLOSE_WRITE
                | WatchMask::ATTRIB
                | WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO
                | WatchMask::ONLYDIR
                | WatchMask::DONT_FOLLOW;
            let mut folders = vec![below.to_owned()];
            // A folder is watched before it is listed, so that what is made in between is seen at least once.
            while let Some(folder) = folders.pop() {
                match self.inotify.watches().add(files.disk.root().join(&folder), mask) {
                    Ok(descriptor) => drop(self.folders.insert(descriptor, folder.clone())),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                    Err(e) => return Err(e),
                }
                for entry in std::fs::read_dir(files.disk.root().join(&folder)).into_iter().flatten().flatten() {
                    let Ok(name) = entry.file_name().into_string() else { continue };
                    let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                    match entry.file_type() {
                        Ok(kind) if kind.is_dir() && path != crate::disk::OWN => folders.push(path),
                        Ok(kind) if !kind.is_dir() => drop(paths.insert(path)),
                        _ => {}
                    }
                }
            }
            Ok(())
        }

        pub(super) fn run(mut self, mut reporter: Reporter, stopped: &PipeReader) {
            let (mut paths, mut everything) = (BTreeSet::new(), false);
            let mut first: Option<Instant> = None;
            loop {
                let wait = first.map(|first| QUIET.min(LONGEST_WAIT.saturating_sub(first.elapsed())));
                if stops(stopped, Some(self.inotify.as_fd()), wait) {
                    return;
                }
                let seen = self.read(&reporter.files, &mut paths, &mut everything);
                let waiting = !paths.is_empty() || everything;
                let over = first.is_some_and(|first| first.elapsed() >= LONGEST_WAIT);
                if waiting && (!seen || over) {
                    first = None;
                    if !reporter.settle(&mut paths, &mut everything) {
                        return;
                    }
                } else if waiting {
                    first = first.or_else(|| Some(Instant::now()));
                }
            }
        }

        /// Takes what has happened; says whether anything has.
        fn read(&mut self, files: &Files, paths: &mut BTreeSet<String>, everything: &mut bool) -> bool {
            let mut buffer = [0; 16 << 10];
            let mut new_folders = Vec::new();
            let mut moved_folders = Vec::new();
            let mut seen = false;
            match self.inotify.read_events(&mut buffer) {
                Ok(events) => {
                    for event in events {
                        seen = true;
                        if event.mask.contains(EventMask::Q_OVERFLOW) {
                            *everything = true;
                            continue;
                        }
                        if event.mask.contains(EventMask::IGNORED) {
                            self.folders.remove(&event.wd);
                            continue;
                        }
                        let Some(folder) = self.folders.get(&event.wd) else { continue };
                        let Some(name) = event.name.and_then(|n| n.to_str()) else { continue };
                        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                        if path == crate::disk::OWN {
                            continue;
                        }
                        if !event.mask.contains(EventMask::ISDIR) {
                            paths.insert(path);
                        } else if event.mask.intersects(EventMask::CREATE | EventMask::MOVED_TO) {
                            new_folders.push(path);
                        } else if event.mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM) {
                            moved_folders.push(path);
                        }
                    }
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => *everything = true,
            }
            for folder in moved_folders {
                paths.extend(files.index().below(&folder));
                self.forget(&folder);
            }
            for folder in new_folders {
                // Out of watches: what happens below is found by the regular comparison only, so say that now.
                if self.add(files, &folder, paths).is_err() {
                    *everything = true;
                }
            }
            seen
        }

        /// Stops watching a folder that was moved away: it would still report, under its old name.
        fn forget(&mut self, folder: &str) {
            let below = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let gone: Vec<WatchDescriptor> = self.folders.iter().filter(|(_, path)| below(path)).map(|(wd, _)| wd.clone()).collect();
            for descriptor in gone {
                self.folders.remove(&descriptor);
                // Deleted folders have lost their watch already.
                let _ = self.inotify.watches().remove(descriptor);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod events {
    //! No inotify here: the directory is walked.

    use super::*;

    pub(super) struct Events;

    impl Events {
        pub(super) fn start(_: &Files) -> io::Result<Events> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn run(self, _: Reporter, _: &PipeReader) {}
    }
}
