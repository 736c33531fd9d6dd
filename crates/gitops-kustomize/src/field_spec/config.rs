//! The field specs of all transformers: kustomize's own, and what `configurations` and `crds` add.

use std::borrow::Cow;

use gitops_manifest::Value;

use super::{BackReference, FieldSpec, defaults};
use crate::id::Gvk;
use crate::kustomization::decode::{DecodeError, Fields, Rules};
use crate::kustomization::field_specs;
use crate::sort::kind_order;

/// Two specs of one field that say different things about making it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{list}` has two field specs for `{path}` of which only one says `create: true`")]
pub(crate) struct ConfigError {
    /// The list's name.
    pub(crate) list: &'static str,
    /// The path.
    pub(crate) path: String,
}

type Specs = Cow<'static, [FieldSpec]>;

/// Where each transformer looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) name_prefix: Specs,
    pub(crate) name_suffix: Specs,
    pub(crate) namespace: Specs,
    pub(crate) common_labels: Specs,
    pub(crate) labels: Specs,
    pub(crate) template_labels: Specs,
    pub(crate) volume_claim_template_labels: Specs,
    pub(crate) common_annotations: Specs,
    pub(crate) name_reference: Cow<'static, [BackReference]>,
    pub(crate) var_reference: Specs,
    pub(crate) images: Specs,
    pub(crate) replicas: Specs,
}

const NONE: Specs = Cow::Borrowed(&[]);

impl Config {
    /// No specs at all.
    pub(crate) fn empty() -> Config {
        Config {
            name_prefix: NONE,
            name_suffix: NONE,
            namespace: NONE,
            common_labels: NONE,
            labels: NONE,
            template_labels: NONE,
            volume_claim_template_labels: NONE,
            common_annotations: NONE,
            name_reference: Cow::Borrowed(&[]),
            var_reference: NONE,
            images: NONE,
            replicas: NONE,
        }
    }

    /// kustomize's own.
    pub(crate) fn builtin() -> Config {
        Config {
            name_prefix: Cow::Borrowed(&defaults::NAME_PREFIX),
            name_suffix: Cow::Borrowed(&defaults::NAME_SUFFIX),
            namespace: Cow::Borrowed(&defaults::NAMESPACE),
            common_labels: Cow::Borrowed(&defaults::COMMON_LABELS),
            labels: NONE,
            template_labels: Cow::Borrowed(&defaults::TEMPLATE_LABELS),
            volume_claim_template_labels: Cow::Borrowed(&defaults::VOLUME_CLAIM_TEMPLATE_LABELS),
            common_annotations: Cow::Borrowed(&defaults::COMMON_ANNOTATIONS),
            name_reference: Cow::Borrowed(&defaults::NAME_REFERENCE),
            var_reference: Cow::Borrowed(&defaults::VAR_REFERENCE),
            images: Cow::Borrowed(&defaults::IMAGES),
            replicas: Cow::Borrowed(&defaults::REPLICAS),
        }
    }

    /// Reads a file of `configurations`.
    ///
    /// # Errors
    /// On unknown fields and wrong types.
    pub(crate) fn read(value: &Value) -> Result<Config, DecodeError> {
        let rules = Rules::CONFIGURATION;
        let known = [
            "namePrefix",
            "nameSuffix",
            "namespace",
            "commonLabels",
            "labels",
            "templateLabels",
            "volumeClaimTemplateLabels",
            "commonAnnotations",
            "nameReference",
            "varReference",
            "images",
            "replicas",
        ];
        let f = Fields::read(value, &known, rules)?;
        let specs = |name: &str| field_specs(&f, name, rules).map(|specs| Cow::Owned(sorted(specs)));
        let mut name_reference = f.list("nameReference", |v| {
            let f = Fields::read(v, &["group", "version", "kind", "fieldSpecs"], rules)?;
            Ok(BackReference {
                group: Cow::Owned(f.text("group")?),
                version: Cow::Owned(f.text("version")?),
                kind: Cow::Owned(f.text("kind")?),
                referrers: Cow::Owned(field_specs(&f, "fieldSpecs", rules)?),
            })
        })?;
        name_reference.sort_by_cached_key(|r| sort_key(r.gvk()));
        Ok(Config {
            name_prefix: specs("namePrefix")?,
            name_suffix: specs("nameSuffix")?,
            namespace: specs("namespace")?,
            common_labels: specs("commonLabels")?,
            labels: specs("labels")?,
            template_labels: specs("templateLabels")?,
            volume_claim_template_labels: specs("volumeClaimTemplateLabels")?,
            common_annotations: specs("commonAnnotations")?,
            name_reference: Cow::Owned(name_reference),
            var_reference: specs("varReference")?,
            images: specs("images")?,
            replicas: specs("replicas")?,
        })
    }

