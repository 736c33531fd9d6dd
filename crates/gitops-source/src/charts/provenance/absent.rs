//! In a build without the feature `provenance`: there is no keyring, and who asks for one is told so.

use std::convert::Infallible;

use gitops_tree::Revision;

pub(crate) const LARGEST: u64 = 0;

/// Public keys that charts must be signed by: none can be read in this build.
#[derive(Clone, Debug)]
pub struct Keyring(Infallible);

pub(crate) struct Vouched<'a> {
    pub(crate) asked: Option<(&'a str, &'a str)>,
    pub(crate) file: Option<&'a str>,
    pub(crate) digest: &'a Revision,
}

impl Keyring {
    /// Fails: the part that reads keys is left out of this build.
    ///
    /// # Errors
    /// Always.
    pub fn parse(_: &[u8], name: &str) -> Result<Keyring, String> {
        Err(format!("keyring {name}: this build is without the feature `provenance` of gitops-source"))
    }

    /// Whether `provenance` vouches for an archive.
    ///
    /// # Errors
    /// Never: there is no keyring.
    pub fn verify_archive(&self, _: &[u8], _: &str, _: &[u8]) -> Result<(), String> {
        match self.0 {}
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn digest(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn verify(&self, _: &[u8], vouched: &Vouched<'_>) -> Result<(), String> {
        let Vouched { asked: _, file: _, digest: _ } = vouched;
        match self.0 {}
    }
}
