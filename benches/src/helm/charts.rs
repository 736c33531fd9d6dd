//! Charts to render: many templates, many sub-charts.

use std::fs;
use std::path::Path;

use anyhow::bail;

/// Helper templates as charts have them.
const NAMES: &str = r#"{{- define "CHART.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "CHART.fullname" -}}
{{- if contains (include "CHART.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "CHART.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- define "CHART.labels" -}}
app.kubernetes.io/name: {{ include "CHART.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
"#;

const DEPLOYMENT: &str = r#"{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "CHART.fullname" . }}-NUMBER
  labels:
    {{- include "CHART.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas | default 1 }}
  selector:
    matchLabels: {app: {{ include "CHART.name" . }}-NUMBER}
  template:
    metadata:
      labels: {app: {{ include "CHART.name" . }}-NUMBER}
      annotations:
        checksum: {{ .Values.settings | toYaml | sha256sum }}
    spec:
      containers:
        - name: main
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          {{- with .Values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          env:
            {{- range $name, $value := .Values.settings }}
            - name: {{ $name | upper | quote }}
              value: {{ $value | toString | quote }}
            {{- end }}
{{- end }}
"#;

const SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: {{ include "CHART.fullname" . }}-NUMBER
  labels:
    {{- include "CHART.labels" . | nindent 4 }}
spec:
  selector: {app: {{ include "CHART.name" . }}-NUMBER}
  ports:
    {{- range $i, $port := .Values.ports }}
    - {name: {{ printf "p%d" $i }}, port: {{ $port }}}
    {{- end }}
"#;

const VALUES: &str = "enabled: true\nreplicas: 2\nnameOverride: \"\"\nimage: {repository: registry.example.com/web, tag: \"\"}\n\
    labels: {team: shop, tier: web}\nports: [80, 443, 9090]\nresources: {limits: {memory: 256Mi}, requests: {cpu: 100m, memory: 128Mi}}\n\
    settings: {level: info, seconds: 60, retries: 3, address: \"https://example.com/a?b=c\", feature: true}\n";

/// Writes a chart of this size.
pub(crate) fn make(part: &str, size: usize, root: &Path) -> anyhow::Result<()> {
    match part {
        "templates" | "large" => chart(root, "web", size, ""),
        "median" => {
            chart(root, "web", size, "dependencies:\n- {name: store, version: 1.x.x}\n- {name: kit, version: 1.x.x}\n")?;
            let store = root.join("charts/store");
            chart(&store, "store", size / 2, "dependencies:\n- {name: kit, version: 1.x.x}\n")?;
            library(&root.join("charts/kit"))?;
            library(&store.join("charts/kit"))
        }
        "library" => {
            let mut dependencies = String::from("dependencies:\n");
            for at in 0..size {
                let name = format!("part{at}");
                dependencies += &format!("- {{name: {name}, version: 1.x.x}}\n");
                let part = root.join("charts").join(&name);
                chart(&part, &name, 2, "dependencies:\n- {name: kit, version: 1.x.x}\n")?;
                library(&part.join("charts/kit"))?;
            }
            chart(root, "web", 2, &dependencies)
        }
        "subcharts" => {
            let mut dependencies = String::from("dependencies:\n");
            for at in 0..size {
                let name = format!("part{at}");
                dependencies += &format!("- {{name: {name}, version: 1.x.x, condition: {name}.enabled}}\n");
                chart(&root.join("charts").join(&name), &name, 2, "")?;
            }
            chart(root, "web", 2, &dependencies)
        }
        _ => bail!("there is no chart `{part}`"),
    }
}

/// A library chart: 60 helpers in six files, as those that everybody's charts bring along.
fn library(root: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(root.join("templates"))?;
    fs::write(root.join("Chart.yaml"), "apiVersion: v2\nname: kit\nversion: 1.2.3\ntype: library\n")?;
    for file in 0..6 {
        let helpers: String = (0..10).map(|at| NAMES.replace("CHART", &format!("kit.{file}.{at}"))).collect();
        fs::write(root.join(format!("templates/_part{file}.tpl")), helpers)?;
    }
    Ok(())
}

fn chart(root: &Path, name: &str, templates: usize, more: &str) -> anyhow::Result<()> {
    fs::create_dir_all(root.join("templates"))?;
    let head = format!("apiVersion: v2\nname: {name}\nversion: 1.2.3\nappVersion: \"4.5\"\n{more}");
    fs::write(root.join("Chart.yaml"), head)?;
    fs::write(root.join("values.yaml"), VALUES)?;
    fs::write(root.join("templates/_names.tpl"), NAMES.replace("CHART", name))?;
    for at in 0..templates {
        let (kind, text) = if at % 2 == 0 { ("deployment", DEPLOYMENT) } else { ("service", SERVICE) };
        let text = text.replace("CHART", name).replace("NUMBER", &at.to_string());
        fs::write(root.join(format!("templates/{kind}-{at}.yaml")), text)?;
    }
    Ok(())
}
