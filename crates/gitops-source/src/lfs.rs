//! Git LFS: files kept elsewhere, with a pointer in the commit.
//!
//! LFS objects are not downloaded. A tree gives the pointer's text as it is in the commit; whoever reads a manifest asks
//! [`is_lfs_pointer`] and says so, instead of complaining about strange YAML.

/// Pointers are shorter than this.
const LONGEST: usize = 1024;

/// Whether these are the bytes of a Git LFS pointer (its specification, version 1).
pub fn is_lfs_pointer(bytes: &[u8]) -> bool {
    if bytes.len() >= LONGEST {
        return false;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.lines();
    let known = ["version https://git-lfs.github.com/spec/", "version https://hawser.github.com/spec/"];
    let begins = lines.next().is_some_and(|first| known.iter().any(|k| first.starts_with(k)));
    let (mut oid, mut size) = (false, false);
    for line in lines {
        oid |= line.strip_prefix("oid sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        size |= line.strip_prefix("size ").is_some_and(|n| n.parse::<u64>().is_ok());
    }
    begins && oid && size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_what_looks_like_them() {
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "4d".repeat(32));
        assert!(is_lfs_pointer(pointer.as_bytes()));
        assert!(!is_lfs_pointer(pointer.replace("size 12345", "size x").as_bytes()));
        assert!(!is_lfs_pointer(b"version: 1\nkind: ConfigMap\n"));
        assert!(!is_lfs_pointer((pointer + &" ".repeat(2000)).as_bytes()));
        assert!(!is_lfs_pointer(b"\xff\xfe"));
    }
}
