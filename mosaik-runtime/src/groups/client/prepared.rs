//! Commands that are encoded and not yet given.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    MAX_COMMAND,
    core::{BATCH_BYTES, BATCH_ITEMS, Body, Parcel},
};
use crate::{
    groups::{error::Rejected, machine::Command},
    primitives::codec::EncodeError,
};

/// What a short command takes.
const SHORT: usize = 8;

/// Encodes one command.
pub(in crate::groups) fn encoded<C: Command>(command: &C) -> Result<Bytes, Rejected> {
    let mut bytes = Vec::with_capacity(SHORT);
    append(command, &mut bytes)?;
    Ok(bytes.into())
}

/// Appends a command, or nothing.
fn append<C: Command>(command: &C, into: &mut Vec<u8>) -> Result<(), Rejected> {
    let before = into.len();
    command.encode(into).map_err(|error| match error {
        EncodeError::TooLarge { limit } => Rejected::TooLarge { bytes: limit.saturating_add(1), limit },
        EncodeError::Refused(why) => Rejected::NotEncodable { why },
    })?;
    let size = into.len() - before;
    if size > MAX_COMMAND {
        into.truncate(before);
        return Err(Rejected::TooLarge { bytes: size, limit: MAX_COMMAND });
    }
    Ok(())
}

/// Encoded commands, one behind the other.
#[derive(Debug, Default)]
pub(in crate::groups) struct Prepared {
    bytes: Vec<u8>,
    /// The method of each, and where its arguments end.
    ends: Vec<(u64, usize)>,
}

impl Prepared {
    /// Nothing yet.
    pub(in crate::groups) fn new() -> Self {
        Self::default()
    }

    /// Room for so many more.
    pub(in crate::groups) fn reserve(&mut self, count: usize) {
        self.ends.reserve(count);
        self.bytes.reserve(count.saturating_mul(SHORT));
    }

    /// Encodes one more.
    pub(in crate::groups) fn push<C: Command>(&mut self, command: &C) -> Result<(), Rejected> {
        append(command, &mut self.bytes)?;
        self.ends.push((command.method(), self.bytes.len()));
        Ok(())
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// In runs that fit into one batch each.
    pub(super) fn parcels(self, within: Duration, deadline: Instant) -> impl Iterator<Item = Parcel> {
        let bytes = Bytes::from(self.bytes);
        let mut start = 0;
        let mut bodies = self.ends.into_iter().map(move |(method, end)| {
            let body = Body { method, bytes: bytes.slice(start..end) };
            start = end;
            body
        });
        let mut first = bodies.next();
        std::iter::from_fn(move || {
            let body = first.take()?;
            let mut run = Vec::with_capacity((bodies.size_hint().0 + 1).min(BATCH_ITEMS));
            let mut size = body.bytes.len();
            run.push(body);
            for body in bodies.by_ref() {
                size += body.bytes.len();
                if run.len() == BATCH_ITEMS || size > BATCH_BYTES {
                    first = Some(body);
                    break;
                }
                run.push(body);
            }
            Some(Parcel { bodies: run, within, deadline })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_are_bounded_by_count_and_by_bytes_and_keep_the_order() {
        let mut prepared = Prepared::new();
        for n in 0..1500_u64 {
            prepared.push(&n).expect("encodes");
        }
        prepared.push(&"x".repeat(200 * 1024)).expect("encodes");
        prepared.push(&"y".repeat(200 * 1024)).expect("encodes");
        let second = Duration::from_secs(1);
        let runs: Vec<_> = prepared.parcels(second, Instant::now() + second).collect();
        let counts: Vec<_> = runs.iter().map(|run| run.bodies.len()).collect();
        assert_eq!(counts, [1024, 477, 1]);
        let numbers = runs.iter().flat_map(|run| &run.bodies).take(1500);
        let numbers = numbers.map(|body| postcard::from_bytes::<u64>(&body.bytes).expect("a number"));
        assert!(numbers.eq(0..1500));
    }

    #[test]
    fn a_command_that_is_too_large_leaves_nothing_behind() {
        let mut prepared = Prepared::new();
        let refused = prepared.push(&"x".repeat(MAX_COMMAND));
        assert!(matches!(refused, Err(Rejected::TooLarge { limit: MAX_COMMAND, .. })), "{refused:?}");
        assert_eq!((prepared.len(), prepared.bytes.len()), (0, 0));
    }
}
