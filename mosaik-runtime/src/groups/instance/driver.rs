//! The driver of one group: what happens comes in, what is decided is done, one after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use openraft::async_runtime::watch::WatchReceiver;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    Instance,
    managing::Managing,
    notes::{Notes, Part},
    parking::{Parking, lost, paced},
    running::{Running, ServerMetrics},
    survey::Survey,
};
use crate::{
    discovery::Catalog,
    groups::{
        MemberId,
        birth::{BirthLog, ClusterId, Config, Input, Member, Phase, Recorder, Report, Timer, View},
        bond::{BondEvent, BondRefused},
        settings::Storage,
        status::CatchUp,
        store::LogReader,
        wire::{BirthMessage, Hello},
    },
    primitives::{PeerId, PeerRole, Scope, watch},
};

/// How often the driver looks at what nobody tells it of.
const LOOK: Duration = Duration::from_millis(200);
/// How often it does while the group is parked.
const PARKED_LOOK: Duration = Duration::from_secs(2);
/// Nodes without a bond that are shown.
const REFUSED: usize = 64;
/// Reports of tasks that wait for the driver.
const REPORTS: usize = 16;

/// What handles ask of the driver.
#[derive(Debug)]
pub(super) enum Order {
    /// Hand over, leave if that is due, and end.
    Stop(oneshot::Sender<()>),
    /// Give the log of the birth.
    BirthLog(oneshot::Sender<BirthLog>),
}

/// What a task of the driver has done.
#[derive(Debug)]
pub(super) enum Done {
    /// The group has taken this node in.
    Joined(MemberId, ClusterId),
    /// A change of the membership was tried. The next one follows at once if it was made; what was refused (say, for want of a lease)
    /// is decided anew at the next look.
    Changed { made: bool },
    /// The group was told to fence itself, or could not be.
    Fenced,
    /// The state was told to become one of the newer type, or could not be.
    Migrated,
    /// The group was parked, or could not be.
    Parked,
}

pub(super) struct Driver {
    pub(super) instance: Instance,
    pub(super) recorder: Recorder,
    pub(super) notes: Notes,
    pub(super) timers: BTreeMap<Timer, Instant>,
    /// Where the bonded peers stand.
    pub(super) peers: BTreeMap<PeerId, Hello>,
    /// Peers that a bond was offered to.
    offered: BTreeSet<PeerId>,
    /// Whether bonds are offered yet.
    pub(super) offers: bool,
    pub(super) survey: Survey,
    pub(super) reports: mpsc::Sender<Done>,
    /// The task that asks for this node to be taken in.
    pub(super) joining: Option<Scope>,
    pub(super) right: super::right::Holding,
    pub(super) parking: Parking,
    pub(super) distances: super::distances::Distances,
    /// While this node leads.
    pub(super) managing: Option<Managing>,
    pub(super) raft: Option<(Arc<Running>, ServerMetrics)>,
    /// Since when another group of this name looks like the better one.
    pub(super) outdone_since: Option<Instant>,
    pub(super) is_fencing: bool,
    /// Since when nobody of the other group is there.
    pub(super) rival_gone_since: Option<Instant>,
    /// Since when most voters look as if they had lost what they held in memory, and what is to be said of it.
    pub(super) lost: Option<(Instant, Report)>,
    pub(super) is_migrating: bool,
    /// Reads the log, as it is in the store.
    pub(super) log: LogReader,
    /// The voters that the birth remembers.
    pub(super) remembered: Vec<Member>,
}

/// Runs a group until its scope ends. What breaks it is told in the view.
pub(super) async fn drive(
    instance: Instance,
    events: mpsc::Receiver<BondEvent>,
    mut orders: mpsc::Receiver<Order>,
) {
    let (reports, done) = mpsc::channel(REPORTS);
    // Boxed: what an async function takes by value its future holds twice.
    let driver = match Driver::new(instance.clone(), reports) {
        Ok(driver) => Box::new(driver),
        Err(error) => {
            instance.fail(&error);
            loop {
                match orders.recv().await {
                    Some(Order::Stop(told)) => {
                        let _ = told.send(());
                        break;
                    }
                    // There was no birth: who asks is told by the end of its channel.
                    Some(Order::BirthLog(_)) => {}
                    None => break,
                }
            }
            return;
        }
    };
    driver.run(events, orders, done).await;
}

