//! `cargo xtask schema`: makes the table of built-in kinds that `gitops-schema` embeds.
//!
//! The OpenAPI v3 documents are those in the source of Kubernetes, of the version that the test control plane runs; Go fetches
//! it. The table is committed, so that nobody needs Go to build.

use std::fs;
use std::path::Path;
use std::process::Command;

use gitops_manifest::{Value, json};

const MODULE: &str = "k8s.io/kubernetes@v1.34.2";
const DOCUMENTS: &str = "api/openapi-spec/v3";
const TABLE: &str = "crates/gitops-schema/src/builtin.schema";

/// Writes the table.
pub(crate) fn write() -> Vec<String> {
    let made = documents().and_then(|documents| {
        let table = gitops_schema::from_openapi(&documents).map_err(|e| e.to_string())?;
        fs::write(TABLE, table.print()).map_err(|e| format!("{TABLE}: {e}"))?;
        println!("{TABLE}: {} kinds, {} types, {} bytes in memory", table.kinds().count(), table.len(), table.heap_bytes());
        Ok(())
    });
    made.err().into_iter().collect()
}

/// The documents, by their names' order.
fn documents() -> Result<Vec<Value>, String> {
    let output = Command::new("go").args(["mod", "download", "-json", MODULE]).output();
    let output = output.map_err(|e| format!("go: {e}; install Go to make the table anew"))?;
    let answer = json::parse(&output.stdout, "go mod download").map_err(|e| e.to_string())?;
    let dir = answer.str_at(&["Dir"]).ok_or_else(|| format!("go mod download {MODULE}: {}", json::print(&answer)))?;
    let dir = Path::new(dir).join(DOCUMENTS);
    let failed = |e: std::io::Error| format!("{}: {e}", dir.display());
    let mut files = fs::read_dir(&dir).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut out = Vec::new();
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = fs::read(file.path()).map_err(failed)?;
        let document = json::parse(&text, &name).map_err(|e| e.to_string())?;
        // Documents of a group or of the server as a whole have no types.
        if document.at(&["components", "schemas"]).is_some() {
            out.push(document);
        }
    }
    Ok(out)
}
