//! A bank of tellers that keep one ledger together, and go on when any one of them is lost.
//!
//! `cargo run --example ledger` runs three tellers in one process. In three terminals, `-- teller --data-dir a` (and `b`,
//! `c`) runs one each: end any of them in any way, and start it again on its directory. `-- --kill-leader` starts three such
//! processes and kills the one that leads.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
};

use mosaik::{groups::CommandError, prelude::*};

/// What is missing for a transfer.
#[mosaik::data]
#[derive(Debug)]
pub struct Insufficient {
    pub missing: u64,
}

impl std::error::Error for Insufficient {}

impl std::fmt::Display for Insufficient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} are missing", self.missing)
    }
}

/// Who has how much. The group is born when three voters have met.
#[group(state_machine, "bank.ledger", voters = 3, storage = durable)]
#[derive(Default)]
pub struct Ledger {
    balances: BTreeMap<String, u64>,
}

/// `&mut self` methods are commands: replicated, applied once, in the same order, on every member.
/// `&self` methods are queries: linearizable, and with `.weak()` answered from the local copy.
#[methods]
impl Ledger {
    /// Pays in, and returns the new balance.
    pub fn deposit(&mut self, account: String, amount: u64) -> u64 {
        let balance = self.balances.entry(account).or_default();
        *balance = balance.saturating_add(amount);
        *balance
    }

    /// Moves money from one account to another, or none.
    pub fn transfer(&mut self, from: String, to: String, amount: u64) -> Result<(), Insufficient> {
        let has = self.balance(&from);
        let rest = has.checked_sub(amount).ok_or(Insufficient { missing: amount.saturating_sub(has) })?;
        self.balances.insert(from, rest);
        self.deposit(to, amount);
        Ok(())
    }

    /// What an account has.
    pub fn balance(&self, account: &str) -> u64 {
        self.balances.get(account).copied().unwrap_or_default()
    }
}

/// Pays in for Alice, four times a second, and looks after each time whether it is there.
#[mosaik::node(network = "bank", tags = ["teller"])]
async fn teller(ledger: Group<Ledger>, network: Network, shutdown: Shutdown) -> mosaik::Result<()> {
    let me = network.local().id().short();
    ledger.when().online().await;
    let (mut committed, mut leads) = (0_u64, false);
    while !shutdown.is_requested() {
        if leads != ledger.when().is_leader().holds() {
            leads = !leads;
            println!("{me} {}", if leads { LEADS } else { "leads no more" });
        }
        match serve(&ledger).await {
            Ok(balance) => {
                committed += 1;
                if committed % 4 == 1 {
                    let copy = ledger.weak().balance("alice").await?;
                    println!(
                        "{me} {COMMITTED} {committed}: alice has {balance}, and {copy} in the copy here"
                    );
                }
            }
            Err(error) if error.is_stopped() => return Err(error),
            // A command says what became of it: not applied, or nobody can say. Nothing is lost in silence.
            Err(error) => println!("{me} {error}"),
        }
        sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

async fn serve(ledger: &Group<Ledger>) -> mosaik::Result<u64> {
    let balance = ledger.deposit("alice".into(), 5).await?;
    match ledger.transfer("bob".into(), "alice".into(), 1).await {
        // Bob has nothing, and the ledger says so in the method's own words.
        Ok(()) | Err(CommandError::Failed(Insufficient { .. })) => {}
        Err(error) => return Err(error.into()),
    }
    // Linearizable: at least what was acknowledged, whoever leads by now.
    assert!(ledger.balance("alice").await? >= balance);
    Ok(balance)
}

const LEADS: &str = "leads";
const COMMITTED: &str = "committed";

fn main() -> ExitCode {
    if let Some(arguments) = without("--kill-leader") {
        return kill_leader(&arguments);
    }
    mosaik::main!([teller; 3]);
    main()
}

/// The arguments without this one, if it is there.
fn without(word: &str) -> Option<Vec<String>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    arguments
        .iter()
        .any(|argument| argument == word)
        .then(|| arguments.into_iter().filter(|argument| argument != word).collect())
}

/// A line that one of the processes said.
type Said = (usize, String);

/// Starts three processes and kills the one that leads, once it has committed something.
fn kill_leader(arguments: &[String]) -> ExitCode {
    let folder = env::temp_dir().join(format!("mosaik-ledger-{}", std::process::id()));
    let (says, said) = mpsc::channel();
    let started: Result<Vec<_>, _> = (0..3).map(|k| start(k, &folder, arguments, says.clone())).collect();
    let mut tellers = match started {
        Ok(tellers) => tellers,
        Err(error) => {
            eprintln!("the tellers could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    drop(says);
    let (mut leader, mut killed, mut after) = (None, None, 0);
    for (k, line) in said {
        println!("{line}");
        if line.ends_with(LEADS) {
            leader = Some(k);
        }
        if line.contains(COMMITTED) {
            after += u32::from(killed.is_some() && killed != Some(k));
            // The second such line of the leader: the group is well under way.
            if killed.is_none() && leader == Some(k) && line.contains(&format!("{COMMITTED} 5:")) {
                killed = leader;
                let _ = tellers[k].kill();
                println!("the leader was killed");
            }
        }
    }
    tellers.iter_mut().for_each(|teller| drop(teller.wait()));
    let _ = std::fs::remove_dir_all(&folder);
    println!("after the leader was killed the others committed {} times and more", 4 * after);
    if killed.is_some() && after > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts one teller in a process of its own, and hears what it says.
fn start(
    k: usize,
    folder: &std::path::Path,
    arguments: &[String],
    says: mpsc::Sender<Said>,
) -> std::io::Result<Child> {
    let data: PathBuf = folder.join(k.to_string());
    let mut command = Command::new(env::current_exe()?);
    command.arg("teller").arg("--data-dir").arg(data).args(arguments).stdout(Stdio::piped());
    let mut teller = command.spawn()?;
    let output = teller.stdout.take();
    thread::spawn(move || {
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
        lines.map_while(Result::ok).for_each(|line| drop(says.send((k, line))));
    });
    Ok(teller)
}
