{{/* vim: set filetype=mustache: */}}
{{- define "c.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "c.fullname" -}}
{{- printf "%s-%s" .Release.Name (include "c.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "c.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "c.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- if .Chart.AppVersion }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- if .Values.commonLabels}}
{{ toYaml .Values.commonLabels }}
{{- end }}
{{- end -}}
{{- define "c.params" -}}
- /nginx-ingress-controller
{{- if .Values.controller.publishService }}
- --publish-service=$(POD_NAMESPACE)/x
{{- end }}
- --election-id={{ include "c.fullname" . }}-leader
- --controller-class={{ .Values.controller.ingressClassResource.controllerValue }}
{{- if .Values.controller.ingressClassResource.name }}
- --ingress-class={{ .Values.controller.ingressClassResource.name }}
{{- end }}
- --configmap={{ default "$(POD_NAMESPACE)" .Values.controller.configMapNamespace }}/{{ include "c.fullname" . }}
{{- if .Values.tcp }}
- --tcp-services-configmap={{ default "$(POD_NAMESPACE)" .Values.controller.tcpNamespace }}/{{ include "c.fullname" . }}-tcp
{{- end }}
{{- range $key, $value := .Values.controller.extraArgs }}
{{- /* Accept keys without values or with false as value */}}
{{- if eq ($value | quote | len) 2 }}
- --{{ $key }}
{{- else }}
- --{{ $key }}={{ $value }}
{{- end }}
{{- end }}
{{- end -}}
{{- define "c.image" -}}
{{- $image := .image -}}
{{- with .image -}}{{- if .repository -}}{{ .repository }}{{ else }}{{ .registry }}/{{ .image }}{{- end -}}:{{ .tag }}{{- if (.digest) -}}@{{ .digest }}{{- end -}}{{- end -}}
{{- end -}}
