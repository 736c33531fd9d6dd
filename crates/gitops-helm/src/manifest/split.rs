//! Cutting a template's output into documents, as Helm does it: with a regular expression, not with a YAML parser.
//!
//! The expression is `(?:^|\s*\n)---\s*` on the trimmed text, where `\s` is Go's: space, tab, line feed, form feed,
//! carriage return. So `--- a: 1` cuts, `---# c` cuts, and the second of two `---` lines that follow each other stays in
//! the document, because the first match has eaten the line feed before it.

/// The documents of `text`, trimmed, those that are wholly empty left out.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let text = trim(text);
    let mut documents = Vec::new();
    let mut from = 0;
    let mut search = 0;
    while let Some((start, end)) = next_separator(text, search) {
        push(&mut documents, &text[from..start]);
        (from, search) = (end, end);
    }
    push(&mut documents, &text[from..]);
    documents
}

fn push<'t>(documents: &mut Vec<&'t str>, document: &'t str) {
    // Only what is empty before it is trimmed is left out.
    if !document.is_empty() {
        documents.push(trim(document));
    }
}

/// Go's `strings.TrimSpace`: Unicode white space, which Rust's definition agrees with.
pub(crate) fn trim(text: &str) -> &str {
    text.trim()
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}

/// The first separator that begins at `from` or later.
fn next_separator(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut search = from;
    loop {
        let dashes = search + memchr::memmem::find(&bytes[search..], b"---")?;
        let end = |at: usize| at + bytes[at..].iter().take_while(|b| is_space(**b)).count();
        if dashes == 0 && from == 0 {
            return Some((0, end(3)));
        }
        if dashes > from && bytes[dashes - 1] == b'\n' {
            let mut start = dashes - 1;
            while start > from && is_space(bytes[start - 1]) {
                start -= 1;
            }
            return Some((start, end(dashes + 3)));
        }
        search = dashes + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn cuts_where_the_expression_does() {
        assert_eq!(split("---\na: 1\n---\nb: 2\n"), ["a: 1", "b: 2"]);
        assert_eq!(split("a: 1\n---# c\nb: 2"), ["a: 1", "# c\nb: 2"]);
        assert_eq!(split("a: 1\n--- b: 2"), ["a: 1", "b: 2"]);
        assert_eq!(split("a: 1\n---\n---\nb: 2"), ["a: 1", "---\nb: 2"]);
        assert_eq!(split("a: 1\n\n \n---\n\n  b: 2"), ["a: 1", "b: 2"]);
        assert_eq!(split("a: --- x\n ---\nb"), ["a: --- x\n ---\nb"]);
        assert_eq!(split("a\n----\nb"), ["a", "-\nb"]);
        assert!(split("").is_empty());
        assert!(split("\n---\n").is_empty());
    }
}
