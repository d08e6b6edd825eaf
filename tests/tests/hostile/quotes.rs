//! H10: quotes that prove nothing, and a disk that is full of what is no collateral.

use std::{fs, path::Path, time::Duration};

use mosaik::{
    primitives::{NetworkId, PeerId, Wall, policy::proof},
    tickets::{
        Class, Ticket,
        tdx::{
            CollateralDirectory, CollateralError, Measurement, Prover, Required, Root, TcbStatus, Tdx,
            Variants,
            simulated::{Platform, Td},
        },
    },
};

use super::{
    rogue::{Named, Rogue, gated, let_in, ticket},
    scene::Scene,
};

/// The platform that is trusted here.
const SEED: u64 = 7;
const HOUR: u64 = 3_600_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

fn image() -> Td {
    Td::image("matcher")
}

fn platform(td: Td) -> Platform {
    Platform::new(SEED, td).expect("a platform")
}

fn required() -> Required {
    let variants = Variants::new([image().variant("release 7")]).expect("one");
    Required::new(variants).root(Root::Simulated(SEED))
}

/// A ticket of a platform for a peer, made `at` with collateral from `since` that is good for a week.
fn prove(platform: Platform, peer: PeerId, at: Wall, since: Wall) -> Ticket {
    let collateral = platform.collateral(since, 7 * DAY).expect("collateral");
    let prover = Prover::new(platform, NetworkId::derive("under-fire"), peer).with_collateral(collateral);
    prover.prove(at).expect("a ticket")
}

fn before(now: Wall, hours: u64) -> Wall {
    Wall(now.0 - hours * HOUR)
}

/// Every way to have no good quote, and what is said of it.
fn bad(peer: PeerId, other: PeerId, now: Wall) -> Vec<(Ticket, &'static str)> {
    let fresh = |platform: Platform| prove(platform, peer, now, before(now, 1));
    let with = |attributes| platform(Td { attributes, ..image() });
    let good = fresh(platform(image()));
    let mut changed = good.bytes().to_vec();
    // A byte of the measurements, which the attestation key signed.
    changed[300] ^= 1;
    let longer = [good.bytes().to_vec(), vec![0]].concat();
    vec![
        (fresh(Platform::new(8, image()).expect("a platform")), "not from anybody who is trusted"),
        (fresh(with([1, 0, 0, 0x10, 0, 0, 0, 0])), "Debug"),
        (fresh(platform(image()).revoked(true)), "revoked"),
        (fresh(platform(image()).status(TcbStatus::OutOfDate)), "OutOfDate"),
        (prove(platform(image()), peer, now, before(now, 24 * 8)), "the collateral is out of date"),
        (prove(platform(image()), peer, before(now, 25), before(now, 26)), "expired"),
        (prove(platform(image()), other, now, before(now, 1)), "another peer"),
        (fresh(platform(Td::image("another"))), "its MRTD is not that of `release 7`"),
        (fresh(platform(Td { rtmr: [Measurement([9; 48]); 4], ..image() })), "its RTMR0 is not that of"),
        (ticket(Class::tdx(), changed), "not from anybody who is trusted"),
        (ticket(Class::tdx(), longer), "cannot be read"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h10_quotes_that_prove_nothing_admit_nobody_and_each_is_told_why() {
    let mut scene = Scene::new().await;
    scene.target.tickets().trust(Tdx::new("Image", required())).expect("the first");
    let producer = gated(&scene, "gated.image", proof("Image"));
    let (friend, now) = (scene.friend.local().id(), scene.target.clock().wall());
    let its = prove(platform(image()), friend, now, before(now, 1));
    let admitted = let_in(&scene, &producer, "gated.image", its).await;
    let rogue = Rogue::new(&scene, 100).await;
    scene.begins_now().await;
    let with = rogue.clone();
    scene
        .under_fire(move |_| {
            let rogue = with.clone();
            async move {
                for (ticket, because) in bad(rogue.id(), friend, rogue.now()) {
                    rogue.is_refused("gated.image", &[Named::honest(&ticket)], because).await;
                }
            }
        })
        .await;
    assert_eq!(producer.subscribers(), [friend], "who has a good one stayed, and nobody else came");
    rogue.leave().await;
    drop((admitted, producer));
    scene.settles().await;
}

/// As a disk leaves it that ran full while files were written: cut short, empty, and thousands of them.
fn fill(directory: &Path, round: u64) {
    fs::write(directory.join("good.json"), "{\"tcb_info\":\"").expect("written");
    fs::write(directory.join("more.json"), "").expect("written");
    for n in 0..400 {
        fs::write(directory.join(format!("{n:04}-{}.json", round % 4)), vec![b' '; 64]).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h10_a_full_disk_of_collateral_takes_nothing_back_and_lets_nobody_in() {
    let mut scene = Scene::new().await;
    let directory = scene.meet.join("collateral");
    fs::create_dir(&directory).expect("made");
    let now = scene.target.clock().wall();
    let collateral = platform(image()).collateral(before(now, 1), 7 * DAY).expect("collateral");
    fs::write(directory.join("good.json"), collateral.to_json()).expect("written");
    let source = CollateralDirectory::read(&directory).expect("read");
    let tdx = Tdx::new("Image", required()).collateral(source).takes_shown_collateral(false);
    scene.target.tickets().trust(tdx).expect("the first");
    let producer = gated(&scene, "gated.image", proof("Image"));
    let friend = scene.friend.local().id();
    let its = prove(platform(image()), friend, now, now);
    let admitted = let_in(&scene, &producer, "gated.image", its).await;
    let mut events = producer.events();
    let rogue = Rogue::new(&scene, 101).await;
    scene.begins_now().await;
    let (with, at) = (rogue.clone(), directory.clone());
    scene
        .under_fire(move |round| {
            let (rogue, at) = (with.clone(), at.clone());
            async move {
                fill(&at, round);
                let changed = prove(platform(Td::image("another")), rogue.id(), rogue.now(), rogue.now());
                rogue.is_refused("gated.image", &[Named::honest(&changed)], "its MRTD is not that of").await;
            }
        })
        .await;
    // Over the bound the directory is not even listed.
    (0..5000).for_each(|n| fs::write(directory.join(format!("x{n}")), "").expect("written"));
    let full = CollateralDirectory::read(&directory).expect_err("too much to look at");
    assert!(matches!(full, CollateralError::TooMany { .. }), "{full}");
    let changed = prove(platform(Td::image("third")), rogue.id(), rogue.now(), rogue.now());
    let with = rogue.clone();
    scene
        .attack(async move {
            with.is_refused("gated.image", &[Named::honest(&changed)], "its MRTD is not that of").await;
        })
        .await;
    assert_eq!(producer.subscribers(), [friend], "what was known of the platform stays known");
    let cut = futures::FutureExt::now_or_never(futures::StreamExt::next(&mut events));
    assert!(cut.is_none(), "its link was never cut: {cut:?}");
    rogue.leave().await;
    drop((admitted, producer));
    scene.settles().await;
}
