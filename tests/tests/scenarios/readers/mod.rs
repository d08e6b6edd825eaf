//! Readers of groups under faults: they follow what is committed, without a gap and without a repetition, and cost the group nothing.

mod lab;

use mosaik_runtime::{
    groups::{EraChanged, Version},
    node::world::{World, millis, secs},
};

use self::lab::Lab;

/// Whether these readers are as far as this.
fn are_at(lab: &Lab, readers: &[usize], count: usize) -> bool {
    readers.iter().all(|reader| lab.book().accounts.get(reader).is_some_and(|a| a.numbers.len() >= count))
}

fn is_online(lab: &Lab, readers: &[usize]) -> bool {
    readers.iter().all(|reader| lab.view(*reader).is_some_and(|view| view.is_online()))
}

#[test]
fn readers_follow_a_thousand_commands_through_a_new_leader_and_a_partition() {
    for seed in 0..2 {
        let lab = Lab::new(3);
        let mut world = World::new(seed).limit(secs(120)).latency(millis(1)).add(lab.members());
        world = world.add(lab.readers(2));
        world.run_until(|_| is_online(&lab, &[3, 4]));
        let write = |world: &mut World, lab: &Lab, from: usize, numbers| {
            world.block_on(lab.write(from, numbers)).expect("acknowledged");
        };
        write(&mut world, &lab, 0, 0..200);

        // The member that reader 3 reads from is cut off from the other members, and then from everybody.
        let source = lab.view(3).and_then(|view| view.source).expect("it reads");
        let cut = (0..3).find(|node| world.peer(*node) == source).expect("a member");
        let others: Vec<usize> = (0..3).filter(|node| *node != cut).collect();
        world.partition([cut], others.iter().copied());
        write(&mut world, &lab, others[0], 200..400);
        world.run_until(|_| are_at(&lab, &[3, 4], 400));
        assert_ne!(lab.view(3).and_then(|view| view.source), Some(source), "it found a better one");
        world.heal().run_for(secs(5));

        // The leader dies, and comes back as a new member.
        let leader = lab.leader().expect("somebody leads");
        world.crash(leader);
        lab.book().members.remove(&leader);
        let others: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
        write(&mut world, &lab, others[0], 400..700);
        world.restart(leader).run_for(secs(3));

        // One reader is cut off from everybody for a while.
        world.partition([3], 0..3);
        write(&mut world, &lab, others[1], 700..1000);
        world.run_until(|_| are_at(&lab, &[4], 1000));
        world.run_for(secs(20)).heal();
        world.run_until(|_| are_at(&lab, &[3, 4], 1000) && is_online(&lab, &[3, 4]));
        for reader in [3, 4] {
            let account = lab.account(reader);
            assert_eq!(account.wrong, None);
            assert!(account.numbers == (0..1000).collect::<Vec<_>>(), "each once, in order");
            assert_eq!((account.eras.len(), account.jumps), (2, 0), "none and the birth; never a snapshot");
            let strong = world.block_on(lab.reader(reader).query(())).expect("a strong read");
            assert!(strong.len() == 1000);
        }
    }
}

#[test]
fn a_reader_that_missed_a_hundred_entries_gets_a_hundred_entries() {
    let lab = Lab::new(3);
    let mut world = World::new(5).limit(secs(60)).latency(millis(1)).add(lab.members()).add(lab.readers(1));
    world.run_until(|_| is_online(&lab, &[3]));
    world.block_on(lab.write(0, 0..500)).expect("acknowledged");
    world.run_until(|_| are_at(&lab, &[3], 500));
    let before = lab.view(3).expect("it reads").received;
    world.partition([3], 0..3);
    world.block_on(lab.write(0, 500..600)).expect("acknowledged");
    world.run_for(secs(10)).heal();
    world.run_until(|_| are_at(&lab, &[3], 600));
    let after = lab.view(3).expect("it reads").received;
    let (entries, bytes) = (after.entries - before.entries, after.bytes - before.bytes);
    assert!((100..115).contains(&entries), "{entries} entries for 100");
    assert!(bytes < 100 * 100 + 4000, "{bytes} bytes for 100 entries of some 60 bytes");
    assert_eq!(after.snapshots, 0);
}

#[test]
fn c5_a_late_reader_gets_a_snapshot_while_writes_go_on() {
    let lab = Lab::new(3).with_short_logs();
    let mut world = World::new(6).limit(secs(60)).latency(millis(2)).add(lab.members());
    world.run_until(|_| lab.leader().is_some() && lab.book().members.len() == 3);
    world.block_on(lab.write(0, 0..300)).expect("acknowledged");
    let late = world.join(lab.readers(1));
    // It joins while this is under way.
    world.block_on(lab.write(0, 300..600)).expect("acknowledged");
    world.run_until(|_| are_at(&lab, &[late], 600));
    let (account, received) = (lab.account(late), lab.view(late).expect("it reads").received);
    assert_eq!(account.wrong, None);
    assert!(account.numbers == (0..600).collect::<Vec<_>>());
    assert!(received.snapshots >= 1 && account.jumps >= 1, "{received:?} {}", account.jumps);
    assert!(received.entries < 600, "{received:?}");

    // Cut off for long, it goes on with a snapshot again.
    world.partition([late], 0..3);
    world.block_on(lab.write(1, 600..800)).expect("acknowledged");
    world.run_for(secs(20)).heal();
    world.run_until(|_| are_at(&lab, &[late], 800));
    let (account, after) = (lab.account(late), lab.view(late).expect("it reads").received);
    assert_eq!(account.wrong, None);
    assert!(after.snapshots > received.snapshots, "{after:?}");
}

#[test]
fn a_memory_group_that_is_born_again_is_another_era_to_its_reader() {
    let lab = Lab::new(1);
    let mut world = World::new(7).limit(secs(60)).latency(millis(1)).add(lab.members()).add(lab.readers(1));
    world.run_until(|_| is_online(&lab, &[1]));
    world.block_on(lab.write(0, 0..10)).expect("acknowledged");
    let old = lab.group(0).version();
    world.block_on(lab.reader(1).when().reaches(old).into_future()).expect("the same era");
    assert_eq!(lab.reader(1).version().era, old.era);
    lab.book().members.remove(&0);
    world.restart(0);
    world.run_until(|_| lab.book().members.contains_key(&0));
    world.block_on(lab.write(0, 100..103)).expect("acknowledged");
    let new = lab.group(0).version();
    assert_ne!(new.era, old.era);
    // A version of the new era may arrive before the reader has heard of it.
    world.block_on(lab.reader(1).when().reaches(new).into_future()).expect("it follows");
    let account = lab.account(1);
    assert_eq!((account.numbers, account.wrong), (vec![100, 101, 102], None));
    assert_eq!(account.eras.last(), Some(&new.era));
    let late = Version::new(old.era, old.index + 5);
    let changed = world.block_on(lab.reader(1).when().reaches(late).into_future());
    assert_eq!(changed, Err(EraChanged { wanted: late, now: new.era }));
}