impl Driver {
    fn new(
        instance: Instance,
        reports: mpsc::Sender<Done>,
    ) -> Result<Self, crate::groups::store::StoreError> {
        let parts = &instance.0.parts;
        let notes = Notes::new(parts.subject.item, parts.store.clone(), parts.promises.clone());
        let settings = &parts.settings;
        let config = Config {
            in_memory: settings.storage == Storage::Memory,
            strict: settings.strict,
            deadline: settings.deadline,
            rank_delay: settings.timing().rank(),
            ..Config::new(parts.subject.item, settings.voters.clone())
        };
        let me = Member { peer: instance.me(), store: parts.store.id() };
        let recorder = Recorder::new(config, me, notes.record()?);
        let now = instance.clock().now();
        Ok(Self {
            recorder,
            notes,
            timers: BTreeMap::new(),
            peers: BTreeMap::new(),
            offered: BTreeSet::new(),
            offers: false,
            survey: Survey::new(now, settings.timing(), parts.transport.reach()),
            reports,
            joining: None,
            right: super::right::Holding::default(),
            parking: Parking::default(),
            distances: super::distances::Distances::default(),
            managing: None,
            raft: None,
            outdone_since: None,
            is_fencing: false,
            rival_gone_since: None,
            lost: None,
            is_migrating: false,
            log: parts.store.reader(parts.subject.item),
            remembered: Vec::new(),
            instance,
        })
    }

