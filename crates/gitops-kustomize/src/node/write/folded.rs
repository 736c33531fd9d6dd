//! Folded scalars (`>`): the reference prints them and reads them again, and its printer puts a line end too many before
//! lines that are indented further. What comes out is what users see, so it is done here too.

use gitops_manifest::yaml::{self, ParseOptions, Schema};

/// What is left of a folded scalar's text; nothing when it comes through unchanged.
pub(super) fn read_back(text: &str) -> Option<String> {
    // Without a line end there is nothing to fold.
    if !text.contains('\n') || !fits_block(text) {
        return None;
    }
    let printed = printed(text);
    let options = ParseOptions { schema: Schema::GoYaml3, ..ParseOptions::default() };
    let parsed = yaml::parse(printed.as_bytes(), "", &options).ok()?;
    let read = parsed.documents.first()?.value.str_at(&["a"])?;
    (read != text).then(|| read.to_owned())
}

/// Whether a text can be written as a block; if not, it is written in quotes.
pub(super) fn fits_block(text: &str) -> bool {
    !text.ends_with(' ') && !text.contains(" \n") && !text.chars().any(is_special)
}

fn is_special(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// As go-yaml v3 prints it: a line end is doubled when the line before it is not indented.
fn printed(text: &str) -> String {
    let mut out = String::from("a: >");
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    match text.strip_suffix('\n') {
        None => out.push('-'),
        Some("") => out.push('+'),
        Some(rest) if rest.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    out.push('\n');
    // It looks at the text's first line with content, whatever line it is at.
    let doubles = text.trim_start_matches('\n').starts_with(|c| c != ' ' && c != '\t');
    let (mut at_break, mut indented) = (true, true);
    for c in text.chars() {
        if c == '\n' {
            if !at_break && !indented && doubles {
                out.push('\n');
            }
            out.push('\n');
            at_break = true;
            continue;
        }
        if at_break {
            out.push_str("  ");
            indented = matches!(c, ' ' | '\t');
        }
        out.push(c);
        at_break = false;
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::read_back;

    #[test]
    fn a_line_end_grows_before_an_indented_line() {
        assert_eq!(read_back("a\n b\nc\n").as_deref(), Some("a\n\n b\nc\n"));
        assert_eq!(read_back("a\nb\n\nc"), None);
        assert_eq!(read_back("a b"), None);
    }
}
