//! The command `mosaik`: keys, tickets and quotes, without a node.
//!
//! It runs nothing and talks to nobody: that is what programs with `mosaik::main!` do. What it makes, nodes take with `--ticket`,
//! `--secret-key-file` and the files that declared proofs name. Exit codes: 0 done, or the ticket is good; 1 it is not, or it could
//! not be done; 2 the command line is wrong.

mod files;
mod tdx;
mod ticket;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use mosaik_runtime::node::Result;

use crate::cli::keygen;

const AFTER: &str = "A desk gets a token, and a node proves with it:\n\n  \
mosaik keygen --secret-key-file desk.node\n  \
mosaik ticket key --key-file desk.key --keys-file desk.jwks\n  \
mosaik ticket issue --key desk.key --issuer desk --network dark --peer <peer id> --out desk.jwt\n  \
attested desk --secret-key-file desk.node --ticket DeskTicket=desk.jwt";

/// Keys, tickets and quotes for programs that are made with mosaik.
#[derive(Parser)]
#[command(name = "mosaik", version, disable_help_subcommand = true, after_help = AFTER)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a new network secret, or write a new secret or node key to a file
    Keygen(Keygen),
    /// Tokens: make the key, make them, look into them, check them
    #[command(subcommand)]
    Ticket(ticket::Ticket),
    /// Intel TDX: measure an image, make a quote, check one
    #[command(subcommand)]
    Tdx(tdx::Tdx),
}

#[derive(Args)]
struct Keygen {
    /// Write a new network secret to FILE instead of printing it
    #[arg(long, value_name = "FILE")]
    network_secret_file: Option<PathBuf>,
    /// Write a new node key to FILE and print its peer id
    #[arg(long, value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
}

/// What a command found out.
enum Answer {
    /// It is done, or the ticket is good.
    Good,
    /// The ticket is not.
    Bad,
}

/// The function `main` of the command.
pub fn run() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help and errors alike; a closed pipe is nobody's problem.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let answer = match line.command {
        Command::Keygen(Keygen { network_secret_file: secret_file, secret_key_file: key_file }) => {
            return keygen::run(&keygen::Keygen { secret_file, key_file });
        }
        Command::Ticket(command) => ticket::run(command),
        Command::Tdx(command) => tdx::run(command),
    };
    match answer {
        Ok(Answer::Good) => ExitCode::SUCCESS,
        Ok(Answer::Bad) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what was found out about each check, and the verdict.
fn tell(checks: Vec<(&'static str, std::result::Result<String, String>)>, verdict: Result<String>) -> Answer {
    let mut text = String::new();
    for (what, found) in checks {
        text.push_str(&match found {
            Ok(found) if found.is_empty() => format!("ok      {what}\n"),
            Ok(found) => format!("ok      {what}: {found}\n"),
            Err(why) => format!("FAILED  {what}: {why}\n"),
        });
    }
    let (last, answer) = match verdict {
        Ok(good) => (good, Answer::Good),
        Err(why) => (format!("a node would refuse it: {why}"), Answer::Bad),
    };
    crate::cli::print(&format!("{text}{last}\n"));
    answer
}
