//! Frames that wait in the moment in which a process wakes from a pause, of peers whose proofs ended meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    sync::Notify,
    time::{advance, timeout},
};

use super::lab::{LONG, Node, two, within};
use crate::{
    groups::{
        bond::{Bond, BondsSettings, Serve},
        wire::{ChannelKind, GroupsProtocol, Request, Response, Why},
    },
    primitives::{PeerId, Policy, Wall, policy::proof},
    tickets::{Class, Denial, Shown, Ticket, Valid, validator},
    transport::{Link, sim::Net},
};

/// For how long a badge is good.
pub(in crate::groups) const GOOD: Duration = Duration::from_secs(10);

/// Only who has a badge.
pub(in crate::groups) fn badged() -> Policy {
    proof("Badge")
}

/// A badge is the millisecond in which it ends.
fn decide(shown: Shown<'_>) -> Result<Valid, Denial> {
    let text = std::str::from_utf8(shown.ticket.bytes()).unwrap_or_default();
    let until = Wall(text.parse().map_err(|_| Denial::OtherPeer)?);
    if until > shown.now { Ok(Valid { until }) } else { Err(Denial::Expired { ago: Duration::ZERO }) }
}

/// Two nodes: one that knows badges, and one that has one.
pub(in crate::groups) async fn host_and_visitor(net: &Net) -> (Node, Node) {
    let (host, visitor) = two(net).await;
    let badge = Class::new("badge").expect("a word");
    host.admission.tickets().trust(validator("Badge", badge.clone(), decide)).expect("the first");
    let until = visitor.clock.wall().later(GOOD).0.to_string();
    let ticket = Ticket::new(badge, until).expect("fits");
    visitor.admission.tickets().add(ticket).expect("room");
    (host, visitor)
}

/// Counts the frames of channels, and of readers.
#[derive(Default)]
pub(in crate::groups) struct Taken {
    frames: AtomicUsize,
    news: Notify,
}

impl Taken {
    pub(in crate::groups) fn count(&self) -> usize {
        self.frames.load(Ordering::SeqCst)
    }

    /// One more.
    pub(in crate::groups) fn one(&self) {
        self.frames.fetch_add(1, Ordering::SeqCst);
        self.news.notify_one();
    }

    pub(in crate::groups) async fn wait(&self) {
        within("a frame", self.news.notified()).await;
    }
}

struct Counts(Arc<Taken>);

impl Serve for Counts {
    fn answer(&self, _: PeerId, _: Request) -> BoxFuture<'_, Response> {
        Box::pin(async { Response::Refused(Why::Unsupported) })
    }

    fn channel(&self, _: PeerId, _: ChannelKind, mut link: Link<GroupsProtocol>) -> BoxFuture<'static, ()> {
        let taken = self.0.clone();
        Box::pin(async move {
            while let Ok(Some(_)) = link.recv_frame(LONG).await {
                taken.one();
            }
        })
    }
}

/// The host lets in who has a badge, and counts with the first; the visitor counts with the second.
async fn bonded(host: &Node, visitor: &Node) -> ((Bond, Arc<Taken>), (Bond, Arc<Taken>)) {
    let (here, there) = (Arc::<Taken>::default(), Arc::<Taken>::default());
    let settings = BondsSettings { policy: badged(), ..host.settings() };
    let mut first = host.bond_with(settings, Arc::new(Counts(here.clone())));
    let _second = visitor.bond_with(visitor.settings(), Arc::new(Counts(there.clone())));
    host.bonds().offer(visitor.id());
    visitor.bonds().offer(host.id());
    first.up().await;
    timeout(LONG, visitor.bonds().bonded(host.id())).await.expect("bonded");
    let of_host = host.bonds().get(visitor.id()).expect("a bond");
    let of_visitor = visitor.bonds().get(host.id()).expect("a bond");
    ((of_host, here), (of_visitor, there))
}

#[tokio::test(start_paused = true)]
async fn f13_s6_no_frame_of_a_channel_is_taken_from_who_had_a_badge_when_the_pause_began() {
    let net = Net::new(7);
    let (host, visitor) = host_and_visitor(&net).await;
    let ((bond, taken), (there, _)) = bonded(&host, &visitor).await;
    let mut link = there.channel(ChannelKind::Commands).await.expect("a channel");
    link.send_frame(b"while it is good").await.expect("sent");
    taken.wait().await;
    // On its way when everybody falls asleep.
    link.send_frame(b"and later").await.expect("sent");
    advance(GOOD).await;
    within("the end of the bond", bond.ended()).await;
    assert_eq!(taken.count(), 1, "what was on its way came from nobody who is admitted");
}

#[tokio::test(start_paused = true)]
async fn f13_s6_nothing_is_told_to_who_had_a_badge_when_the_pause_began() {
    let net = Net::new(7);
    let (host, visitor) = host_and_visitor(&net).await;
    let ((bond, _), (_, taken)) = bonded(&host, &visitor).await;
    let mut link = bond.channel(ChannelKind::Commands).await.expect("a channel");
    link.send_frame(b"while it is good").await.expect("sent");
    taken.wait().await;
    advance(GOOD).await;
    assert!(link.send_frame(b"and later").await.is_err(), "it is not sent");
    within("the end of the bond", bond.ended()).await;
    assert_eq!(taken.count(), 1);
}

/// A badge that is good for longer than the pause: everything that waited passes.
#[tokio::test(start_paused = true)]
async fn what_waits_passes_when_the_proof_stands() {
    let net = Net::new(7);
    let (host, visitor) = host_and_visitor(&net).await;
    let ((bond, taken), (there, _)) = bonded(&host, &visitor).await;
    let mut link = there.channel(ChannelKind::Commands).await.expect("a channel");
    link.send_frame(b"one").await.expect("sent");
    advance(GOOD / 2).await;
    taken.wait().await;
    assert_eq!((taken.count(), bond.is_closing()), (1, false));
}
