//! `urlParse` and `urlJoin`, with the rules and escapes of Go 1.26's `net/url`.

use super::args::{Outcome, done, map, text};
use super::dict::text_field;
use crate::error::FuncError;
use crate::fmt::quote;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Map, Value};

type Args<'a> = &'a mut [Value];

/// Which part of an address a text belongs to: each has its own characters that need no escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Zone,
    Path,
    User,
    Fragment,
}

fn stands_for_itself(b: u8, part: Part) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return true;
    }
    let others: &[u8] = match part {
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    others.contains(&b)
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for b in text {
        if stands_for_itself(*b, part) {
            out.push(*b);
        } else {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        }
    }
    out
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [b, tail @ ..] = rest {
        if *b != b'%' {
            if matches!(part, Part::Host | Part::Zone) && b.is_ascii() && !stands_for_itself(*b, part) {
                return Err(format!("invalid character {} in host name", quote(&[*b])));
            }
            out.push(*b);
            rest = tail;
            continue;
        }
        let refused = || format!("invalid URL escape {}", quote(&rest[..rest.len().min(3)]));
        let [high, low, after @ ..] = tail else { return Err(refused()) };
        let hex = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
        let byte = hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low).ok_or_else(refused)?;
        let allowed = match part {
            Part::Host => byte >= 0x80 || byte == b'%',
            Part::Zone => byte == b'%' || byte == b' ' || stands_for_itself(byte, Part::Host),
            _ => true,
        };
        if !allowed {
            return Err(refused());
        }
        out.push(byte);
        rest = after;
    }
    Ok(out)
}

/// What `net/url.URL` holds, as far as it is asked for here.
#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    user: Option<User>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl User {
    fn parse(text: &[u8]) -> Result<User, String> {
        if !text.iter().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b)) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = cut(text, b':');
        let name = unescape(name, Part::User)?;
        Ok(User { name, password: password.map(|password| unescape(password, Part::User)).transpose()? })
    }

    fn print(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Part::User));
        }
        out
    }
}

fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(at, text) {
        Some(i) => (&text[..i], Some(&text[i + 1..])),
        None => (text, None),
    }
}

/// The scheme and what is behind its colon.
fn cut_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (i, b) in text.iter().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..i], &text[i + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn is_port(text: &[u8]) -> bool {
    text.split_first().is_none_or(|(colon, digits)| *colon == b':' && digits.iter().all(u8::is_ascii_digit))
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, String> {
    let wrong_port = |port: &[u8]| Err(format!("invalid port {} after host", quote(port)));
    match memchr::memrchr(b'[', host) {
        Some(0) => {
            let close = memchr::memrchr(b']', host).ok_or("missing ']' in host")?;
            let port = &host[close + 1..];
            if !is_port(port) {
                return wrong_port(port);
            }
            let address = &host[1..close];
            let zone = memchr::memmem::find(address, b"%25").unwrap_or(address.len());
            let mut out = unescape(&address[..zone], Part::Host)?;
            out.extend(unescape(&address[zone..], Part::Zone)?);
            check_address(&out)?;
            return Ok([b"[", out.as_slice(), b"]", port].concat());
        }
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    if let Some(first) = memchr::memchr(b':', host) {
        // Several colons: lists of hosts, which only http refuses.
        let strict = scheme == b"http" || scheme == b"https";
        let colon = if strict { first } else { memchr::memrchr(b':', host).unwrap_or(first) };
        if !is_port(&host[colon..]) {
            return wrong_port(&host[colon..]);
        }
    }
    unescape(host, Part::Host)
}

/// Brackets hold an IPv6 address, with a zone or without.
fn check_address(text: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(text);
    let (address, zone) = text.split_once('%').map_or((&*text, None), |(address, zone)| (address, Some(zone)));
    if zone.is_none() && address.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("invalid IP-literal".to_owned());
    }
    if address.parse::<std::net::Ipv6Addr>().is_err() || zone == Some("") {
        return Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(text.as_bytes())));
    }
    Ok(())
}

impl Url {
    fn parse(text: &[u8]) -> Result<Url, String> {
        let (text, fragment) = cut(text, b'#');
        let mut url = Url::parse_unfragmented(text).map_err(|e| format!("parse {}: {e}", quote(text)))?;
        let fragment = fragment.unwrap_or_default();
        url.fragment = unescape(fragment, Part::Fragment).map_err(|e| format!("parse {}: {e}", quote(&[text, b"#", fragment].concat())))?;
        Ok(url)
    }

    fn parse_unfragmented(text: &[u8]) -> Result<Url, String> {
        if text.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Url::default();
        if text == b"*" {
            url.path = text.to_vec();
            return Ok(url);
        }
        let (scheme, rest) = cut_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if rest.starts_with(b"//") && (!scheme.is_empty() || !rest.starts_with(b"///")) {
            let authority = cut(&rest[2..], b'/').0;
            rest = &rest[2 + authority.len()..];
            let at = memchr::memrchr(b'@', authority);
            url.host = parse_host(&url.scheme, at.map_or(authority, |at| &authority[at + 1..]))?;
            url.user = at.map(|at| User::parse(&authority[..at])).transpose()?;
        }
        url.path = unescape(rest, Part::Path)?;
        Ok(url)
    }

    fn hostname(&self) -> &[u8] {
        let host = match memchr::memrchr(b':', &self.host) {
            Some(colon) if is_port(&self.host[colon..]) => &self.host[..colon],
            _ => &self.host,
        };
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    fn print(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.print_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn print_hierarchy(&self, out: &mut Vec<u8>) {
        if !(self.scheme.is_empty() && self.host.is_empty() && self.user.is_none()) {
            if !(self.host.is_empty() && self.path.is_empty() && self.user.is_none()) {
                out.extend_from_slice(b"//");
            }
            if let Some(user) = &self.user {
                out.extend(user.print());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Part::Host));
        }
        let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Part::Path) };
        if !path.is_empty() && path[0] != b'/' && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

pub(super) fn parse(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let url = Url::parse(text(&args[0])?).map_err(|e| FuncError::new(format!("unable to parse url: {e}")))?;
    let fields: [(&str, Vec<u8>); 8] = [
        ("hostname", url.hostname().to_vec()),
        ("scheme", url.scheme),
        ("host", url.host),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", url.user.map(|user| user.print()).unwrap_or_default()),
    ];
    Ok(Value::Map(fields.into_iter().map(|(key, value)| (key, Value::Str(value.into()))).collect::<Map>()))
}

pub(super) fn join(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let fields = map(&args[0])?;
    let field = |key: &str| text_field(fields, key).map(|text: Str| text.to_vec());
    let mut url = Url {
        scheme: field("scheme")?,
        host: field("host")?,
        path: field("path")?,
        query: field("query")?,
        opaque: field("opaque")?,
        fragment: field("fragment")?,
        user: None,
    };
    let user = field("userinfo")?;
    if !user.is_empty() {
        let parsed = Url::parse(&[b"proto://", user.as_slice(), b"@host"].concat());
        url.user = parsed.map_err(|e| FuncError::new(format!("unable to parse userinfo in dict: {e}")))?.user;
    }
    done(url.print())
}
