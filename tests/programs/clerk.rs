//! Enters one thing after the other into rolls that three clerks keep, and says of each whether it is in. Asked with a line on its
//! input, it says what the rolls hold.

use mosaik::{groups::CommandError, prelude::*};
use mosaik_tests::input;

/// What was entered, in order.
#[group(state_machine, "court.rolls", voters = 3, storage = durable)]
#[derive(Default)]
pub struct Rolls {
    entries: Vec<String>,
}

#[methods]
impl Rolls {
    /// Enters something; says at which place.
    pub fn enter(&mut self, entry: String) -> u64 {
        self.entries.push(entry);
        self.entries.len() as u64
    }

    /// Everything.
    pub fn entries(&self) -> Vec<String> {
        self.entries.clone()
    }
}

/// What the tests pass along.
#[derive(Args, Debug)]
pub struct Options {
    /// What this life calls its entries.
    #[arg(long)]
    life: String,
}

#[mosaik::node(network = "court")]
async fn clerk(rolls: Group<Rolls>, options: Args<Options>) -> mosaik::Result<()> {
    let mut questions = input::lines();
    rolls.when().online().await;
    println!("online");
    for number in 0_u64.. {
        if questions.try_recv().is_ok() {
            println!("rolls {}", rolls.entries().await?.join(" "));
        }
        let entry = format!("{}-{number}", options.life);
        match rolls.enter(entry.clone()).await {
            Ok(_) => println!("in {entry}"),
            Err(error @ CommandError::Rejected(_)) => println!("out {entry}: {error}"),
            Err(error) => println!("open {entry}: {error}"),
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

mosaik::main!(clerk);
