//! `--kill-leader`: the exchange as four processes, of which the leading engine is killed.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
};

use crate::{engine::LEADS, ticker::FILL};

const SWITCH: &str = "--kill-leader";
/// After how many fills the leader is killed, and how many have to follow.
const FILLS: u32 = 8;

/// The arguments beside the switch, if it is there.
pub fn asked() -> Option<Vec<String>> {
    let (switch, rest): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|argument| argument == SWITCH);
    (!switch.is_empty()).then_some(rest)
}

/// Starts three engines and everybody else, kills the engine that leads, and says what happened then.
pub fn run(arguments: &[String]) -> ExitCode {
    let folder = env::temp_dir().join(format!("mosaik-orderbook-{}", std::process::id()));
    let (says, said) = mpsc::channel();
    let data = |k: usize| folder.join(k.to_string());
    let processes: [(&[&str], PathBuf); 4] = [
        (&["engine"], data(0)),
        (&["engine"], data(1)),
        (&["engine"], data(2)),
        (&["trader=2", "ticker", "board"], data(3)),
    ];
    let started: io::Result<Vec<Child>> = processes
        .into_iter()
        .enumerate()
        .map(|(k, (nodes, data))| start(k, nodes, data, arguments, says.clone()))
        .collect();
    drop(says);
    let mut processes = match started {
        Ok(processes) => processes,
        Err(error) => {
            eprintln!("the exchange could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut leader, mut killed, mut before, mut after) = (None, None, 0, 0);
    for (k, line) in said {
        println!("{line}");
        if line.ends_with(LEADS) {
            leader = Some(k);
        }
        if line.contains(FILL) {
            *(if killed.is_some() { &mut after } else { &mut before }) += 1;
        }
        if let (Some(k), None, true) = (leader, killed, before >= FILLS) {
            killed = Some(k);
            let _ = processes[k].kill();
            println!("the leading engine was killed");
        }
    }
    processes.iter_mut().for_each(|process| drop(process.wait()));
    let _ = std::fs::remove_dir_all(&folder);
    println!("{before} fills before the leading engine was killed, {after} after it");
    if after >= FILLS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts a process with these nodes, and hears what it says.
fn start(
    k: usize,
    nodes: &[&str],
    data: PathBuf,
    arguments: &[String],
    says: mpsc::Sender<(usize, String)>,
) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.args(nodes).args([OsStr::new("--data-dir"), data.as_os_str()]).args(arguments);
    let mut process = command.stdout(Stdio::piped()).spawn()?;
    let output = process.stdout.take();
    thread::spawn(move || {
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
        lines.map_while(Result::ok).for_each(|line| drop(says.send((k, line))));
    });
    Ok(process)
}
