//! Compiles every file of `fail/`, and compares what the compiler says with the file beside it.
//!
//! Texts of rustc itself move between releases: these are of the one that `Cargo.toml` names. Another one may word an error otherwise. `TRYBUILD=overwrite` writes
//! the expected texts again; what changed is for review.

use std::{fs, path::Path};

#[test]
fn one_mistake_is_one_clear_error() {
    trybuild::TestCases::new().compile_fail("fail/*/*.rs");
}

#[test]
fn every_file_of_pass_is_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    for folder in fs::read_dir(root.join("pass")).expect("a folder") {
        for file in fs::read_dir(folder.expect("a folder").path()).expect("files") {
            let path = file.expect("a file").path();
            let path = path.strip_prefix(root).expect("below the package").display().to_string();
            assert!(manifest.contains(&format!("path = {path:?}")), "{path} is not in Cargo.toml");
        }
    }
}
