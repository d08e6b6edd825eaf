//! The files of the repository, without what builds leave behind.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a parent folder").to_owned()
}

/// The contents of a file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The paths of all files with one of these endings, from the root, in order.
pub(crate) fn paths(endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root(), "", endings, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, prefix: &str, endings: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            let built = fs::exists(entry.path().join("CACHEDIR.TAG")).unwrap_or(false);
            if !built && !["target", ".git"].contains(&name.as_str()) && path != "docs/book" {
                collect(&entry.path(), &format!("{path}/"), endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}
