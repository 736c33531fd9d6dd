//! The figures, as lines of a Markdown table.

use std::fmt;
use std::time::Duration;

/// A figure and its aim.
struct Row {
    what: String,
    figure: String,
    aim: String,
    reached: Option<bool>,
}

/// All figures so far. Each is also written to standard error at once.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// A figure with an aim that it must stay below, in a unit.
    pub(crate) fn below(&mut self, what: &str, figure: f64, aim: f64, unit: &str) {
        let row = Row {
            what: what.to_owned(),
            figure: format!("{figure:.2} {unit}"),
            aim: format!("< {aim} {unit}"),
            reached: Some(figure < aim),
        };
        self.push(row);
    }

    /// A figure to know.
    pub(crate) fn note(&mut self, what: &str, figure: impl Into<String>) {
        self.push(Row { what: what.to_owned(), figure: figure.into(), aim: String::new(), reached: None });
    }

    fn push(&mut self, row: Row) {
        eprintln!("{}: {}", row.what, row.figure);
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| What | Figure | Aim | Reached |\n| --- | --- | --- | --- |")?;
        for row in &self.0 {
            let reached = match row.reached {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            writeln!(f, "| {} | {} | {} | {reached} |", row.what, row.figure, row.aim)?;
        }
        Ok(())
    }
}

/// Median and the largest of some times, in milliseconds. Zero of none.
pub(crate) fn median_and_worst(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let millis = |t: Option<&Duration>| t.map_or(0.0, |t| t.as_secs_f64() * 1000.0);
    (millis(times.get(times.len() / 2)), millis(times.last()))
}
