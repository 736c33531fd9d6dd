//! The client's half of git's protocol: which refs a server has, and a pack of what we lack.
//!
//! Version 2 is asked for; a server that answers in version 0 or 1 is understood. There is no negotiation in rounds: one
//! request names what is wanted and what we have, so that a fetch costs three requests over http (advertisement, refs,
//! pack), or two in version 0, and one connection over ssh. Source: git's `protocol-v2` and `pack-protocol` documents.

mod packet;

use std::io::{self, Read};

use gitops_tree::Revision;

use crate::refs::{Head, Refs, Target};
pub(crate) use packet::{FLUSH, Packet, SideBand};

const AGENT: &str = concat!("agent=gitops/", env!("CARGO_PKG_VERSION"));

/// What went wrong in a conversation, for the transport to make an error of.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection failed (time-outs too: their kind is `TimedOut`).
    Io(io::Error),
    /// It is not what the protocol says.
    Protocol(String),
    /// The server's own words.
    Server(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::InvalidData => Trouble::Protocol(error.to_string()),
            _ => Trouble::Io(error),
        }
    }
}

/// How the server began.
#[derive(Debug)]
pub(crate) enum Greeting {
    /// Version 2, with what it can do.
    V2 { capabilities: Vec<String> },
    /// Version 0 or 1: the refs came along.
    V0 { capabilities: Vec<String>, refs: Refs },
}

fn next(from: &mut dyn Read) -> Result<Packet, Trouble> {
    let packet = packet::read(from)?;
    match packet.text().as_deref().and_then(|t| t.strip_prefix("ERR ")) {
        Some(words) => Err(Trouble::Server(words.to_owned())),
        None => Ok(packet),
    }
}

fn id(text: &str) -> Result<Revision, Trouble> {
    Revision::parse(text).map_err(|_| Trouble::Protocol("an object id was expected".to_owned()))
}

/// Reads the advertisement.
pub(crate) fn read_greeting(from: &mut dyn Read) -> Result<Greeting, Trouble> {
    let mut first = next(from)?;
    if first.text().is_some_and(|t| t.starts_with("# service=")) {
        // Over http the service is named first, and a flush follows.
        next(from)?;
        first = next(from)?;
    }
    match first.text().as_deref() {
        Some("version 2") => {
            let mut capabilities = Vec::new();
            while let Some(line) = next(from)?.text() {
                capabilities.push(line);
            }
            check_format(&capabilities)?;
            Ok(Greeting::V2 { capabilities })
        }
        Some("version 1") => {
            let first = next(from)?;
            read_v0(first, from)
        }
        _ => read_v0(first, from),
    }
}

fn check_format(capabilities: &[String]) -> Result<(), Trouble> {
    match capabilities.iter().find_map(|c| c.strip_prefix("object-format=")) {
        None | Some("sha1") => Ok(()),
        Some(other) => Err(Trouble::Protocol(format!("its objects are named by {other}; only sha1 is read"))),
    }
}

fn read_v0(mut packet: Packet, from: &mut dyn Read) -> Result<Greeting, Trouble> {
    let (mut capabilities, mut refs) = (Vec::new(), Refs::default());
    let mut head_id = None;
    while let Packet::Data(data) = &packet {
        let text = String::from_utf8_lossy(data).trim_end_matches('\n').to_owned();
        let (text, caps) = text.split_once('\0').map_or((text.as_str(), ""), |(t, c)| (t, c));
        capabilities.extend(caps.split_whitespace().map(str::to_owned));
        let (object, name) = text.split_once(' ').ok_or_else(|| Trouble::Protocol("a ref was expected".to_owned()))?;
        if name == "HEAD" {
            head_id = Some(id(object)?);
        } else if let Some(tag) = name.strip_suffix("^{}") {
            refs.peel(tag, id(object)?);
        } else if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
            refs.insert(name, Target { object: id(object)?, peeled: None });
        }
        packet = next(from)?;
    }
    check_format(&capabilities)?;
    let symbolic = capabilities.iter().find_map(|c| c.strip_prefix("symref=HEAD:"));
    refs.head = symbolic.map(|name| Head::Symbolic(name.to_owned())).or(head_id.map(Head::Detached));
    Ok(Greeting::V0 { capabilities, refs })
}

/// The request for refs, version 2: HEAD, branches and tags.
pub(crate) fn refs_request(capabilities: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    packet::line(&mut out, "command=ls-refs");
    packet::line(&mut out, AGENT);
    out.extend_from_slice(packet::DELIMITER);
    packet::line(&mut out, "peel");
    packet::line(&mut out, "symrefs");
    if capabilities.iter().any(|c| c.strip_prefix("ls-refs=").is_some_and(|f| f.contains("unborn"))) {
        packet::line(&mut out, "unborn");
    }
    for prefix in ["HEAD", "refs/heads/", "refs/tags/"] {
        packet::line(&mut out, &format!("ref-prefix {prefix}"));
    }
    out.extend_from_slice(FLUSH);
    out
}

