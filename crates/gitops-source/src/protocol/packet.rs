//! Packet lines, git's framing: four hex digits of length (of digits and data), then the data. Lengths 0 to 2 are marks.

use std::io::{self, Read};

/// Longest packet, digits included.
const LONGEST: usize = 65520;

/// A packet or a mark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Data(Vec<u8>),
    /// End of a message.
    Flush,
    /// Between parts of a message.
    Delimiter,
    /// End of an answer on a stateless connection.
    ResponseEnd,
}

impl Packet {
    /// The text of a data packet without its line break, lossy; `None` for a mark.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Packet::Data(data) => Some(String::from_utf8_lossy(data).trim_end_matches('\n').to_owned()),
            _ => None,
        }
    }
}

/// Reads the next packet.
pub(crate) fn read(from: &mut dyn Read) -> io::Result<Packet> {
    let mut digits = [0; 4];
    from.read_exact(&mut digits)?;
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "not a packet line");
    let digits = std::str::from_utf8(&digits).map_err(|_| bad())?;
    let length = usize::from_str_radix(digits, 16).map_err(|_| bad())?;
    match length {
        0 => Ok(Packet::Flush),
        1 => Ok(Packet::Delimiter),
        2 => Ok(Packet::ResponseEnd),
        4..=LONGEST => {
            let mut data = vec![0; length - 4];
            from.read_exact(&mut data)?;
            Ok(Packet::Data(data))
        }
        _ => Err(bad()),
    }
}

/// Appends a line as a packet.
pub(crate) fn line(to: &mut Vec<u8>, text: &str) {
    to.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
}

pub(crate) const FLUSH: &[u8] = b"0000";
pub(crate) const DELIMITER: &[u8] = b"0001";

/// The pack in a stream of packets: each begins with 1 (pack), 2 (progress, dropped) or 3 (the server's last words).
pub(crate) struct SideBand<R> {
    from: R,
    data: Vec<u8>,
    at: usize,
    ended: bool,
    /// Bytes that may still come.
    left: u64,
    /// What the server said when it gave up.
    pub(crate) last_words: Option<String>,
    pub(crate) over_limit: bool,
    /// Kind and text of the error that ended the stream: what reads the pack replaces it with words of its own.
    pub(crate) failure: Option<io::Error>,
}

impl<R: Read> SideBand<R> {
    /// `first` is a packet that was read already.
    pub(crate) fn new(from: R, first: Option<Vec<u8>>, limit: u64) -> io::Result<SideBand<R>> {
        let mut band =
            SideBand { from, data: Vec::new(), at: 0, ended: false, left: limit, last_words: None, over_limit: false, failure: None };
        if let Some(first) = first {
            band.accept(first)?;
        }
        Ok(band)
    }

    fn accept(&mut self, packet: Vec<u8>) -> io::Result<()> {
        match packet.first() {
            Some(1) => {
                let size = packet.len() as u64 - 1;
                if size > self.left {
                    self.over_limit = true;
                    return Err(io::Error::other("the pack is larger than the limit"));
                }
                self.left -= size;
                (self.data, self.at) = (packet, 1);
                Ok(())
            }
            Some(2) | None => Ok(()),
            Some(3) => {
                let words = String::from_utf8_lossy(&packet[1..]).trim().to_owned();
                self.last_words = Some(words);
                Err(io::Error::other("the server gave up"))
            }
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "an unknown side band")),
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.at >= self.data.len() && !self.ended {
            match read(&mut self.from)? {
                Packet::Data(packet) => self.accept(packet)?,
                Packet::Flush | Packet::ResponseEnd => self.ended = true,
                Packet::Delimiter => return Err(io::Error::new(io::ErrorKind::InvalidData, "a delimiter in a pack")),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for SideBand<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Err(error) = self.fill() {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.failure = Some(error);
            return Err(copy);
        }
        let rest = &self.data[self.at..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_what_is_none() {
        let mut out = Vec::new();
        line(&mut out, "want x");
        assert_eq!(out, b"000bwant x\n");
        assert_eq!(read(&mut &out[..]).unwrap().text().as_deref(), Some("want x"));
        assert_eq!(read(&mut &b"0000"[..]).unwrap(), Packet::Flush);
        for bad in [&b"0003"[..], b"<htm", b"fffff", b"0010short", b"00"] {
            assert!(read(&mut &bad[..]).is_err());
        }
    }

    #[test]
    fn a_side_band_gives_the_pack_and_keeps_the_last_words() {
        let mut band = SideBand::new(&b"0007\x02hi0007\x01ab0006\x01c0000"[..], None, 100).unwrap();
        let mut pack = Vec::new();
        band.read_to_end(&mut pack).unwrap();
        assert_eq!(pack, b"abc");
        let mut band = SideBand::new(&b"0009\x03oops"[..], None, 100).unwrap();
        assert!(band.read_to_end(&mut pack).is_err());
        assert_eq!(band.last_words.as_deref(), Some("oops"));
        let mut band = SideBand::new(&b"0007\x01ab0000"[..], None, 1).unwrap();
        assert!(band.read_to_end(&mut pack).is_err() && band.over_limit);
    }
}
