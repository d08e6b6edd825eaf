//! `keygen`: new secrets and keys.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use mosaik_runtime::primitives::{
    NodeRng,
    ids::hex,
    keyfile::{self, KeyFileError},
};

use super::{NOT_STARTED, print};

/// What to make; nothing named means: print a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Keygen {
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
}

pub(crate) fn run(request: &Keygen) -> ExitCode {
    match make(request, &mut NodeRng::from_system()) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn make(request: &Keygen, rng: &mut NodeRng) -> Result<String, KeyFileError> {
    let mut text = String::new();
    if let Some(path) = &request.secret_file {
        keyfile::make_secret(path, rng)?;
        text.push_str(&written("network secret", path));
    }
    if let Some(path) = &request.key_file {
        let key = keyfile::make(path, rng)?;
        text.push_str(&written("key", path));
        text.push_str(&format!("peer id {}\n", key.peer_id()));
    }
    if text.is_empty() {
        text = format!("{}\n", hex(&rng.bytes_32()));
    }
    Ok(text)
}

fn written(what: &str, path: &Path) -> String {
    format!("wrote a new {what} to {}\n", path.display())
}
