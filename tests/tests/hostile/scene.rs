//! The attacked node, its bystanders, and what they get under fire.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mosaik::{
    Network, data,
    primitives::Scope,
    tickets::{Class, Ticket},
    topology::Overflow,
    transport::{Limits, Usage},
};
use mosaik_runtime::groups::{Apply, Group, StateMachine, Voters};
use mosaik_tests::{own, scratch::Scratch};
use tokio::{
    runtime::Runtime,
    sync::{Mutex, MutexGuard},
    time::{Instant, interval, timeout},
};

use super::{
    counted,
    quiet::{Watch, not_quiet},
};

/// What the bystander keeps of its goodput.
const KEEPS: f64 = 0.8;
/// What it keeps of it in any case, also where others use the processors: less is no slow machine.
const KEEPS_ANYHOW: f64 = 0.25;
/// Windows under attack in which others do not use the processors, nor in the calm ones beside them; and how long each is.
const WINDOWS: usize = 3;
const WINDOW: Duration = Duration::from_millis(300);
/// Items a second that are sent, both ways together.
const SENT: f64 = 2000.0;
/// Items a second, of those that are sent, without which the calm windows tell nothing: an attack went on in them.
const LEAST: f64 = 400.0;
/// Up to so many times as many windows are looked at to find them.
const ATTEMPTS: usize = 5;
/// A calm window begins so long after an attack: what the node still does to clear up after it is no calm, nor others' work.
const AFTERMATH: Duration = Duration::from_millis(300);
/// What the threads of attackers are called.
const ATTACKERS: &str = "attackers";
/// Bytes of memory that the process may have more after an attack than after a first, short one of the same kind: what an allocator
/// keeps it has kept then, and what grows with each attack has not.
const KEPT: u64 = 24 << 20;
/// How long the node may take to be as it was.
const SETTLES: Duration = Duration::from_secs(40);
/// Dials that may go on in a node that has settled.
const DIALS: usize = 16;
/// Items of 1 KiB that go each way: so many at a time, so often.
const BURST: usize = 5;
const EVERY: Duration = Duration::from_millis(5);

/// One test of this program at a time: they would be each other's noise.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The name of the group.
pub(crate) const GROUP: &str = "under.fire";

/// A number to which numbers are added.
#[data]
#[derive(Debug, Default)]
pub(crate) struct Sum(u64);

impl StateMachine for Sum {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn apply(&mut self, number: u64, _cx: &Apply) -> u64 {
        self.0 = self.0.wrapping_add(number);
        self.0
    }

    fn query(&self, (): ()) -> u64 {
        self.0
    }
}

