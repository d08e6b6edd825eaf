//! The kernel's interface for quotes: reports in configfs (Linux 6.7 and later, in a trust domain).
//!
//! A report is a directory. The guest writes 64 bytes to `inblob` and reads the quote from `outblob`; `generation` counts the
//! writes, so that a quote of somebody else's bytes is noticed. The files come in as [`Files`], so that all of this is tested
//! without hardware.

use std::{
    fs, io,
    io::{Read, Write},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{ProveError, Quoter, ReportData};

/// Where the kernel keeps reports.
const REPORTS: &str = "/sys/kernel/config/tsm/report";
/// The provider of TDX.
const PROVIDER: &str = "tdx_guest";
/// How often a quote is asked for again that somebody interfered with.
const TRIES: usize = 3;
/// How many names of reports are tried.
const NAMES: usize = 256;
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The files of the interface. Paths are relative to where reports are kept.
pub trait Files: Send + Sync {
    /// Makes a directory.
    fn make(&self, directory: &str) -> io::Result<()>;
    /// Removes it.
    fn remove(&self, directory: &str) -> io::Result<()>;
    /// Writes a file in one call.
    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()>;
    /// Reads a file.
    fn read(&self, file: &str) -> io::Result<Vec<u8>>;
}

/// The files of this machine.
#[derive(Debug, Clone)]
pub struct SystemFiles(PathBuf);

impl Default for SystemFiles {
    fn default() -> Self {
        Self(REPORTS.into())
    }
}

impl Files for SystemFiles {
    fn make(&self, directory: &str) -> io::Result<()> {
        fs::create_dir(self.0.join(directory))
    }

    fn remove(&self, directory: &str) -> io::Result<()> {
        fs::remove_dir(self.0.join(directory))
    }

    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.0.join(file))?.write_all(bytes)
    }

    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.0.join(file))?.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The kernel gives no quote.
#[derive(Debug, thiserror::Error)]
pub enum TsmError {
    /// There is no such interface.
    #[error(
        "this machine cannot make TDX quotes: {REPORTS} is not there. It takes a TDX guest with Linux 6.7 or later, `CONFIG_TSM_REPORTS`, and configfs mounted; for development use the simulated platform"
    )]
    NotThere,
    /// Not allowed.
    #[error(
        "this process may not make TDX quotes: {REPORTS} belongs to root; run as root, or change its owner"
    )]
    NotAllowed,
    /// Another technology.
    #[error("this machine's reports come from `{0}` and not from `{PROVIDER}`: it is not a TDX guest")]
    OtherProvider(String),
    /// Somebody wrote to the same report.
    #[error("somebody else uses the same report, {TRIES} times in a row: start the node again")]
    Interfered,
    /// All names are taken.
    #[error(
        "{NAMES} reports of processes like this one are there already: remove what is left over in {REPORTS} (`rmdir`)"
    )]
    NoName,
    /// The host answers with nothing.
    #[error("the host gave an empty quote: check that its quote generation service runs")]
    Empty,
    /// A file cannot be read or written.
    #[error("cannot use `{file}` of the report: {error}: check the host's quote generation service")]
    File {
        /// The file.
        file: &'static str,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

/// Makes quotes through the kernel. It waits for the host, so call it where waiting is allowed.
#[derive(Debug)]
pub struct Tsm<F = SystemFiles> {
    files: F,
    made: AtomicU64,
}

impl Default for Tsm {
    fn default() -> Self {
        Self::new(SystemFiles::default())
    }
}

impl<F: Files> Tsm<F> {
    /// Makes quotes through these files.
    pub const fn new(files: F) -> Self {
        Self { files, made: AtomicU64::new(0) }
    }

    /// A quote over these bytes.
    pub fn quote_over(&self, data: &ReportData) -> Result<Vec<u8>, TsmError> {
        let directory = self.make()?;
        let quote = (0..TRIES).find_map(|_| self.try_quote(&directory, data).transpose());
        // What stays behind is an empty directory of the kernel's, gone when it restarts.
        let _ = self.files.remove(&directory);
        quote.unwrap_or(Err(TsmError::Interfered))
    }

    /// A report of our own. A name that is taken is somebody else's (in another container, processes have the same numbers), or
    /// was left behind: another one is tried.
    fn make(&self) -> Result<String, TsmError> {
        for _ in 0..NAMES {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let directory = format!("mosaik-{}-{number}", std::process::id());
            match self.files.make(&directory) {
                Ok(()) => return Ok(directory),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(TsmError::NotAllowed);
                }
                Err(_) => return Err(TsmError::NotThere),
            }
        }
        Err(TsmError::NoName)
    }

    /// One try; `None` when somebody interfered.
    fn try_quote(&self, directory: &str, data: &ReportData) -> Result<Option<Vec<u8>>, TsmError> {
        let read = |file: &'static str| {
            self.files.read(&format!("{directory}/{file}")).map_err(|error| TsmError::File { file, error })
        };
        let provider = String::from_utf8_lossy(&read("provider")?).trim().to_owned();
        if provider != PROVIDER {
            return Err(TsmError::OtherProvider(provider));
        }
        let before = generation(&read("generation")?);
        let written = self.files.write(&format!("{directory}/inblob"), data);
        written.map_err(|error| TsmError::File { file: "inblob", error })?;
        let quote = match self.files.read(&format!("{directory}/outblob")) {
            // The kernel's word for "the input changed meanwhile".
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            read => read.map_err(|error| TsmError::File { file: "outblob", error })?,
        };
        let after = generation(&read("generation")?);
        if before.is_none() || after != before.and_then(|before| before.checked_add(1)) {
            return Ok(None);
        }
        if quote.is_empty() { Err(TsmError::Empty) } else { Ok(Some(quote)) }
    }
}

