//! A member of a group whose state is as large as it is told. It says whenever it sees another leader, how far its snapshot is, and how
//! long each small command took. A line `load N` on its input puts N pieces of 64 KiB into the state.

use mosaik::{
    groups::{Apply, Group, StateMachine, Voters},
    prelude::*,
};
use mosaik_tests::input;
use tokio::time::Instant;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;
/// Commands of each second.
const EVERY: Duration = Duration::from_millis(200);

/// What is in the hold, and how many small things were counted.
#[mosaik::data]
#[derive(Debug, Default)]
pub struct Hold {
    pieces: Vec<Vec<u8>>,
    counted: u64,
}

/// What is done to it.
#[mosaik::data]
#[derive(Debug)]
pub enum Order {
    /// One more small thing.
    Count,
    /// One more piece.
    Load(Vec<u8>),
}

impl StateMachine for Hold {
    type Command = Order;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn apply(&mut self, order: Order, _cx: &Apply) -> u64 {
        match order {
            Order::Count => self.counted += 1,
            Order::Load(piece) => self.pieces.push(piece),
        }
        self.counted
    }

    fn query(&self, (): ()) -> u64 {
        self.pieces.len() as u64
    }
}

#[mosaik::node(network = "hold")]
async fn keeper(network: Network) -> mosaik::Result<()> {
    let group = network.groups().machine(Hold::default()).named("hold").voters(Voters::Count(3));
    let group = group.keep_log(4).join().await?;
    group.when().online().await;
    println!("online");
    tokio::select! {
        biased;
        done = work(&group) => done,
        () = tell(&group) => Ok(()),
    }
}

/// Gives one small command after the other, and loads when it is told to.
async fn work(group: &Group<Hold>) -> mosaik::Result<()> {
    let mut orders = input::lines();
    loop {
        if let Ok(line) = orders.try_recv() {
            let pieces = line.trim_start_matches("load ").parse().unwrap_or(0);
            for piece in 0..pieces {
                group.execute(Order::Load(noise(piece))).await?;
            }
            println!("loaded {pieces}");
        }
        let begun = Instant::now();
        match group.execute(Order::Count).await {
            Ok(_) => println!("counted after {} ms", begun.elapsed().as_millis()),
            Err(error) => println!("open after {} ms: {error}", begun.elapsed().as_millis()),
        }
        sleep(EVERY).await;
    }
}

/// Says what changes.
async fn tell(group: &Group<Hold>) {
    let mut last = (0, None, false, None);
    loop {
        let status = group.status();
        let here = status.catch_up.as_ref().map(|catch_up| catch_up.here * 10 / catch_up.of.max(1));
        let now = (status.term, status.leader, status.is_leader, here);
        if now != last {
            println!("term {} leads {} snapshot {:?} applied {}", now.0, now.2, now.3, status.applied);
            last = now;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A piece that nothing makes smaller.
fn noise(piece: u64) -> Vec<u8> {
    let mut state = piece.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..PIECE).map(|_| next()).collect()
}

mosaik::main!(keeper);
