//! Encrypted files, decrypted as they are read, and what keeps their texts from being seen behind that.
//!
//! Every engine reads through a [`Decrypting`] view, so values files of charts, manifests of directories, resources,
//! patches and generators' inputs of kustomizations, files of other sources and of environment layouts are all decrypted
//! alike. The view lies over the recorder: a `ReadSet` has the ids of the encrypted files.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_manifest::Manifest;
use gitops_seal::{Sealer, Secrets};
use gitops_sops::Keys;
use gitops_tree::{Entry, EntryKind, Revision, Tree, TreeError, TreePath};

use crate::error::Problem;
use crate::render::Output;

/// With what files are decrypted, and how decrypted values are kept from being seen.
#[derive(Clone, Debug, Default)]
pub struct Decryption {
    keys: Keys,
    sealer: Option<Arc<Sealer>>,
}

impl Decryption {
    /// Decrypted values are sealed in what is rendered; a target with the same sealer opens them.
    pub fn sealed(keys: Keys, sealer: Arc<Sealer>) -> Decryption {
        Decryption { keys, sealer: Some(sealer) }
    }

    /// Decrypted values stand in the clear in what is rendered: for one who wants to see them.
    pub fn in_the_clear(keys: Keys) -> Decryption {
        Decryption { keys, sealer: None }
    }

    /// Seals with keys derived from the age identities: whoever can decrypt the files can open what was sealed. Without
    /// identities every encrypted file is an error.
    pub fn from_identities(keys: Keys) -> Decryption {
        let derived: Vec<_> = keys.identities().iter().map(|i| i.derive(b"gitops-engine.dev sealed values v1")).collect();
        let sealer = Sealer::new(derived.iter().map(|key| &**key)).map(Arc::new);
        match sealer {
            Some(sealer) => Decryption::sealed(keys, sealer),
            // A key service alone has nothing to seal with: what it decrypts must not come out.
            None => Decryption::default(),
        }
    }

    /// What opens the sealed values; for targets.
    pub fn sealer(&self) -> Option<&Arc<Sealer>> {
        self.sealer.as_ref()
    }

    /// Whether there is anything to decrypt with.
    pub(crate) fn can_decrypt(&self) -> bool {
        !self.keys.is_empty()
    }

    /// A view of a tree in which encrypted files are decrypted.
    pub fn view<T: Tree>(&self, tree: T) -> Decrypting<T> {
        Decrypting { tree, keys: self.keys.clone(), secrets: Arc::default() }
    }

    /// Hides what was decrypted in messages, and seals it in objects.
    pub(crate) fn hide(&self, secrets: &Secrets, output: &mut Output) {
        let hidden = |text: String| secrets.redact(&text);
        output.warnings = std::mem::take(&mut output.warnings).into_iter().map(hidden).collect();
        for problem in &mut output.problems {
            let text = problem.to_string();
            let redacted = secrets.redact(&text);
            if redacted != text {
                *problem = Problem::Redacted { text: redacted };
            }
        }
        let Some(sealer) = &self.sealer else { return };
        for manifest in &mut output.manifests {
            let mut body = manifest.body().clone();
            if sealer.seal_object(manifest.id(), &mut body, secrets) > 0 {
                // Names and kinds are never sealed, so it stays the object that it is.
                *manifest = Manifest::from_value(body, manifest.at().clone()).expect("sealing keeps kind and name");
            }
        }
    }
}

/// A tree whose encrypted files are read decrypted.
pub struct Decrypting<T> {
    tree: T,
    keys: Keys,
    secrets: Arc<Mutex<Secrets>>,
}

impl<T> fmt::Debug for Decrypting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypting").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl<T> Decrypting<T> {
    /// Notes what is decrypted together with another view.
    pub(crate) fn noting_in(self, secrets: &Arc<Mutex<Secrets>>) -> Decrypting<T> {
        Decrypting { secrets: secrets.clone(), ..self }
    }

    pub(crate) fn noted(secrets: &Mutex<Secrets>) -> MutexGuard<'_, Secrets> {
        secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Tree> Tree for Decrypting<T> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }

    fn read(&self, path: &TreePath) -> Result<Option<Arc<[u8]>>, TreeError> {
        let Some(bytes) = self.tree.read(path)? else { return Ok(None) };
        // A link's text is none of its file's.
        let is_file = || Ok(self.tree.entry(path)?.is_some_and(|entry| entry.kind == EntryKind::File));
        if !gitops_sops::is_encrypted(&bytes, path.as_str()) || !is_file()? {
            return Ok(Some(bytes));
        }
        let decrypted = gitops_sops::decrypt(&bytes, path.as_str(), &self.keys)
            .map_err(|e| TreeError::Refused { path: path.clone(), reason: e.to_string() })?;
        let mut secrets = Decrypting::<T>::noted(&self.secrets);
        secrets.add("");
        decrypted.secrets().for_each(|text| secrets.add(text));
        Ok(Some(decrypted.bytes().into()))
    }

    fn list(&self, path: &TreePath) -> Result<Option<Vec<Entry>>, TreeError> {
        self.tree.list(path)
    }

    fn revision(&self) -> Option<&Revision> {
        self.tree.revision()
    }
}
