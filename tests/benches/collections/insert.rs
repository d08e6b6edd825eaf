//! Insertions by writers in three places, beside the commands of a plain group.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use mosaik_runtime::{
    collections::Writer,
    groups::{Group, StateMachine, Voters},
    node::Network,
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    alike::{self, Alike},
    measured::{Measured, Meter, percentile, sequential, together},
    nodes::{self, LONG, Numbers, mixed},
    sum::Sum,
};
use crate::common::{Fallible, repeat::Side};

const VOTERS: u8 = 3;
const CALLERS: usize = 256;
const AT_ONCE: u64 = 1_000;
/// Keys that are written.
const KEYS: u64 = 100_000;
/// Keys of a map that fits into the caches with its four copies.
const FEW: u64 = 10_000;

/// What is done by one who writes.
trait Writes: Clone + Send + Sync + 'static {
    fn one(&self, number: u64) -> impl Future<Output = Fallible> + Send;
    /// Many at once, if there is such a thing.
    fn many(&self, start: u64) -> Option<BoxFuture<'_, Fallible>>;
    fn is_leader(&self) -> bool;
    fn online(&self) -> BoxFuture<'_, ()>;
    fn is_voter(&self) -> bool;
}

/// A map that has so many keys.
#[derive(Clone)]
struct Of {
    writer: Writer<Numbers>,
    keys: u64,
}

impl Writes for Of {
    async fn one(&self, number: u64) -> Fallible {
        Ok(self.writer.insert(mixed(number) % self.keys, number).await.map(drop)?)
    }

    fn many(&self, start: u64) -> Option<BoxFuture<'_, Fallible>> {
        let entries = (start..start + AT_ONCE).map(|number| (mixed(number) % self.keys, number));
        let extend = self.writer.extend(entries);
        Some(Box::pin(async move { Ok(extend.await.map(drop)?) }))
    }

    fn is_leader(&self) -> bool {
        self.writer.when().is_leader().holds()
    }

    fn online(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.writer.when().online().await })
    }

    fn is_voter(&self) -> bool {
        let status = self.writer.status();
        status.member.is_some_and(|member| status.voters.contains(&member))
    }
}

/// A state whose commands are made of a number.
trait OfNumber: StateMachine {
    fn command(number: u64) -> Self::Command;
}

impl OfNumber for Sum {
    fn command(number: u64) -> u64 {
        number
    }
}

impl OfNumber for Alike {
    fn command(number: u64) -> Self::Command {
        alike::command(mixed(number) % KEYS, number)
    }
}

impl<M: OfNumber> Writes for Group<M> {
    async fn one(&self, number: u64) -> Fallible {
        Ok(self.execute(M::command(number)).await.map(drop)?)
    }

    fn many(&self, _: u64) -> Option<BoxFuture<'_, Fallible>> {
        None
    }

    fn is_leader(&self) -> bool {
        self.when().is_leader().holds()
    }

    fn online(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { _ = self.when().online().await })
    }

    fn is_voter(&self) -> bool {
        let status = self.status();
        status.member.is_some_and(|member| status.voters.contains(&member))
    }
}

/// Many in flight, at one place.
const IN_FLIGHT: &str = "in-flight-256";
/// What that is called for a map of [`KEYS`] keys, beside the commands of a plain group.
const OF_MANY: &str = "in-flight-256-100k";
/// The same beside commands that are as long as an insertion.
const OF_MANY_ALIKE: &str = "in-flight-256-100k-alike";
/// The two for a map of [`FEW`] keys.
const OF_FEW: &str = "in-flight-256-10k";
const OF_FEW_ALIKE: &str = "in-flight-256-10k-alike";

/// One run of one side.
pub(crate) async fn measure(side: Side, window: Duration) -> Fallible<Vec<Measured>> {
    let name = nodes::name("insert");
    let (mut all, other, called) = match side {
        Side::Mosaik => {
            let many = places(map(&name, KEYS).await?, window).await?;
            let few = places(map(&format!("{name}-few"), FEW).await?, window).await?;
            (many, few, [[OF_MANY, OF_MANY_ALIKE], [OF_FEW, OF_FEW_ALIKE]])
        }
        Side::Bare => {
            let sum = places(group(&name, "bench.sum", Sum::default()).await?, window).await?;
            let alike = places(group(&name, "bench.alike", Alike::default()).await?, window).await?;
            (sum, alike, [[OF_MANY, OF_FEW], [OF_MANY_ALIKE, OF_FEW_ALIKE]])
        }
    };
    // What is not compared with several stays as it was measured first.
    let in_flight: Vec<_> = all.extract_if(.., |measured| measured.name.starts_with(IN_FLIGHT)).collect();
    for (of, called) in [&in_flight, &other].into_iter().zip(called) {
        for called in called {
            all.extend(of.iter().filter_map(|measured| renamed(measured, called)));
        }
    }
    Ok(all)
}

