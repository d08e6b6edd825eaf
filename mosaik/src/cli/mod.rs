//! The command line of a program that is made of nodes: what `mosaik::main!` runs.
//!
//! [`command`] says what can be written, [`plan`] turns it into what to do without touching the machine, and the rest does it.
//! Exit codes: 0 done or stopped, 1 a node's function failed, 2 the command line is wrong, 3 a node cannot start.

mod command;
pub(crate) mod duration;
mod error;
pub(crate) mod keygen;
mod log;
mod plan;
mod run;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, io::Write, process::ExitCode};

use mosaik_runtime::{
    node::{NodeEntry, TicketSources},
    topology::{Format, Graph, NodeDescriptor, check},
};

use crate::args::Hook;
use error::UsageError;
use plan::Action;

/// The function failed.
const FAILED: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// A node cannot start.
const NOT_STARTED: u8 = 3;

/// What a command line speaks about: the program's name and its nodes.
struct Program<'a> {
    name: String,
    nodes: Vec<Listed>,
    entries: &'a [NodeEntry],
    /// What makes tickets where nobody names a file.
    tickets: TicketSources,
}

/// A node of the program and how many of it run when none is named.
#[derive(Clone, Copy)]
struct Listed {
    descriptor: &'static NodeDescriptor,
    count: usize,
}

impl Program<'_> {
    /// What the nodes' `Args<T>` add to the command line, each type once.
    fn hooks(&self) -> Vec<&'static Hook> {
        let mut hooks: Vec<&'static Hook> = Vec::new();
        for node in &self.nodes {
            for hook in Hook::of(node.descriptor) {
                if !hooks.iter().any(|known| known.is_for_the_type_of(hook)) {
                    hooks.push(hook);
                }
            }
        }
        hooks
    }

    fn descriptors(&self) -> Vec<&'static NodeDescriptor> {
        self.nodes.iter().map(|node| node.descriptor).collect()
    }
}

/// The function `main` of a program with these nodes.
pub fn run_main(entries: &[NodeEntry]) -> ExitCode {
    run_main_with(entries, TicketSources::default())
}

/// The same, with what makes the tickets of these nodes where nobody names a file.
pub fn run_main_with(entries: &[NodeEntry], tickets: TicketSources) -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    let name = std::path::Path::new(&called).file_stem().unwrap_or(&called).to_string_lossy().into_owned();
    let nodes =
        entries.iter().map(|entry| Listed { descriptor: entry.descriptor, count: entry.count }).collect();
    let program = Program { name, nodes, entries, tickets };
    let environment = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty());
    match plan::read(&program, arguments.collect(), &environment) {
        Ok(action) => act(&program, action),
        Err(error) => refuse(&error),
    }
}

fn act(program: &Program<'_>, action: Action) -> ExitCode {
    match action {
        Action::Topology(format) => topology(program, format),
        Action::Keygen(request) => keygen::run(&request),
        Action::Run(plan) => {
            if let Err(problems) = check(&program.descriptors()) {
                eprintln!("{problems}");
                return ExitCode::from(NOT_STARTED);
            }
            run::run(program, *plan)
        }
    }
}

/// Prints the graph, and beside it what would keep the program from starting.
fn topology(program: &Program<'_>, format: Format) -> ExitCode {
    let nodes = program.descriptors();
    print(&Graph::of(&nodes).render(format));
    match check(&nodes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn refuse(error: &UsageError) -> ExitCode {
    if let UsageError::Clap(error) = error {
        // Help and errors alike; help goes to standard output. A closed pipe is nobody's problem.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
    }
    eprintln!("error: {error}\n\nFor what can be written here, try `--help`.");
    ExitCode::from(USAGE)
}

/// Prints to standard output; a reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Where settings come from when the command line does not say: `MOSAIK_*`.
type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;
