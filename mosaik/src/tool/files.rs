//! Files that are read and written: never larger than they can be, never readable by others where they are secret.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use mosaik_runtime::{
    node::{Error, Result},
    tickets::MAX_TICKET,
};

/// Reads a file, or what comes in where the name is `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = 4 * MAX_TICKET as u64;
    let read = match path.to_str() {
        Some("-") => std::io::stdin().lock().take(most).read_to_end(&mut bytes),
        _ => fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::msg(format!("cannot read {}: {error}: check the path", path.display()))),
    }
}

/// Writes a file in one step, readable by its owner alone: who reads it meanwhile sees the old one or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".new-{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|error: std::io::Error| {
        let _ = fs::remove_file(&beside);
        Error::msg(format!("cannot write {}: {error}: check that its directory is there", path.display()))
    })
}
