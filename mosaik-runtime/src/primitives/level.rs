//! How full a queue is, as a part of a gauge of the process: several queues, of several nodes, add to one gauge.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use metrics::Gauge;

/// What one queue adds to a gauge. Dropping it takes that out again.
pub(crate) struct Level {
    gauge: Gauge,
    now: AtomicU64,
}

impl Level {
    /// A queue that is empty.
    pub(crate) fn of(gauge: Gauge) -> Self {
        Self { gauge, now: AtomicU64::new(0) }
    }

    /// So much is in the queue. Cheap while that is what it was.
    pub(crate) fn set(&self, now: u64) {
        if self.now.load(Ordering::Relaxed) == now {
            return;
        }
        let before = self.now.swap(now, Ordering::Relaxed);
        if now >= before {
            self.gauge.increment((now - before) as f64);
        } else {
            self.gauge.decrement((before - now) as f64);
        }
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Level").field(&self.now).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use metrics::GaugeFn;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<f64>);

    impl GaugeFn for Seen {
        fn increment(&self, value: f64) {
            *self.0.lock().expect("no panic") += value;
        }
        fn decrement(&self, value: f64) {
            *self.0.lock().expect("no panic") -= value;
        }
        fn set(&self, value: f64) {
            *self.0.lock().expect("no panic") = value;
        }
    }

    #[test]
    fn g3_queues_add_to_one_gauge_and_take_out_what_they_added() {
        let seen = Arc::new(Seen::default());
        let level = || Level::of(Gauge::from_arc(seen.clone()));
        let (one, two) = (level(), level());
        let now = || *seen.0.lock().expect("no panic");
        one.set(3);
        two.set(4);
        one.set(1);
        assert!((now() - 5.0).abs() < 1e-9);
        drop(two);
        assert!((now() - 1.0).abs() < 1e-9);
        drop(one);
        assert!(now().abs() < 1e-9);
    }
}
