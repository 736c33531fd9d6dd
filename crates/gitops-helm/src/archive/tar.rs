//! The entries of a tar archive: ustar, GNU long names, and pax headers, as far as names and sizes go.

/// An entry that is no directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    pub(super) name: String,
    /// Empty for links and devices.
    pub(super) data: &'t [u8],
}

const BLOCK: usize = 512;
/// Names and pax records are read into memory: no honest one is longer.
const LONGEST_HEADER: usize = 1 << 20;

/// Walks the archive. Ends after the first error.
pub(super) fn entries(tar: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, &'static str>> {
    let mut walk = Walk { tar, failed: false };
    std::iter::from_fn(move || {
        if walk.failed {
            return None;
        }
        let next = walk.next();
        walk.failed = next.is_err();
        next.transpose()
    })
}

struct Walk<'t> {
    tar: &'t [u8],
    failed: bool,
}

/// What extension headers say of the entry that follows.
#[derive(Default)]
struct Extension {
    name: Option<String>,
    size: Option<u64>,
}

impl<'t> Walk<'t> {
    fn next(&mut self) -> Result<Option<Entry<'t>>, &'static str> {
        let mut extension = Extension::default();
        loop {
            let Some(header) = self.tar.get(..BLOCK) else {
                return if self.tar.is_empty() { Ok(None) } else { Err("the last block is not whole") };
            };
            if header.iter().all(|b| *b == 0) {
                return Ok(None);
            }
            verify(header)?;
            let kind = header[156];
            let size = match extension.size {
                Some(size) if !matches!(kind, b'x' | b'g' | b'L' | b'K') => size,
                _ => number(&header[124..136])?,
            };
            let size =
                if matches!(kind, b'1'..=b'6') { 0 } else { usize::try_from(size).map_err(|_| "a file's size is beyond all bounds")? };
            let data = self.tar[BLOCK..].get(..size).ok_or("a file is not whole")?;
            // The last file may lack its padding.
            let end = BLOCK + size.next_multiple_of(BLOCK);
            self.tar = self.tar.get(end..).unwrap_or_default();
            match kind {
                b'x' | b'L' if size > LONGEST_HEADER => return Err("a file's name is beyond all bounds"),
                b'x' => pax(data, &mut extension)?,
                b'L' => extension.name = Some(text(data)),
                b'g' | b'K' => {}
                _ => {
                    let name = extension.name.take().unwrap_or_else(|| name(header));
                    let directory_mode = number(&header[100..108]).is_ok_and(|mode| mode & 0o170_000 == 0o040_000);
                    if kind == b'5' || directory_mode || (matches!(kind, 0 | b'0') && name.ends_with('/')) {
                        extension = Extension::default();
                        continue;
                    }
                    return Ok(Some(Entry { name, data }));
                }
            }
        }
    }
}

/// The text up to the first NUL. Bytes that are not UTF-8 become replacement characters.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn name(header: &[u8]) -> String {
    let name = text(&header[..100]);
    if header[257..262] == *b"ustar" && header[262] == 0 {
        let prefix = text(&header[345..500]);
        if !prefix.is_empty() {
            return format!("{prefix}/{name}");
        }
    }
    name
}

/// Octal, or GNU's base 256 for what octal does not hold.
fn number(field: &[u8]) -> Result<u64, &'static str> {
    const WRONG: &str = "a header holds no number where one belongs";
    if field[0] & 0x80 != 0 {
        return field.iter().enumerate().try_fold(0u64, |n, (i, b)| {
            let b = if i == 0 { b & 0x7F } else { *b };
            n.checked_mul(256).and_then(|n| n.checked_add(u64::from(b))).ok_or(WRONG)
        });
    }
    let digits = field.iter().copied().skip_while(|b| matches!(b, b' ' | 0)).take_while(|b| !matches!(b, b' ' | 0));
    let mut number = 0u64;
    for digit in digits {
        if !matches!(digit, b'0'..=b'7') {
            return Err(WRONG);
        }
        number = number.checked_mul(8).and_then(|n| n.checked_add(u64::from(digit - b'0'))).ok_or(WRONG)?;
    }
    Ok(number)
}

/// The sum of all bytes, those of the sum itself counted as spaces. Old programs summed signed bytes.
fn verify(header: &[u8]) -> Result<(), &'static str> {
    let want = number(&header[148..156])?;
    let bytes = || header.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { b' ' } else { *b });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|b| i64::from(b as i8)).sum();
    if want == unsigned || i64::try_from(want) == Ok(signed) { Ok(()) } else { Err("a header's checksum is wrong") }
}

/// Records of the form `LENGTH KEY=VALUE\n`.
fn pax(mut records: &[u8], extension: &mut Extension) -> Result<(), &'static str> {
    const WRONG: &str = "a pax header is not well-formed";
    while !records.is_empty() && records[0] != 0 {
        let space = records.iter().position(|b| *b == b' ').ok_or(WRONG)?;
        let length: usize = std::str::from_utf8(&records[..space]).ok().and_then(|n| n.parse().ok()).ok_or(WRONG)?;
        let record = records.get(space + 1..length).and_then(|r| r.strip_suffix(b"\n")).ok_or(WRONG)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or(WRONG)?;
        let value = &record[equals + 1..];
        match &record[..equals] {
            b"path" => extension.name = Some(text(value)),
            b"size" => extension.size = Some(std::str::from_utf8(value).ok().and_then(|n| n.parse().ok()).ok_or(WRONG)?),
            _ => {}
        }
        records = &records[length..];
    }
    Ok(())
}
