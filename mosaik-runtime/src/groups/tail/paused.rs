//! Readers whose proof ends while the process of their member sleeps.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::time::advance;

use super::Pipe;
use crate::{
    admission::{Ask, Item},
    groups::{
        bond::{
            BondsSettings, Serve, prove_as_reader,
            tests::{
                lab::{LONG, group, within},
                paused::{GOOD, Taken, badged, host_and_visitor},
            },
        },
        wire::{ChannelKind, GroupsProtocol, Request, Response, Why},
    },
    primitives::{PeerId, PeerRole, Policy, schema},
    transport::{Link, sim::Net},
};

/// Gives a reader a number for each of its own, and counts what it asked.
struct Reads(Arc<Taken>);

impl Serve for Reads {
    fn answer(&self, _: PeerId, _: Request) -> BoxFuture<'_, Response> {
        Box::pin(async { Response::Refused(Why::Unsupported) })
    }

    fn channel(&self, _: PeerId, _: ChannelKind, _: Link<GroupsProtocol>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn reader(&self, _: PeerId, pipe: Pipe) -> BoxFuture<'static, ()> {
        let (taken, Pipe { mut sender, mut receiver, lease }) = (self.0.clone(), pipe);
        Box::pin(async move {
            tokio::select! { biased;
                () = Pipe::revoked(lease.as_ref()) => {}
                () = async {
                    while let Ok(Some((asked, _))) = receiver.recv::<u32>(LONG).await {
                        taken.one();
                        if sender.send(&asked).await.is_err() {
                            return;
                        }
                    }
                } => {}
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn f13_s6_a_reader_whose_badge_ended_in_a_pause_is_neither_heard_nor_told() {
    let net = Net::new(7);
    let (host, visitor) = host_and_visitor(&net).await;
    let taken = Arc::<Taken>::default();
    let settings = BondsSettings { readers: badged(), ..host.settings() };
    let _events = host.bond_with(settings, Arc::new(Reads(taken.clone())));
    let shape = schema::of::<u32>();
    let ask = Ask {
        item: Item::unknown(group()),
        role: PeerRole::Reads,
        schemas: vec![shape.fingerprint()],
        shape: Some(shape),
    };
    let asked = visitor.admission.ask::<GroupsProtocol>(host.id(), ask, Policy::anyone()).await;
    let (mut sender, mut receiver, _lease) = asked.expect("admitted").into_parts();
    let whom = (visitor.id(), group());
    prove_as_reader(None, whom, &mut sender, &mut receiver).await.expect("let in");
    sender.send(&7_u32).await.expect("sent");
    assert_eq!(within("an answer", receiver.recv::<u32>(LONG)).await, Ok(Some(7)));
    // On its way when everybody falls asleep.
    sender.send(&8_u32).await.expect("sent");
    advance(GOOD).await;
    let told = receiver.recv::<u32>(Duration::from_secs(5)).await;
    assert!(!matches!(told, Ok(Some(_))), "{told:?}");
    assert_eq!(taken.count(), 1, "what was on its way came from nobody who is admitted");
}
