//! Key and secret files, readable by their owner alone: a node's key is 64 hex digits.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{NetworkSecret, NodeRng, SecretKey, ids::hex, keys::SecretTooShort};

/// The largest file that is read as a key or secret, in bytes.
const MAX: u64 = 4096;

/// A key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be opened or read.
    #[error("cannot read {path}: {error}: check the path, and that the file belongs to you", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// It cannot be made.
    #[error("cannot write {path}: {error}: check that its directory is there and belongs to you", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// It is a directory or a device.
    #[error("{path} is not a file: name the file that holds the key or secret", path = path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// There is a file already.
    #[error("{path} is there already and is not written over: name another file, or remove it first", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("{path} can be read by others (mode {mode:03o}): run `chmod 600 {path}`", path = path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is larger than any key.
    #[error("{path} is over {MAX} bytes and is no key: check the path", path = path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It does not hold a key.
    #[error("{path} does not hold a key: a key is 64 hex digits; the command `keygen` writes one to a new file", path = path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The secret in it is too short.
    #[error("the secret in {path}: {error}", path = path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// How short.
        #[source]
        error: SecretTooShort,
    },
}

/// Reads a node's key.
pub fn read(path: &Path) -> Result<SecretKey, KeyFileError> {
    let contents = contents(path)?;
    let text = String::from_utf8_lossy(&contents);
    SecretKey::from_hex(&text).ok_or_else(|| KeyFileError::NotAKey { path: path.into() })
}

/// Reads a node's key; makes a new one where there is no file. The directory must be there: a mistyped path is an error, and
/// not a new identity.
pub fn read_or_make(path: &Path, rng: &mut NodeRng) -> Result<SecretKey, KeyFileError> {
    match make(path, rng) {
        Err(KeyFileError::Exists { .. }) => read(path),
        made => made,
    }
}

/// Writes a new key to a file that must not exist yet.
pub fn make(path: &Path, rng: &mut NodeRng) -> Result<SecretKey, KeyFileError> {
    let key = SecretKey::from_bytes(rng.bytes_32());
    write_new(path, &key.to_hex())?;
    Ok(key)
}

/// Writes a new network secret, 32 random bytes as hex, to a file that must not exist yet.
pub fn make_secret(path: &Path, rng: &mut NodeRng) -> Result<(), KeyFileError> {
    write_new(path, &hex(&rng.bytes_32()))
}

/// Reads a network secret: hex digits or raw bytes, at least 32 bytes of secret.
pub fn read_secret(path: &Path) -> Result<NetworkSecret, KeyFileError> {
    let contents = contents(path)?;
    NetworkSecret::from_file_contents(&contents)
        .map_err(|error| KeyFileError::Short { path: path.into(), error })
}

/// What is in a file that its owner alone may read, and that is no larger than a key or secret is.
pub fn contents(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable { path: path.into(), error };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: path.into() });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen { path: path.into(), mode });
    }
    let mut contents = Vec::new();
    file.take(MAX + 1).read_to_end(&mut contents).map_err(unreadable)?;
    if contents.len() as u64 > MAX {
        return Err(KeyFileError::TooLong { path: path.into() });
    }
    Ok(contents)
}

/// Writes a line to a new file that nobody but its owner may read.
pub fn write_new(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{text}")?;
        file.sync_all()
    })();
    written.map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.into() },
        _ => KeyFileError::Unwritable { path: path.into(), error },
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("mosaik-keyfile-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory can be made");
        directory
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let directory = scratch("made");
        let astray = read_or_make(&directory.join("mistyped/key"), &mut NodeRng::from_seed(1));
        assert!(matches!(astray, Err(KeyFileError::Unwritable { .. })));
        let path = directory.join("key");
        let made = read_or_make(&path, &mut NodeRng::from_seed(1)).expect("made");
        let read = read_or_make(&path, &mut NodeRng::from_seed(2)).expect("read");
        assert_eq!(made.peer_id(), read.peer_id());
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn open_files_nonsense_and_absence_are_told_apart() {
        let directory = scratch("bad");
        let path = directory.join("key");
        assert!(matches!(read(&path), Err(KeyFileError::Unreadable { .. })));
        assert!(matches!(read(&directory), Err(KeyFileError::NotAFile { .. })));
        write_new(&path, "not a key").expect("written");
        assert!(matches!(read(&path), Err(KeyFileError::NotAKey { .. })));
        assert!(matches!(read_secret(&path), Err(KeyFileError::Short { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        let long = directory.join("long");
        write_new(&long, &"a".repeat(5000)).expect("written");
        assert!(matches!(read_secret(&long), Err(KeyFileError::TooLong { .. })));
        let error = read(&path).expect_err("too open").to_string();
        assert!(error.contains("mode 644") && error.contains("chmod 600"), "{error}");
        fs::remove_dir_all(directory).expect("removed");
    }
}
