//! ConfigMaps and Secrets out of literals and files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_manifest::Str;

use crate::kustomization::{GeneratorArgs, GeneratorOptions};
use crate::node::{Map, Node, Scalar, Style, Tag};
use crate::resource::{Behavior, Resource};

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Texts; what is no text goes to `binaryData`.
    ConfigMap,
    /// Base64.
    Secret,
}

impl Kind {
    /// The field of the kustomization file.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Kind::ConfigMap => "configMapGenerator",
            Kind::Secret => "secretGenerator",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::ConfigMap => "ConfigMap",
            Kind::Secret => "Secret",
        }
    }
}

/// Key and content.
pub(crate) type Pair = (String, Vec<u8>);

/// The resource.
///
/// # Errors
/// When it has no name, or a key comes twice; the text is what to say.
pub(crate) fn generate(kind: Kind, args: &GeneratorArgs, pairs: Vec<Pair>) -> Result<Resource, String> {
    if args.name.is_empty() {
        return Err("a generator needs a `name`".to_owned());
    }
    let mut pairs = pairs;
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("`{}`: the key `{}` comes twice", args.name, twice[0].0));
    }
    let mut root = Map::new();
    root.push(plain("apiVersion"), Node::string("v1"));
    root.push(plain("kind"), Node::string(kind.name()));
    let mut metadata = Map::new();
    metadata.set_field("name", Node::string(args.name.as_str()));
    if !args.namespace.is_empty() {
        metadata.set_field("namespace", Node::string(args.namespace.as_str()));
    }
    root.push(Scalar::untagged("metadata"), Node::Map(metadata));
    if kind == Kind::Secret {
        let secret_type = if args.secret_type.is_empty() { "Opaque" } else { &args.secret_type };
        root.set_field("type", Node::string(secret_type));
    }
    put_data(&mut root, kind, pairs);
    if let Some(options) = &args.options {
        put_options(&mut root, options);
    }
    let mut resource = Resource::new(Node::Map(root));
    resource.memory.needs_hash = args.options.as_ref().is_none_or(|o| !o.disable_name_suffix_hash);
    resource.memory.generated = true;
    resource.memory.behavior = Behavior::parse(&args.behavior);
    Ok(resource)
}

fn plain(key: &str) -> Scalar {
    Scalar::string(key)
}

fn put_data(root: &mut Map, kind: Kind, pairs: Vec<Pair>) {
    if kind == Kind::Secret {
        // A Secret has its `data` even when there is none.
        root.push(Scalar::untagged("data"), Node::Map(Map::new()));
    }
    for (key, content) in pairs {
        let (field, text) = match (kind, String::from_utf8(content)) {
            (Kind::ConfigMap, Ok(text)) => ("data", text),
            (Kind::ConfigMap, Err(binary)) => ("binaryData", base64_lines(binary.as_bytes())),
            (Kind::Secret, Ok(text)) => ("data", base64_lines(text.as_bytes())),
            (Kind::Secret, Err(binary)) => ("data", base64_lines(binary.as_bytes())),
        };
        let mut scalar = text_scalar(Str::from(text));
        scalar.quote_if_doubtful();
        if let Some(map) = root.map_or_create(field) {
            map.push(Scalar::untagged(key), Node::Scalar(scalar));
        }
    }
}

fn put_options(root: &mut Map, options: &GeneratorOptions) {
    for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        let mut pairs: Vec<&(String, String)> = pairs.iter().flatten().collect();
        pairs.sort();
        for (key, value) in pairs {
            let map = root.map_or_create("metadata").and_then(|metadata| metadata.map_or_create(field));
            if let Some(map) = map {
                map.set_field(key, Node::Scalar(Scalar::new(value.as_str(), Tag::Str, Style::Single)));
            }
        }
    }
    if options.immutable {
        root.set_field("immutable", Node::Scalar(Scalar::new("true", Tag::Bool, Style::Plain)));
    }
}

/// A string as generators write it.
pub(crate) fn text_scalar(text: Str) -> Scalar {
    let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
    Scalar::new(text, Tag::Str, style)
}

/// Base64 in lines of 70 characters when it is longer than one; each line then ends with a line end.
pub(crate) fn base64_lines(content: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = STANDARD.encode(content);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut out = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out
}

/// `key=value`, with one pair of quotes around the value taken off.
pub(crate) fn literal(source: &str) -> Result<Pair, String> {
    let bad = || format!("`{source}` is no literal: write key=value");
    let (key, value) = source.split_once('=').ok_or_else(bad)?;
    if key.is_empty() {
        return Err(bad());
    }
    let value = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
    Ok((key.to_owned(), value.as_bytes().to_vec()))
}

/// `path`, or `key=path`: the key and the path.
pub(crate) fn file_source(source: &str) -> Result<(&str, &str), String> {
    match source.matches('=').count() {
        0 => Ok((base_name(source), source)),
        1 => match source.split_once('=') {
            Some(("", path)) => Err(format!("there is no key before `={path}`")),
            Some((key, "")) => Err(format!("there is no path behind `{key}=`")),
            Some(both) => Ok(both),
            None => Err(format!("`{source}` is no path")),
        },
        _ => Err(format!("`{source}` has more than one `=`")),
    }
}

/// Go's `path.Base`.
fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) }
}

/// The longest line of an env file that is read; the reference stops before a longer one without a word.
const LONGEST_LINE: usize = 64 * 1024;

/// The pairs in an env file: `key=value` lines, comments and blank lines left out.
pub(crate) fn env_file(content: &[u8]) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    for (i, line) in content.split(|&b| b == b'\n').enumerate() {
        if line.len() >= LONGEST_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| format!("line {} is not UTF-8", i + 1))?;
        let text = if i == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let text = text.trim_start_matches(char::is_whitespace);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        // A line without `=` is a key with nothing in it.
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_come_off_in_pairs() {
        assert_eq!(literal("a='b'").expect("good").1, b"b");
        assert_eq!(literal("a=\"b'").expect("good").1, b"\"b'");
        assert_eq!(literal("a='").expect("good").1, b"'");
        assert!(literal("=b").is_err());
    }

    #[test]
    fn base64_is_cut_into_lines() {
        assert_eq!(base64_lines(b"abc"), "YWJj");
        let long = base64_lines(&[0; 60]);
        assert_eq!(long.lines().map(str::len).collect::<Vec<_>>(), [70, 10]);
        assert!(long.ends_with('\n'));
    }

    #[test]
    fn env_files_have_comments() {
        let pairs = env_file("\u{feff}a=1=2\r\n# no\n\n  b\n =c\n".as_bytes()).expect("good");
        assert_eq!(pairs, [("a".to_owned(), b"1=2".to_vec()), ("b".to_owned(), Vec::new())]);
    }
}
