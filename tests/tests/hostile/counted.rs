//! What the nodes of this program count: operators see refusals, and so do these tests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

static COUNTED: Mutex<BTreeMap<String, Arc<AtomicU64>>> = Mutex::new(BTreeMap::new());

struct Counting;

impl Recorder for Counting {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(metrics::Label::value).collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
        Counter::from_arc(counted.entry(name).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Begins to count. Nodes are started after it.
pub(crate) fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| metrics::set_global_recorder(Counting).expect("nobody else counts"));
}

/// The sum of the counters with this name and a label of this value, of all nodes so far.
pub(crate) fn sum(name: &str, label: &str) -> u64 {
    let counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |key: &str| {
        let mut words = key.split(' ');
        words.next() == Some(name) && words.any(|word| word == label)
    };
    counted.iter().filter(|(key, _)| fits(key)).map(|(_, count)| count.load(Ordering::Relaxed)).sum()
}
