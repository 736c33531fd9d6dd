// Command dump prints the OpenAPI document that this version of kustomize carries, and the scope it knows of each kind.
// `cargo xtask openapi` runs it; it is no part of the product.
package main

import (
	"encoding/json"
	"os"

	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

type scope struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced"`
}

// later are groups, versions and kinds that Kubernetes got after the document was made: some have a scope all the same.
var later = []yaml.TypeMeta{
	{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingAdmissionPolicy"},
	{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingAdmissionPolicyBinding"},
	{APIVersion: "admissionregistration.k8s.io/v1alpha1", Kind: "MutatingAdmissionPolicy"},
	{APIVersion: "admissionregistration.k8s.io/v1beta1", Kind: "MutatingAdmissionPolicyBinding"},
	{APIVersion: "apps/v1beta1", Kind: "Deployment"},
	{APIVersion: "apps/v1beta2", Kind: "Deployment"},
	{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
	{APIVersion: "certificates.k8s.io/v1alpha1", Kind: "ClusterTrustBundle"},
	{APIVersion: "events.k8s.io/v1", Kind: "Event"},
	{APIVersion: "flowcontrol.apiserver.k8s.io/v1", Kind: "FlowSchema"},
	{APIVersion: "flowcontrol.apiserver.k8s.io/v1beta2", Kind: "FlowSchema"},
	{APIVersion: "flowcontrol.apiserver.k8s.io/v1beta3", Kind: "FlowSchema"},
	{APIVersion: "internal.apiserver.k8s.io/v1alpha1", Kind: "StorageVersion"},
	{APIVersion: "networking.k8s.io/v1", Kind: "IPAddress"},
	{APIVersion: "networking.k8s.io/v1", Kind: "ServiceCIDR"},
	{APIVersion: "resource.k8s.io/v1", Kind: "DeviceClass"},
	{APIVersion: "resource.k8s.io/v1", Kind: "ResourceSlice"},
	{APIVersion: "resource.k8s.io/v1", Kind: "ResourceClaim"},
	{APIVersion: "storage.k8s.io/v1", Kind: "CSIStorageCapacity"},
	{APIVersion: "storage.k8s.io/v1", Kind: "VolumeAttributesClass"},
}

func main() {
	versions, kinds := map[string]bool{}, map[string]bool{}
	for _, t := range later {
		versions[t.APIVersion], kinds[t.Kind] = true, true
	}
	for _, definition := range openapi.Schema().Definitions {
		list, _ := definition.Extensions["x-kubernetes-group-version-kind"].([]interface{})
		for _, item := range list {
			gvk := item.(map[string]interface{})
			version, _ := gvk["version"].(string)
			if group, _ := gvk["group"].(string); group != "" {
				version = group + "/" + version
			}
			versions[version], kinds[gvk["kind"].(string)] = true, true
		}
	}
	scopes := []scope{}
	for version := range versions {
		for kind := range kinds {
			if namespaced, known := openapi.IsNamespaceScoped(yaml.TypeMeta{APIVersion: version, Kind: kind}); known {
				scopes = append(scopes, scope{version, kind, namespaced})
			}
		}
	}
	document := map[string]interface{}{"version": openapi.GetSchemaVersion(), "definitions": openapi.Schema().Definitions, "scopes": scopes}
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		panic(err)
	}
}
