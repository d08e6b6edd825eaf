//! The ring against a model: whatever happens, what a subscriber was given and what it was told is lost are together
//! everything that was produced, in order, nothing twice; and memory stays within its bound.

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    cursor::Parting,
    limits::Limits,
    ring::Ring,
    ring_tests::{EPOCH, Silent, now, peer, run_numbers},
    source::Source,
    subscribe::Take,
};
use crate::topology::Overflow;

const PEERS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Push {
        size: usize,
    },
    Take(usize),
    /// Half of what is in flight arrives.
    Arrive(usize),
    Acknowledge(usize),
    /// It says what it has read, and not that it has it.
    AcknowledgeRead(usize),
    /// Much more than may be held.
    Burst {
        items: usize,
        size: usize,
    },
    LoseLink(usize),
    Leave(usize),
    Attach(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEERS;
    prop_oneof![
        8 => prop_oneof![5 => 0..200usize, 1 => 20_000..60_000usize].prop_map(|size| Step::Push { size }),
        6 => who.clone().prop_map(Step::Take),
        6 => who.clone().prop_map(Step::Arrive),
        4 => who.clone().prop_map(Step::Acknowledge),
        2 => who.clone().prop_map(Step::AcknowledgeRead),
        2 => (1..40usize, 20_000..60_000usize).prop_map(|(items, size)| Step::Burst { items, size }),
        1 => who.clone().prop_map(Step::LoseLink),
        1 => who.clone().prop_map(Step::Leave),
        3 => who.prop_map(Step::Attach),
        1 => (0..20u64).prop_map(Step::Wait),
    ]
}

/// What travels to one subscriber.
enum Sent {
    Items(Vec<u64>, u64),
    Gap(u64, u64),
}

#[derive(Default)]
struct Subscriber {
    link: Option<u64>,
    source: Source,
    flight: VecDeque<Sent>,
    read: u64,
    /// The first number that it heard of, and the sum of items and gaps since.
    began: Option<u64>,
    items: u64,
    lost: u64,
    last: Option<u64>,
}

impl Subscriber {
    fn arrive(&mut self) {
        let Some(sent) = self.flight.pop_front() else { return };
        self.read += 24;
        match sent {
            Sent::Items(numbers, bytes) => {
                self.read += bytes;
                let (known, gap) = self.source.accept(numbers[0], numbers.len() as u64);
                assert_eq!((known, gap), (0, None), "no duplicate and no silent gap");
                for number in numbers {
                    assert!(self.last.is_none_or(|last| number > last), "in order");
                    self.last = Some(number);
                    self.items += 1;
                }
            }
            Sent::Gap(first, count) => {
                let (known, gap) = self.source.accept(first, count);
                assert_eq!((known, gap), (0, None), "a gap is told once, and where it is");
                self.lost += count;
            }
        }
    }

    fn expected(&self) -> u64 {
        self.source.had().map_or(0, |(_, next)| next)
    }

    fn check(&self) {
        if let Some(began) = self.began {
            assert_eq!(self.items + self.lost, self.expected() - began, "delivered + gaps = produced");
        }
    }
}

struct Run {
    ring: Ring<Silent>,
    subscribers: Vec<Subscriber>,
    now: Instant,
    next: u64,
}

