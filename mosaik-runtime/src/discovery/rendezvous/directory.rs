//! Finding or making the directory, and refusing one that others could touch.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::RendezvousError;

/// The user's rendezvous directory: `$MOSAIK_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/mosaik`, else `$TMPDIR/mosaik-<uid>`.
/// It is made with mode 0700 if it does not exist.
///
/// # Errors
///
/// When it belongs to somebody else, others may enter it, it is a link, or it cannot be made.
pub fn directory() -> Result<PathBuf, RendezvousError> {
    let path = choose(|name| std::env::var_os(name), uid());
    prepare(&path)?;
    Ok(path)
}

pub(crate) fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The directory that the environment says.
fn choose(variable: impl Fn(&str) -> Option<OsString>, uid: u32) -> PathBuf {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("MOSAIK_RUNTIME_DIR") {
        return path;
    }
    if let Some(path) = set("XDG_RUNTIME_DIR") {
        return path.join("mosaik");
    }
    set("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp")).join(format!("mosaik-{uid}"))
}

/// Makes the directory if need be, and checks that it is the user's alone.
pub(crate) fn prepare(path: &Path) -> Result<(), RendezvousError> {
    let io = |source| RendezvousError::Io { path: path.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    let found = fs::symlink_metadata(path).map_err(io)?;
    if !found.is_dir() {
        return Err(RendezvousError::NotADirectory { path: path.to_owned() });
    }
    if found.uid() != uid() {
        return Err(RendezvousError::NotYours { path: path.to_owned(), owner: found.uid() });
    }
    match found.mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(RendezvousError::Open { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_asked_in_order() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<_> =
                set.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect();
            choose(|name| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()), 7)
        };
        let all = [("MOSAIK_RUNTIME_DIR", "/a"), ("XDG_RUNTIME_DIR", "/b"), ("TMPDIR", "/c")];
        assert_eq!(of(&all), Path::new("/a"));
        assert_eq!(of(&all[1..]), Path::new("/b/mosaik"));
        assert_eq!(of(&all[2..]), Path::new("/c/mosaik-7"));
        assert_eq!(of(&[("XDG_RUNTIME_DIR", "")]), Path::new("/tmp/mosaik-7"));
    }
}
