//! A file of keys that is read again when it changes.

use std::path::{Path, PathBuf};

use super::{KeyError, KeySet, Signer};
use crate::tickets::watched::{Content, Unusable, WatchedFile};

/// The largest file of keys, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// A file of keys: a set of JWK, one JWK, or public keys in PEM.
#[derive(Debug)]
pub struct KeyFile(WatchedFile);

impl KeyFile {
    /// A file that was not read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(WatchedFile::new(path))
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Reads the file if it is new or changed since the last call; `None` when it is as it was. It must belong to the user of this
    /// process or to root, nobody but the owner may write it, and nobody but the owner may read it if there is a secret in it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or others may do what they must not.
    pub fn read(&mut self) -> Result<Option<KeySet>, KeyError> {
        let Some(content) = content(&self.0)? else { return Ok(None) };
        let keys = KeySet::parse(&content.text)?;
        if keys.has_secrets() {
            private(self.path(), &content, "holds a secret and can be read by others")?;
        }
        self.0.keep(&content);
        Ok(Some(keys))
    }
}

impl Signer {
    /// Reads a private key or a secret from a file: PEM or JWK. The file must belong to the user of this process or to root, and nobody
    /// but its owner may read it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or others may do what they must not.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let file = WatchedFile::new(path);
        // A file that was not read before is never as it was.
        let content = content(&file)?.ok_or_else(|| KeyError::NoKey("the file is empty".to_owned()))?;
        private(file.path(), &content, "holds a private key and can be read by others")?;
        let text = content.text.trim();
        if text.starts_with("-----BEGIN") { Self::from_pem(text) } else { Self::from_jwk(text) }
    }
}

/// What is in a file that nobody but its owner may change; `None` when it is as it was.
fn content(file: &WatchedFile) -> Result<Option<Content>, KeyError> {
    let path = || file.path().to_owned();
    file.read(MAX_FILE).map_err(|unusable| match unusable {
        Unusable::Unreadable(why) => KeyError::File { path: path(), why },
        Unusable::TooOpen(mode) => {
            let what = "can be changed by others, who could add a key of theirs";
            KeyError::TooOpen { path: path(), what, mode, fix: "go-w" }
        }
        Unusable::OfAnother { owner, us } => KeyError::OfAnother { path: path(), owner, us },
    })
}

/// That nobody but its owner may read a file.
fn private(path: &Path, content: &Content, what: &'static str) -> Result<(), KeyError> {
    match content.mode {
        mode if mode & 0o077 != 0 => Err(KeyError::TooOpen { path: path.into(), what, mode, fix: "600" }),
        _ => Ok(()),
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
        assert!(KeyFile::new(&path).read().is_ok() && Signer::read(&path).is_ok());
        write(&path, SECRET, 0o640);
        let error = Signer::read(&path).expect_err("too open").to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::remove_dir_all(directory).expect("removed");
    }
}
