//! Explicit dependencies, checked as a graph together with the order of phases and waves.
//!
//! An object names what it needs in the annotation `gitops.dev/depends-on`: a comma list of `group/Kind/namespace/name`, the
//! group and the namespace empty where there is none (`/ConfigMap/prod/settings`). It is applied after those, and once
//! they are healthy. This only orders objects of one wave: an object of an earlier wave that depends on one of a later
//! wave closes a cycle with the order of waves, and is reported with its members like any other.
//!
//! Time and memory are linear in tasks, waves and dependencies: a wave is one node between its tasks and the next wave's.

use std::collections::{HashMap, VecDeque};

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::order::{Phase, Wave};

pub(crate) const ANNOTATION: &str = "gitops.dev/depends-on";

/// The level of each task within its wave: 0, or one more than the highest level among the tasks of the same wave that
/// it depends on. `edges` are (before, after).
///
/// # Errors
/// Cycles, each as tasks in the order in which they wait for each other.
pub(crate) fn levels(places: &[(Phase, Wave)], edges: &[(usize, usize)]) -> Result<Vec<u32>, Vec<Vec<usize>>> {
    let mut levels = vec![0_u32; places.len()];
    if edges.is_empty() {
        return Ok(levels);
    }
    let graph = graph(places, edges);
    let Ok(order) = toposort(&graph, None) else { return Err(cycles(&graph)) };
    for node in order {
        let Some(after) = graph[node] else { continue };
        for before in graph.neighbors_directed(node, petgraph::Direction::Incoming) {
            if let Some(before) = graph[before]
                && places[before] == places[after]
            {
                levels[after] = levels[after].max(levels[before] + 1);
            }
        }
    }
    Ok(levels)
}

/// Tasks are `Some`, with the same index as in `places`; the end of a wave is `None`.
fn graph(places: &[(Phase, Wave)], edges: &[(usize, usize)]) -> DiGraph<Option<usize>, ()> {
    let mut graph = DiGraph::with_capacity(places.len() + 16, places.len() * 2 + edges.len());
    for task in 0..places.len() {
        graph.add_node(Some(task));
    }
    let mut waves: Vec<(Phase, Wave)> = places.to_vec();
    waves.sort_unstable();
    waves.dedup();
    let ends: Vec<NodeIndex> = waves.iter().map(|_| graph.add_node(None)).collect();
    let position: HashMap<(Phase, Wave), usize> = waves.iter().enumerate().map(|(i, w)| (*w, i)).collect();
    for pair in ends.windows(2) {
        graph.add_edge(pair[0], pair[1], ());
    }
    for (task, place) in places.iter().enumerate() {
        let wave = position[place];
        graph.add_edge(NodeIndex::new(task), ends[wave], ());
        if wave > 0 {
            graph.add_edge(ends[wave - 1], NodeIndex::new(task), ());
        }
    }
    for (before, after) in edges {
        graph.add_edge(NodeIndex::new(*before), NodeIndex::new(*after), ());
    }
    graph
}

/// One shortest cycle per knot of the graph.
fn cycles(graph: &DiGraph<Option<usize>, ()>) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    for knot in tarjan_scc(graph) {
        let tied = knot.len() > 1 || graph.contains_edge(knot[0], knot[0]);
        // A knot holds a task with an explicit dependency: waves alone do not tie.
        let Some(start) = knot.iter().copied().filter(|n| graph[*n].is_some()).min() else { continue };
        if tied {
            found.push(around(graph, &knot, start));
        }
    }
    found.sort();
    found
}

/// The shortest way from `start` back to itself inside its knot; ends of waves are left out.
fn around(graph: &DiGraph<Option<usize>, ()>, knot: &[NodeIndex], start: NodeIndex) -> Vec<usize> {
    let mut from: HashMap<NodeIndex, Option<NodeIndex>> = knot.iter().map(|n| (*n, None)).collect();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors(node) {
            if next == start {
                let mut way = vec![node];
                let mut at = node;
                while at != start {
                    let Some(Some(before)) = from.get(&at) else { break };
                    at = *before;
                    way.push(at);
                }
                way.reverse();
                return way.into_iter().filter_map(|n| graph[n]).collect();
            }
            if let Some(seen @ None) = from.get_mut(&next) {
                *seen = Some(node);
                queue.push_back(next);
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wave: i32) -> (Phase, Wave) {
        (Phase::Sync, Wave::from_number(wave))
    }

    #[test]
    fn levels_count_within_a_wave() {
        let places = [at(0), at(0), at(0), at(1)];
        assert_eq!(levels(&places, &[(1, 0), (2, 1), (0, 3)]), Ok(vec![2, 1, 0, 0]));
    }

    #[test]
    fn cycles_are_reported_with_their_members() {
        let places = [at(0), at(0), at(0), at(1), at(2), at(2)];
        assert_eq!(levels(&places, &[(0, 1), (1, 2), (2, 0)]), Err(vec![vec![0, 1, 2]]));
        assert_eq!(levels(&places, &[(3, 3)]), Err(vec![vec![3]]));
        // Wave 0 waits for wave 2: the waves between are not members.
        assert_eq!(levels(&places, &[(4, 0)]), Err(vec![vec![0, 4]]));
    }
}
