//! Splitting identifiers into words for `snakecase`, `kebabcase` and `camelcase`, as huandu/xstrings v1.5.0 does.
//!
//! Surprises: a number joins the word before it unless letters follow (`Bld4Floor3rd` → `bld4_floor_3rd`); leading connectors
//! stay; runs of connectors are kept one for one.

use super::rune::{is_letter, is_number, is_punct, is_upper, to_lower, to_upper};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// The end.
    Nothing,
    Number,
    /// Begins with a capital; `HTTP` or `First`.
    Capital,
    /// Begins with another letter.
    Letters,
    Connector,
    Punctuation,
    Other,
}

impl Sort {
    fn of(c: char) -> Sort {
        if is_connector(c) {
            Sort::Connector
        } else if is_punct(c) {
            Sort::Punctuation
        } else if is_upper(c) {
            Sort::Capital
        } else if is_alphabet(c) {
            Sort::Letters
        } else if is_number(c) {
            Sort::Number
        } else {
            Sort::Other
        }
    }

    /// Whether a word of this sort stands apart from the one before it.
    fn wants_connector(self) -> bool {
        self != Sort::Connector && self != Sort::Punctuation
    }
}

/// A letter of an alphabet: Chinese characters are none.
fn is_alphabet(c: char) -> bool {
    is_letter(c) && !matches!(c, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}')
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// The words of a text, one after the other.
struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> (Sort, &'t str) {
        let Some(c) = self.rest.chars().next() else { return (Sort::Nothing, "") };
        let sort = Sort::of(c);
        let len = match sort {
            Sort::Capital => capital_word(self.rest),
            Sort::Letters => run(self.rest, |c| is_alphabet(c) && !is_upper(c)),
            Sort::Other => run(self.rest, |c| Sort::of(c) == Sort::Other),
            Sort::Connector => run(self.rest, is_connector),
            Sort::Punctuation => run(self.rest, is_punct),
            Sort::Number => run(self.rest, is_number),
            Sort::Nothing => 0,
        };
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest;
        (sort, word)
    }
}

/// The bytes of the first rune and of those behind it that belong.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.char_indices().skip(1).find(|(_, c)| !belongs(*c)).map_or(text.len(), |(at, _)| at)
}

/// `HTTP` of `HTTPServer`, `First` of `FirstName`.
fn capital_word(text: &str) -> usize {
    let second = text.chars().nth(1);
    if second.is_some_and(is_upper) {
        let end = run(text, is_upper);
        // The last capital begins the next word if a small letter follows it.
        return match text[end..].chars().next() {
            Some(c) if is_alphabet(c) => text[..end].char_indices().next_back().map_or(end, |(at, _)| at),
            _ => end,
        };
    }
    run(text, |c| is_alphabet(c) && !is_upper(c))
}

/// `snakecase` with `_`, `kebabcase` with `-`.
pub(super) fn lower_with(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut words = Words { rest: text };
    let (mut sort, mut word) = words.next();
    while !words.rest.is_empty() {
        if sort != Sort::Connector {
            push(&mut out, sort, word, connector);
        }
        let (before, held) = (sort, word);
        (sort, word) = words.next();
        match before {
            Sort::Number => after_number(&mut out, &mut words, &mut sort, &mut word, connector),
            Sort::Connector => push(&mut out, before, held, connector),
            Sort::Punctuation => {}
            _ if sort != Sort::Number => {
                if sort.wants_connector() {
                    out.push(connector);
                }
            }
            _ if words.rest.is_empty() => {}
            _ => number_inside(&mut out, &mut words, &mut sort, &mut word, connector),
        }
    }
    push(&mut out, sort, word, connector);
    out
}

/// A number came behind letters, and more follows it: it belongs to the word before, unless small letters follow.
fn number_inside<'t>(out: &mut String, words: &mut Words<'t>, sort: &mut Sort, word: &mut &'t str, connector: char) {
    let number = *word;
    (*sort, *word) = words.next();
    if *sort != Sort::Letters {
        push(out, Sort::Number, number, connector);
        if sort.wants_connector() {
            out.push(connector);
        }
        return;
    }
    out.push(connector);
    push(out, Sort::Number, number, connector);
    after_number(out, words, sort, word, connector);
}

/// Letters and numbers behind a number stay with it.
fn after_number<'t>(out: &mut String, words: &mut Words<'t>, sort: &mut Sort, word: &mut &'t str, connector: char) {
    while matches!(sort, Sort::Letters | Sort::Number) {
        push(out, *sort, word, connector);
        (*sort, *word) = words.next();
    }
    if *sort != Sort::Nothing && sort.wants_connector() {
        out.push(connector);
    }
}

fn push(out: &mut String, sort: Sort, word: &str, connector: char) {
    match sort {
        Sort::Capital | Sort::Connector => {
            out.extend(word.chars().map(|c| {
                if is_connector(c) {
                    connector
                } else if is_upper(c) {
                    to_lower(c)
                } else {
                    c
                }
            }));
        }
        _ => out.push_str(word),
    }
}

/// `camelcase`: each word with a capital, connectors between two words dropped.
pub(super) fn pascal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let Some(first) = chars.by_ref().find(|c| {
        let leading = is_connector(*c);
        if leading {
            out.push(*c);
        }
        !leading
    }) else {
        return out_of_connectors(text);
    };
    let mut lower_next = is_upper(first);
    let mut current = to_upper(first);
    for c in chars {
        let previous = std::mem::replace(&mut current, c);
        match (is_connector(previous), is_connector(c)) {
            (true, true) => out.push(previous),
            (true, false) => {
                lower_next = is_upper(c);
                current = to_upper(c);
            }
            _ => {
                if lower_next {
                    lower_next = is_upper(c);
                    if lower_next {
                        current = to_lower(c);
                    }
                }
                out.push(previous);
            }
        }
    }
    out.push(current);
    out
}

/// The reference prints the last of a text of connectors only twice.
fn out_of_connectors(text: &str) -> String {
    let mut out = text.to_owned();
    out.extend(text.chars().next_back());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_the_reference_finds_them() {
        for (text, snake) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            ("GO PATH", "go_path"),
            ("a.b-c", "a.b_c"),
            ("", ""),
        ] {
            assert_eq!(lower_with(text, '_'), snake);
        }
        for (text, camel) in [("http_server", "HttpServer"), ("_complex__case_", "_Complex_Case_"), ("GOLANG_IS", "GolangIs"), ("a", "A")] {
            assert_eq!(pascal(text), camel);
        }
    }
}
