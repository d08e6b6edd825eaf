//! One run of one case over one side: start, warm up, measure, end.

use tokio::time::{Duration, Instant, sleep, timeout};

use super::{
    bare,
    case::{Case, Measure, Windows},
    mosaik,
    sinks::Sinks,
};
use crate::common::{Fallible, repeat::Side, usage::cpu_seconds};

/// What a run found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Items a second, all consumers together.
    pub(crate) rate: f64,
    /// Cores in use, all processes together.
    pub(crate) cores: f64,
    /// The middle delay, in microseconds; zero where none was measured.
    pub(crate) p50: f64,
    /// The delay that 99 of 100 items stay under, in microseconds.
    pub(crate) p99: f64,
}

/// How long producer and consumers may take to meet.
const MEETING: Duration = Duration::from_secs(20);

/// The sending side of either kind.
enum Source {
    Bare(bare::Source),
    Mosaik(mosaik::Source),
}

impl Source {
    async fn open(side: Side) -> Fallible<Self> {
        Ok(match side {
            Side::Bare => Self::Bare(bare::Source::open().await?),
            Side::Mosaik => Self::Mosaik(mosaik::Source::open().await?),
        })
    }

    fn address(&self) -> Fallible<String> {
        match self {
            Self::Bare(source) => source.address(),
            Self::Mosaik(source) => source.address(),
        }
    }

    async fn start(&mut self, case: Case) -> Fallible {
        match self {
            Self::Bare(source) => source.start(case).await,
            Self::Mosaik(source) => source.start(case).await,
        }
    }

    fn failure(&mut self) -> Option<String> {
        match self {
            Self::Bare(source) => source.failure(),
            Self::Mosaik(source) => source.failure(),
        }
    }

    async fn close(self) {
        match self {
            Self::Bare(source) => source.close().await,
            Self::Mosaik(source) => source.close().await,
        }
    }
}

/// Runs `case` once over `side`.
pub(crate) async fn run(side: Side, case: Case, windows: Windows) -> Fallible<Outcome> {
    let mut source = Source::open(side).await?;
    if case.measure == Measure::Join {
        return join(source, side, case, windows).await;
    }
    let address = source.address()?;
    let met = async { tokio::try_join!(source.start(case), Sinks::open(side, case, &address)) };
    let met = timeout(MEETING, met).await;
    let ((), mut sinks) = met.map_err(|_| "producer and consumers did not meet in time")??;
    let outcome = measure(&mut source, &mut sinks, case, windows).await;
    // The producer first: it must not see its consumers go.
    source.close().await;
    sinks.close().await;
    outcome
}

/// One after the other joins and has a first item.
async fn join(mut source: Source, side: Side, case: Case, windows: Windows) -> Fallible<Outcome> {
    let address = source.address()?;
    source.start(case).await?;
    let mut delays = Vec::new();
    for _ in 0..windows.joins {
        let joined = async {
            match side {
                Side::Bare => bare::join(&address, case.size).await,
                Side::Mosaik => mosaik::join(&address).await,
            }
        };
        delays.push(timeout(MEETING, joined).await.map_err(|_| "there was no first item in time")??);
    }
    let failure = source.failure();
    source.close().await;
    match failure {
        Some(why) => Err(why.into()),
        None => {
            Ok(Outcome { rate: 0.0, cores: 0.0, p50: percentile(&delays, 50), p99: percentile(&delays, 99) })
        }
    }
}

async fn measure(source: &mut Source, sinks: &mut Sinks, case: Case, windows: Windows) -> Fallible<Outcome> {
    sleep(windows.warm_up).await;
    let (before, _) = sinks.sample()?;
    let (start, own_cpu) = (Instant::now(), cpu_seconds()?);
    sleep(windows.measured).await;
    let (after, delays) = sinks.sample()?;
    let seconds = start.elapsed().as_secs_f64();
    let own_cpu = cpu_seconds()? - own_cpu;
    if let Some(why) = source.failure() {
        return Err(why.into());
    }
    if after.faults > 0 {
        return Err(format!("{} of {} items were lost or damaged", after.faults, after.items).into());
    }
    let items = after.items - before.items;
    if items == 0 || (case.measure == Measure::Latency && delays.is_empty()) {
        return Err("no item arrived".into());
    }
    Ok(Outcome {
        rate: items as f64 / seconds,
        cores: (own_cpu + after.cpu_seconds - before.cpu_seconds) / seconds,
        p50: percentile(&delays, 50),
        p99: percentile(&delays, 99),
    })
}

/// In microseconds, of values in nanoseconds.
fn percentile(values: &[u64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or_default() as f64 / 1e3
}
