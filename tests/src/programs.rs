//! Starting programs, reading what they say, and ending them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, kill_process, prlimit, waitpid,
};
use tokio::time::Instant;

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {}", self.err);
        }
    }
}

/// A program that runs; killed when dropped.
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    said: String,
    complaints: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
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
    pub fn says(&mut self, words: &str, within: Duration) -> String {
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

    /// Waits until what it has said so far, all of it, is as it should be.
    #[track_caller]
    pub fn until(&mut self, within: Duration, is_so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + within;
        while !is_so(&self.said) {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.extend([line.as_str(), "\n"]),
                Err(error) => panic!("{error}; said:\n{}{}", self.said, self.complained()),
            }
        }
    }

    /// What it has said so far, as far as it was read.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Whether it has said these words so far. Does not wait.
    pub fn has_said(&mut self, words: &str) -> bool {
        self.hear();
        self.said.contains(words)
    }

    /// The last line with these words that it has said so far. Does not wait.
    pub fn last_said(&mut self, words: &str) -> Option<&str> {
        self.hear();
        self.said.lines().rfind(|line| line.contains(words))
    }

    fn hear(&mut self) {
        for line in self.lines.try_iter() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
    }

    /// What it has said on standard error so far.
    pub fn complained(&self) -> String {
        self.complaints.lock().expect("no reader panics").clone()
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the program reads");
    }

    /// Ends its input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the program runs");
    }

    /// Stops it, and waits until no thread of it runs any more.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let pid = Pid::from_child(&self.child);
        let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).expect("it is a child of this process");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "it has ended");
    }

    /// How many threads it has.
    #[cfg(target_os = "linux")]
    pub fn threads(&self) -> usize {
        let tasks = format!("/proc/{}/task", Pid::from_child(&self.child));
        std::fs::read_dir(tasks).expect("the program runs").count()
    }

    /// From now on it may have so many files open; those that are open stay so.
    pub fn limit_files(&self, most: u64) {
        let (pid, limits) = (Some(Pid::from_child(&self.child)), getrlimit(Resource::Nofile));
        let limits = Rlimit { current: Some(most), maximum: limits.maximum };
        prlimit(pid, Resource::Nofile, limits).expect("the program runs");
    }

    /// Kills it with a signal that nobody can catch.
    #[track_caller]
    pub fn killed(mut self, within: Duration) -> Ended {
        self.child.kill().expect("it can be killed");
        self.ended(within)
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(mut self, within: Duration) -> Ended {
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