/// A node under attack, a friend of it, and the work between them.
pub(crate) struct Scene {
    pub(crate) target: Network,
    pub(crate) friend: Network,
    pub(crate) meet: Scratch,
    delivered: Arc<AtomicU64>,
    groups: Vec<Group<Sum>>,
    work: Scope,
    attackers: Option<Runtime>,
    before: (Usage, usize),
    /// Items a second that the bystander got before the first attack.
    at_first: f64,
    /// Bytes that the node may have more after the attacks, because it keeps so much of what it was given.
    keeps: u64,
    /// Bytes of memory of the process before the first attack, and after it.
    cold: u64,
    warm: AtomicU64,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let alone = ALONE.lock().await;
        counted::begin();
        let meet = Scratch::new();
        let builder = || Network::builder("under-fire").runtime_dir(meet.path());
        let target = builder().limits(limits).build().await.expect("it starts");
        let friend = builder().build().await.expect("it starts");
        let (delivered, work) = (Arc::new(AtomicU64::new(0)), Scope::new());
        feed(&target, &friend, "bystander.out", &delivered, &work).await;
        feed(&friend, &target, "bystander.in", &delivered, &work).await;
        // It serves the questions of all protocols: who shows a ticket is asked for it.
        let ticket = Ticket::new(Class::new("plain").expect("a word"), "shown").expect("it fits");
        target.tickets().add(ticket).expect("there is room");
        let attackers = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(ATTACKERS)
            .enable_all()
            .on_thread_start(|| {
                let _ = rustix::process::setpriority_process(None, 5);
            })
            .build()
            .expect("a runtime");
        let mut scene = Self {
            target,
            friend,
            meet,
            delivered,
            groups: Vec::new(),
            work,
            attackers: Some(attackers),
            before: (Usage::default(), 0),
            at_first: 0.0,
            keeps: 0,
            cold: 0,
            warm: AtomicU64::new(0),
            _alone: alone,
        };
        // Until then the overlay and the first comparison are done.
        scene.begins_now().await;
        scene
    }

    /// The same with a group that the target and its friend keep, without a key: everybody gets as far as the end of its handshake.
    pub(crate) async fn grouped(limits: Limits) -> Self {
        let mut scene = Self::with(limits).await;
        let open = |node: &Network| {
            let group = node.groups().machine(Sum::default()).named(GROUP).voters(Voters::Count(2));
            async move { group.join().await.expect("it opens") }
        };
        let (one, two) = futures::join!(open(&scene.target), open(&scene.friend));
        let online =
            async { futures::join!(one.when().online().into_future(), two.when().online().into_future()) };
        timeout(Duration::from_secs(20), online).await.expect("the group is born");
        scene.begins_now().await;
        scene.groups = vec![one, two];
        scene
    }

    /// What the node holds now is what it had before, once nothing changes for a while.
    pub(crate) async fn begins_now(&mut self) {
        self.rate(WINDOW * 3).await;
        // Where others use the processors this takes a while. What was late does not count for more than is sent.
        for _ in 0..SETTLES.div_duration_f64(WINDOW) as usize {
            self.at_first = self.rate(WINDOW).await.min(SENT);
            if self.at_first >= LEAST {
                break;
            }
        }
        let first = self.at_first;
        assert!(first >= LEAST, "before the attacks the bystander got {first:.0} items/s");
        self.before = (self.target.transport().usage(), self.target.tasks().running);
        self.cold = resident();
    }

    /// So much of what it is given the node keeps, within a bound of its own.
    pub(crate) fn keeps(&mut self, bytes: u64) -> &Self {
        self.keeps = bytes;
        self
    }

    /// Runs something where the attackers run.
    pub(crate) async fn attack<T: Send + 'static>(
        &self,
        attack: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let attackers = self.attackers.as_ref().expect("until the end");
        attackers.spawn(attack).await.expect("the attacker itself is sound")
    }

    /// Items a second that are delivered in this time.
    async fn rate(&self, window: Duration) -> f64 {
        let (before, begun) = (self.delivered.load(Ordering::Relaxed), Instant::now());
        let _ = timeout(window, std::future::pending::<()>()).await;
        (self.delivered.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64()
    }

    /// What the bystander gets in calm.
    async fn calm(&self) -> Window {
        let watch = Watch::begin();
        let rate = self.rate(WINDOW).await;
        Window { rate, quiet: watch.is_quiet() }
    }

    /// What it gets while an attack is repeated for a window. An attack that takes longer ends first.
    async fn fire<F, R>(&self, attack: F, window: u64) -> Window
    where
        F: Fn(u64) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (before, begun, watch) = (self.delivered.load(Ordering::Relaxed), Instant::now(), Watch::begin());
        self.attack(async move {
            for round in 0.. {
                attack(window << 32 | round).await;
                if begun.elapsed() >= WINDOW {
                    return;
                }
            }
        })
        .await;
        let delivered = self.delivered.load(Ordering::Relaxed) - before;
        Window { rate: delivered as f64 / begun.elapsed().as_secs_f64(), quiet: watch.is_quiet() }
    }

    /// Repeats an attack in windows between calm ones, and holds the bystander to its share: of what it gets in the calm windows before
    /// and after each, so that what changes on the machine meanwhile cancels.
    pub(crate) async fn under_fire<F, R>(&self, attack: F)
    where
        F: Fn(u64) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.fire(attack.clone(), 0).await;
        self.warm.store(resident(), Ordering::Relaxed);
        let (mut all, mut quiet) = (Vec::new(), Vec::new());
        self.rate(AFTERMATH).await;
        let mut before = self.calm().await;
        for window in 1.. {
            let fire = self.fire(attack.clone(), window).await;
            self.rate(AFTERMATH).await;
            let after = self.calm().await;
            let share = 2.0 * fire.rate / (before.rate + after.rate);
            all.push(share);
            if before.quiet && fire.quiet && after.quiet {
                quiet.push(share);
            }
            before = after;
            let looked = all.len();
            if quiet.len() >= WINDOWS || looked >= ATTEMPTS * WINDOWS {
                break;
            }
        }
        let (windows, seen, calm) = (all.len(), quiet.len(), self.at_first);
        let (share, keeps) =
            if seen >= WINDOWS { (median(quiet), KEEPS) } else { (median(all), KEEPS_ANYHOW) };
        println!(
            "bystander: {calm:.0} items/s before the attacks, {:.0} % of that in calm under attack; others used no processor in {seen} of {windows} windows",
            share * 100.0
        );
        if seen < WINDOWS {
            not_quiet(&format!("the bystander is held to {:.0} % under attack", keeps * 100.0));
        }
        assert!(
            share >= keeps,
            "under attack the bystander got {:.0} % of what it got in calm, in the median of {windows} windows",
            share * 100.0
        );
    }

    /// In the end the bystander gets what it got before the first attack.
    async fn nothing_lasts(&self) {
        let mut last = self.calm().await;
        for _ in 1..ATTEMPTS {
            if last.quiet && last.rate >= KEEPS * self.at_first {
                break;
            }
            last = self.calm().await;
        }
        let keeps = if last.quiet { KEEPS } else { KEEPS_ANYHOW };
        if !last.quiet {
            not_quiet(&format!("the bystander is held to {:.0} % in the end", keeps * 100.0));
        }
        let (first, rate) = (self.at_first, last.rate);
        println!("bystander: {first:.0} items/s before the first attack, {rate:.0} at the end");
        assert!(rate >= keeps * first, "of {first:.0} items/s the bystander gets {rate:.0} in the end");
    }

    /// The node is as it was: nothing held, nothing broken, and work goes on.
    pub(crate) async fn settles(self) {
        self.settles_with(0).await;
    }

    /// The same where so many tasks panicked on purpose.
    pub(crate) async fn settles_with(mut self, panicked: u64) {
        let (before, tasks) = self.before;
        let settled = || {
            let now = self.target.transport().usage();
            now.connections <= before.connections
                && now.handshakes == 0
                && now.halves <= before.halves + 2
                // A node that still knows of peers that were made up looks for them, at the rate of its dials, until they are dead.
                && now.dials <= DIALS
                && self.target.tasks().running <= tasks + 4 + 2 * now.dials
        };
        let mut looks = interval(Duration::from_millis(50));
        let calm = timeout(SETTLES, async {
            while !settled() {
                looks.tick().await;
            }
        });
        let calm = calm.await.is_ok();
        let now = (self.target.transport().usage(), self.target.tasks());
        assert!(calm, "before {before:?} and {tasks} tasks, {now:?} long after");
        assert_eq!(now.1.panicked, panicked, "tasks that panicked");
        let (warm, left) = (self.warm.load(Ordering::Relaxed), resident());
        if warm > 0 {
            let cold = self.cold;
            let said = [cold, warm, left].map(|bytes| bytes >> 10);
            println!("memory: {said:?} KiB before the first attack, after it, and at the end");
            let fits = left <= warm + KEPT + self.keeps && left <= cold + 2 * KEPT + self.keeps;
            assert!(fits, "{said:?} KiB of memory before the first attack, after it, and at the end");
        }
        self.nothing_lasts().await;
        for group in std::mem::take(&mut self.groups) {
            assert!(group.execute(1).await.is_ok(), "the group goes on");
        }
        self.work.kill();
        if let Some(attackers) = self.attackers.take() {
            attackers.shutdown_background();
        }
        let end = async { futures::join!(self.target.shutdown(), self.friend.shutdown()) };
        timeout(Duration::from_secs(10), end).await.expect("both stop in time");
        assert_eq!(self.target.tasks().running, 0, "no task is left");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.work.kill();
        if let Some(attackers) = self.attackers.take() {
            attackers.shutdown_background();
        }
    }
}