/// Reads the answer to [`refs_request`].
pub(crate) fn read_refs(from: &mut dyn Read) -> Result<Refs, Trouble> {
    let mut refs = Refs::default();
    while let Some(line) = next(from)?.text() {
        let mut words = line.split(' ');
        let (Some(object), Some(name)) = (words.next(), words.next()) else {
            return Err(Trouble::Protocol("a ref was expected".to_owned()));
        };
        let attribute = |key: &str| line.split(' ').skip(2).find_map(|w| w.strip_prefix(key));
        if name == "HEAD" {
            let symbolic = attribute("symref-target:").map(|name| Head::Symbolic(name.to_owned()));
            refs.head = match symbolic {
                None => Some(Head::Detached(id(object)?)),
                symbolic => symbolic,
            };
        } else if object != "unborn" && name.starts_with("refs/") {
            let peeled = attribute("peeled:").map(id).transpose()?;
            refs.insert(name, Target { object: id(object)?, peeled });
        }
    }
    Ok(refs)
}

/// What to ask for.
pub(crate) struct Request<'a> {
    pub(crate) wants: &'a [Revision],
    pub(crate) haves: &'a [Revision],
}

/// The request for a pack.
pub(crate) fn pack_request(greeting: &Greeting, request: &Request<'_>) -> Result<Vec<u8>, Trouble> {
    let mut out = Vec::new();
    match greeting {
        Greeting::V2 { .. } => {
            packet::line(&mut out, "command=fetch");
            packet::line(&mut out, AGENT);
            out.extend_from_slice(packet::DELIMITER);
            for option in ["thin-pack", "ofs-delta", "no-progress"] {
                packet::line(&mut out, option);
            }
            request.wants.iter().for_each(|want| packet::line(&mut out, &format!("want {want}")));
        }
        Greeting::V0 { capabilities, .. } => {
            let can = |name: &str| capabilities.iter().any(|c| c == name);
            if !can("side-band-64k") {
                return Err(Trouble::Protocol("the server lacks side-band-64k".to_owned()));
            }
            let asked = ["side-band-64k", "thin-pack", "ofs-delta", "no-progress"].into_iter().filter(|c| can(c));
            let options = asked.collect::<Vec<_>>().join(" ");
            for (index, want) in request.wants.iter().enumerate() {
                let options = if index == 0 { format!(" {options} {AGENT}") } else { String::new() };
                packet::line(&mut out, &format!("want {want}{options}"));
            }
            out.extend_from_slice(FLUSH);
        }
    }
    request.haves.iter().for_each(|have| packet::line(&mut out, &format!("have {have}")));
    packet::line(&mut out, "done");
    if matches!(greeting, Greeting::V2 { .. }) {
        out.extend_from_slice(FLUSH);
    }
    Ok(out)
}

/// Reads the answer to [`pack_request`] up to where the pack begins.
pub(crate) fn read_pack<R: Read>(greeting: &Greeting, mut from: R, limit: u64) -> Result<SideBand<R>, Trouble> {
    loop {
        let packet = next(&mut from)?;
        match (greeting, &packet) {
            // Version 0: acknowledgements, then the side bands begin without a word.
            (Greeting::V0 { .. }, Packet::Data(data)) if matches!(data.first(), Some(1..=3)) => {
                let Packet::Data(first) = packet else { continue };
                return Ok(SideBand::new(from, Some(first), limit)?);
            }
            (Greeting::V2 { .. }, Packet::Data(_)) if packet.text().as_deref() == Some("packfile") => {
                return Ok(SideBand::new(from, None, limit)?);
            }
            (_, Packet::Data(_)) | (Greeting::V2 { .. }, Packet::Delimiter) => {}
            _ => return Err(Trouble::Protocol("the answer ended before the pack".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_0_greeting() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let mut bytes = Vec::new();
        packet::line(&mut bytes, &format!("{a} HEAD\0side-band-64k symref=HEAD:refs/heads/main"));
        packet::line(&mut bytes, &format!("{a} refs/heads/main"));
        packet::line(&mut bytes, &format!("{b} refs/tags/v1"));
        packet::line(&mut bytes, &format!("{a} refs/tags/v1^{{}}"));
        bytes.extend_from_slice(FLUSH);
        let Greeting::V0 { refs, .. } = read_greeting(&mut &bytes[..]).unwrap() else { panic!("version 0") };
        assert_eq!(refs.get("HEAD").map(Revision::as_str), Some(a.as_str()));
        assert_eq!(refs.get("refs/tags/v1").map(Revision::as_str), Some(a.as_str()));
        assert_eq!(refs.default_branch(), Some("main"));
    }

    #[test]
    fn an_empty_version_0_repository_has_no_refs() {
        let mut bytes = Vec::new();
        packet::line(&mut bytes, &format!("{} capabilities^{{}}\0side-band-64k", "0".repeat(40)));
        bytes.extend_from_slice(FLUSH);
        let Greeting::V0 { refs, .. } = read_greeting(&mut &bytes[..]).unwrap() else { panic!("version 0") };
        assert!(refs.is_empty());
    }

    #[test]
    fn what_servers_say_and_what_is_no_git() {
        let mut bytes = Vec::new();
        packet::line(&mut bytes, "ERR go away");
        assert!(matches!(read_greeting(&mut &bytes[..]), Err(Trouble::Server(w)) if w == "go away"));
        assert!(matches!(read_greeting(&mut &b"<html>"[..]), Err(Trouble::Protocol(_))));
    }
}
