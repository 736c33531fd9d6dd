//! Characters that do not survive the reference's last step, in which JSON text is read as YAML 1.1: NEL is a line end
//! there, and control characters that JSON leaves as they are are refused.

/// What is read: nothing when it is refused, nothing inside when it is the same.
#[expect(clippy::option_option, reason = "refused, unchanged, changed")]
pub(super) fn read_back(text: &str) -> Option<Option<String>> {
    if text.contains(['\u{7f}', '\u{fffe}', '\u{ffff}']) || text.chars().any(|c| matches!(c, '\u{80}'..='\u{84}' | '\u{86}'..='\u{9f}')) {
        return None;
    }
    Some(text.contains('\u{85}').then(|| folded(text)))
}

/// One line end is a space, more are one less; blanks around them go.
fn folded(text: &str) -> String {
    let lines: Vec<&str> = text.split('\u{85}').collect();
    let (mut out, mut breaks) = (String::new(), 0);
    for (i, line) in lines.iter().enumerate() {
        let line = if i > 0 { line.trim_start_matches([' ', '\t']) } else { line };
        let line = if i + 1 < lines.len() { line.trim_end_matches([' ', '\t']) } else { line };
        if i > 0 {
            breaks += 1;
        }
        if !line.is_empty() || i + 1 == lines.len() {
            push_breaks(&mut out, breaks);
            breaks = 0;
        }
        out.push_str(line);
    }
    out
}

fn push_breaks(out: &mut String, breaks: usize) {
    match breaks {
        0 => {}
        1 => out.push(' '),
        more => out.extend(std::iter::repeat_n('\n', more - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::read_back;

    #[test]
    fn next_line_is_a_line_end() {
        assert_eq!(read_back("é"), Some(None));
        assert_eq!(read_back("a \u{85} b\u{85}\u{85}c"), Some(Some("a b\nc".to_owned())));
        assert_eq!(read_back("a\u{7f}"), None);
    }
}
