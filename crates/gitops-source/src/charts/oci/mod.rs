//! Charts in OCI registries: the tag or range that was asked for, its manifest, the layer with the chart.
//!
//! The routes of the distribution API that this needs are three GETs (`tags/list`, `manifests`, `blobs`) and the token
//! request. They are spoken here over `ureq`, which the tree has anyway and which carries the crate's rules about
//! redirects, credentials, private authorities and time-outs; `oci-client` would bring `reqwest`, an async runtime and a
//! second set of TLS settings for them.
//!
//! Rules of choice (Helm's): what reads as a version (`1.2.3`, `1.2`) is the tag itself; anything else is a range over the
//! tags that are strict versions, highest first. A `+` in a version is a `_` in a tag.

mod challenge;
mod reference;
mod registry;

use gitops_manifest::{Value, json};
use gitops_tree::Revision;
use semver::Version;

use super::{ChartArchive, ChartError, Charts, Keyring, cache, provenance};
use crate::constraint::{Constraint, parse_version};
use reference::Reference;
use registry::{Content, Registry};

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
const OLD_CHART: &str = "application/tar+gzip";
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json, */*";

pub(crate) fn fetch(
    charts: &Charts,
    text: &str,
    chart: &str,
    version: &str,
    keyring: Option<&Keyring>,
) -> Result<ChartArchive, ChartError> {
    let mut reference = Reference::parse(text).map_err(|reason| ChartError::Address { chart: chart.to_owned(), reason })?;
    let url = format!("oci://{}/{}", reference.host, reference.repository);
    let mut registry = Registry::new(charts, &reference)?;
    if let (Some(tag), false) = (&reference.tag, version.is_empty())
        && *tag != version.replace('+', "_")
    {
        let reason = format!("its tag `{tag}` is not the version `{version}` that is asked for: write one of them");
        return Err(ChartError::Registry { url, reason });
    }
    let tag = match reference.tag.take().or_else(|| tag_of(version)) {
        None if reference.digest.is_none() => Some(choose(registry.tags()?, &url, chart, version)?),
        known => known,
    };
    let of = reference.digest.clone().map_or_else(|| tag.clone().unwrap_or_default(), |digest| digest.to_string());
    let manifest = registry.manifest(&of, MANIFESTS)?;
    if let Some(digest) = &reference.digest {
        check(&manifest.url, digest, &manifest.body)?;
    }
    let (layer, proof) = chart_layers(&manifest)?;
    let bytes = match charts.cache.get(&layer.digest) {
        Some(bytes) => bytes,
        None => {
            if layer.size > charts.config.archive_limit {
                let limit = charts.config.archive_limit;
                return Err(crate::WebError::from(crate::FetchError::TooLarge { url, limit }).into());
            }
            let blob = registry.blob(&layer.digest)?;
            check(&blob.url, &layer.digest, &blob.body)?;
            charts.cache.put(&layer.digest, &blob.body)?;
            blob.body.into()
        }
    };
    let version = tag.map(|tag| tag.replace('_', "+")).unwrap_or_default();
    let name = if chart.is_empty() { reference.repository.rsplit('/').next().unwrap_or_default() } else { chart };
    let archive = ChartArchive { name: name.to_owned(), version, url, revision: layer.digest, bytes };
    if let Some(keyring) = keyring {
        charts.verify(keyring, &archive, None, || proof.map(|layer| read_proof(&mut registry, &layer)).transpose())?;
    }
    Ok(archive)
}

/// What a provenance layer holds.
fn read_proof(registry: &mut Registry<'_>, layer: &Layer) -> Result<Vec<u8>, ChartError> {
    let limit = provenance::LARGEST;
    if layer.size > limit {
        return Err(crate::WebError::from(crate::FetchError::TooLarge { url: layer.digest.to_string(), limit }).into());
    }
    let blob = registry.blob(&layer.digest)?;
    check(&blob.url, &layer.digest, &blob.body)?;
    Ok(blob.body)
}

/// The tag that a version is, unless it is a range.
fn tag_of(version: &str) -> Option<String> {
    parse_version(version).map(|_| version.replace('+', "_"))
}

/// The tag of the highest version that fits.
fn choose(tags: Vec<String>, url: &str, chart: &str, wanted: &str) -> Result<String, ChartError> {
    let constraint = Constraint::parse(if wanted.is_empty() { "*" } else { wanted });
    let constraint = constraint.ok_or_else(|| ChartError::Version { chart: chart.to_owned(), version: wanted.to_owned() })?;
    let versions = tags.into_iter().filter_map(|tag| Some((Version::parse(&tag.replace('_', "+")).ok()?, tag)));
    let mut versions: Vec<(Version, String)> = versions.collect();
    versions.sort_by(|(a, _), (b, _)| b.cmp_precedence(a));
    let found = versions.iter().find(|(version, _)| constraint.holds(version)).map(|(_, tag)| tag.clone());
    found.ok_or_else(|| ChartError::NoVersion {
        url: url.to_owned(),
        chart: chart.to_owned(),
        version: wanted.to_owned(),
        newest: versions.first().map(|(version, _)| version.to_string()),
    })
}

fn check(url: &str, expected: &Revision, bytes: &[u8]) -> Result<(), ChartError> {
    let found = cache::digest(bytes);
    if found == *expected {
        return Ok(());
    }
    Err(ChartError::Digest { url: url.to_owned(), expected: expected.to_string(), found: found.to_string() })
}

#[derive(Debug)]
struct Layer {
    digest: Revision,
    size: u64,
}

/// The layer of a manifest that holds the chart, and the one with its provenance file.
fn chart_layers(manifest: &Content) -> Result<(Layer, Option<Layer>), ChartError> {
    let wrong = |reason: String| ChartError::Registry { url: manifest.url.clone(), reason };
    let value = json::parse(&manifest.body, "manifest").map_err(|e| wrong(format!("the manifest is no JSON: {e}")))?;
    let media_type = |value: &Value| value.str_at(&["mediaType"]).unwrap_or_default().to_owned();
    if value.get("manifests").is_some() {
        return Err(wrong("it is an image index: name the chart's own tag or digest".to_owned()));
    }
    let config = value.get("config").map(media_type).unwrap_or_default();
    if config != CONFIG {
        let shown: String = config.chars().filter(|c| !c.is_control()).take(80).collect();
        return Err(wrong(format!("it is no Helm chart: its configuration is of type `{shown}`, not {CONFIG}")));
    }
    let layers = value.get("layers").and_then(Value::as_list).unwrap_or_default();
    // As for Helm, the last one counts.
    let of_type = |types: &[&str]| layers.iter().rev().find(|layer| types.contains(&media_type(layer).as_str()));
    let chart = of_type(&[CHART, OLD_CHART]);
    let chart = chart.ok_or_else(|| wrong(format!("it has no layer of type {CHART}: push it with `helm push`")))?;
    let chart = layer(chart).map_err(|what| wrong(format!("the chart's layer has {what}")))?;
    // One that cannot be asked for is as good as none, and nobody may want it.
    Ok((chart, of_type(&[PROVENANCE]).and_then(|proof| layer(proof).ok())))
}

fn layer(value: &Value) -> Result<Layer, &'static str> {
    let digest = value.str_at(&["digest"]).filter(|d| d.starts_with("sha256:")).and_then(|d| Revision::parse(d).ok());
    let size = value.get("size").and_then(Value::as_i64).and_then(|size| u64::try_from(size).ok());
    Ok(Layer { digest: digest.ok_or("no sha256 digest")?, size: size.ok_or("no size")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str) -> Result<String, ChartError> {
        let tags = ["latest", "1.2.0", "1.10.0_b1", "v3.0.0", "2.0.0-rc.1", "1.3"].map(str::to_owned);
        choose(tags.to_vec(), "oci://h/web", "web", wanted)
    }

    #[test]
    fn only_strict_versions_take_part_in_ranges() {
        assert_eq!(chosen("").unwrap(), "1.10.0_b1");
        assert_eq!(chosen("~1.2").unwrap(), "1.2.0");
        assert_eq!(chosen(">=1-0").unwrap(), "2.0.0-rc.1");
        assert!(matches!(chosen("^3"), Err(ChartError::NoVersion { newest: Some(n), .. }) if n == "2.0.0-rc.1"));
        assert!(matches!(chosen("latest"), Err(ChartError::Version { .. })));
        assert_eq!(tag_of("1.2.3+b").as_deref(), Some("1.2.3_b"));
        assert_eq!((tag_of("1.2").as_deref(), tag_of("^1")), (Some("1.2"), None));
    }

    #[test]
    fn what_is_no_chart_is_told_from_one() {
        let layer = |body: &str| chart_layers(&Content { url: "u".into(), body: body.as_bytes().to_vec() }).map(|(chart, _)| chart);
        let text = |body: &str| layer(body).unwrap_err().to_string();
        assert!(text("<html>").contains("no JSON"));
        assert!(text(r#"{"manifests": []}"#).contains("image index"));
        assert!(text(r#"{"config": {"mediaType": "x/y"}}"#).contains("`x/y`"));
        let with = |digest: &str| {
            format!(
                r#"{{"config": {{"mediaType": "{CONFIG}"}}, "layers": [{{"mediaType": "{OLD_CHART}", "size": 3, "digest": "{digest}"}}]}}"#
            )
        };
        assert!(text(&with("sha512:ab")).contains("no sha256 digest"));
        assert!(text(&with(&"a".repeat(40))).contains("no sha256 digest"));
        assert_eq!(layer(&with(&format!("sha256:{}", "a".repeat(64)))).unwrap().size, 3);
    }
}
