//! The refs of a repository at one time, and the file that a mirror keeps them in.
//!
//! A mirror's refs are one `packed-refs` file and `HEAD`, in git's own format: written in one go, however many there are.

use std::collections::BTreeMap;

use gitops_tree::Revision;

/// What a ref points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The object: a commit, or the tag object of an annotated tag.
    pub(crate) object: Revision,
    /// What an annotated tag points to in the end.
    pub(crate) peeled: Option<Revision>,
}

impl Target {
    fn commit(&self) -> &Revision {
        self.peeled.as_ref().unwrap_or(&self.object)
    }
}

/// Where `HEAD` points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// To the ref of that full name, which need not exist.
    Symbolic(String),
    /// To a commit.
    Detached(Revision),
}

/// The refs of a repository at one time, by full name (`refs/heads/main`), sorted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Refs {
    pub(crate) head: Option<Head>,
    pub(crate) targets: BTreeMap<String, Target>,
}

impl Refs {
    /// Every ref's full name and the commit that it leads to, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Revision)> {
        self.targets.iter().map(|(name, target)| (name.as_str(), target.commit()))
    }

    /// The commit that the ref of that full name leads to. `HEAD` is a name too.
    pub fn get(&self, name: &str) -> Option<&Revision> {
        if name == "HEAD" {
            return match self.head.as_ref()? {
                Head::Symbolic(target) => self.targets.get(target).map(Target::commit),
                Head::Detached(commit) => Some(commit),
            };
        }
        self.targets.get(name).map(Target::commit)
    }

    /// Short name of the branch that `HEAD` points to.
    pub fn default_branch(&self) -> Option<&str> {
        match self.head.as_ref()? {
            Head::Symbolic(name) => Some(name.strip_prefix("refs/heads/").unwrap_or(name)),
            Head::Detached(_) => None,
        }
    }

    /// Short names of the tags, by name.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().filter_map(|name| name.strip_prefix("refs/tags/"))
    }

    /// Short names of the branches, by name.
    pub fn branches(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().filter_map(|name| name.strip_prefix("refs/heads/"))
    }

    /// Whether there is none: the repository has no commits.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && !matches!(self.head, Some(Head::Detached(_)))
    }

    /// Adds a ref; names that git would not take are left out, as they can be neither stored nor asked for.
    pub(crate) fn insert(&mut self, name: &str, target: Target) {
        if is_valid(name) {
            self.targets.insert(name.to_owned(), target);
        }
    }

    /// Notes what the tag `name`, inserted before, points to in the end.
    pub(crate) fn peel(&mut self, name: &str, commit: Revision) {
        if let Some(target) = self.targets.get_mut(name) {
            target.peeled = Some(commit);
        }
    }

    /// Every object that a ref names, without repetition.
    pub(crate) fn objects(&self) -> Vec<&Revision> {
        let mut ids: Vec<&Revision> = self.targets.values().map(|t| &t.object).collect();
        if let Some(Head::Detached(commit)) = &self.head {
            ids.push(commit);
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The text of `packed-refs`.
    pub(crate) fn to_packed(&self) -> String {
        let mut out = String::from("# pack-refs with: peeled fully-peeled sorted \n");
        for (name, target) in &self.targets {
            out += &format!("{} {name}\n", target.object);
            if let Some(peeled) = &target.peeled {
                out += &format!("^{peeled}\n");
            }
        }
        out
    }

    /// The text of `HEAD`.
    pub(crate) fn to_head(&self) -> String {
        match &self.head {
            Some(Head::Detached(commit)) => format!("{commit}\n"),
            Some(Head::Symbolic(name)) => format!("ref: {name}\n"),
            None => "ref: refs/heads/main\n".to_owned(),
        }
    }

    /// Reads both texts back; the error names the line.
    pub(crate) fn read(packed: &str, head: &str) -> Result<Refs, String> {
        let mut refs = Refs { head: Some(read_head(head)?), ..Refs::default() };
        let mut last = None;
        for (index, line) in packed.lines().enumerate().filter(|(_, l)| !l.starts_with('#')) {
            let wrong = |what: &str| format!("packed-refs:{}: {what}", index + 1);
            if let Some(peeled) = line.strip_prefix('^') {
                let name: &String = last.as_ref().ok_or_else(|| wrong("a peeled id without a ref"))?;
                refs.peel(name, Revision::parse(peeled).map_err(|e| wrong(&e.to_string()))?);
                continue;
            }
            let (id, name) = line.split_once(' ').ok_or_else(|| wrong("no id and name"))?;
            let object = Revision::parse(id).map_err(|e| wrong(&e.to_string()))?;
            refs.insert(name, Target { object, peeled: None });
            last = Some(name.to_owned());
        }
        Ok(refs)
    }
}

fn read_head(text: &str) -> Result<Head, String> {
    let text = text.trim_end();
    match text.strip_prefix("ref: ") {
        Some(name) if is_valid(name) => Ok(Head::Symbolic(name.to_owned())),
        Some(_) => Err("HEAD: not a ref name".to_owned()),
        None => Revision::parse(text).map(Head::Detached).map_err(|e| format!("HEAD: {e}")),
    }
}

/// Git's rules for full names, as far as they keep the file's format and the mirror safe.
pub(crate) fn is_valid(name: &str) -> bool {
    name.starts_with("refs/")
        && name.len() <= 1024
        && !name.contains("..")
        && !name.contains("//")
        && !name.ends_with(['/', '.'])
        && !name.contains(|c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'))
        && !name.contains('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Revision {
        Revision::parse(&digit.to_string().repeat(40)).unwrap()
    }

    #[test]
    fn a_round_trip_keeps_everything() {
        let mut refs = Refs { head: Some(Head::Symbolic("refs/heads/main".into())), ..Refs::default() };
        refs.insert("refs/heads/main", Target { object: id('a'), peeled: None });
        refs.insert("refs/tags/v1", Target { object: id('b'), peeled: Some(id('a')) });
        refs.insert("refs/heads/bad name", Target { object: id('c'), peeled: None });
        refs.insert("../../etc/x", Target { object: id('c'), peeled: None });
        let read = Refs::read(&refs.to_packed(), &refs.to_head()).unwrap();
        assert_eq!(read, refs);
        assert_eq!(read.get("HEAD"), Some(&id('a')));
        assert_eq!(read.get("refs/tags/v1"), Some(&id('a')));
        assert_eq!(read.objects(), [&id('a'), &id('b')]);
        assert_eq!(read.iter().count(), 2);
    }

    #[test]
    fn damage_is_named_by_line() {
        let error = Refs::read("# x\nnonsense\n", "ref: refs/heads/main").unwrap_err();
        assert_eq!(error, "packed-refs:2: no id and name");
        assert!(Refs::read("", "\0\0").is_err());
        assert!(Refs::read(&format!("^{}\n", id('a')), "ref: refs/heads/main").is_err());
    }
}