/// The nodes of a map.
async fn map(name: &str, keys: u64) -> Fallible<Vec<(Network, Of)>> {
    let mut nodes = Vec::new();
    for _ in 0..=VOTERS {
        let (network, writer) = nodes::writer(name, VOTERS).await?;
        nodes.push((network, Of { writer, keys }));
    }
    Ok(nodes)
}

/// The nodes of a plain group.
async fn group<M: StateMachine + Clone>(
    name: &str,
    intent: &str,
    state: M,
) -> Fallible<Vec<(Network, Group<M>)>> {
    let mut nodes = Vec::new();
    for _ in 0..=VOTERS {
        let network = Network::builder(name.to_owned()).build().await?;
        let group = network.groups().machine(state.clone()).named(intent).voters(Voters::Count(VOTERS));
        nodes.push((network, group.join().await?));
    }
    Ok(nodes)
}

/// The figure of many in flight, as it is called in another comparison.
fn renamed(measured: &Measured, called: &str) -> Option<Measured> {
    let place = measured.name.strip_prefix(IN_FLIGHT)?;
    Some(Measured { name: format!("{called}{place}"), ..measured.clone() })
}

async fn places<W: Writes>(nodes: Vec<(Network, W)>, window: Duration) -> Fallible<Vec<Measured>> {
    for (_, writer) in &nodes {
        timeout(LONG, writer.online()).await.map_err(|_| "it did not come online")?;
        writer.one(0).await?;
    }
    let find = |wanted: fn(&W) -> bool| nodes.iter().map(|(_, writer)| writer).find(|writer| wanted(writer));
    let mut all = Vec::new();
    for (place, writer) in [
        ("leader", find(|writer| writer.is_leader())),
        ("follower", find(|writer| writer.is_voter() && !writer.is_leader())),
        ("no-voter", find(|writer| !writer.is_voter())),
    ] {
        let writer = writer.ok_or_else(|| format!("nobody is the {place}"))?;
        all.extend(one_place(place, writer, window).await?);
    }
    nodes::close(nodes.into_iter().map(|(network, _)| network)).await;
    Ok(all)
}

async fn one_place<W: Writes>(place: &str, writer: &W, window: Duration) -> Fallible<Vec<Measured>> {
    let next = Arc::new(AtomicU64::new(0));
    let mut all = Vec::new();
    let mut push = |name: &str, value, unit, meter: &Meter| {
        let cores = meter.cores()?;
        all.push(Measured { name: format!("{name}/{place}"), value, unit, cores });
        Fallible::Ok(())
    };
    let meter = Meter::start()?;
    let mut times =
        sequential(window, async || writer.one(next.fetch_add(1, Ordering::Relaxed)).await).await?;
    push("sequential-p50", percentile(&mut times, 50), "us", &meter)?;
    push("sequential-p99", percentile(&mut times, 99), "us", &meter)?;
    let meter = Meter::start()?;
    let (mut callers, until) = (JoinSet::new(), Instant::now() + window);
    for _ in 0..CALLERS {
        let (writer, next) = (writer.clone(), next.clone());
        callers.spawn(async move {
            let mut done = 0;
            while Instant::now() < until {
                writer.one(next.fetch_add(1, Ordering::Relaxed)).await?;
                done += 1;
            }
            Ok(done)
        });
    }
    push(IN_FLIGHT, together(callers, window).await?, "changes/s", &meter)?;
    let (meter, start, mut done) = (Meter::start()?, Instant::now(), 0_u64);
    while start.elapsed() < window {
        let Some(many) = writer.many(next.fetch_add(AT_ONCE, Ordering::Relaxed)) else { return Ok(all) };
        many.await?;
        done += AT_ONCE;
    }
    push("extend-1000", done as f64 / start.elapsed().as_secs_f64(), "entries/s", &meter)?;
    Ok(all)
}
