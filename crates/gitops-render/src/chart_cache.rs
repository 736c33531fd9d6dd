//! Parsed charts, kept for the next application that renders the same one.
//!
//! A chart in a tree is known by its path, by the id of its directory and by what was put into it; what its loading read
//! besides (links may lead out of the directory) is looked at again. A packaged chart is known by its digest. Many who ask
//! for one chart at one time wait for one parse.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_helm::{Chart, Limits, LoadError};
use gitops_tree::{ReadSet, Recorder, Revision, Tree, TreePath};

use crate::overlay::{Layer, Overlay};

/// Parsed charts, up to a size. Shared by threads.
pub struct ChartCache {
    /// Most bytes of files of all charts together.
    limit: u64,
    kept: Mutex<Kept>,
    parses: AtomicU64,
}

#[derive(Default)]
struct Kept {
    charts: HashMap<Key, Slot>,
    /// Counts uses.
    time: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Path, id of the directory, id of the layer over it.
    Directory(TreePath, String, String),
    Archive(Revision),
}

#[derive(Default)]
struct Slot {
    /// Locked while the chart is parsed: whoever wants the same one waits here, and nobody else.
    parsed: Arc<Mutex<Option<Parsed>>>,
    bytes: u64,
    used: u64,
}

#[derive(Clone)]
struct Parsed {
    chart: Chart,
    reads: ReadSet,
}

impl ChartCache {
    /// Keeps charts whose files are at most so many bytes together, and the last one in any case.
    pub fn new(limit: u64) -> ChartCache {
        ChartCache { limit, kept: Mutex::default(), parses: AtomicU64::new(0) }
    }

    /// How many charts were parsed so far.
    pub fn parses(&self) -> u64 {
        self.parses.load(Ordering::Relaxed)
    }

    /// The chart at `path` of `base` with `layer` over it, and what was read of `base` for it, now or before.
    pub(crate) fn in_tree(&self, base: &dyn Tree, layer: &Layer, path: &TreePath, limits: &Limits) -> Result<(Chart, ReadSet), LoadError> {
        let Some(entry) = base.entry(path)? else { return Err(LoadError::NotFound(path.to_string())) };
        let key = Key::Directory(path.clone(), entry.id.to_string(), layer.id().to_owned());
        let load = || {
            let recorder = Recorder::new(base);
            let chart = Chart::load(&Overlay { base: &recorder, layer }, path, limits)?;
            Ok(Parsed { chart, reads: recorder.into_read_set() })
        };
        let found = self.get(&key, |known| Ok(known.reads.holds_in(base)?), load)?;
        Ok((found.chart, found.reads))
    }

    /// The packaged chart of that digest.
    pub(crate) fn packaged(&self, archive: &[u8], revision: &Revision, limits: &Limits) -> Result<Chart, LoadError> {
        let load = || Ok(Parsed { chart: Chart::from_archive(archive, limits)?, reads: ReadSet::default() });
        self.get(&Key::Archive(revision.clone()), |_| Ok(true), load).map(|parsed| parsed.chart)
    }

    fn get(
        &self,
        key: &Key,
        holds: impl FnOnce(&Parsed) -> Result<bool, LoadError>,
        load: impl FnOnce() -> Result<Parsed, LoadError>,
    ) -> Result<Parsed, LoadError> {
        let slot = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.time += 1;
            let now = kept.time;
            let slot = kept.charts.entry(key.clone()).or_default();
            slot.used = now;
            slot.parsed.clone()
        };
        let mut parsed = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed.as_ref()
            && holds(known)?
        {
            return Ok(known.clone());
        }
        self.parses.fetch_add(1, Ordering::Relaxed);
        let loaded = load().inspect_err(|_| self.forget(key))?;
        *parsed = Some(loaded.clone());
        drop(parsed);
        self.weigh(key, loaded.chart.bytes());
        Ok(loaded)
    }

    /// A chart that cannot be loaded takes no place.
    fn forget(&self, key: &Key) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).charts.remove(key);
    }

    /// Notes how large a chart is, and drops those that were not used for longest until the rest fits.
    fn weigh(&self, key: &Key, bytes: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = kept.charts.get_mut(key) {
            // An empty chart takes some memory too.
            slot.bytes = bytes + 4096;
        }
        let mut total: u64 = kept.charts.values().map(|slot| slot.bytes).sum();
        while total > self.limit && kept.charts.len() > 1 {
            let oldest = kept.charts.iter().filter(|(other, _)| *other != key).min_by_key(|(_, slot)| slot.used);
            let Some(oldest) = oldest.map(|(other, _)| other.clone()) else { break };
            total -= kept.charts.remove(&oldest).map_or(0, |slot| slot.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_tree::MemoryTree;

    fn chart(path: &str, value: &str) -> MemoryTree {
        MemoryTree::new()
            .with(&format!("{path}/Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n")
            .with(&format!("{path}/values.yaml"), format!("a: {value}\n"))
    }

    fn load(cache: &ChartCache, tree: &MemoryTree, path: &str) -> ReadSet {
        cache.in_tree(tree, &Layer::default(), &TreePath::parse(path).unwrap(), &Limits::default()).unwrap().1
    }

    #[test]
    fn one_chart_is_parsed_once_and_what_was_read_is_told_each_time() {
        let cache = ChartCache::new(1 << 20);
        let tree = chart("web", "1").with("other", "1");
        let first = load(&cache, &tree, "web");
        assert_eq!(load(&cache, &tree.clone().with("other", "2"), "web"), first);
        assert_eq!(cache.parses(), 1);
        assert!(!first.holds_in(&chart("web", "2")).unwrap());
        load(&cache, &chart("web", "2"), "web");
        assert_eq!(cache.parses(), 2);
    }

    #[test]
    fn what_a_link_leads_to_counts() {
        let cache = ChartCache::new(1 << 20);
        let tree = MemoryTree::new()
            .with("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
            .with_link("web/values.yaml", "../shared.yaml")
            .with("shared.yaml", "a: 1\n");
        load(&cache, &tree, "web");
        load(&cache, &tree, "web");
        assert_eq!(cache.parses(), 1);
        load(&cache, &tree.with("shared.yaml", "a: 2\n"), "web");
        assert_eq!(cache.parses(), 2, "the directory is the same, the file that it leads to is not");
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = ChartCache::new(2 * 4096 + 100);
        let trees: Vec<MemoryTree> = (0..3).map(|n| chart("web", &n.to_string())).collect();
        load(&cache, &trees[0], "web");
        load(&cache, &trees[1], "web");
        load(&cache, &trees[0], "web");
        load(&cache, &trees[2], "web");
        assert_eq!(cache.parses(), 3);
        load(&cache, &trees[0], "web");
        assert_eq!(cache.parses(), 3, "its use made it newer than the second");
        load(&cache, &trees[1], "web");
        assert_eq!(cache.parses(), 4);
    }

    #[test]
    fn many_at_one_time_wait_for_one_parse() {
        let (cache, tree) = (ChartCache::new(1 << 20), chart("web", "1"));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| load(&cache, &tree, "web"));
            }
        });
        assert_eq!(cache.parses(), 1);
    }
}
