//! The difference as text: unified diff of the two sides as YAML.

use std::fmt::Write;

use gitops_manifest::{Value, yaml};
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::align::{self, Piece};

/// Lines on which Myers' algorithm may work, both sides together, without equal beginning and end. It is quadratic in the
/// number of changes, so above this the linear alignment takes over: not as short, but never slow.
const MYERS_LINES: usize = 4_000;

/// What changes from `live` to `desired`, as `diff -u` prints it; empty when nothing does.
///
/// `labels` name the two sides. `context` is how many equal lines stand around a change. `Null` is an absent side.
pub fn unified(live: &Value, desired: &Value, labels: (&str, &str), context: usize) -> String {
    if live == desired {
        return String::new();
    }
    let print = |v: &Value| if v.is_null() { String::new() } else { yaml::print(v) };
    let (old, new) = (print(live), print(desired));
    text(&old, &new, labels, context)
}

fn text(old: &str, new: &str, labels: (&str, &str), context: usize) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let groups = group_diff_ops(operations(&old, &new), context);
    let mut out = String::new();
    if groups.is_empty() {
        return out;
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "--- {}\n+++ {}\n", labels.0, labels.1);
    for group in groups {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (from, to) = (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
        let _ = writeln!(out, "@@ -{} +{} @@", range(&from), range(&to));
        for op in &group {
            let mut lines = |sign: char, lines: &[&str]| {
                for line in lines {
                    out.push(sign);
                    out.push_str(line);
                    out.push('\n');
                }
            };
            if let DiffOp::Equal { .. } = op {
                lines(' ', &old[op.old_range()]);
            } else {
                lines('-', &old[op.old_range()]);
                lines('+', &new[op.new_range()]);
            }
        }
    }
    out
}

/// A hunk's place, as `diff -u` counts: from 1, and an empty range by the line before it.
fn range(lines: &std::ops::Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        n => format!("{},{n}", lines.start + 1),
    }
}

fn operations(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let same = old[prefix..].iter().rev().zip(new[prefix..].iter().rev()).take_while(|(a, b)| a == b).count();
    if old.len() + new.len() - 2 * (prefix + same) <= MYERS_LINES {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    let (a, b) = (align::numbered(old.iter().copied()), align::numbered(new.iter().copied()));
    let mut out: Vec<DiffOp> = Vec::new();
    for piece in align::pieces(&a, &b) {
        match piece {
            Piece::Match(old_index, new_index) => match out.last_mut() {
                Some(DiffOp::Equal { len, .. }) => *len += 1,
                _ => out.push(DiffOp::Equal { old_index, new_index, len: 1 }),
            },
            Piece::Gap { from, to } => {
                out.push(DiffOp::Replace { old_index: from.0, old_len: to.0 - from.0, new_index: from.1, new_len: to.1 - from.1 })
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_diff_u() {
        let old = "a\nb\nc\nd\ne\nf\ng\n";
        let new = "a\nb\nc\nD\ne\nf\ng\nh\n";
        assert_eq!(
            text(old, new, ("live", "desired"), 1),
            "--- live\n+++ desired\n@@ -3,3 +3,3 @@\n c\n-d\n+D\n e\n@@ -7 +7,2 @@\n g\n+h\n"
        );
        assert_eq!(text("", "a\n", ("x", "y"), 3), "--- x\n+++ y\n@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn big_texts_that_share_nothing_are_still_quick() {
        let side = |p: char| (0..50_000).map(|i| format!("{p}{i}\n")).collect::<String>();
        let diff = text(&side('a'), &side('b'), ("x", "y"), 3);
        assert_eq!(diff.lines().count(), 100_003);
        let old = side('a');
        let new = old.replace("a25000\n", "").replace("a100\n", "n\n").replace("a49000\n", "m\n");
        let diff = text(&old, &new, ("x", "y"), 0);
        assert_eq!(diff.lines().filter(|l| l.starts_with(['-', '+']) && !l.starts_with("---") && !l.starts_with("+++")).count(), 5);
    }
}
