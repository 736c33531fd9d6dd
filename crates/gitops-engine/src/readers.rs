//! Who reads what: the repositories and charts of each application, and the applications of each repository and chart.
//!
//! Polling, following and web hooks ask the same thing of the same few addresses again and again, for every application:
//! an address is parsed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_app::Application;
use gitops_kustomize::RepositorySpec;
use gitops_render::ChartRequest;
use gitops_source::RepoUrl;

use crate::alias::Alias;
use crate::chart_shelf;
use crate::engine::Inner;
use crate::slot::Slot;
use crate::sources::repository;

/// Most addresses that are kept: who declares more has each parsed again.
const KEPT: usize = 100_000;

/// Addresses as they are written, and where they are read from.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<HashMap<String, Option<RepoUrl>>>);

impl Addresses {
    /// The repository that an address is read from; `None` when it is none.
    pub(crate) fn repository(&self, address: &str, aliases: &[Alias]) -> Option<RepoUrl> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = known.get(address) {
            return url.clone();
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let url = repository(address, aliases).ok();
        known.insert(address.to_owned(), url.clone());
        url
    }
}

impl Inner {
    /// The repository that an address is read from; `None` when it is none.
    pub(crate) fn repository(&self, address: &str) -> Option<RepoUrl> {
        self.addresses.repository(address, &self.settings.aliases)
    }

    /// The repositories that an application reads: of its sources, and those of remote bases that its last render read.
    pub(crate) fn repositories_of(&self, app: &Application, slot: Option<&Slot>) -> Vec<RepoUrl> {
        let sources = app.effective_sources();
        let in_git = sources.iter().filter(|source| chart_shelf::request(source, None).is_none());
        let mut found: Vec<RepoUrl> = in_git.filter_map(|source| self.repository(&source.repo_url)).collect();
        let rendering = slot.and_then(|slot| slot.lock().rendering.clone());
        let bases = rendering.iter().flat_map(|r| r.remotes()).filter_map(|(address, _)| {
            let spec = if ChartRequest::parse(address).is_some() { None } else { RepositorySpec::parse(address) };
            self.repository(&spec?.clone)
        });
        found.extend(bases);
        found
    }

    /// The charts that an application reads: of its sources, and those that its last render asked for besides.
    pub(crate) fn charts_of(app: &Application, slot: Option<&Slot>) -> Vec<ChartRequest> {
        let sources = app.effective_sources();
        let mut found: Vec<ChartRequest> = sources.iter().filter_map(|source| chart_shelf::request(source, None)).collect();
        let rendering = slot.and_then(|slot| slot.lock().rendering.clone());
        found.extend(rendering.iter().flat_map(|r| r.remotes()).filter_map(|(address, _)| ChartRequest::parse(address)));
        found
    }

    /// The applications of which `reads` is true.
    pub(crate) fn readers(&self, reads: impl Fn(&Application, &Slot) -> bool) -> Vec<Arc<Slot>> {
        let mut slots = self.all_slots();
        slots.retain(|slot| {
            let app = slot.lock().app.clone();
            reads(&app, slot)
        });
        slots
    }
}
