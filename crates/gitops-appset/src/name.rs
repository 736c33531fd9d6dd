//! Names made of other texts: `nameNormalized` and its like, and slugs of branches.

/// Longest name of an object.
const LONGEST: usize = 253;
/// Longest slug.
const SLUG: usize = 50;

/// A text as a DNS name: lower case, anything but `a-z`, `0-9`, `-` and `.` becomes `-`, at most 253 long, no `-` or `.` at
/// either end.
pub fn normalize_name(text: &str) -> String {
    let plain = |c: char| if matches!(c, 'a'..='z' | '0'..='9' | '-' | '.') { c } else { '-' };
    let name: String = text.to_lowercase().chars().map(plain).take(LONGEST).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// Whether the API server takes it as the name of an object.
pub(crate) fn is_name(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |l: &str| l.starts_with(ends) && l.ends_with(ends) && l.chars().all(|c| ends(c) || c == '-');
    text.len() <= LONGEST && text.split('.').all(label)
}

/// A branch as part of a name: lower case letters and digits joined by single `-`, at most 50 long, cut between words where
/// there are several. Letters with marks lose them as far as Latin goes; other scripts become `-`.
pub fn slug(text: &str) -> String {
    slug_within(text, SLUG, true)
}

/// A slug of at most `longest` bytes. With `smart` it is cut between words where there are several.
pub(crate) fn slug_within(text: &str, longest: usize, smart: bool) -> String {
    let mut out = String::new();
    for c in text.trim().chars() {
        match c {
            '&' => out.push_str("and"),
            '@' => out.push_str("at"),
            '"' | '\'' | '\u{2019}' => {}
            _ if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            _ => match latin(c) {
                Some(plain) => out.push_str(plain),
                None if !out.ends_with('-') => out.push('-'),
                None => {}
            },
        }
    }
    let out = out.trim_matches('-');
    if out.len() <= longest {
        return out.to_owned();
    }
    match out[..=longest].rfind('-').filter(|_| smart) {
        Some(cut) => out[..cut].to_owned(),
        None => out[..longest].trim_end_matches('-').to_owned(),
    }
}

/// Latin letters with marks, as the transliteration that Argo CD uses writes them.
fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' => "a",
        'Æ' | 'æ' => "ae",
        'Ç' | 'ç' | 'Ć'..='č' => "c",
        'Ď'..='đ' | 'Ð' | 'ð' => "d",
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' => "e",
        'Ĝ'..='ģ' => "g",
        'Ĥ'..='ħ' => "h",
        'Ĵ'..='ĵ' => "j",
        'Ķ'..='ķ' => "k",
        'Ĺ'..='ł' => "l",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' => "i",
        'Ñ' | 'ñ' | 'Ń'..='ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='ő' => "o",
        'Œ' | 'œ' => "oe",
        'Ŕ'..='ř' => "r",
        'ß' => "ss",
        'Ś'..='š' => "s",
        'Ţ'..='ŧ' => "t",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' => "u",
        'Ŵ'..='ŵ' => "w",
        'Ý' | 'ý' | 'ÿ' | 'Ŷ'..='Ÿ' => "y",
        'Ź'..='ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [("Prod_EU.1", "prod-eu.1"), ("-.a.-", "a"), ("", ""), ("https://x:443", "https---x-443"), ("ä", "")] {
            assert_eq!(normalize_name(text), name, "{text}");
        }
        assert_eq!(normalize_name(&"x".repeat(300)).len(), 253);
        for (text, ok) in [("a", true), ("a-b.c1", true), ("", false), ("A", false), ("a..b", false), ("-a", false), ("a_b", false)] {
            assert_eq!(is_name(text), ok, "{text}");
        }
    }

    #[test]
    fn slugs() {
        for (text, slugged) in [
            ("feature/Add_Login", "feature-add-login"),
            ("  a -- b  ", "a-b"),
            ("fix(ui): don't & @me", "fix-ui-dont-and-atme"),
            ("größe", "grosse"),
            ("Łódź", "lodz"),
            ("日本", ""),
            (
                "feature/areally+long_pull_request_name_to_test_argo_slugification_and_branch_name_shortening_feature",
                "feature-areally-long-pull-request-name-to-test",
            ),
        ] {
            assert_eq!(slug(text), slugged, "{text}");
        }
        assert_eq!(slug(&"x".repeat(80)).len(), 50);
    }
}
