//! A pull over the end of the process that pulls: what has arrived is on its disk, and is not pulled a second time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use super::held::{Giver, LONG, Taker, bond, peer, start, vote};
use crate::{
    groups::{
        pull::Pulls,
        store::{
            Snapshots, Store,
            record::{Manifest, StoreId},
            sim::SimDisk,
        },
        wire::Response,
    },
    primitives::{GroupId, NetworkId, NodeRng, Scope},
    transport::sim::{LinkSettings, Net},
};

/// 64 chunks of 64 KiB.
const CHUNKS: u8 = 64;
const CHUNK: usize = 64 * 1024;
const BYTES: u64 = CHUNKS as u64 * CHUNK as u64;

fn of(store: &Store) -> Snapshots {
    store.snapshots(GroupId::derive("numbers").on(&NetworkId::derive("x")))
}

/// What the disk of node 1 holds, opened by another life of it.
fn opened(disk: &SimDisk, scope: &Scope) -> Snapshots {
    let flush = Duration::from_millis(1);
    of(&Store::simulated(disk, peer(1), &mut NodeRng::from_seed(1), scope, flush).expect("it opens"))
}

#[tokio::test(start_paused = true)]
async fn f11_a_pull_goes_on_after_a_restart_where_the_process_ended() {
    let (net, disk) = (Net::new(4), SimDisk::new());
    let latency = Duration::from_millis(20);
    net.set_links(LinkSettings { latency, ..LinkSettings::default() });
    let has = of(&Store::memory(peer(2), StoreId(2)));
    let mut chunks = Vec::new();
    for n in 0..CHUNKS {
        chunks.push(has.put(Bytes::from(vec![n; CHUNK])).await.expect("kept"));
    }
    let giver = start(&net, 2, 1, Arc::new(Giver::Honest(has))).await;
    let what = (vote(), Manifest { bytes: BYTES, chunks, ..Manifest::default() });

    let scope = Scope::new();
    let into = opened(&disk, &scope);
    let puller = start(&net, 1, 1, Arc::new(Giver::Honest(into.clone()))).await;
    bond(&puller, &giver).await;
    let pulls = Arc::new(Pulls::default());
    let (pulling, bonds, asked) = (pulls.clone(), puller.bonds.clone(), what.clone());
    puller.scope.spawn("lab", async move {
        while pulling.pull(&bonds, &into, peer(2), asked.clone(), Arc::new(Taker)).await.is_ok() {}
    });
    let here = || pulls.progress().unwrap_or_default().here;
    let half = async {
        while here() < BYTES / 2 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, half).await.expect("half of it comes");
    // The process ends without a word; what it wrote is still there.
    let had = here();
    assert!(had < BYTES, "it is under way");
    net.crash(peer(1));
    puller.scope.kill();
    scope.kill();
    disk.kill();
    drop(puller);

    let scope = Scope::new();
    let into = opened(&disk, &scope);
    let puller = start(&net, 1, 2, Arc::new(Giver::Honest(into.clone()))).await;
    bond(&puller, &giver).await;
    let (before, pulls) = (net.traffic().bytes, Pulls::default());
    let rest = async {
        loop {
            match pulls.pull(&puller.bonds, &into, peer(2), what.clone(), Arc::new(Taker)).await {
                Ok(Response::Pulling { .. }) => {}
                ended => return ended,
            }
        }
    };
    let ended = timeout(LONG, rest).await.expect("it ends");
    assert_eq!(ended, Ok(Response::Installed { vote: vote() }));
    for chunk in &what.1.chunks {
        assert!(into.chunk(*chunk).await.expect("it reads").is_some());
    }
    // What was on its way at the end may come twice: a part on each channel.
    let (again, rest) = (net.traffic().bytes - before, BYTES - had);
    assert!(again <= rest + 4 * CHUNK as u64, "{again} bytes were pulled again, of {rest} that were missing");
}
