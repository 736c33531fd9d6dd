//! The directory that a plug-in works in: the files of a tree, read-only, and a place for what it writes.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gitops_render::TreeFile;
use tempfile::TempDir;

/// A directory with the files in `repository` and an empty `home`. It goes when this is dropped.
pub(crate) struct Workspace {
    dir: TempDir,
}

impl Workspace {
    /// Writes the files. Their paths are inside the tree by their type, and none is a link.
    pub(crate) fn write(files: &[TreeFile]) -> io::Result<Workspace> {
        let workspace = Workspace { dir: tempfile::Builder::new().prefix("gitops-plugin-").tempdir()? };
        let root = workspace.repository();
        fs::create_dir(&root)?;
        fs::create_dir(workspace.home())?;
        for (path, bytes) in files {
            let file = root.join(path.as_str());
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&file, bytes)?;
            fs::set_permissions(&file, Permissions::from_mode(0o444))?;
        }
        set_directories(&root, 0o555)?;
        Ok(workspace)
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.dir.path().join("repository")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What lies in a read-only directory cannot be removed.
        let _ = set_directories(&self.repository(), 0o755);
    }
}

/// Sets the permissions of a directory and of those below it. Links are not followed: a plug-in may have made some.
fn set_directories(directory: &Path, mode: u32) -> io::Result<()> {
    // Before the look at what is below, which a plug-in may have locked.
    if mode & 0o200 != 0 {
        fs::set_permissions(directory, Permissions::from_mode(mode))?;
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            set_directories(&entry.path(), mode)?;
        }
    }
    fs::set_permissions(directory, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_tree::TreePath;
    use std::sync::Arc;

    #[test]
    fn files_are_there_and_go_again() {
        let files = [(TreePath::parse("a/b/c.yaml").unwrap(), Arc::from(*b"text"))];
        let workspace = Workspace::write(&files).unwrap();
        let file = workspace.repository().join("a/b/c.yaml");
        assert_eq!(fs::read(&file).unwrap(), b"text");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o444);
        assert_eq!(fs::metadata(workspace.repository().join("a")).unwrap().permissions().mode() & 0o777, 0o555);
        let dir = workspace.dir.path().to_owned();
        drop(workspace);
        assert!(!dir.exists());
    }
}
