//! A chart-like set of 20 templates: parsing it, and executing it with new values.

use criterion::{Criterion, criterion_group, criterion_main};
use gitops_manifest::json;
use gitops_template::{
    Execution, FuncError, Function, Functions, Map, MissingKey, Options, Render, Scope, Str, Target, TemplateSet, Ty, Value,
};

const HELPERS: &str = r#"
{{- define "app.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 -}}
{{- end }}
{{- define "app.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if eq $name .Release.Name -}}{{- .Release.Name | trunc 63 -}}{{- else -}}{{- printf "%s-%s" .Release.Name $name | trunc 63 -}}{{- end -}}
{{- end -}}
{{- end }}
{{- define "app.labels" -}}
app.kubernetes.io/name: {{ include "app.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- if .Chart.AppVersion }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- end }}
"#;

const TEMPLATE: &str = r#"{{- if .Values.enabled -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "app.fullname" . }}
  labels:
    {{- include "app.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  template:
    metadata:
      {{- with .Values.podAnnotations }}
      annotations:
        {{- range $key, $value := . }}
        {{ $key }}: {{ $value | quote }}
        {{- end }}
      {{- end }}
      labels:
        {{- include "app.labels" . | nindent 8 }}
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          {{- if .Values.env }}
          env:
          {{- range .Values.env }}
            - name: {{ .name }}
              value: {{ .value | quote }}
          {{- end }}
          {{- end }}
          ports:
            - name: http
              containerPort: {{ .Values.service.port }}
{{- end }}
"#;

const VALUES: &str = r#"{"enabled": true, "replicaCount": 2, "nameOverride": "", "fullnameOverride": "",
 "image": {"repository": "registry.example/app", "tag": ""}, "autoscaling": {"enabled": false}, "service": {"port": 8080},
 "podAnnotations": {"checksum/config": "0123456789abcdef0123456789abcdef", "prometheus.io/scrape": "true", "team": "web"},
 "env": [{"name": "A", "value": "1"}, {"name": "LOG_LEVEL", "value": "info"}, {"name": "URL", "value": "https://example.org/a"}]}"#;

fn text(value: &Value) -> &Str {
    value.as_str().unwrap_or(const { &Str::EMPTY })
}

fn include(_: &mut Scope<'_>, args: &mut [Value]) -> Result<Render, FuncError> {
    let finish = |_: &mut Scope<'_>, _, outcome: Result<Str, _>| Ok(Value::Str(outcome?));
    Ok(Render { target: Target::Named(text(&args[0]).clone()), dot: args[1].take(), tag: Value::Nil, finish })
}

const FUNCTIONS: &[Function] = &[
    Function::render("include", &[Ty::Str, Ty::Any], include),
    Function::variadic("default", &[Ty::Any], Ty::Any, |_, args| {
        let given = args.get(1).filter(|value| value.truth()).is_some();
        Ok(args[usize::from(given)].take())
    }),
    Function::new("trunc", &[Ty::Int, Ty::Str], |_, args| Ok(args[1].take())),
    Function::variadic("quote", &[], Ty::Any, |_, args| Ok(Value::from(gitops_template::fmt::quote(text(&args[0]))))),
    Function::new("nindent", &[Ty::Int, Ty::Str], |_, args| {
        let Value::Int(n) = args[0] else { return Ok(Value::Nil) };
        let pad = format!("\n{}", " ".repeat(usize::try_from(n).unwrap_or(0)));
        Ok(Value::from(format!("{pad}{}", text(&args[1]).text().replace('\n', &pad))))
    }),
];

fn chart() -> TemplateSet {
    let options = Options { missing_key: MissingKey::Zero, ..Options::default() };
    let mut set = TemplateSet::new(Functions::builtin().with(FUNCTIONS), options);
    set.parse("app/templates/_helpers.tpl", HELPERS).expect("the helpers parse");
    for n in 0..20 {
        set.parse(&format!("app/templates/{n}.yaml"), TEMPLATE).expect("the template parses");
    }
    set
}

fn dot() -> Value {
    let values = json::parse(VALUES.as_bytes(), "values.json").expect("the values parse");
    let chart = Map::from_iter([("Name", "app"), ("AppVersion", "1.2.3")]);
    let release = Map::from_iter([("Name", "web"), ("Namespace", "default")]);
    Value::Map(Map::from_iter([("Values", Value::from(&values)), ("Chart", Value::Map(chart)), ("Release", Value::Map(release))]))
}

fn render(set: &TemplateSet) -> usize {
    let dot = dot();
    let mut execution = Execution::default();
    (0..20).map(|n| set.execute(&format!("app/templates/{n}.yaml"), dot.clone(), &mut execution).expect("it renders").len()).sum()
}

fn benches(criterion: &mut Criterion) {
    let set = chart();
    assert!(render(&set) > 10_000);
    criterion.bench_function("parse 21 templates", |b| b.iter(chart));
    criterion.bench_function("render 20 templates", |b| b.iter(|| render(&set)));
    let mut arithmetic = TemplateSet::new(Functions::builtin(), Options::default());
    let text = "{{range $i := 1000}}{{if and (gt $i 10) (ne $i 500)}}{{$i}},{{end}}{{end}}";
    arithmetic.parse("loop", text).expect("the loop parses");
    criterion.bench_function("1,000 rounds", |b| {
        b.iter(|| arithmetic.execute("loop", Value::Nil, &mut Execution::default()).map(|out| out.len()));
    });
}

criterion_group!(all, benches);
criterion_main!(all);
