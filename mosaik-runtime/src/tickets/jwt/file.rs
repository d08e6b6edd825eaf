//! A file of keys that is read again when it changes.

use std::{
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{KeyError, KeySet};

/// The largest file of keys, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// A file of keys: a set of JWK, one JWK, or public keys in PEM.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    seen: Option<Stamp>,
}

/// What tells a change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl KeyFile {
    /// A file that was not read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), seen: None }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file if it is new or changed since the last call; `None` when it is as it was. Nobody but the owner may write
    /// it, and nobody but the owner may read it if there is a secret in it.
    pub fn read(&mut self) -> Result<Option<KeySet>, KeyError> {
        let error = |why: String| KeyError::File { path: self.path.clone(), why };
        let file = File::open(&self.path).map_err(|why| error(why.to_string()))?;
        let metadata = file.metadata().map_err(|why| error(why.to_string()))?;
        if !metadata.is_file() {
            return Err(error("it is not a file".to_owned()));
        }
        let stamp = Stamp::of(&metadata);
        if self.seen == Some(stamp) {
            return Ok(None);
        }
        let mode = metadata.mode() & 0o777;
        let too_open = |what, fix| KeyError::TooOpen { path: self.path.clone(), what, mode, fix };
        if mode & 0o022 != 0 {
            return Err(too_open("can be changed by others, who could add a key of theirs", "go-w"));
        }
        let mut text = String::new();
        let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
        read.map_err(|why| error(why.to_string()))?;
        if text.len() as u64 > MAX_FILE {
            return Err(error(format!("it is over {MAX_FILE} bytes")));
        }
        let keys = KeySet::parse(&text)?;
        if keys.has_secrets() && mode & 0o077 != 0 {
            return Err(too_open("holds a secret and can be read by others", "600"));
        }
        self.seen = Some(stamp);
        Ok(Some(keys))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    const ONE: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const SECRET: &str = r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;

    fn scratch(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("mosaik-jwks-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory can be made");
        directory
    }

    fn write(path: &Path, text: &str, mode: u32) {
        let fresh = path.with_extension("new");
        fs::write(&fresh, text).expect("written");
        fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).expect("changed");
        fs::rename(fresh, path).expect("renamed");
    }

    #[test]
    fn a_file_is_read_once_and_again_when_it_changed() {
        let directory = scratch("changed");
        let path = directory.join("keys.jwks");
        let mut file = KeyFile::new(&path);
        assert!(matches!(file.read(), Err(KeyError::File { .. })));
        write(&path, ONE, 0o644);
        assert_eq!(file.read().expect("read").map(|keys| keys.len()), Some(1));
        assert!(file.read().expect("read").is_none(), "it is as it was");
        let two = format!(r#"{{"keys":[{ONE},{}]}}"#, ONE.replace(r#""1""#, r#""2""#));
        write(&path, &two, 0o644);
        assert_eq!(file.read().expect("read").map(|keys| keys.len()), Some(2));
        write(&path, "nonsense", 0o644);
        assert!(matches!(file.read(), Err(KeyError::Unreadable(_))));
        assert!(file.read().is_err(), "and still");
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn wrong_permissions_are_refused_with_the_fix() {
        let directory = scratch("permissions");
        let path = directory.join("keys.jwks");
        for (text, mode, fix) in
            [(ONE, 0o664, "chmod go-w"), (ONE, 0o646, "chmod go-w"), (SECRET, 0o640, "chmod 600")]
        {
            write(&path, text, mode);
            let error = KeyFile::new(&path).read().expect_err("too open").to_string();
            assert!(error.contains(fix) && error.contains(&format!("{mode:03o}")), "{error}");
        }
        write(&path, SECRET, 0o600);
        assert!(KeyFile::new(&path).read().is_ok());
        fs::remove_dir_all(directory).expect("removed");
    }
}
