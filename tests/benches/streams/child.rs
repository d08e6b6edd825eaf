//! The second process: this program started again, with the consumers in it.
//!
//! The parent writes a line to ask for a sample, the child answers with a line. When the parent closes the pipe, or dies,
//! the child ends.

use std::{
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

use super::{
    case::{self, Case},
    sinks::{Here, Sample},
};
use crate::{
    common::{Fallible, repeat::Side},
    runtime,
};

/// The first argument of a child.
pub(crate) const WORD: &str = "--child";

/// A running child.
pub(crate) struct Child {
    process: std::process::Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Child {
    /// Starts the consumers of `case` in a process of their own.
    pub(crate) fn start(side: Side, case: Case, address: &str) -> Fallible<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([WORD, side.as_str(), &case.name(), address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ask = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("the child has no output")?);
        Ok(Self { process, ask, answers })
    }

    /// Asks what the consumers have seen. Blocks this thread for the fraction of a millisecond that it takes.
    pub(crate) fn sample(&mut self) -> Fallible<(Sample, Vec<u64>)> {
        self.ask.as_mut().ok_or("the child was closed")?.write_all(b"sample\n")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the child ended".into());
        }
        Ok(parse(&line).ok_or("the child's answer is malformed")?)
    }

    /// Ends it, and waits until it has.
    pub(crate) fn close(mut self) {
        self.ask = None;
        let mut rest = String::new();
        let _ = std::io::Read::read_to_string(&mut self.answers, &mut rest);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The life of the child: `arguments` are those after [`WORD`].
pub(crate) fn run(arguments: &[String]) -> Fallible {
    let [side, name, address] = arguments else { return Err("a child needs side, case and address".into()) };
    let side = Side::parse(side).ok_or("no such side")?;
    let case = case::all().into_iter().flatten().find(|case| case.name() == *name).ok_or("no such case")?;
    let runtime = runtime(case.place)?;
    let here = runtime.block_on(Here::open(side, case, address))?;
    for line in std::io::stdin().lock().lines() {
        line?;
        println!("{}", format(&here.sample_with_cpu()?));
    }
    runtime.block_on(here.close());
    Ok(())
}

fn format((sample, delays): &(Sample, Vec<u64>)) -> String {
    let mut line = format!("{} {} {}", sample.items, sample.faults, sample.cpu_seconds);
    for delay in delays {
        line.push(' ');
        line.push_str(&delay.to_string());
    }
    line
}

fn parse(line: &str) -> Option<(Sample, Vec<u64>)> {
    let mut words = line.split_whitespace();
    let items = words.next()?.parse().ok()?;
    let faults = words.next()?.parse().ok()?;
    let cpu_seconds = words.next()?.parse().ok()?;
    let delays: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
    Some((Sample { items, faults, cpu_seconds }, delays?))
}
