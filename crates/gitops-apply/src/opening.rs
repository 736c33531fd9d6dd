//! A target for objects whose secret values are sealed: they are opened on the way in, and what is live is sealed on the way out,
//! so that nothing in front of it ever has them. For targets that do not open them themselves.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_diff::IgnoreRule;
use gitops_health::Health;
use gitops_manifest::{Manifest, ObjectId};
use gitops_seal::{Sealer, Secrets, holds_sealed};

use crate::target::{
    HookOutcome, HookRunId, LiveObject, LiveSet, Preparation, Propagation, Removal, Seen, Target, TargetError, TargetFuture, WriteOptions,
};

/// Another target, with sealed values opened in front of it.
pub struct OpeningTarget {
    inner: Arc<dyn Target>,
    sealer: Option<Arc<Sealer>>,
}

impl OpeningTarget {
    /// Without a sealer, an object with sealed values is an error.
    pub fn new(inner: Arc<dyn Target>, sealer: Option<Arc<Sealer>>) -> OpeningTarget {
        OpeningTarget { inner, sealer }
    }

    fn open<'m>(&self, manifest: &'m Manifest) -> Result<Cow<'m, Manifest>, TargetError> {
        if !holds_sealed(manifest.body()) {
            return Ok(Cow::Borrowed(manifest));
        }
        let named = |what: &str| TargetError::permanent(format!("{}: {}: {what}", manifest.at(), manifest.id()));
        let sealer = self.sealer.as_ref().ok_or_else(|| named("a sealed value, and no key to open it: configure the age identity"))?;
        let mut body = manifest.body().clone();
        sealer.open_object(&mut body).map_err(|(field, e)| named(&format!("{field}: {e}")))?;
        Manifest::from_value(body, manifest.at().clone()).map(Cow::Owned).map_err(|e| TargetError::permanent(e.to_string()))
    }

    /// A message about an object, without what is sealed in it: an API server quotes values that it refuses.
    fn hide(&self, manifest: &Manifest, message: &str) -> String {
        let mut secrets = Secrets::default();
        if let Some(sealer) = &self.sealer {
            sealer.note_sealed(manifest.body(), &mut secrets);
        }
        secrets.redact(message)
    }

    fn hidden(&self, manifest: &Manifest, error: TargetError) -> TargetError {
        TargetError { message: self.hide(manifest, &error.message), ..error }
    }

    fn cover(&self, desired: &[Manifest], live: &mut LiveSet) -> Result<(), TargetError> {
        let Some(sealer) = &self.sealer else { return Ok(()) };
        for wanted in desired.iter().filter(|m| holds_sealed(m.body())) {
            let Some(found) = live.get_mut(wanted.id()) else { continue };
            let mut body = found.manifest.body().clone();
            sealer.cover(wanted.body(), &mut body);
            found.manifest = Manifest::from_value(body, found.manifest.at().clone()).map_err(|e| TargetError::permanent(e.to_string()))?;
        }
        Ok(())
    }
}

impl Target for OpeningTarget {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn server(&self) -> Option<&str> {
        self.inner.server()
    }

    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(async move {
            let mut live = self.inner.live(app, desired).await?;
            self.cover(desired, &mut live)?;
            Ok(live)
        })
    }

    fn namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        self.inner.namespaced(group, kind)
    }

    fn takes_part(&self) -> bool {
        self.inner.takes_part()
    }

    fn prepare<'a>(&'a self, app: &'a str, preparation: Preparation<'a>) -> TargetFuture<'a, Vec<(ObjectId, String)>> {
        Box::pin(async move {
            let sealed: BTreeMap<ObjectId, &Manifest> = preparation.objects.iter().map(|(m, _)| (m.id().clone(), *m)).collect();
            let opened = preparation.objects.into_iter().map(|(m, options)| Ok((self.open(m)?, options)));
            let opened = opened.collect::<Result<Vec<_>, TargetError>>()?;
            let objects = opened.iter().map(|(m, options)| (&**m, options.clone())).collect();
            let refused = self.inner.prepare(app, Preparation { objects, ..preparation }).await?;
            let hide = |(id, why): (ObjectId, String)| {
                let why = sealed.get(&id).map_or_else(|| why.clone(), |manifest| self.hide(manifest, &why));
                (id, why)
            };
            Ok(refused.into_iter().map(hide).collect())
        })
    }

    fn differs(&self, desired: &Manifest, live: &LiveObject, rules: &[IgnoreRule]) -> bool {
        if !holds_sealed(desired.body()) {
            return self.inner.differs(desired, live, rules);
        }
        match (self.open(desired), self.open(&live.manifest)) {
            (Ok(desired), Ok(manifest)) => {
                let live = LiveObject { manifest: manifest.into_owned(), ..live.clone() };
                self.inner.differs(&desired, &live, rules)
            }
            // What cannot be opened cannot be the same; applying says why.
            _ => true,
        }
    }

    fn seen(&self, desired: Option<&Manifest>, live: &LiveObject, rules: &[IgnoreRule]) -> Option<Seen> {
        // What an apply makes of sealed values is known only with them opened, and that is for nobody to see.
        let sealed = desired.is_some_and(|desired| holds_sealed(desired.body())) || holds_sealed(live.manifest.body());
        if sealed { None } else { self.inner.seen(desired, live, rules) }
    }

    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest, options: WriteOptions) -> TargetFuture<'a, ()> {
        Box::pin(async move {
            let opened = self.open(manifest)?;
            self.inner.apply(app, &opened, options).await.map_err(|e| self.hidden(manifest, e))
        })
    }

    fn prune<'a>(&'a self, app: &'a str, id: &'a ObjectId, propagation: Propagation) -> TargetFuture<'a, Removal> {
        self.inner.prune(app, id, propagation)
    }

    fn activation_group(&self, id: &ObjectId) -> Option<String> {
        self.inner.activation_group(id)
    }

    fn activate<'a>(&'a self, app: &'a str, group: &'a str, run_id: &'a HookRunId) -> TargetFuture<'a, ()> {
        self.inner.activate(app, group, run_id)
    }

    fn run_hook<'a>(
        &'a self,
        app: &'a str,
        manifest: &'a Manifest,
        run_id: &'a HookRunId,
        options: WriteOptions,
    ) -> TargetFuture<'a, HookOutcome> {
        Box::pin(async move {
            let opened = self.open(manifest)?;
            self.inner.run_hook(app, &opened, run_id, options).await.map_err(|e| self.hidden(manifest, e))
        })
    }

    fn release_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        self.inner.release_hook(app, id)
    }

    fn delete_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        self.inner.delete_hook(app, id)
    }

    fn health<'a>(&'a self, app: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        self.inner.health(app, ids)
    }
}
