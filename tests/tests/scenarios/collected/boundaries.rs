//! A reader whose connection is cut at each chunk of the snapshot that it gets, while writes go on; one whose members die, or give what is
//! wrong.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use mosaik_runtime::{
    collections::{Map, Reader, Writer},
    groups::{Voters, machine::MachineSettings},
    node::{
        Result,
        world::{Canary, Nodes, Surroundings, World, millis, secs},
    },
    primitives::{NodeRng, codec},
};
use tokio::time::sleep;

type Long = Map<u32, String>;

const NETWORK: &str = "long";
/// A chunk: as much as is on its way at a time.
const CHUNK: usize = 64 * 1024;
/// Entries, and the length of each value.
const ENTRIES: (u32, usize) = (2_000, 1_000);
/// How often as many entries a large collection has.
const LARGER: u32 = 4;

#[derive(Default)]
struct Book {
    writers: BTreeMap<usize, Writer<Long>>,
    readers: BTreeMap<usize, Reader<Long>>,
    closed: bool,
    written: u64,
}

#[derive(Clone)]
struct Lab {
    book: Arc<Mutex<Book>>,
    voters: u8,
}

impl Lab {
    /// A collection with so many writers.
    fn new(voters: u8) -> Self {
        Self { book: Arc::default(), voters }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics with the book open")
    }

    fn limits() -> MachineSettings {
        MachineSettings { snapshot_bytes: 200_000, chunk: CHUNK, ..MachineSettings::default() }
    }

    fn writers(&self) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings: Surroundings| {
            let lab = lab.clone();
            Box::pin(async move {
                let (number, mut rng) = (surroundings.number, surroundings.rng.clone().split("writes"));
                let network = surroundings.builder(NETWORK).build().await?;
                let open =
                    network.collections().map::<u32, String>("lab.long").voters(Voters::Count(lab.voters));
                let long = open.group(|group| group.limits(Self::limits()).keep_log(5)).writer().await?;
                lab.book().writers.insert(number, long.clone());
                lab.write(long, &mut rng).await
            }) as _
        };
        Nodes::program("writer", NETWORK, program).times(self.voters.into())
    }

    /// Small changes, all the time.
    async fn write(&self, long: Writer<Long>, rng: &mut NodeRng) -> Result<()> {
        loop {
            sleep(millis(40)).await;
            let writes = {
                let book = self.book();
                book.written > 0 && !book.closed
            };
            if writes {
                // The leader may be lost.
                let done = long.insert(rng.below(ENTRIES.0 as usize) as u32, "new".to_owned()).await;
                self.book().written += u64::from(done.is_ok());
            }
        }
    }

    fn reader(&self) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings: Surroundings| {
            let lab = lab.clone();
            Box::pin(async move {
                let number = surroundings.number;
                let network = surroundings.builder(NETWORK).build().await?;
                let open = network.collections().map::<u32, String>("lab.long");
                let long = open.group(|group| group.limits(Self::limits())).reader().await?;
                lab.book().readers.insert(number, long);
                std::future::pending().await
            }) as _
        };
        Nodes::program("reader", NETWORK, program)
    }

    async fn fill(writer: Writer<Long>, entries: u32) {
        for start in (0..entries).step_by(100) {
            // No two chunks are equal.
            let entries = (start..start + 100).map(|key| (key, format!("{key:0width$}", width = ENTRIES.1)));
            writer.extend(entries).await.expect("acknowledged");
        }
    }
}

fn bytes(view: &mosaik_runtime::collections::View<Long>) -> Vec<u8> {
    codec::encode(&*view.snapshot()).expect("it encodes")
}

/// A filled collection in a world, and a reader that has just come.
fn joining(lab: &Lab, world: World) -> (World, Writer<Long>, usize, Reader<Long>) {
    joining_of(lab, world, ENTRIES.0)
}

fn joining_of(lab: &Lab, world: World, entries: u32) -> (World, Writer<Long>, usize, Reader<Long>) {
    let voters = usize::from(lab.voters);
    let mut world = world.latency(millis(10)).add(lab.writers());
    world.run_until(|_| {
        let book = lab.book();
        book.writers.len() == voters && book.writers.values().all(|writer| writer.when().online().holds())
    });
    let writer = lab.book().writers[&0].clone();
    world.block_on(Lab::fill(writer.clone(), entries));
    lab.book().written = 1;
    let late = world.join(lab.reader());
    world.run_until(|_| lab.book().readers.contains_key(&late));
    let reader = lab.book().readers[&late].clone();
    (world, writer, late, reader)
}

/// The reader has what the writer has.
fn is_the_same(lab: &Lab, world: &mut World, reader: &Reader<Long>, writer: &Writer<Long>) {
    lab.book().closed = true;
    world.run_for(secs(2));
    world.run_until(|_| reader.version() == writer.version());
    assert!(bytes(reader) == bytes(writer), "it has another map");
}

#[test]
fn c5_a_snapshot_that_is_cut_at_each_chunk_is_put_together_and_never_begins_again() {
    for seed in 0..2 {
        let lab = Lab::new(1);
        let (mut world, writer, late, reader) = joining(&lab, World::new(seed));
        let (mut cuts, mut next, mut whole) = (Vec::new(), CHUNK as u64, 0);
        while !reader.when().online().holds() {
            world.run_for(millis(2));
            assert!(world.now() < secs(600), "after {cuts:?}: {:?}", reader.status());
            let Some((here, all)) = reader.status().pulling else { continue };
            whole = all;
            if here >= next {
                _ = world.sever(late, 0);
                cuts.push(here / CHUNK as u64);
                next = (here / CHUNK as u64 + 1) * CHUNK as u64;
            }
        }
        let chunks: Vec<u64> = (1..whole / CHUNK as u64).collect();
        assert!(chunks.len() > 20, "{whole} bytes");
        assert!(chunks.iter().all(|chunk| cuts.contains(chunk)), "cut after {cuts:?} of {chunks:?}");
        let before = lab.book().written;
        assert!(before > 10, "writes went on: {before}");
        is_the_same(&lab, &mut world, &reader, &writer);
        let received = reader.status().received;
        assert_eq!((received.snapshots, received.helped), (1, 0), "{received:?}");
        // At each cut a window of parts may have been on its way. From the beginning each time would be ten times the snapshot.
        assert!(received.bytes < 3 * whole, "{received:?} for a snapshot of {whole}");
    }
}

