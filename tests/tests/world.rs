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
