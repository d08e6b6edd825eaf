//! Starting programs, reading what they say, and ending them.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rustix::process::Signal;

pub(crate) use mosaik_tests::programs::{Ended, Running};

pub(crate) const ATTESTED: &str = env!("CARGO_BIN_EXE_attested");
pub(crate) const MOSAIK: &str = env!("CARGO_BIN_EXE_mosaik-command");
pub(crate) const SENSORS: &str = env!("CARGO_BIN_EXE_sensors");
pub(crate) const CHAT: &str = env!("CARGO_BIN_EXE_chat");
pub(crate) const LEDGER: &str = env!("CARGO_BIN_EXE_ledger");
pub(crate) const ORDERBOOK: &str = env!("CARGO_BIN_EXE_orderbook");
pub(crate) const PRICES: &str = env!("CARGO_BIN_EXE_prices");
pub(crate) const RATE_LIMITER: &str = env!("CARGO_BIN_EXE_rate_limiter");
pub(crate) const CLERK: &str = env!("CARGO_BIN_EXE_clerk");
pub(crate) const OLDER: &str = env!("CARGO_BIN_EXE_older");
pub(crate) const NEWER: &str = env!("CARGO_BIN_EXE_newer");
pub(crate) const TROUBLE: &str = env!("CARGO_BIN_EXE_trouble");
pub(crate) const UNSOUND: &str = env!("CARGO_BIN_EXE_unsound");

/// What a bound of two seconds may take in a test: a test machine is busy.
pub(crate) const SOON: Duration = Duration::from_secs(6);
/// For what has no bound of its own but must not hang.
pub(crate) const LATE: Duration = Duration::from_secs(30);

/// A scratch directory, with a rendezvous directory in it; removed at the end.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("p{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("a scratch directory");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A program that meets others of this place. Nothing of the tester's environment reaches it.
    pub(crate) fn command(&self, program: &str, arguments: &str) -> Command {
        let mut command = Command::new(program);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("MOSAIK_") {
                command.env_remove(variable);
            }
        }
        command
            .env("MOSAIK_RUNTIME_DIR", self.path("meet"))
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "0")
            .current_dir(&self.0);
        command.args(arguments.split_whitespace());
        command
    }

    pub(crate) fn start(&self, program: &str, arguments: &str) -> Running {
        Running::start(self.command(program, arguments))
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &str, arguments: &str) -> Ended {
        self.start(program, arguments).ended(LATE)
    }

    /// Runs a program until it has said all of these words, and stops it then: it ends in order, and nothing of it panicked.
    pub(crate) fn shows(&self, program: &str, arguments: &str, words: &[&str]) -> Ended {
        let mut running = self.start(program, arguments);
        running.until(LATE, |said| words.iter().all(|word| said.contains(word)));
        running.signal(Signal::TERM);
        let ended = running.ended(LATE);
        assert!(ended.code == Some(0) && !ended.err.contains("panicked"), "{ended:?}");
        ended
    }

    /// A new network secret in a file.
    pub(crate) fn secret(&self, name: &str) -> String {
        let ended = self.run(SENSORS, &format!("keygen --network-secret-file {name}"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        name.to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The whole of a file.
pub(crate) fn contents(path: &Path) -> String {
    let mut text = String::new();
    let mut file = fs::File::open(path).expect("the file is there");
    file.read_to_string(&mut text).expect("it is text");
    text
}
