//! YAML inside a scalar, laid out as go-yaml prints what it has read: two columns a level, lists at the column of their key,
//! one space behind a colon, no blank lines, the first document only. Scalars and comments stay as written.
//!
//! What go-yaml may print in other ways is not covered: scalars of several lines, tags, anchors, comments with blank lines
//! behind them, and those beside what has no scalar.

use gitops_manifest::yaml::{self, Node, NodeKind, ParseOptions, ScalarStyle, Schema};

use super::structured::written_length;

/// The text laid out anew; nothing for one that is not covered.
pub(super) fn anew(text: &str) -> Option<String> {
    let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
    let documents = yaml::parse_nodes(text.as_bytes(), "", &options).ok()?;
    let root = documents.first()?;
    let lines: Vec<&str> = text.lines().collect();
    let comments = lines.iter().filter(|line| line.trim_start().starts_with('#')).count();
    if comments > 0 && documents.len() > 1 {
        return None;
    }
    let mut layout = Layout { lines, out: String::new(), comments };
    match &root.kind {
        NodeKind::Map(_, false) | NodeKind::List(_, false) => layout.block(root, 0, false)?,
        _ => return None,
    }
    (layout.comments == 0).then(|| layout.out.trim_end().to_owned())
}

struct Layout<'t> {
    lines: Vec<&'t str>,
    out: String,
    /// Those that were not printed yet.
    comments: usize,
}

impl<'t> Layout<'t> {
    /// A map or list that is no flow collection. `begun`: its first entry goes on with a line.
    fn block(&mut self, node: &Node, indent: usize, begun: bool) -> Option<()> {
        if node.tag.is_some() || node.anchor != 0 {
            return None;
        }
        let mut begun = begun;
        match &node.kind {
            NodeKind::Map(entries, false) if !entries.is_empty() => {
                for (key, value) in entries {
                    self.begin(key, indent, begun)?;
                    let (text, _) = self.scalar(key)?;
                    self.out.push_str(text);
                    self.out.push(':');
                    self.value(value, indent, key.line)?;
                    begun = false;
                }
            }
            NodeKind::List(items, false) if !items.is_empty() => {
                for item in items {
                    // The dash may stand before what the item begins with.
                    self.begin(item, indent, begun)?;
                    self.out.push('-');
                    begun = false;
                    match &item.kind {
                        NodeKind::Map(_, false) | NodeKind::List(_, false) => {
                            self.out.push(' ');
                            self.block(item, indent + 2, true)?;
                        }
                        NodeKind::Scalar(text, ScalarStyle::Plain) if text.is_empty() => return None,
                        _ => self.value(item, indent, item.line)?,
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// What stands behind a key or a dash.
    fn value(&mut self, node: &Node, indent: usize, line: usize) -> Option<()> {
        match &node.kind {
            NodeKind::Scalar(text, ScalarStyle::Plain) if text.is_empty() && node.tag.is_none() && node.anchor == 0 => {
                let written = self.lines.get(line.checked_sub(1)?)?;
                if !written.trim_end().ends_with(':') {
                    return None;
                }
                self.out.push('\n');
            }
            NodeKind::Scalar(..) if node.line == line => {
                let (text, behind) = self.scalar(node)?;
                self.out.push(' ');
                self.out.push_str(text);
                match behind.trim() {
                    "" => {}
                    comment if comment.starts_with('#') && behind.starts_with([' ', '\t']) => {
                        self.out.push(' ');
                        self.out.push_str(comment);
                    }
                    _ => return None,
                }
                self.out.push('\n');
            }
            NodeKind::Map(_, true) | NodeKind::List(_, true) if node.line == line => {
                if self.lines.get(line - 1)?.contains('#') {
                    return None;
                }
                self.out.push(' ');
                self.flow(node, line)?;
                self.out.push('\n');
            }
            NodeKind::Map(_, false) | NodeKind::List(_, false) if node.line > line => {
                if !self.lines.get(line.checked_sub(1)?)?.trim_end().ends_with(':') {
                    return None;
                }
                self.out.push('\n');
                let deeper = if matches!(node.kind, NodeKind::Map(..)) { indent + 2 } else { indent };
                self.block(node, deeper, false)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn flow(&mut self, node: &Node, line: usize) -> Option<()> {
        if node.tag.is_some() || node.anchor != 0 || node.line != line {
            return None;
        }
        match &node.kind {
            NodeKind::Scalar(text, ScalarStyle::Plain) if text.is_empty() => return None,
            NodeKind::Scalar(..) => {
                let (text, _) = self.scalar(node)?;
                self.out.push_str(text);
            }
            NodeKind::List(items, true) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.out.push_str(if at > 0 { ", " } else { "" });
                    self.flow(item, line)?;
                }
                self.out.push(']');
            }
            NodeKind::Map(entries, true) => {
                self.out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    self.out.push_str(if at > 0 { ", " } else { "" });
                    self.flow(key, line)?;
                    self.out.push_str(": ");
                    self.flow(value, line)?;
                }
                self.out.push('}');
            }
            _ => return None,
        }
        Some(())
    }

    /// Comments above an entry, and its indentation.
    fn begin(&mut self, first: &Node, indent: usize, begun: bool) -> Option<()> {
        if begun {
            return Some(());
        }
        let at = first.line.checked_sub(1)?;
        let line = self.lines.get(at)?;
        let column = |line: &str| line.len() - line.trim_start().len();
        let above = self.lines[..at].iter().rev().take_while(|above| above.trim_start().starts_with('#')).count();
        for comment in &self.lines[at - above..at] {
            if column(comment) != column(line) {
                return None;
            }
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.out.push_str(comment.trim());
            self.out.push('\n');
        }
        self.comments = self.comments.checked_sub(above)?;
        self.out.extend(std::iter::repeat_n(' ', indent));
        Some(())
    }

    /// A scalar as it is written, and what stands behind it on its line.
    fn scalar(&self, node: &Node) -> Option<(&'t str, &'t str)> {
        if node.tag.is_some() || node.anchor != 0 {
            return None;
        }
        let line = self.lines.get(node.line.checked_sub(1)?)?;
        let from = line.char_indices().nth(node.column.checked_sub(1)?)?.0;
        Some(line[from..].split_at(written_length(&line[from..], &node.kind)?))
    }
}

#[cfg(test)]
mod tests {
    use super::anew;

    #[test]
    fn blocks_are_indented_by_two() {
        let text = "# top\na:\n    b:\n        c:   1 # one\n\n    # the list\n    d:\n      - x: y\n        z:\n      -   {k: v,   l: [m]}\n      - - q\ne: 'f'\n";
        let wanted = "# top\na:\n  b:\n    c: 1 # one\n  # the list\n  d:\n  - x: y\n    z:\n  - {k: v, l: [m]}\n  - - q\ne: 'f'";
        assert_eq!(anew(text).as_deref(), Some(wanted));
        assert_eq!(anew("---\na: 1\n---\nb: 2\n").as_deref(), Some("a: 1"));
    }

    #[test]
    fn what_is_not_covered_is_left() {
        for text in
            ["# top\n\na: 1\n", "a: |\n  b\n", "a: &x b\n", "a: !!str 1\n", "a: b\n  c\n", "a: # c\n  b: 1\n", "a: 1\n# end\n", "[a]\n"]
        {
            assert_eq!(anew(text), None, "{text}");
        }
    }
}
