//! JSON in and out.

mod parse;
mod print;

pub use parse::{parse, parse_with};
pub use print::{print, print_html_safe, print_pretty, print_pretty_html_safe, print_to};