fn generation(bytes: &[u8]) -> Option<u64> {
    String::from_utf8_lossy(bytes).trim().parse().ok()
}

impl<F: Files> Quoter for Tsm<F> {
    fn quote(&self, data: &ReportData) -> Result<Vec<u8>, ProveError> {
        Ok(self.quote_over(data)?)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Mutex, MutexGuard, PoisonError},
    };

    use super::*;

    /// The kernel, as far as its files go.
    #[derive(Default)]
    struct Fake(Mutex<State>);

    #[derive(Default)]
    struct State {
        reports: BTreeMap<String, (u64, Vec<u8>)>,
        /// How many more times somebody else writes between our write and our read.
        interfere: usize,
        provider: &'static str,
        fails: Option<(&'static str, io::ErrorKind)>,
        log: Vec<String>,
    }

    impl Fake {
        fn new(provider: &'static str) -> Self {
            Self(Mutex::new(State { provider, ..State::default() }))
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Files for &Fake {
        fn make(&self, directory: &str) -> io::Result<()> {
            let mut state = self.state();
            if let Some(("make", kind)) = state.fails {
                return Err(kind.into());
            }
            if state.reports.contains_key(directory) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.log.push(format!("make {directory}"));
            state.reports.insert(directory.to_owned(), (0, Vec::new()));
            Ok(())
        }

        fn remove(&self, directory: &str) -> io::Result<()> {
            self.state().reports.remove(directory);
            Ok(())
        }

        fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
            let (directory, _) = file.split_once('/').expect("a file of a report");
            let mut state = self.state();
            let report = state.reports.get_mut(directory).expect("made before");
            *report = (report.0 + 1, bytes.to_vec());
            Ok(())
        }

        fn read(&self, file: &str) -> io::Result<Vec<u8>> {
            let (directory, file) = file.split_once('/').expect("a file of a report");
            let mut state = self.state();
            if let Some((at, kind)) = state.fails
                && at == file
            {
                return Err(kind.into());
            }
            let provider = state.provider;
            let interfered = file == "outblob" && state.interfere > 0;
            state.interfere -= usize::from(interfered);
            let (generation, input) = state.reports.get_mut(directory).expect("made before");
            *generation += u64::from(interfered);
            Ok(match file {
                "provider" => format!("{provider}\n").into_bytes(),
                "generation" => format!("{generation}\n").into_bytes(),
                _ => [b"quote over ", &input[..]].concat(),
            })
        }
    }

    const DATA: ReportData = [7; 64];

    #[test]
    fn a_quote_is_made_and_nothing_stays_behind() {
        let fake = Fake::new("tdx_guest");
        let tsm = Tsm::new(&fake);
        let quote = tsm.quote_over(&DATA).expect("made");
        assert_eq!(quote, [b"quote over ", &DATA[..]].concat());
        tsm.quote_over(&DATA).expect("made");
        assert!(fake.state().reports.is_empty());
        let log = fake.state().log.clone();
        assert!(log.len() == 2 && log[0] != log[1], "each has a directory of its own: {log:?}");
    }

    #[test]
    fn interference_is_noticed_and_tried_again() {
        let fake = Fake::new("tdx_guest");
        fake.state().interfere = 2;
        assert!(Tsm::new(&fake).quote_over(&DATA).is_ok());
        fake.state().interfere = 3;
        assert!(matches!(Tsm::new(&fake).quote_over(&DATA), Err(TsmError::Interfered)));
        assert!(fake.state().reports.is_empty());
    }

    #[test]
    fn the_report_of_somebody_else_is_left_alone() {
        let fake = Fake::new("tdx_guest");
        let theirs = format!("mosaik-{}-0", std::process::id());
        fake.state().reports.insert(theirs.clone(), (7, b"theirs".to_vec()));
        Tsm::new(&fake).quote_over(&DATA).expect("made under another name");
        let left: Vec<_> = fake.state().reports.clone().into_iter().collect();
        assert_eq!(left, [(theirs, (7, b"theirs".to_vec()))]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |provider, fails: Option<(&'static str, io::ErrorKind)>| {
            let fake = Fake::new(provider);
            fake.state().fails = fails;
            let error = Tsm::new(&fake).quote_over(&DATA).expect_err("refused").to_string();
            assert!(fake.state().reports.is_empty(), "{error}");
            error
        };
        assert!(told("sev_guest", None).contains("`sev_guest`"));
        let at = |file, kind| told("tdx_guest", Some((file, kind)));
        assert!(at("make", io::ErrorKind::NotFound).contains("simulated platform"));
        assert!(at("make", io::ErrorKind::PermissionDenied).contains("root"));
        assert!(at("outblob", io::ErrorKind::TimedOut).contains("`outblob`"));
        assert!(at("outblob", io::ErrorKind::WouldBlock).contains("in a row"));
        let nowhere = Tsm::new(SystemFiles("/nonexistent".into()));
        assert!(matches!(nowhere.quote_over(&DATA), Err(TsmError::NotThere)));
    }
}
