//! Work on many things at once, where there are enough of them to pay for threads.

use std::num::NonZero;
use std::thread;

/// With fewer things than this, starting a thread takes longer than it saves.
const ENOUGH: usize = 96;
/// Charts are rendered beside each other in a server: one of them does not take all processors.
const MOST_THREADS: usize = 4;

/// What `each` makes of the items, in their order.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < ENOUGH {
        return part_of(items, &each);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    in_threads(items, threads, &each)
}

fn in_threads<T: Sync, R: Send>(items: &[T], threads: usize, each: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let part = items.len().div_ceil(threads.max(1)).max(1);
    let (first, others) = items.split_at(part.min(items.len()));
    thread::scope(|scope| {
        let start = |part| thread::Builder::new().spawn_scoped(scope, move || part_of(part, each)).ok();
        let others: Vec<_> = others.chunks(part).map(|part| (part, start(part))).collect();
        let mut done = part_of(first, each);
        for (part, thread) in others {
            // A system that has no thread left, or one that died, leaves its part to this one.
            let there = thread.and_then(|thread| thread.join().ok());
            done.extend(there.unwrap_or_else(|| part_of(part, each)));
        }
        done
    })
}

fn part_of<T, R>(part: &[T], each: &impl Fn(&T) -> R) -> Vec<R> {
    part.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_whatever_the_number_of_threads() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled: Vec<usize> = items.iter().map(|n| n * 2).collect();
        for threads in [0, 1, 2, 3, 7, 1000, 2000] {
            assert_eq!(in_threads(&items, threads, &|n| n * 2), doubled, "{threads}");
        }
        assert_eq!(map(&items, |n| n * 2), doubled);
        assert_eq!(map(&items[..5], |n| n * 2), doubled[..5]);
        assert!(map(&[] as &[usize], |n| n * 2).is_empty());
    }
}
