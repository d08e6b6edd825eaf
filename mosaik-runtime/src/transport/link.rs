//! A link: one stream of a pooled connection, typed by its protocol and framed.

use std::{marker::PhantomData, time::Duration};

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use crate::primitives::PeerId;

use super::{code::Code, error::LinkError, event::SessionId, protocol::Protocol};

/// A bidirectional, framed stream to one peer.
#[derive(Debug)]
pub struct Link<P> {
    sender: LinkSender<P>,
    receiver: LinkReceiver<P>,
}

/// The half that writes.
#[derive(Debug)]
pub struct LinkSender<P> {
    protocol: PhantomData<fn() -> P>,
}

/// The half that reads.
#[derive(Debug)]
pub struct LinkReceiver<P> {
    protocol: PhantomData<fn() -> P>,
}

impl<P: Protocol> Link<P> {
    /// The other side, authenticated.
    pub fn peer(&self) -> PeerId {
        todo!()
    }

    /// The connection that it runs on.
    pub fn session(&self) -> SessionId {
        todo!()
    }

    /// Sends one message as one frame.
    pub async fn send<T: Serialize + ?Sized + Sync>(&mut self, message: &T) -> Result<(), LinkError> {
        self.sender.send(message).await
    }

    /// The next message; `None` once the peer finished.
    pub async fn recv<T: DeserializeOwned>(&mut self, within: Duration) -> Result<Option<T>, LinkError> {
        self.receiver.recv(within).await
    }

    /// The two halves, to be used from two tasks.
    pub fn split(self) -> (LinkSender<P>, LinkReceiver<P>) {
        (self.sender, self.receiver)
    }

    /// Ends both halves: with `Code::Done` what was sent is still delivered, with any other code it is broken off.
    pub fn close(self, _code: Code) {
        todo!()
    }
}

impl<P: Protocol> LinkSender<P> {
    /// Sends one message as one frame.
    pub async fn send<T: Serialize + ?Sized + Sync>(&mut self, _message: &T) -> Result<(), LinkError> {
        todo!()
    }

    /// Sends bytes as one frame.
    pub async fn send_frame(&mut self, _frame: &[u8]) -> Result<(), LinkError> {
        todo!()
    }

    /// Writes bytes that are framed already, shared and not copied. The caller bounds the wait.
    pub async fn write_chunks(&mut self, _chunks: &mut [Bytes]) -> Result<(), LinkError> {
        todo!()
    }

    /// Ends the stream; what was sent is still delivered.
    pub fn finish(&mut self) {
        todo!()
    }

    /// Breaks the stream off.
    pub fn reset(&mut self, _code: Code) {
        todo!()
    }

    /// Waits until the peer stops reading or the link is lost; `Code::Done` when a finished stream has arrived whole.
    pub async fn stopped(&self) -> Result<Code, LinkError> {
        todo!()
    }

    /// Streams of higher priority send first; 0 by default.
    pub fn set_priority(&self, _priority: i32) {
        todo!()
    }
}

impl<P: Protocol> LinkReceiver<P> {
    /// The next message; `None` once the peer finished.
    pub async fn recv<T: DeserializeOwned>(&mut self, _within: Duration) -> Result<Option<T>, LinkError> {
        todo!()
    }

    /// The next frame; `None` once the peer finished.
    pub async fn recv_frame(&mut self, _within: Duration) -> Result<Option<Bytes>, LinkError> {
        todo!()
    }

    /// Reads at most `max` raw bytes to the end of `into`; 0 once the peer finished. The caller bounds the wait.
    pub async fn read(&mut self, _into: &mut BytesMut, _max: usize) -> Result<usize, LinkError> {
        todo!()
    }

    /// Stops reading; the peer's writes fail with `code`.
    pub fn stop(&mut self, _code: Code) {
        todo!()
    }
}
