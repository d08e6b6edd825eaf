//! Drops what takes long to drop on a thread of its own, so that nobody waits for it.
//!
//! An old version of a large persistent tree has thousands of nodes of its own: giving them back takes a millisecond for each 100 000 entries
//! or so. There is one thread for the whole process, from the first use on. It holds nothing back but memory: whatever acts when
//! it is dropped is to be dropped in its place.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        LazyLock,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

/// So many values may wait. One more is dropped by who gives it.
const WAITING: usize = 16;

type Value = Box<dyn Send>;

/// Where values are given, unless there is no thread.
static REAPER: LazyLock<Option<SyncSender<Value>>> = LazyLock::new(|| {
    let (sender, values) = sync_channel(WAITING);
    let thread = thread::Builder::new().name("mosaik-reaper".to_owned()).spawn(move || reap(&values));
    thread.is_ok().then_some(sender)
});

/// Drops a value on the thread for that, or here if too many wait there.
pub(super) fn drop_elsewhere(value: impl Send + 'static) {
    match &*REAPER {
        Some(reaper) => give(reaper, Box::new(value)),
        None => drop(value),
    }
}

fn give(reaper: &SyncSender<Value>, value: Value) {
    match reaper.try_send(value) {
        Ok(()) => {}
        Err(TrySendError::Full(value) | TrySendError::Disconnected(value)) => drop(value),
    }
}

fn reap(values: &Receiver<Value>) {
    for value in values {
        // A value of the user's may panic: the next ones are dropped nevertheless.
        _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Sender, channel},
        thread::ThreadId,
        time::Duration,
    };

    use super::*;

    /// Tells which thread drops it.
    struct Tells(Sender<ThreadId>, bool);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).expect("somebody listens");
            assert!(!self.1, "it is to panic");
        }
    }

    #[test]
    fn values_are_dropped_on_another_thread_also_after_one_that_panics() {
        let (sender, dropped) = channel();
        for panics in [true, false] {
            drop_elsewhere(Tells(sender.clone(), panics));
            let by = dropped.recv_timeout(Duration::from_secs(10)).expect("it is dropped");
            assert_ne!(by, thread::current().id());
        }
    }

    #[test]
    fn what_finds_no_room_is_dropped_at_once() {
        let (reaper, values) = sync_channel(1);
        let (sender, dropped) = channel();
        give(&reaper, Box::new(Tells(sender.clone(), false)));
        assert!(dropped.try_recv().is_err(), "it waits");
        give(&reaper, Box::new(Tells(sender.clone(), false)));
        assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
        drop(values);
        assert_eq!(dropped.try_recv(), Ok(thread::current().id()), "nobody takes it any more");
        give(&reaper, Box::new(Tells(sender, false)));
        assert_eq!(dropped.try_recv(), Ok(thread::current().id()));
    }
}
