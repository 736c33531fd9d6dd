//! What a chart may ask about the cluster: the version of Kubernetes and the API versions that it serves.

/// The API versions that a released Helm v3.22.0 knows without a cluster.
const DEFAULT_API_VERSIONS: &[&str] = &[
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
    "apiextensions.k8s.io/v1beta1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1alpha1",
    "certificates.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "internal.apiserver.k8s.io/v1alpha1",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1alpha1",
    "rbac.authorization.k8s.io/v1beta1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1alpha3",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1beta2",
    "scheduling.k8s.io/v1",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storage.k8s.io/v1beta1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "v1",
];

/// The version that a released Helm v3.22.0 assumes without a cluster.
const DEFAULT_KUBE_VERSION: (&str, &str, &str) = ("v1.37.0", "1", "37");

/// A version of Kubernetes, as Helm reads one: numbers only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeVersion {
    /// `v1.37.0`
    pub version: String,
    /// `1`
    pub major: String,
    /// `37`
    pub minor: String,
}

/// The text is no version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid kube version '{0}': write it as v1.37.0")]
pub struct KubeVersionError(pub String);

impl KubeVersion {
    /// Reads `v1.29.4-eks-1` as `v1.29.4`: two or more numbers, and what follows them is dropped.
    ///
    /// # Errors
    /// When it does not begin with two numbers, or with a zero before the first.
    pub fn parse(text: &str) -> Result<KubeVersion, KubeVersionError> {
        let wrong = || KubeVersionError(text.to_owned());
        let rest = text.trim_start();
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let mut numbers: Vec<u64> = Vec::new();
        let mut rest = rest;
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                break;
            }
            if numbers.is_empty() && digits > 1 && rest.starts_with('0') {
                return Err(wrong());
            }
            numbers.push(rest[..digits].parse().map_err(|_| wrong())?);
            rest = &rest[digits..];
            match rest.strip_prefix('.') {
                Some(more) if more.starts_with(|c: char| c.is_ascii_digit()) => rest = more,
                _ => break,
            }
        }
        let [major, minor, ..] = numbers[..] else { return Err(wrong()) };
        let joined: Vec<String> = numbers.iter().map(u64::to_string).collect();
        Ok(KubeVersion { version: format!("v{}", joined.join(".")), major: major.to_string(), minor: minor.to_string() })
    }
}

impl Default for KubeVersion {
    fn default() -> KubeVersion {
        let (version, major, minor) = DEFAULT_KUBE_VERSION;
        KubeVersion { version: version.to_owned(), major: major.to_owned(), minor: minor.to_owned() }
    }
}

/// What `.Capabilities` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of Kubernetes.
    pub kube_version: KubeVersion,
    /// Group and version (`apps/v1`), or with a kind (`apps/v1/Deployment`).
    pub api_versions: Vec<String>,
}

impl Default for Capabilities {
    fn default() -> Capabilities {
        Capabilities { kube_version: KubeVersion::default(), api_versions: DEFAULT_API_VERSIONS.iter().map(|v| (*v).to_owned()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_dropped() {
        let read = |text: &str| KubeVersion::parse(text).map(|v| (v.version, v.minor)).ok();
        let some = |version: &str, minor: &str| Some((version.to_owned(), minor.to_owned()));
        assert_eq!(read("v1.29.4-eks-1"), some("v1.29.4", "29"));
        assert_eq!(read("1.27"), some("v1.27", "27"));
        assert_eq!(read(" 1.30+k3s2"), some("v1.30", "30"));
        assert_eq!(read("1"), None);
        assert_eq!(read("01.2"), None);
    }
}
