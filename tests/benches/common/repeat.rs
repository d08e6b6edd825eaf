//! Several runs of both sides, in turns, and their medians.
//!
//! The machine's speed drifts over minutes. Taking turns gives both sides the same share of good and bad minutes.

use super::{Fallible, options::Options};

/// The two sides of every comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// iroh alone.
    Bare,
    /// The same through mosaik.
    Mosaik,
}

impl Side {
    /// The word for tables and for the command line of a child process.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Mosaik => "mosaik",
        }
    }

    /// The side of that word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Bare, Self::Mosaik].into_iter().find(|side| side.as_str() == word)
    }
}

/// What both sides measured, run by run.
pub(crate) struct Runs<T> {
    /// The runs over iroh alone.
    pub(crate) bare: Vec<T>,
    /// The runs over mosaik.
    pub(crate) mosaik: Vec<T>,
}

/// How often a failed run is tried again before the case fails.
const TRIES: usize = 3;

/// Runs both sides as often as the options say, in turns; the side that begins changes with every turn.
pub(crate) async fn in_turns<T, F>(
    name: &str,
    options: &Options,
    run: impl Fn(Side) -> F,
) -> Fallible<Runs<T>>
where
    F: Future<Output = Fallible<T>>,
{
    let times = options.repeat;
    let mut runs = Runs { bare: Vec::with_capacity(times), mosaik: Vec::with_capacity(times) };
    for turn in 0..times {
        eprintln!("{name}: run {} of {times}", turn + 1);
        let order = if turn % 2 == 0 { [Side::Bare, Side::Mosaik] } else { [Side::Mosaik, Side::Bare] };
        for side in order.into_iter().filter(|side| options.only.is_none_or(|only| only == *side)) {
            let measured = with_retries(name, side, &run).await?;
            match side {
                Side::Bare => runs.bare.push(measured),
                Side::Mosaik => runs.mosaik.push(measured),
            }
        }
    }
    Ok(runs)
}

async fn with_retries<T, F>(name: &str, side: Side, run: impl Fn(Side) -> F) -> Fallible<T>
where
    F: Future<Output = Fallible<T>>,
{
    let mut tries = 1;
    loop {
        match run(side).await {
            Ok(measured) => return Ok(measured),
            Err(error) if tries < TRIES => {
                eprintln!("{name}: {} failed ({error}); once more", side.as_str());
                tries += 1;
            }
            Err(error) => return Err(format!("{} failed {tries} times, last: {error}", side.as_str()).into()),
        }
    }
}

/// The middle value; of two middle ones the lower. Zero of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