/// Runs until so many thirds of the snapshot are here; says how long it is.
fn pulled(world: &mut World, reader: &Reader<Long>, thirds: u64) -> u64 {
    loop {
        world.run_for(millis(2));
        assert!(!reader.when().online().holds(), "too late");
        match reader.status().pulling {
            Some((here, all)) if here * 3 >= all * thirds => return all,
            _ => {}
        }
    }
}

#[test]
fn c5_a_snapshot_comes_from_several_members_at_once_and_one_of_them_is_killed_in_the_middle() {
    // One of them is read from, and two help.
    for killed in 0..3 {
        let lab = Lab::new(3);
        let (mut world, _, _, reader) = joining(&lab, World::new(3));
        let whole = pulled(&mut world, &reader, 1);
        world.crash(killed);
        lab.book().writers.remove(&killed);
        let writer = lab.book().writers.values().next().cloned().expect("two are left");
        world.run_until(|_| reader.when().online().holds());
        let received = reader.status().received;
        assert_eq!(received.snapshots, 1, "{received:?}");
        assert!(received.helped > whole / 3, "{received:?} of {whole}");
        assert!(received.bytes < whole + whole / 3, "what was here stays: {received:?} of {whole}");
        is_the_same(&lab, &mut world, &reader, &writer);
    }
}

#[test]
fn c5_four_times_the_entries_are_four_times_the_bytes_and_at_most_four_times_the_time() {
    let join = |entries| {
        let lab = Lab::new(1);
        let (mut world, _, _, reader) = joining_of(&lab, World::new(6), entries);
        let begun = world.now();
        world.run_until(|_| reader.when().online().holds());
        let received = reader.status().received;
        assert_eq!(received.snapshots, 1, "{received:?}");
        (received.bytes, world.now() - begun)
    };
    let (small, large) = (join(ENTRIES.0), join(LARGER * ENTRIES.0));
    let larger = u64::from(LARGER);
    assert!(large.0 * 10 < small.0 * larger * 11, "{large:?} of {LARGER} times the entries of {small:?}");
    assert!(large.0 * 11 > small.0 * larger * 10, "{large:?} of {LARGER} times the entries of {small:?}");
    assert!(large.1 * 10 < small.1 * LARGER * 11, "{large:?} of {LARGER} times the entries of {small:?}");
}

#[test]
fn c5_three_members_give_a_snapshot_in_less_than_two_thirds_of_the_time_of_one() {
    let time = |voters| {
        let lab = Lab::new(voters);
        let (mut world, _, _, reader) = joining(&lab, World::new(4));
        let mut begun = None;
        while !reader.when().online().holds() {
            world.run_for(millis(2));
            begun = begun.or(reader.status().pulling.map(|_| world.now()));
        }
        world.now() - begun.expect("it gets a snapshot")
    };
    let (one, three) = (time(1), time(3));
    assert!(three * 3 < one * 2, "{three:?} from three, {one:?} from one");
}

#[test]
fn h14_members_that_give_wrong_chunks_are_refused_and_the_snapshot_is_whole() {
    // All but the leader give what is wrong.
    let lab = Lab::new(3);
    let (mut world, writer, _, reader) = joining(&lab, World::new(5).canary(Canary::ChunkDamaged));
    world.run_until(|_| reader.when().online().holds());
    is_the_same(&lab, &mut world, &reader, &writer);
    let status = reader.status();
    assert!(status.refused.is_some_and(|why| why.contains("not what its hash says")), "nobody was refused");
    assert_eq!((status.source, status.received.snapshots), (status.leader, 1));
}

#[test]
fn a_reader_that_missed_a_hundred_changes_gets_about_a_hundred_entries() {
    let lab = Lab::new(3);
    let mut world = World::new(7).latency(millis(1)).add(lab.writers()).add(lab.reader());
    world.run_until(|_| {
        let book = lab.book();
        book.writers.values().any(|writer| writer.when().online().holds()) && book.readers.contains_key(&3)
    });
    let writer = lab.book().writers[&0].clone();
    let reader = lab.book().readers[&3].clone();
    world.block_on(Lab::fill(writer.clone(), ENTRIES.0));
    world.run_until(|_| reader.version() == writer.version());
    let before = reader.status().received;
    world.partition([3], 0..3);
    world.block_on(async {
        for key in 0..100 {
            writer.insert(key, "missed".to_owned()).await.expect("acknowledged");
        }
    });
    world.run_for(secs(5)).heal();
    world.run_until(|_| reader.version() == writer.version());
    let after = reader.status().received;
    assert_eq!(after.snapshots, before.snapshots, "the tail of the log suffices");
    let (entries, bytes) = (after.entries - before.entries, after.bytes - before.bytes);
    assert!((100..115).contains(&entries), "{entries} entries for 100");
    assert!(bytes < 100 * 150 + 4000, "{bytes} bytes for 100 small entries, beside a map of 2 MB");
}