impl Run {
    fn new(limits: Limits) -> Self {
        let subscribers = (0..PEERS).map(|_| Subscriber::default()).collect();
        Self { ring: Ring::new(EPOCH, 0, limits), subscribers, now: now(), next: 0 }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push { size } => self.push(&"x".repeat(size)),
            Step::Burst { items, size } => {
                let text = "x".repeat(size);
                for n in 0..items {
                    self.push(&text);
                    self.take(n % PEERS);
                    self.check_memory();
                }
            }
            Step::Take(who) => self.take(who),
            Step::Arrive(who) => self.subscribers[who].arrive(),
            Step::Acknowledge(who) => self.acknowledge(who, true),
            Step::AcknowledgeRead(who) => self.acknowledge(who, false),
            Step::LoseLink(who) => self.detach(who, Parting::Lost),
            Step::Leave(who) => {
                self.detach(who, Parting::Left);
                self.subscribers[who] = Subscriber::default();
            }
            Step::Attach(who) => self.attach(who),
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.ring.expire(self.now);
            }
        }
        self.check();
    }

    fn id(who: usize) -> crate::primitives::PeerId {
        peer(who as u8)
    }

    fn take(&mut self, who: usize) {
        let Some(link) = self.subscribers[who].link else { return };
        match self.ring.take(&Self::id(who), link) {
            Take::Run(run) => {
                let items = run_numbers(&run);
                assert_eq!(items.len() as u64, run.count());
                assert_eq!(items.first().copied(), Some(run.first.seq));
                self.subscribers[who].flight.push_back(Sent::Items(items, run.len() as u64));
            }
            Take::Gap { first, count } => self.subscribers[who].flight.push_back(Sent::Gap(first, count)),
            Take::Wait => {}
            Take::End | Take::Cut(_) | Take::Superseded => self.detach(who, Parting::Lost),
        }
    }

    fn push(&mut self, text: &str) {
        if self.ring.push(&(self.next, text), || self.now).is_ok() {
            self.next += 1;
        }
    }

    fn acknowledge(&mut self, who: usize, all: bool) {
        let subscriber = &self.subscribers[who];
        if let Some(link) = subscriber.link {
            let received = if all { subscriber.expected() } else { 0 };
            self.ring.acknowledge(&Self::id(who), link, subscriber.read, received, received);
        }
    }

    fn detach(&mut self, who: usize, parting: Parting) {
        let subscriber = &mut self.subscribers[who];
        subscriber.flight.clear();
        if let Some(link) = subscriber.link.take() {
            self.ring.detach(&Self::id(who), link, parting, self.now);
        }
    }

    fn attach(&mut self, who: usize) {
        if self.subscribers[who].link.is_some() {
            return;
        }
        let had = self.subscribers[who].source.had();
        let attached = self.ring.attach(Self::id(who), had, Silent, self.now).expect("there is no limit");
        let subscriber = &mut self.subscribers[who];
        let (_, lost) = subscriber.source.begin(EPOCH, attached.next);
        assert_eq!(lost, None, "gaps are told by the producer");
        subscriber.began.get_or_insert(attached.next);
        (subscriber.link, subscriber.read) = (Some(attached.attachment), 0);
    }

    fn check(&self) {
        self.subscribers.iter().for_each(Subscriber::check);
        self.check_memory();
    }

    fn check_memory(&self) {
        let all = self.ring.memory();
        assert!(all.held <= all.bound, "{all:?}");
        for one in self.ring.standings().values().map(|standing| standing.memory) {
            assert!(one.held <= one.bound, "{one:?} of one subscription");
        }
    }

    /// Everybody is connected and reads until nothing is left.
    fn finish(&mut self) {
        for who in 0..PEERS {
            self.attach(who);
            for _ in 0..10_000 {
                self.take(who);
                self.attach(who);
                self.subscribers[who].arrive();
                self.acknowledge(who, true);
                if self.subscribers[who].expected() == self.next {
                    break;
                }
            }
            self.check();
            assert_eq!(self.subscribers[who].expected(), self.next, "everything was delivered or told");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn ls6_delivered_and_gaps_are_what_was_produced(
        steps in prop::collection::vec(step(), 1..300),
        items in 1..40usize,
        replay in prop_oneof![Just(0usize), 1..20usize],
        overflow in prop_oneof![
            Just(Overflow::Disconnect), Just(Overflow::DropOldest), Just(Overflow::DropNewest), Just(Overflow::Block)
        ],
    ) {
        let limits = Limits { items, replay, overflow, bytes: 200_000, max_item: 100_000, ..Limits::default() };
        let mut run = Run::new(limits);
        for step in steps {
            run.step(step);
        }
        run.finish();
    }

    #[test]
    fn under_block_nothing_is_lost_while_the_lease_holds(
        steps in prop::collection::vec(step(), 1..300),
        items in 1..40usize,
    ) {
        let limits = Limits { items, overflow: Overflow::Block, bytes: 200_000, max_item: 100_000, ..Limits::default() };
        let mut run = Run::new(limits);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Wait(_))) {
            run.step(step);
        }
        run.finish();
        prop_assert_eq!(run.subscribers.iter().map(|subscriber| subscriber.lost).sum::<u64>(), 0);
    }
}
