//! The simulator as users write it: declared nodes, unchanged.

use mosaik::{
    prelude::*,
    sim::{World, secs, sim_node},
};

/// What one machine is doing.
#[stream("lab.load")]
pub struct Load {
    /// The machine.
    pub host: String,
    /// How busy it is.
    pub cpu_percent: f32,
}

#[mosaik::node(network = "lab", tags = ["sensor"])]
async fn sensor(mut loads: Producer<Load>) -> mosaik::Result<()> {
    loads.when().subscribed().minimum_of(1).await;
    loop {
        loads.send(Load { host: "here".to_owned(), cpu_percent: 12.5 }).await?;
        sleep(Duration::from_secs(1)).await;
    }
}

#[mosaik::node(network = "lab", tags = ["display"])]
async fn display(mut loads: Consumer<Load>) -> mosaik::Result<()> {
    while let Some(load) = loads.next().await {
        assert!(load.cpu_percent > 12.0, "what arrives is what was sent");
    }
    Ok(())
}

#[mosaik::node(network = "lab")]
async fn clumsy(_loads: Consumer<Load>) -> mosaik::Result<()> {
    sleep(Duration::from_secs(3)).await;
    panic!("dropped the tray");
}

fn story() -> World {
    let mut world = World::new(7).add(sim_node!(sensor).times(3)).add(sim_node!(display));
    world.run_for(secs(5));
    world.partition([0, 1], [2, 3]).run_for(secs(10)).heal();
    world.run_until(|w| w.trace::<Load>().received_by("display") >= 30);
    world
}

#[test]
fn a_display_hears_every_sensor_through_a_partition() {
    let world = story();
    let trace = world.trace::<Load>();
    assert!(world.now() < secs(30), "{:?}", world.now());
    assert!(trace.produced() >= 30 && trace.produced() == trace.produced_by("sensor"));
    assert_eq!((trace.gaps(), trace.missed()), (0, 0), "the partition was shorter than the lease");
}

#[test]
fn one_seed_gives_one_trace() {
    assert_eq!(story().trace_hash(), story().trace_hash());
}

#[test]
fn a_stopped_display_ends_in_order() {
    let mut world = World::new(7).add(sim_node!(sensor)).add(sim_node!(display));
    world.run_until(|w| w.trace::<Load>().received_by("display") >= 3);
    world.stop(1).run_until(|w| !w.is_running(1));
    assert_eq!(world.failure(1), None);
}

#[test]
#[should_panic(expected = "clumsy (node 1) failed: its function panicked: dropped the tray")]
fn a_node_that_panics_fails_the_test() {
    let mut world = World::new(7).add(sim_node!(sensor)).add(sim_node!(clumsy));
    world.run_for(secs(60));
}

/// Two accounts of every juggler, in one group: what is in both together is always nothing.
#[group(collections, "lab.hands", voters = 3)]
pub struct Hands {
    /// One hand.
    pub left: Left,
    /// The other.
    pub right: Right,
}

/// One hand.
#[collection("lab.left", group = Hands)]
pub struct Left(collections::Map<u64, i64>);

/// The other.
#[collection("lab.right", group = Hands)]
pub struct Right(collections::Map<u64, i64>);

/// Throws for ever. Its two handles, opened apart, are of one group.
#[mosaik::node(network = "lab", tags = ["juggler"])]
async fn juggler(hands: Writer<Hands>, left: Writer<Left>) -> mosaik::Result<()> {
    hands.when().online().await;
    // Nothing is done in no time, and its fields keep to that as well.
    let late = hands.with_deadline(Duration::ZERO);
    assert!(late.transaction(|tx| tx.on(&late.left).remove(9)).await.is_err());
    assert!(late.right.remove(9).await.is_err());
    loop {
        let thrown = hands.transaction(|tx| {
            let rest = tx.on(&left).increment(7, -1);
            tx.on(&hands.right).increment(7, 1);
            rest
        });
        if let Ok(applied) = thrown.await {
            left.when().reaches(applied.version).await?;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Looks at both hands, and says so whenever they have moved.
#[mosaik::node(network = "lab", tags = ["judge"])]
async fn judge(hands: Reader<Hands>, mut looks: Producer<Load>) -> mosaik::Result<()> {
    let mut last = None;
    loop {
        let both = hands.snapshot();
        if last != Some(both.version()) {
            let (left, right) = (both.of::<Left>(), both.of::<Right>());
            assert_eq!((left.version(), right.version()), (both.version(), both.version()));
            let of = |hand: Option<&i64>| hand.copied().unwrap_or_default();
            assert_eq!(of(left.get(&7)) + of(right.get(&7)), 0, "half a transaction is seen");
            last = Some(left.version());
            looks.send(Load { host: "here".to_owned(), cpu_percent: of(right.get(&7)) as f32 }).await?;
        }
        sleep(Duration::from_millis(70)).await;
    }
}

#[test]
fn nobody_sees_half_a_transaction_while_writers_come_and_go() {
    let mut world = World::new(7).add(sim_node!(juggler).times(3)).add(sim_node!(judge).times(2));
    world.run_until(|w| w.trace::<Load>().produced() >= 60);
    world.crash(0).run_until(|w| w.trace::<Load>().produced() >= 120);
    world.restart(0).partition([1], [0, 2, 3, 4]).run_for(secs(10)).heal();
    world.run_until(|w| w.trace::<Load>().produced() >= 240);
}
