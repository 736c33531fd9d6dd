//! Links the program to a fixed address on Linux with glibc.
//!
//! A position-independent program of this size begins with some 80,000 relocations: a millisecond and 1.5 MB of memory before
//! its first own instruction, which is most of what `gitops render` takes for a small directory. The code is Rust without
//! `unsafe` of ours; libraries, heap and stack stay at addresses chosen anew each time. The server, which runs long and
//! listens, is linked as usual. A build without the flag (another linker, another system) is the same program, started slower.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" && !target("FEATURE").split(',').any(|feature| feature == "crt-static") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