    /// Adds what `other` has and this one has not.
    ///
    /// # Errors
    /// When they contradict each other.
    pub(crate) fn merge(&mut self, other: &Config) -> Result<(), ConfigError> {
        merge_sorted(&mut self.name_prefix, &other.name_prefix, "namePrefix")?;
        merge_sorted(&mut self.name_suffix, &other.name_suffix, "nameSuffix")?;
        merge_sorted(&mut self.namespace, &other.namespace, "namespace")?;
        merge_sorted(&mut self.common_labels, &other.common_labels, "commonLabels")?;
        merge_sorted(&mut self.labels, &other.labels, "labels")?;
        merge_sorted(&mut self.template_labels, &other.template_labels, "templateLabels")?;
        merge_sorted(&mut self.volume_claim_template_labels, &other.volume_claim_template_labels, "volumeClaimTemplateLabels")?;
        merge_sorted(&mut self.common_annotations, &other.common_annotations, "commonAnnotations")?;
        if self.name_reference.is_empty() {
            self.name_reference.clone_from(&other.name_reference);
        } else {
            merge_references(&mut self.name_reference, &other.name_reference)?;
        }
        merge_sorted(&mut self.var_reference, &other.var_reference, "varReference")?;
        merge_sorted(&mut self.images, &other.images, "images")?;
        merge_sorted(&mut self.replicas, &other.replicas, "replicas")
    }

    /// Adds one name reference.
    pub(crate) fn add_reference(&mut self, target: Gvk<'_>, referrer: FieldSpec) -> Result<(), ConfigError> {
        let reference = BackReference {
            group: Cow::Owned(target.group.to_owned()),
            version: Cow::Owned(target.version.to_owned()),
            kind: Cow::Owned(target.kind.to_owned()),
            referrers: Cow::Owned(vec![referrer]),
        };
        merge_references(&mut self.name_reference, &[reference])
    }
}

fn sorted(mut specs: Vec<FieldSpec>) -> Vec<FieldSpec> {
    specs.sort_by_cached_key(|s| sort_key(s.gvk()));
    specs
}

fn sort_key(gvk: Gvk<'_>) -> (i32, String) {
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    (kind_order(gvk.kind), format!("{}_{}_{}", or(gvk.group, "~G"), or(gvk.version, "~V"), or(gvk.kind, "~K")))
}

fn merge_sorted(own: &mut Specs, other: &Specs, list: &'static str) -> Result<(), ConfigError> {
    if let (true, Cow::Borrowed(fixed)) = (own.is_empty(), other) {
        *own = Cow::Borrowed(fixed);
        return Ok(());
    }
    if merge(own, other, list)? {
        own.to_mut().sort_by_cached_key(|s| sort_key(s.gvk()));
    }
    Ok(())
}

/// Adds to `own` what is new in `other`, and says whether there was any.
pub(crate) fn merge(own: &mut Specs, other: &[FieldSpec], list: &'static str) -> Result<bool, ConfigError> {
    // Most builds have nothing but kustomize's own specs, which are the same list wherever they meet.
    if std::ptr::eq(own.as_ptr(), other.as_ptr()) && own.len() == other.len() {
        return Ok(false);
    }
    let mut added = false;
    for spec in other {
        match own.iter().find(|s| s.path == spec.path && s.gvk().is_selected(spec.gvk())) {
            Some(same) if same.create != spec.create => return Err(ConfigError { list, path: spec.path.to_string() }),
            Some(_) => {}
            None => {
                own.to_mut().push(spec.clone());
                added = true;
            }
        }
    }
    Ok(added)
}

fn merge_references(own: &mut Cow<'static, [BackReference]>, other: &[BackReference]) -> Result<(), ConfigError> {
    if own.is_empty() {
        *own = Cow::Owned(other.to_vec());
        return Ok(());
    }
    if std::ptr::eq(own.as_ptr(), other.as_ptr()) && own.len() == other.len() {
        return Ok(());
    }
    for reference in other.iter() {
        match own.iter().position(|r| r.gvk() == reference.gvk()) {
            Some(at) => {
                let mut referrers = own[at].referrers.clone();
                if merge(&mut referrers, &reference.referrers, "nameReference")? {
                    own.to_mut()[at].referrers = referrers;
                }
            }
            None => own.to_mut().push(reference.clone()),
        }
    }
    if let Cow::Owned(own) = own {
        own.sort_by_cached_key(|r| sort_key(r.gvk()));
    }
    Ok(())
}
