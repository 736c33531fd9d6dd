//! A pack that arrives, put into a mirror.
//!
//! Small packs are taken apart into loose objects, as git does, so that a year of small pushes does not become thousands
//! of packs that each look-up has to ask; blobs first and commits last.

use std::fs;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::objs::{Kind, Write};
use gix_pack::Bundle;
use gix_pack::bundle::write::Options;

/// Packs of more objects stay packs.
const LOOSE_LIMIT: u32 = 500;

/// Reads a pack and stores its objects in the database at `objects`. Objects that a thin pack builds on are taken from
/// there. The error says what is wrong, in words.
pub(crate) fn store(pack: &mut dyn Read, objects: &Path, object_limit: u64) -> Result<u32, String> {
    let directory = objects.join("pack");
    let arriving = tempfile::Builder::new().prefix("arriving-").tempdir_in(objects).map_err(|e| e.to_string())?;
    let bases = gix::odb::at(objects, gix::hash::Kind::Sha1).map_err(|e| e.to_string())?;
    let options = Options {
        // Twice: a delta's result is held beside its base.
        alloc_limit_bytes: usize::try_from(object_limit.saturating_mul(2)).ok(),
        ..Options::default()
    };
    let outcome = Bundle::write_to_directory(
        &mut BufReader::with_capacity(64 << 10, pack),
        Some(arriving.path()),
        &mut gix::progress::Discard,
        &AtomicBool::new(false),
        Some(bases),
        gix::hash::Kind::Sha1,
        options,
    )
    .map_err(|e| e.to_string())?;
    let count = outcome.index.num_objects;
    let (Some(index), Some(data)) = (&outcome.index_path, &outcome.data_path) else { return Ok(0) };
    if count <= LOOSE_LIMIT {
        take_apart(index, objects)?;
        return Ok(count);
    }
    // The index last: it makes the pack count.
    for file in [data, index] {
        let name = file.file_name().ok_or("a pack without a name")?;
        fs::rename(file, directory.join(name)).map_err(|e| e.to_string())?;
    }
    Ok(count)
}

fn take_apart(index: &Path, objects: &Path) -> Result<(), String> {
    let bundle = Bundle::at(index, gix::hash::Kind::Sha1).map_err(|e| e.to_string())?;
    let target = gix::odb::loose::Store::at(objects, gix::hash::Kind::Sha1);
    let mut inflate = gix::zlib::Inflate::default();
    let mut found: Vec<(Kind, Vec<u8>)> = Vec::new();
    for at in 0..bundle.index.num_objects() {
        let mut data = Vec::new();
        let object = bundle.get_object_by_index(at, &mut data, &mut inflate, &mut gix_pack::cache::Never);
        let kind = object.map_err(|e| e.to_string())?.0.kind;
        found.push((kind, data));
    }
    found.sort_by_key(|(kind, _)| match kind {
        Kind::Blob => 0,
        Kind::Tree => 1,
        Kind::Commit => 2,
        Kind::Tag => 3,
    });
    for (kind, data) in found {
        target.write_buf(kind, &data).map_err(|e| e.to_string())?;
    }
    Ok(())
}