    async fn run(
        mut self: Box<Self>,
        mut events: mpsc::Receiver<BondEvent>,
        mut orders: mpsc::Receiver<Order>,
        mut done: mpsc::Receiver<Done>,
    ) {
        let mut catalog = self.instance.0.parts.discovery.watch();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.begin().await;
        self.see(&catalog.borrow_and_update().clone());
        loop {
            let timer = self.timers.values().min().copied();
            let wakes_at = self.parking.wakes_at;
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Stop(told)) => {
                        self.stop().await;
                        let _ = told.send(());
                        return;
                    }
                    Some(Order::BirthLog(told)) => drop(told.send(self.recorder.log())),
                    None => return,
                },
                event = events.recv() => match event {
                    Some(event) => self.bond(event).await,
                    None => return,
                },
                Some(report) = done.recv() => self.done(report).await,
                () = changed(&mut self.raft) => self.look_at_raft().await,
                paced = paced(&mut self.parking.pace) => if self.paced(paced) {
                    look.reset_immediately();
                },
                () = lost(&mut self.parking.following) => self.loses_leader(),
                () = until(wakes_at), if wakes_at.is_some() => self.wakes().await,
                () = until(timer), if timer.is_some() => self.fire().await,
                seen = catalog.changed() => match seen {
                    Ok(()) => self.see(&catalog.borrow_and_update().clone()),
                    Err(watch::RecvError) => return,
                },
                _ = look.tick() => {
                    self.look().await;
                    if self.is_parked() {
                        look.reset_after(PARKED_LOOK);
                    }
                }
            }
        }
    }

    /// Goes on from what the store holds.
    async fn begin(&mut self) {
        let part = match self.notes.part() {
            Ok(part) => part,
            Err(error) => return self.instance.fail(&error),
        };
        self.step(Input::LocalReady { holds: part.map(|part| part.cluster) }).await;
        if let Some(Part { member, cluster, .. }) = part {
            self.start(member, cluster).await;
        }
    }

    /// Something happened to a bond.
    async fn bond(&mut self, event: BondEvent) {
        self.bond_while_parked(&event).await;
        match event {
            BondEvent::Up { peer, hello } => {
                self.peers.insert(peer, hello);
                self.survey.answered(peer);
                let there = self.instance.bonds().get(peer).map(|bond| bond.timing());
                self.compare_round_trips(peer, there);
                self.show_refused(|refused| drop(refused.remove(&peer)));
                self.instance.comes_back(peer);
                self.replicate_again(hello.member).await;
                let member = Member { peer, store: hello.store };
                self.step(Input::PeerSeen { member, boot: hello.boot, eligible: hello.eligible }).await;
                self.hears_of(peer, hello.cluster).await;
            }
            BondEvent::Changed { peer, hello } => {
                let before = self.peers.insert(peer, hello).and_then(|before| before.cluster);
                if before != hello.cluster {
                    self.hears_of(peer, hello.cluster).await;
                }
            }
            BondEvent::Down { peer, boot } => {
                if self.peers.get(&peer).is_some_and(|hello| hello.boot == boot) {
                    self.peers.remove(&peer);
                }
                self.compare_round_trips(peer, None);
                self.step(Input::PeerLost { peer, boot }).await;
            }
            BondEvent::Told { peer, message } => self.told(peer, message).await,
            BondEvent::Refused { peer, why } => {
                self.survey.answered(peer);
                self.show_refused(|refused| {
                    if refused.len() < REFUSED || refused.contains_key(&peer) {
                        refused.insert(peer, why);
                    }
                });
            }
        }
        self.show_quorum();
    }

    fn show_refused(&self, change: impl FnOnce(&mut BTreeMap<PeerId, BondRefused>)) {
        let mut refused = self.instance.0.view.borrow().refused.as_ref().clone();
        change(&mut refused);
        self.instance.change_view(|view| {
            if *view.refused != refused {
                view.refused = Arc::new(refused);
            }
        });
    }

    /// A member that can be reached again gets entries at once, not after what is left of a back-off.
    async fn replicate_again(&self, member: Option<MemberId>) {
        if let (Some((running, _)), Some(member)) = (&self.raft, member) {
            // It fails when Raft has stopped, which is seen elsewhere.
            let _ = running.raft.trigger().reset_backoff([member]).await;
        }
    }

    async fn hears_of(&mut self, peer: PeerId, cluster: Option<ClusterId>) {
        if let Some(cluster) = cluster {
            self.step(Input::PeerInitialised { peer, cluster }).await;
        }
    }

    async fn told(&mut self, peer: PeerId, message: BirthMessage) {
        let input = match message {
            BirthMessage::Ready => match self.peers.get(&peer) {
                Some(hello) => Input::PeerReady { peer, boot: hello.boot },
                None => return,
            },
            BirthMessage::Promise(genesis, by) => Input::PeerPromised { peer, genesis, by },
            BirthMessage::Refusal(hash) => Input::PeerRefused { peer, hash },
            BirthMessage::Initialised(cluster) => Input::PeerInitialised { peer, cluster },
            BirthMessage::Gone(member) => return self.gone(peer, member).await,
        };
        self.step(input).await;
    }

    async fn done(&mut self, report: Done) {
        match report {
            Done::Joined(member, cluster) => {
                let birth = self.recorder.birth().view();
                if (birth.phase, birth.cluster) != (Phase::Joining, Some(cluster)) {
                    // It was asked for before this node turned back.
                    return;
                }
                self.stop_asking();
                let part = Part { member, cluster, first: false };
                if let Err(error) = self.notes.set_part(part).await {
                    return self.instance.fail(&error);
                }
                self.start(member, cluster).await;
                self.step(Input::Joined).await;
            }
            Done::Changed { made } => {
                if let Some(managing) = &mut self.managing {
                    managing.is_changing = false;
                }
                if made {
                    self.manage();
                }
            }
            Done::Fenced => self.is_fencing = false,
            Done::Migrated => self.is_migrating = false,
            Done::Parked => self.parking.asked(self.instance.clock().now()),
        }
    }

    /// A timer has run out.
    async fn fire(&mut self) {
        let now = self.instance.clock().now();
        let due: Vec<_> = self.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
        for timer in due {
            self.timers.remove(&timer);
            self.step(Input::Elapsed(timer)).await;
        }
    }

    /// Discovery sees these nodes.
    fn see(&mut self, catalog: &Catalog) {
        let (item, me) = (self.instance.subject().item, self.instance.me());
        let now = self.instance.clock().now();
        let there: BTreeSet<PeerId> = catalog
            .with_role(PeerRole::Member, &item)
            .map(|peer| peer.id)
            .filter(|peer| *peer != me)
            .collect();
        there.iter().for_each(|peer| self.survey.knows(*peer, now));
        let gone: Vec<_> = self.offered.difference(&there).copied().collect();
        for peer in &gone {
            self.survey.lost(peer);
            self.instance.bonds().withdraw(*peer);
            self.offered.remove(peer);
        }
        if self.offers {
            for peer in there.difference(&self.offered.clone()) {
                self.instance.bonds().offer(*peer);
                self.offered.insert(*peer);
            }
        }
    }

    /// What is looked at now and then.
    async fn look(&mut self) {
        self.look_for_right().await;
        if self.survey.ends(self.instance.clock().now()) {
            self.step(Input::Surveyed).await;
        }
        self.look_at_raft().await;
        self.show_catch_up();
        self.manage();
        self.look_at_rival();
        self.look_at_losses();
        self.look_at_schema();
        self.look_at_distances();
        self.consider_parking();
    }

    /// Shows how far a snapshot is that this node gets.
    fn show_catch_up(&self) {
        let progress = self.raft.as_ref().and_then(|(running, _)| running.server.progress());
        let applied = self.instance.0.view.borrow().applied;
        let unfinished =
            progress.filter(|progress| !matches!(progress.ended, Some(Ok(_))) && progress.upto > applied);
        let catch_up = unfinished.map(|progress| CatchUp {
            here: progress.here,
            of: progress.of,
            failed: progress.ended.and_then(Result::err).map(|why| why.to_string().into()),
        });
        if self.instance.0.view.borrow().catch_up != catch_up {
            self.instance.change_view(|view| view.catch_up = catch_up);
        }
    }

    /// Says where this node stands, and shows it.
    pub(super) fn show_birth(&self, view: View) {
        let told = matches!(view.phase, Phase::Concluded | Phase::Resuming);
        let hello = Hello {
            member: self.raft.as_ref().map(|(running, _)| running.member),
            cluster: view.cluster.filter(|_| told),
            ..self.instance.bonds().hello()
        };
        self.instance.bonds().set_hello(hello);
        self.instance.change_view(|shown| shown.birth = Arc::new(view));
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Waits until Raft has something new to tell; for ever while it does not run.
async fn changed(raft: &mut Option<(Arc<Running>, ServerMetrics)>) {
    match raft {
        Some((_, metrics)) => {
            if metrics.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
