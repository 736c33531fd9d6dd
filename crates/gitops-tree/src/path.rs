//! A path inside a tree.

use std::fmt;

/// Why a text is no path inside a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// `..` would leave the tree.
    #[error("path `{0}` leaves the repository")]
    Leaves(String),
    /// Begins with `/`.
    #[error("path `{0}` is absolute: write it from the root of the repository, without a leading `/`")]
    Absolute(String),
    /// Holds a NUL byte or a backslash.
    #[error("path `{0}` has a character that no path in a repository may have")]
    Character(String),
}

/// A path inside a tree: relative to its root, parts joined by `/`, no empty part, no `.` and no `..`. The root is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TreePath(String);

impl TreePath {
    /// The root.
    pub fn root() -> TreePath {
        TreePath::default()
    }

    /// Reads a path as people write it: `./a//b/../c` is `a/c`, `.` is the root.
    ///
    /// # Errors
    /// When it is absolute or leaves the tree.
    pub fn parse(text: &str) -> Result<TreePath, PathError> {
        TreePath::root().join(text)
    }

    /// The path `text`, seen from this one as a directory. `..` may go up, but not out.
    ///
    /// # Errors
    /// When `text` is absolute or leaves the tree.
    pub fn join(&self, text: &str) -> Result<TreePath, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute(text.to_owned()));
        }
        if text.contains(['\0', '\\']) {
            return Err(PathError::Character(text.to_owned()));
        }
        let mut path = self.clone();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => path = path.parent().ok_or_else(|| PathError::Leaves(text.to_owned()))?,
                name => path.push(name),
            }
        }
        Ok(path)
    }

    /// The entry `name` in this directory. `name` is one part, as a tree lists it.
    pub fn child(&self, name: &str) -> TreePath {
        let mut path = self.clone();
        path.push(name);
        path
    }

    fn push(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push('/');
        }
        self.0.push_str(name);
    }

    /// The directory it is in; `None` for the root.
    pub fn parent(&self) -> Option<TreePath> {
        if self.0.is_empty() {
            return None;
        }
        Some(TreePath(self.0.rsplit_once('/').map_or(String::new(), |(dir, _)| dir.to_owned())))
    }

    /// Its last part; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Whether it is `dir` or lies under it.
    pub fn starts_with(&self, dir: &TreePath) -> bool {
        self.relative_to(dir).is_some()
    }

    /// What is left of it below `dir`; empty when they are equal.
    pub fn relative_to(&self, dir: &TreePath) -> Option<&str> {
        if dir.0.is_empty() {
            return Some(&self.0);
        }
        let rest = self.0.strip_prefix(&dir.0)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    /// Its parts, from the root.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|p| !p.is_empty())
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, parts joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.0.is_empty() { "." } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_and_never_leave() {
        let p = TreePath::parse("./a//b/../c").expect("inside");
        assert_eq!(p.as_str(), "a/c");
        assert_eq!(p.join("../../x").expect("inside").as_str(), "x");
        assert_eq!(p.join("../../../x"), Err(PathError::Leaves("../../../x".into())));
        assert!(matches!(TreePath::parse("/etc/passwd"), Err(PathError::Absolute(_))));
    }

    #[test]
    fn a_directory_is_no_prefix_of_its_namesakes() {
        let (a, ab) = (TreePath::parse("app").expect("ok"), TreePath::parse("apple/x").expect("ok"));
        assert!(!ab.starts_with(&a));
        assert!(ab.starts_with(&TreePath::root()));
        assert_eq!(ab.relative_to(&TreePath::parse("apple").expect("ok")), Some("x"));
    }
}
