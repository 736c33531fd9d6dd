//! Printing: tables for people, JSON and YAML for programs.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;

/// What `-o` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table.
    Wide,
    /// Names, one a line.
    Name,
    /// Numbers, one a line.
    Id,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Writes to standard output; a reader that has gone away (`| head`) ends the program quietly.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a value as JSON or YAML.
pub(crate) fn structured(value: &Value, format: Format) {
    if format == Format::Yaml {
        let read = gitops_manifest::json::parse(value.to_string().as_bytes(), "answer");
        print(&read.map(|v| gitops_manifest::yaml::print(&v)).unwrap_or_default());
    } else {
        print(&format!("{value:#}\n"));
    }
}

/// A table with columns as wide as their widest cell, two spaces between.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).chain([header[i].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    };
    let mut text = line(&mut header.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Whether colours are wanted: on a terminal, and not switched off by `NO_COLOR`.
pub(crate) fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// A line that replaces itself on a terminal, and is silent elsewhere.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{text}");
    }
}

/// Clears the line of [`progress`].
pub(crate) fn progress_done() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

/// Colours the lines of a unified diff.
pub(crate) fn coloured_diff(text: &str) -> String {
    if !colours() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.split_inclusive('\n') {
        let colour = match line.as_bytes().first() {
            Some(b'+') => "\x1b[32m",
            Some(b'-') => "\x1b[31m",
            Some(b'@') => "\x1b[36m",
            _ => "",
        };
        if colour.is_empty() {
            out.push_str(line);
        } else {
            out.push_str(colour);
            out.push_str(line.trim_end_matches('\n'));
            out.push_str("\x1b[0m\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let t = table(&["NAME", "X"], &[vec!["a-long-name".into(), "1".into()], vec!["b".into(), String::new()]]);
        assert_eq!(t, "NAME         X\na-long-name  1\nb\n");
    }
}
