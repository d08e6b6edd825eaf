//! What must hold of items (S1–S3, S6, S7): every consumer's every event is checked as it comes.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use mosaik_runtime::{
    discovery::Change,
    node::{Result, world::secs},
    primitives::{BootId, PeerId},
    streams::{Begun, Event},
};
use tokio::time::Instant;

use super::lab::{Lesson, READER, broken};

/// Lines that a node's diary keeps.
const DIARY: usize = 24;

/// One life of a producer.
type Life = (PeerId, BootId);

/// What one consumer's life saw of one producer.
#[derive(Debug, Clone, Copy)]
struct Account {
    /// The producer's life that was announced last.
    epoch: BootId,
    /// The number that must come next; `None` before the first.
    next: Option<u64>,
    /// What had been produced when the producer's life was announced: the first number is not beyond it.
    produced: u64,
    items: u64,
}

/// A producer's life, as the producer knows it.
#[derive(Debug, Default)]
struct Produced {
    /// When each item was accepted.
    at: Vec<Instant>,
    /// Since when it does not admit a node: its own catalog says so.
    barred: BTreeMap<PeerId, Instant>,
}

/// What was produced and what was heard.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// Whether nothing may be lost to anybody.
    pub(super) lossless: bool,
    /// Whether there is a policy for consumers.
    pub(super) selective: bool,
    produced: BTreeMap<Life, Produced>,
    present: BTreeMap<PeerId, BootId>,
    /// By node, in its present life.
    listeners: BTreeMap<usize, (PeerId, BTreeMap<PeerId, Account>)>,
    /// What each node heard last beside items, for a failure's text.
    diaries: BTreeMap<usize, VecDeque<(Instant, String)>>,
}

impl Items {
    /// A producer begins.
    pub(super) fn opened(&mut self, life: Life) {
        self.produced.insert(life, Produced::default());
        self.present.insert(life.0, life.1);
    }

    /// An item was accepted.
    pub(super) fn sent(&mut self, life: Life, now: Instant) {
        self.produced.entry(life).or_default().at.push(now);
    }

    /// A consumer begins.
    pub(super) fn listens(&mut self, node: usize, me: PeerId) {
        self.listeners.insert(node, (me, BTreeMap::new()));
    }

    /// A node is down: nothing is expected of it.
    pub(super) fn silent(&mut self, node: usize) {
        self.listeners.remove(&node);
    }

    /// A producer's catalog changed: whom does it admit now?
    pub(super) fn noticed(&mut self, producer: PeerId, change: &Change, now: Instant) {
        let Some(boot) = self.present.get(&producer) else { return };
        let Some(produced) = self.produced.get_mut(&(producer, *boot)) else { return };
        match change {
            Change::Joined(peer) | Change::Updated { after: peer, .. }
                if peer.entry.tags.contains(READER) =>
            {
                produced.barred.remove(&peer.id);
            }
            Change::Joined(peer) | Change::Updated { after: peer, .. } => {
                produced.barred.entry(peer.id).or_insert(now);
            }
            Change::Left { peer, .. } => {
                produced.barred.entry(*peer).or_insert(now);
            }
        }
    }

    /// A consumer heard something.
    pub(super) fn heard(&mut self, node: usize, event: Event<Lesson>) -> Result<()> {
        if !matches!(event, Event::Item { .. }) {
            let diary = self.diaries.entry(node).or_default();
            diary.push_back((Instant::now(), format!("{event:?}")));
            if diary.len() > DIARY {
                diary.pop_front();
            }
        }
        match event {
            Event::Joined { from, epoch, begun } => self.announced(node, (from, epoch), begun),
            Event::Item { from, epoch, seq, item } => {
                if item.number != seq {
                    return Err(broken("S1", format!("item {seq} says that it is {}", item.number)));
                }
                self.admitted(node, (from, epoch), seq)?;
                self.counted(node, (from, epoch), seq, 1)?;
                self.account(node, from).items += 1;
                Ok(())
            }
            Event::Gap { from, epoch, lost } => {
                if self.lossless {
                    return Err(broken("S3", format!("{lost:?} of {} without a reason", from.short())));
                }
                self.counted(node, (from, epoch), lost.first, lost.count)
            }
            Event::Undecodable { error, .. } => Err(broken("S1", error.to_string())),
            Event::Left { .. } | Event::Refused { .. } | Event::Settings { .. } => Ok(()),
        }
    }

    fn account(&mut self, node: usize, from: PeerId) -> &mut Account {
        let accounts = &mut self.listeners.get_mut(&node).expect("it listens").1;
        accounts.entry(from).or_insert(Account { epoch: BootId(0), next: None, produced: 0, items: 0 })
    }

