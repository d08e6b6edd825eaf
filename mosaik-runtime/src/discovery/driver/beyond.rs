//! What comes from beyond the machine: peers that sources found, lookups, and peers that must hear that this node moved.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    primitives::{PeerId, Reach},
    transport::{Address, LinkError, News, PeerAddr},
};

use super::{super::event::Event, Driver, GATHER, Input};

/// Lookups at a time.
const MOST_LOOKUPS: usize = 4;
/// A peer is looked up no more often than this: the answer costs others as well.
const LOOKUP_PAUSE: Duration = Duration::from_secs(10);
/// With so many known addresses of a peer no rumour of another one is kept.
const MOST_BESIDE: usize = 8;
/// Peers of which it is known when they were last looked up.
const MOST_LOOKED_UP: usize = 256;
/// A peer that does not answer is told so often that this node moved …
const TELLINGS: u32 = 20;
/// … with this pause.
const TELL_AGAIN: Duration = Duration::from_millis(500);

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Beyond {
    looking: BTreeSet<PeerId>,
    looked_up: BTreeMap<PeerId, Instant>,
    /// Peers that do not know where this node went, and when they are told next.
    untold: BTreeMap<PeerId, (Instant, u32)>,
}

impl Beyond {
    /// When something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.untold.values().map(|(at, _)| *at).min()
    }

    fn may_look_up(&mut self, peer: PeerId, now: Instant) -> bool {
        if self.looked_up.len() >= MOST_LOOKED_UP {
            self.looked_up.retain(|_, at| now.saturating_duration_since(*at) < LOOKUP_PAUSE);
        }
        let lately =
            self.looked_up.get(&peer).is_some_and(|at| now.saturating_duration_since(*at) < LOOKUP_PAUSE);
        let full = self.looking.len() >= MOST_LOOKUPS || self.looked_up.len() >= MOST_LOOKED_UP;
        if lately || full || !self.looking.insert(peer) {
            return false;
        }
        self.looked_up.insert(peer, now);
        true
    }
}

/// The next news; never, once there are no sources.
pub(super) async fn next_news(news: &mut Option<mpsc::Receiver<News>>) -> Option<News> {
    match news {
        Some(news) => news.recv().await,
        None => None,
    }
}

impl Driver {
    pub(super) fn news(&mut self, news: News) {
        let now = Instant::now();
        match news {
            News::Found { peer, addresses } => self.found(peer, addresses, now),
            News::Gone { peer } => self.seeds.not_here(&peer),
            News::Trouble { source, why } => self.report(Event::SourceTrouble { source, why }),
            News::Works { source } => self.report(Event::SourceWorks { source }),
        }
    }

    fn found(&mut self, peer: PeerId, addresses: Vec<Address>, now: Instant) {
        if peer == self.me {
            return;
        }
        if self.core.catalog().get(&peer).is_none() {
            return self.seeds.add_found(PeerAddr { id: peer, addresses }, now);
        }
        // Anybody can say so: it comes beside what the peer signed, never in its place.
        let known = self.transport.book().get(&peer);
        let room = MOST_BESIDE.saturating_sub(known.len());
        let is_new = |address: &Address| known.iter().all(|known| known.place != address.place);
        for address in addresses.into_iter().filter(is_new).take(room) {
            self.transport.book().add(peer, address);
        }
    }

    /// Asks where a peer is, if there is anybody to ask. The answer is an input.
    pub(super) fn look_up(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.transport.can_look_up() || !self.beyond.may_look_up(peer, now) {
            return false;
        }
        let (transport, inbox) = (self.transport.clone(), self.tasks.inbox.clone());
        self.scope.spawn("lookup", async move {
            let addresses = transport.look_up(peer).await;
            let _ = inbox.send(Input::LookedUp { peer, addresses }).await;
        });
        true
    }

    pub(super) fn looked_up(&mut self, peer: PeerId, addresses: Vec<Address>, now: Instant) {
        self.beyond.looking.remove(&peer);
        if addresses.is_empty() {
            let why = "no record of it is to be found".to_owned();
            return self.tried(&peer, &Err(LinkError::Unreachable { peer, why }), now);
        }
        for address in addresses {
            self.transport.book().add(peer, address);
        }
        self.compare(peer, None);
    }

    /// A peer does not answer where it was: it may be somewhere else.
    pub(super) fn seek(&mut self, peer: &PeerId, error: &LinkError, now: Instant) {
        if matches!(
            error,
            LinkError::Unreachable { .. }
                | LinkError::NoAddress { .. }
                | LinkError::OutOfReach { reach: Reach::Internet, .. }
        ) {
            self.look_up(*peer, now);
        }
    }

    /// Connections of this peer ended with an address of this node. It is told of the new one as soon as that is signed.
    pub(super) fn cut_off(&mut self, peer: PeerId, now: Instant) {
        self.beyond.untold.insert(peer, (now + 2 * GATHER, 0));
    }

    /// The other addresses of this node are known: who does not answer yet is told at once.
    pub(super) fn readdressed(&mut self, now: Instant) {
        self.beyond.untold.values_mut().for_each(|(at, _)| *at = (*at).min(now + 2 * GATHER));
    }

    pub(super) fn tell_untold(&mut self, now: Instant) {
        let due: Vec<_> =
            self.beyond.untold.iter().filter(|(_, (at, _))| *at <= now).map(|(peer, _)| *peer).collect();
        for peer in due {
            let Some((at, told)) = self.beyond.untold.get_mut(&peer) else { continue };
            (*at, *told) = (now + TELL_AGAIN, *told + 1);
            if *told > TELLINGS {
                self.beyond.untold.remove(&peer);
            }
            self.compare(peer, None);
        }
    }

    /// A comparison has ended, and with it the peer knows where this node is.
    pub(super) fn told(&mut self, peer: &PeerId) {
        self.beyond.untold.remove(peer);
    }
}