/// Items a second in a window, and whether the processors were free in it.
struct Window {
    rate: f64,
    quiet: bool,
}

/// Bytes of memory that the process has; zero where the system does not say.
fn resident() -> u64 {
    own::resident().unwrap_or_default()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A stream at a steady pace, whose deliveries are counted.
async fn feed(from: &Network, to: &Network, name: &str, delivered: &Arc<AtomicU64>, work: &Scope) {
    let producer = from.streams().producer::<Vec<u8>>().named(name).overflow(Overflow::Block);
    let mut producer = producer.build().expect("a producer");
    let mut consumer = to.streams().consumer::<Vec<u8>>().named(name).build().expect("a consumer");
    let subscribed = timeout(Duration::from_secs(20), producer.when().subscribed().minimum_of(1));
    subscribed.await.expect("they meet");
    work.spawn("bystander sends", async move {
        let mut ticks = interval(EVERY);
        loop {
            ticks.tick().await;
            for _ in 0..BURST {
                if producer.send(vec![7; 1024]).await.is_err() {
                    return;
                }
            }
        }
    });
    let delivered = delivered.clone();
    work.spawn("bystander receives", async move {
        while consumer.next().await.is_some() {
            delivered.fetch_add(1, Ordering::Relaxed);
        }
    });
}