    /// S7: a producer's life is announced before its items, and says which life it follows.
    fn announced(&mut self, node: usize, life: Life, begun: Begun) -> Result<()> {
        let Some(produced) = self.produced.get(&life).map(|produced| produced.at.len() as u64) else {
            return Err(broken("S7", format!("{life:?} never was")));
        };
        let account = self.account(node, life.0);
        let known = (account.epoch != BootId(0)).then_some(account.epoch);
        let fits = match begun {
            Begun::Fresh => known.is_none(),
            Begun::Resumed => known == Some(life.1),
            Begun::Restarted { before, expected } => {
                known == Some(before) && before != life.1 && account.next.is_none_or(|next| next == expected)
            }
        };
        if !fits {
            return Err(broken("S7", format!("{begun:?} of {:?} after {account:?}", life.1)));
        }
        if known != Some(life.1) {
            *account = Account { epoch: life.1, next: None, produced, items: 0 };
        }
        Ok(())
    }

    /// S1, S2, S3: numbers go on without a hole and without a repetition, and never beyond what was produced.
    fn counted(&mut self, node: usize, life: Life, first: u64, count: u64) -> Result<()> {
        let produced = self.produced.get(&life).map_or(0, |produced| produced.at.len() as u64);
        let account = self.account(node, life.0);
        if account.epoch != life.1 {
            return Err(broken("S7", format!("item {first} of {:?}, which nobody announced", life.1)));
        }
        if first + count > produced {
            return Err(broken("S3", format!("{count} from {first} of {produced} items")));
        }
        match account.next {
            Some(next) if first < next => {
                return Err(broken("S2", format!("{first} again, {next} was expected")));
            }
            Some(next) if first > next => {
                return Err(broken("S3", format!("{first} after {next}, and no gap was told")));
            }
            None if first > account.produced => {
                let produced = account.produced;
                return Err(broken(
                    "S3",
                    format!("{first} is the first, when there were {produced} to begin with"),
                ));
            }
            _ => {}
        }
        account.next = Some(first + count);
        Ok(())
    }

    /// S6: what was produced while the producer did not admit this node, and has not since, does not come.
    fn admitted(&mut self, node: usize, life: Life, seq: u64) -> Result<()> {
        let Some((me, _)) = self.listeners.get(&node).filter(|_| self.selective) else { return Ok(()) };
        let Some(produced) = self.produced.get(&life) else { return Ok(()) };
        let (Some(since), Some(at)) = (produced.barred.get(me), produced.at.get(seq as usize)) else {
            return Ok(());
        };
        if *at > *since + secs(1) {
            return Err(broken("S6", format!("item {seq} went to {}, which is not admitted", me.short())));
        }
        Ok(())
    }

    /// How many items each consumer has of each of these producers, and how many those have sent.
    pub(super) fn progress(&self, producers: &[PeerId]) -> BTreeMap<(usize, PeerId), (u64, u64)> {
        let mut progress = BTreeMap::new();
        for (node, (_, accounts)) in &self.listeners {
            for peer in producers {
                let life = self.present.get(peer).map(|boot| (*peer, *boot));
                let sent = life.and_then(|life| self.produced.get(&life)).map_or(0, |life| life.at.len());
                let known = accounts.get(peer).filter(|known| self.present.get(peer) == Some(&known.epoch));
                let items = known.map_or(0, |account| account.items);
                progress.insert((*node, *peer), (items, sent as u64));
            }
        }
        progress
    }

    /// What a node heard last, and how long ago.
    pub(super) fn diary(&self, node: usize, now: Instant) -> String {
        let lines = self.diaries.get(&node).into_iter().flatten();
        let line = |(at, text): &(Instant, String)| {
            let ago: Duration = now.saturating_duration_since(*at);
            format!("\n  {:.1} s ago: {text}", ago.as_secs_f64())
        };
        lines.map(line).collect()
    }

    /// S3: whether every consumer has accounted for everything that each of these producers sent in its present life.
    pub(super) fn is_balanced(&self, producers: &[PeerId]) -> bool {
        producers.iter().all(|peer| {
            let Some(boot) = self.present.get(peer) else { return false };
            let sent = self.produced.get(&(*peer, *boot)).map_or(0, |life| life.at.len() as u64);
            let caught_up = |accounts: &BTreeMap<PeerId, Account>| {
                accounts.get(peer).is_some_and(|known| known.epoch == *boot && known.next == Some(sent))
            };
            self.listeners.values().all(|(_, accounts)| caught_up(accounts))
        })
    }
}
