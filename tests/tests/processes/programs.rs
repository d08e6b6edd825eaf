//! Starting programs, reading what they say, and ending them.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

pub(crate) const SENSORS: &str = env!("CARGO_BIN_EXE_sensors");
pub(crate) const CHAT: &str = env!("CARGO_BIN_EXE_chat");
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

/// How a program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {}", self.err);
        }
    }
}

/// A program that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    said: String,
    complaints: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let complaints = Arc::new(Mutex::new(String::new()));
        let reader = thread::spawn({
            let complaints = complaints.clone();
            move || {
                for line in BufReader::new(err).lines().map_while(Result::ok) {
                    let mut all = complaints.lock().expect("no reader panics");
                    all.push_str(&line);
                    all.push('\n');
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, lines, said: String::new(), complaints, reader: Some(reader) }
    }

    /// Waits for a line of output that contains `words`.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(error) => {
                    panic!("{error} while waiting for `{words}`; said:\n{}{}", self.said, self.complained())
                }
            }
        }
    }

    /// What it has said on standard error so far.
    pub(crate) fn complained(&self) -> String {
        self.complaints.lock().expect("no reader panics").clone()
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the program reads");
    }

    /// Ends its input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the program runs");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(mut self, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.extend([line.as_str(), "\n"]),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it did not end within {within:?}; said:\n{}{}", self.said, self.complained())
                }
            }
        }
        let code = self.child.wait().expect("it can be waited for").code();
        self.reader.take().map(thread::JoinHandle::join);
        Ended { code, out: std::mem::take(&mut self.said), err: self.complained() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole of a file.
pub(crate) fn contents(path: &Path) -> String {
    let mut text = String::new();
    let mut file = fs::File::open(path).expect("the file is there");
    file.read_to_string(&mut text).expect("it is text");
    text
}
