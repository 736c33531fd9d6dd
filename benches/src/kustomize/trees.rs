//! Trees to build: of any size, each with one thing that there is much of; and the corpus' largest.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What a size counts.
pub(crate) fn unit(part: &str, size: usize) -> String {
    match part {
        "crds" => format!("{} of CRDs", if size < 1000 { format!("{} kB", size) } else { format!("{} MB", size / 1000) }),
        _ => format!("{size} resources"),
    }
}

/// Writes a tree and says which folder to build.
pub(crate) fn make(part: &str, size: usize, root: &Path) -> anyhow::Result<PathBuf> {
    let base = root.join("base");
    let overlay = root.join("overlay");
    fs::create_dir_all(&base)?;
    fs::create_dir_all(&overlay)?;
    let mut file = String::new();
    let mut base_text = "resources: [all.yaml]\n".to_owned();
    let mut overlay_text = "resources: [../base]\n".to_owned();
    match part {
        "one" => {
            fs::write(root.join("cm.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n")?;
            fs::write(root.join("kustomization.yaml"), "resources: [cm.yaml]\n")?;
            return Ok(root.to_owned());
        }
        "overlays" => {
            (0..size).for_each(|at| file += &resource(at));
            overlay_text += "namespace: prod\nnamePrefix: p-\nlabels:\n- pairs: {team: a}\n  includeTemplates: true\nimages:\n- name: nginx\n  newTag: v2\n";
        }
        "patches" => {
            (0..size).for_each(|at| file += &deployment(at, ""));
            overlay_text += "patches:\n";
            for at in 0..size {
                let _ = write!(
                    overlay_text,
                    "- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {{name: d{at}}}\n    spec: {{replicas: {}, template: {{spec: {{containers: [{{name: main, env: [{{name: N, value: \"{at}\"}}]}}]}}}}}}\n",
                    at % 7
                );
            }
        }
        "references" => {
            for at in 0..size / 2 {
                let _ = write!(file, "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{at}}}\ndata: {{a: \"{at}\"}}\n---\n");
                file += &deployment(at, &format!("        envFrom: [{{configMapRef: {{name: c{at}}}}}]\n"));
            }
            overlay_text += "nameSuffix: -v1\n";
        }
        "generators" => {
            file += &deployment(0, "");
            base_text += "configMapGenerator:\n";
            for at in 0..size {
                let _ = write!(base_text, "- name: g{at}\n  literals: [a={at}, \"b=some text\"]\n");
            }
        }
        "crds" => {
            let mut at = 0;
            while file.len() < size * 1000 {
                file += &definition(at);
                at += 1;
            }
            overlay_text += "commonLabels: {team: a}\n";
        }
        other => bail!("no part {other}"),
    }
    fs::write(base.join("all.yaml"), file)?;
    fs::write(base.join("kustomization.yaml"), base_text)?;
    fs::write(overlay.join("kustomization.yaml"), overlay_text)?;
    Ok(overlay)
}

fn resource(at: usize) -> String {
    match at % 3 {
        0 => deployment(at, ""),
        1 => format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s{at}, labels: {{app: a{at}}}}}\nspec:\n  selector: {{app: a{at}}}\n  ports: [{{port: 80, targetPort: http}}]\n---\n"
        ),
        _ => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{at}}}\ndata:\n  key: value {at}\n  text: |\n    several\n    lines\n---\n"
        ),
    }
}

fn deployment(at: usize, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d{at}\n  labels: {{app: d{at}}}\nspec:\n  replicas: 2\n  selector:\n    matchLabels: {{app: d{at}}}\n  template:\n    metadata:\n      labels: {{app: d{at}}}\n    spec:\n      containers:\n      - name: main\n        image: nginx:1.25\n        ports: [{{containerPort: 8080}}]\n        env:\n        - name: A\n          value: \"1\"\n{more}---\n"
    )
}

fn definition(at: usize) -> String {
    let mut text = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things{at}.example.com\nspec:\n  group: example.com\n  names: {{kind: Thing{at}, plural: things{at}}}\n  scope: Namespaced\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n"
    );
    for field in 0..40 {
        let _ = write!(
            text,
            "          field{field}:\n            description: What field {field} is for, in so many words that the line is broken when it is\n              printed again, as descriptions are.\n            type: object\n            properties:\n"
        );
        for inner in 0..6 {
            let _ = write!(
                text,
                "              inner{inner}:\n                description: 'An inner field: number {inner}'\n                type: string\n                format: \"int32\"\n"
            );
        }
    }
    text.push_str("---\n");
    text
}

/// The five roots of the real repositories with the largest outputs.
pub(crate) fn largest_of_the_corpus() -> anyhow::Result<Vec<(String, PathBuf)>> {
    let data = std::env::var_os("GITOPS_CONFORMANCE").map_or("../shared/conformance".into(), PathBuf::from).join("kustomize-real");
    let table = fs::read_to_string(data.join("cases.tsv")).with_context(|| format!("{}: set GITOPS_CONFORMANCE", data.display()))?;
    let mut cases: Vec<(usize, String, PathBuf)> = Vec::new();
    for line in table.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        if let [_, repository, path, _, bytes, ..] = columns.as_slice()
            && let Ok(bytes) = bytes.parse()
        {
            let folder = repository.replace('/', "+");
            cases.push((bytes, format!("{repository} {path}"), data.join("repos").join(folder).join(path)));
        }
    }
    cases.sort_by_key(|(bytes, ..)| std::cmp::Reverse(*bytes));
    Ok(cases.into_iter().take(5).map(|(_, name, path)| (name, path)).collect())
}
