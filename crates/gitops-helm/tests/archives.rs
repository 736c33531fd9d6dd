//! Packaged charts that lie: names that leave their place, links, and more inside than they may unpack to.
#![expect(clippy::unwrap_used, reason = "tests")]

use gitops_helm::{Chart, Limits, RenderOptions, Values};
use gitops_tree::{MemoryTree, TreePath};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// One entry of a tar archive: a file, or a link (`kind` 2) to `link`.
fn entry(name: &str, kind: u8, link: &str, data: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = b'0' + kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend(data);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// Gzip whose blocks are not compressed.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = b"\x1F\x8B\x08\0\0\0\0\0\0\x03".to_vec();
    let mut blocks = data.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc(data).to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[entries.concat(), vec![0; 1024]].concat())
}

fn load(entries: &[Vec<u8>], limits: &Limits) -> Result<Chart, String> {
    Chart::from_archive(&archive(entries), limits).map_err(|e| e.to_string())
}

fn chart_yaml() -> Vec<u8> {
    entry("web/Chart.yaml", 0, "", CHART.as_bytes())
}

fn render(chart: &Chart) -> Result<String, String> {
    chart.render(&Values::default(), &RenderOptions::new("rel", "ns")).map(|r| r.to_text()).map_err(|e| e.to_string())
}

#[test]
fn an_honest_one_renders_alone_and_inside_another() {
    let web = [chart_yaml(), entry("web/templates/a.yaml", 0, "", b"kind: {{ .Chart.Name }}\n")];
    assert_eq!(render(&load(&web, &Limits::default()).unwrap()).unwrap(), "---\n# Source: web/templates/a.yaml\nkind: web\n");
    let tree = MemoryTree::new().with("Chart.yaml", CHART.replace("web", "shop")).with("charts/web-1.0.0.tgz", archive(&web));
    let shop = Chart::load(&tree, &TreePath::root(), &Limits::default()).unwrap();
    assert_eq!(render(&shop).unwrap(), "---\n# Source: shop/charts/web/templates/a.yaml\nkind: web\n");
}

#[test]
fn names_that_leave_their_place_are_refused() {
    for (name, want) in [
        ("web//etc/passwd", "absolute paths"),
        ("web/../../etc/passwd", "parent directory"),
        ("web/templates/../../../x", "parent directory"),
        ("web\\..\\..\\x", "parent directory"),
        ("web/c:/x", "illegally named"),
        ("README.md", "outside the base directory"),
    ] {
        let error = load(&[chart_yaml(), entry(name, 0, "", b"x")], &Limits::default()).expect_err(name);
        assert!(error.contains(want), "{name}: {error}");
    }
}

#[test]
fn links_are_empty_and_never_followed() {
    for (kind, target) in [(2, "/etc/passwd"), (2, "../../../etc/passwd"), (1, "/etc/passwd")] {
        let link = entry("web/files/x", kind, target, b"");
        let shows = entry("web/templates/a.yaml", 0, "", b"kind: A\nx: {{ .Files.Get \"files/x\" | quote }}\n");
        let text = render(&load(&[chart_yaml(), link, shows], &Limits::default()).unwrap()).unwrap();
        assert!(text.ends_with("x: \"\"\n"), "{kind} {target}: {text}");
    }
}

#[test]
fn more_inside_than_may_be_is_refused_before_it_is_unpacked() {
    let file = |n: usize, bytes: usize| entry(&format!("web/files/{n}"), 0, "", &vec![b'x'; bytes]);
    let limits = Limits { max_chart_bytes: 100_000, max_file_bytes: 40_000, max_files: 6, ..Limits::default() };
    let error = load(&[chart_yaml(), file(0, 50_000)], &limits).unwrap_err();
    assert!(error.contains("web/files/0") && error.contains("40000"), "{error}");
    let error = load(&[chart_yaml(), file(0, 39_000), file(1, 39_000), file(2, 39_000)], &limits).unwrap_err();
    assert!(error.contains("100000"), "{error}");
    let many: Vec<_> = std::iter::once(chart_yaml()).chain((0..6).map(|n| file(n, 1))).collect();
    let error = load(&many, &limits).unwrap_err();
    assert!(error.contains("more than 6 files"), "{error}");
    let error = load(&[chart_yaml(), file(0, 3 << 20)], &limits).unwrap_err();
    assert!(error.contains("larger than the maximum"), "stopped while it unpacks: {error}");
}

#[test]
fn archives_in_archives_share_one_limit() {
    let limits = Limits { max_chart_bytes: 100_000, ..Limits::default() };
    let inner = |name: &str, bytes: usize| {
        let chart = entry(&format!("{name}/Chart.yaml"), 0, "", CHART.replace("web", name).as_bytes());
        archive(&[chart, entry(&format!("{name}/x"), 0, "", &vec![b'x'; bytes])])
    };
    let outer = |bytes| {
        let parts = [("a", bytes), ("b", bytes)].map(|(n, b)| entry(&format!("web/charts/{n}-1.tgz"), 0, "", &inner(n, b)));
        load(&[vec![chart_yaml()], parts.to_vec()].concat(), &limits)
    };
    assert!(outer(20_000).is_ok());
    let error = outer(40_000).unwrap_err();
    assert!(error.starts_with("error unpacking subchart ") && error.contains("100000"), "{error}");
}

#[test]
fn one_that_is_cut_off_or_changed_is_damaged() {
    let whole = archive(&[chart_yaml()]);
    let error = Chart::from_archive(&whole[..whole.len() - 20], &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    let mut changed = whole;
    changed[600] ^= 1;
    let error = Chart::from_archive(&changed, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}
