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
    Network,
    primitives::Scope,
    topology::Overflow,
    transport::{Limits, Usage},
};
use mosaik_tests::scratch::Scratch;
use tokio::{
    runtime::Runtime,
    sync::{Mutex, MutexGuard},
    time::{Instant, interval, timeout},
};

/// What the bystander keeps of its goodput.
const KEEPS: f64 = 0.8;
/// Windows of each kind, and how long each is.
const WINDOWS: u64 = 5;
const WINDOW: Duration = Duration::from_millis(400);
/// Items a second, of 2 000 that are sent, without which the calm windows tell nothing: an attack went on in them.
const LEAST: f64 = 400.0;
/// In calm the threads of this program wait for a processor for less than this part of the time, or others use the machine: then
/// what an attack takes from the bystander is what the attacker's own work takes from this program's share of it.
const BUSY: f64 = 0.25;
/// How long the node may take to be as it was.
const SETTLES: Duration = Duration::from_secs(40);
/// Dials that may go on in a node that has settled.
const DIALS: usize = 16;
/// Items of 1 KiB that go each way: so many at a time, so often.
const BURST: usize = 5;
const EVERY: Duration = Duration::from_millis(5);

/// One test of this program at a time: they would be each other's noise.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A node under attack, a friend of it, and the work between them.
pub(crate) struct Scene {
    pub(crate) target: Network,
    pub(crate) friend: Network,
    pub(crate) meet: Scratch,
    delivered: Arc<AtomicU64>,
    work: Scope,
    attackers: Option<Runtime>,
    before: (Usage, usize),
    windows: u64,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let alone = ALONE.lock().await;
        let meet = Scratch::new();
        let builder = || Network::builder("under-fire").runtime_dir(meet.path());
        let target = builder().limits(limits).build().await.expect("it starts");
        let friend = builder().build().await.expect("it starts");
        let (delivered, work) = (Arc::new(AtomicU64::new(0)), Scope::new());
        feed(&target, &friend, "bystander.out", &delivered, &work).await;
        feed(&friend, &target, "bystander.in", &delivered, &work).await;
        let attackers = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
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
            work,
            attackers: Some(attackers),
            before: (Usage::default(), 0),
            windows: WINDOWS,
            _alone: alone,
        };
        // The overlay and the first comparison are done once nothing changes for a while.
        scene.rate(WINDOW * 3).await;
        scene.before = (scene.target.transport().usage(), scene.target.tasks().running);
        scene
    }

    /// So many windows of each kind, for attacks that take long.
    pub(crate) fn windows(&mut self, windows: u64) -> &Self {
        self.windows = windows;
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

    /// Repeats an attack in windows between calm ones, and holds the bystander to its share. An attack that takes longer than a
    /// window ends first.
    pub(crate) async fn under_fire<F, R>(&self, attack: F)
    where
        F: Fn(u64) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (mut calm, mut fire, mut queued) = (Vec::new(), Vec::new(), Duration::ZERO);
        for window in 0..self.windows {
            let waited = waited_for_processors();
            calm.push(self.rate(WINDOW).await);
            queued += waited_for_processors().saturating_sub(waited);
            let (before, begun) = (self.delivered.load(Ordering::Relaxed), Instant::now());
            let attack = attack.clone();
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
            fire.push(delivered as f64 / begun.elapsed().as_secs_f64());
        }
        let (calm, fire) = (median(calm), median(fire));
        println!(
            "bystander: {calm:.0} items/s in calm, {fire:.0} under attack, {:.0} %",
            fire / calm * 100.0
        );
        assert!(calm >= LEAST, "after the attacks the bystander got {calm:.0} items/s in calm");
        let busy = queued.as_secs_f64() / (WINDOW.as_secs_f64() * self.windows as f64);
        if busy > BUSY {
            println!(
                "the share under attack is not judged: others use the processors ({busy:.2} queued in calm)"
            );
            return;
        }
        assert!(fire >= calm * KEEPS, "under attack the bystander got {fire:.0} items/s of {calm:.0}");
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
        assert!(self.rate(WINDOW).await > 0.0, "work goes on");
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

/// How long the threads of this program were ready to run and did not, in all; zero where the system does not say.
fn waited_for_processors() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    let waited = stats.filter_map(|stat| stat.split_whitespace().nth(1)?.parse::<u64>().ok());
    Duration::from_nanos(waited.sum())
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
