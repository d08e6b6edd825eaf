//! Streams of a QUIC connection.

use bytes::{BufMut, Bytes, BytesMut};
use futures::{FutureExt, future::BoxFuture};
use iroh::endpoint::{ConnectionError, ReadError, RecvStream, SendStream, StoppedError, VarInt, WriteError};
use tokio::io::AsyncReadExt;

use crate::transport::backend::{ConnLost, ReadLost, WriteLost};

/// The half that this side writes.
#[derive(Debug)]
pub struct SendHalf(pub(super) SendStream);

/// The half that this side reads.
#[derive(Debug)]
pub struct RecvHalf(pub(super) RecvStream);

impl SendHalf {
    /// See the seam.
    pub async fn write_chunks(&mut self, chunks: &mut [Bytes]) -> Result<(), WriteLost> {
        self.0.write_all_chunks(chunks).await.map_err(write_lost)
    }

    /// See the seam.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), WriteLost> {
        self.0.write_all(bytes).await.map_err(write_lost)
    }

    /// See the seam.
    pub fn finish(&mut self) {
        let _ = self.0.finish();
    }

    /// See the seam.
    pub fn reset(&mut self, code: u32) {
        let _ = self.0.reset(VarInt::from_u32(code));
    }

    /// See the seam.
    pub fn stopped(&self) -> BoxFuture<'static, Result<Option<u32>, ConnLost>> {
        let stopped = self.0.stopped();
        async move {
            match stopped.await {
                Ok(code) => Ok(code.map(number)),
                Err(StoppedError::ConnectionLost(error)) => Err(conn_lost(error)),
                Err(_) => Err(ConnLost::Reset),
            }
        }
        .boxed()
    }

    /// See the seam.
    pub fn set_priority(&self, priority: i32) {
        let _ = self.0.set_priority(priority);
    }
}

impl RecvHalf {
    /// See the seam. The bytes go straight into the spare capacity of `into`.
    pub async fn read(&mut self, into: &mut BytesMut, max: usize) -> Result<usize, ReadLost> {
        if into.capacity() - into.len() < max {
            into.reserve(max);
        }
        self.0.read_buf(&mut into.limit(max)).await.map_err(|error| match error.downcast::<ReadError>() {
            Ok(ReadError::Reset(code)) => ReadLost::Reset(number(code)),
            Ok(ReadError::ConnectionLost(error)) => ReadLost::Lost(conn_lost(error)),
            Ok(ReadError::ClosedStream) => ReadLost::Finished,
            Ok(ReadError::ZeroRttRejected) | Err(_) => ReadLost::Lost(ConnLost::Reset),
        })
    }

    /// See the seam.
    pub fn stop(&mut self, code: u32) {
        let _ = self.0.stop(VarInt::from_u32(code));
    }
}

fn write_lost(error: WriteError) -> WriteLost {
    match error {
        WriteError::Stopped(code) => WriteLost::Stopped(number(code)),
        WriteError::ConnectionLost(error) => WriteLost::Lost(conn_lost(error)),
        WriteError::ClosedStream => WriteLost::Finished,
        WriteError::ZeroRttRejected => WriteLost::Lost(ConnLost::Reset),
    }
}

/// The reason of a lost connection, as the seam says it.
pub(super) fn conn_lost(error: ConnectionError) -> ConnLost {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            ConnLost::Closed { code: number(close.error_code), reason: close.reason }
        }
        ConnectionError::LocallyClosed => ConnLost::Locally,
        ConnectionError::TimedOut => ConnLost::TimedOut,
        _ => ConnLost::Reset,
    }
}

/// Codes over 32 bits are of nobody that we know.
pub(super) fn number(code: VarInt) -> u32 {
    u32::try_from(code.into_inner()).unwrap_or(u32::MAX)
}
