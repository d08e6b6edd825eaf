//! A link: one stream of a pooled connection, typed by its protocol and framed.
//!
//! Dropping a half ends it in order: what was sent is still delivered. When its task panics, or in the middle of a
//! frame, the stream is broken off instead, so that the other side does not take a torn end for a whole one.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::primitives::{BootId, PeerId, codec};

use super::{
    backend::SendHalf,
    code::Code,
    error::LinkError,
    event::SessionId,
    frame::{Frames, framed},
    guard::Guard,
    protocol::Protocol,
    session::{Lease, Note, Raw},
};

/// A bidirectional, framed stream to one peer.
pub struct Link<P> {
    sender: LinkSender<P>,
    receiver: LinkReceiver<P>,
}

/// The half that writes.
pub struct LinkSender<P> {
    half: SendHalf,
    lease: Option<Lease>,
    at: At,
    /// Bytes are being written: the end of the stream would be a torn frame.
    torn: bool,
    guard: Option<Arc<dyn Guard>>,
    kind: PhantomData<fn() -> P>,
}

/// The half that reads.
pub struct LinkReceiver<P> {
    frames: Frames,
    lease: Lease,
    at: At,
    guard: Option<Box<Held>>,
    kind: PhantomData<fn() -> P>,
}

/// What holds frames back that have arrived.
struct Held {
    guard: Arc<dyn Guard>,
    /// The frame that waits.
    frame: Option<Bytes>,
}

/// Where a link goes.
#[derive(Debug, Clone, Copy)]
struct At {
    peer: PeerId,
    boot: BootId,
    session: SessionId,
}

macro_rules! whereabouts {
    ($($on:ident via $($path:ident).+;)*) => {
        $(
            impl<P> $on<P> {
                /// The other side, authenticated.
                pub fn peer(&self) -> PeerId {
                    self.$($path).+.peer
                }

                /// The other side's process.
                pub fn boot(&self) -> BootId {
                    self.$($path).+.boot
                }

                /// The connection that it runs on.
                pub fn session(&self) -> SessionId {
                    self.$($path).+.session
                }
            }

            impl<P> fmt::Debug for $on<P> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    let At { peer, session, .. } = self.$($path).+;
                    write!(f, "{}({} on {})", stringify!($on), peer.short(), session.0)
                }
            }
        )*
    };
}

whereabouts! {
    Link via sender.at;
    LinkSender via at;
    LinkReceiver via at;
}

impl<P: Protocol> Link<P> {
    pub(super) fn new(raw: Raw) -> Self {
        let Raw { send, recv, lease } = raw;
        let session = lease.session();
        let at = At { peer: session.peer(), boot: session.boot, session: session.id };
        let again = Some(lease.again());
        let sender = LinkSender { half: send, lease: again, at, torn: false, guard: None, kind: PhantomData };
        let frames = Frames::new(recv, P::MAX_FRAME);
        let receiver = LinkReceiver { frames, lease, at, guard: None, kind: PhantomData };
        Self { sender, receiver }
    }

    /// Sends one message as one frame; see [`LinkSender::send`].
    pub async fn send<T: Serialize + ?Sized>(&mut self, message: &T) -> Result<(), LinkError> {
        self.sender.send(message).await
    }

    /// Sends messages, each as one frame, with one write; see [`LinkSender::send_all`].
    pub async fn send_all<T: Serialize>(&mut self, messages: &[T]) -> Result<(), LinkError> {
        self.sender.send_all(messages).await
    }

    /// The next message; see [`LinkReceiver::recv`].
    pub async fn recv<T: DeserializeOwned>(&mut self, within: Duration) -> Result<Option<T>, LinkError> {
        self.receiver.recv(within).await
    }

    /// Frames that the peer sends may be at most so long from now on, and never longer than the protocol allows.
    pub fn limit_frames(&mut self, limit: usize) {
        self.receiver.limit_frames(limit);
    }

    /// Frames of both directions pass by the guard from now on; see [`LinkReceiver::guard`].
    pub fn guard(&mut self, guard: Option<Arc<dyn Guard>>) {
        self.sender.guard(guard.clone());
        self.receiver.guard(guard);
    }

    /// See [`LinkSender::export`].
    pub fn export(&self, label: &[u8], context: &[u8]) -> Option<[u8; 32]> {
        self.sender.export(label, context)
    }

    /// The next frame; see [`LinkReceiver::recv_frame`].
    pub async fn recv_frame(&mut self, within: Duration) -> Result<Option<Bytes>, LinkError> {
        self.receiver.recv_frame(within).await
    }

    /// Sends bytes as one frame; see [`LinkSender::send_frame`].
    pub async fn send_frame(&mut self, body: &[u8]) -> Result<(), LinkError> {
        self.sender.send_frame(body).await
    }

    /// See [`LinkSender::set_priority`].
    pub fn set_priority(&self, priority: i32) {
        self.sender.set_priority(priority);
    }

    /// The two halves, to be used from two tasks.
    pub fn split(self) -> (LinkSender<P>, LinkReceiver<P>) {
        (self.sender, self.receiver)
    }

    /// Ends both halves. With `Code::Done` what was sent is still delivered; with any other code it is broken off,
    /// and the other side sees the code.
    pub fn close(mut self, code: Code) {
        if code == Code::Done {
            self.sender.finish();
        } else {
            self.sender.reset(code);
        }
        self.receiver.stop(code);
    }
}

impl<P: Protocol> LinkSender<P> {
    /// Sends one message as one frame, within the transport's write deadline. Not cancel-safe: dropped half-way, the
    /// stream is broken off.
    pub async fn send<T: Serialize + ?Sized>(&mut self, message: &T) -> Result<(), LinkError> {
        let body = codec::encode(message);
        self.send_frame(&body?).await
    }

    /// Sends bytes as one frame; otherwise as [`send`](Self::send).
    pub async fn send_frame(&mut self, body: &[u8]) -> Result<(), LinkError> {
        let frame = framed(body, P::MAX_FRAME)?;
        self.write_framed(&frame).await
    }

    /// Sends messages, each as one frame, with one write; otherwise as [`send`](Self::send).
    pub async fn send_all<T: Serialize>(&mut self, messages: &[T]) -> Result<(), LinkError> {
        let mut frames = Vec::new();
        for message in messages {
            frames.extend_from_slice(&framed(&codec::encode(message)?, P::MAX_FRAME)?);
        }
        self.write_framed(&frames).await
    }

    async fn write_framed(&mut self, frames: &[u8]) -> Result<(), LinkError> {
        let within = self.lease()?.session().limits.write;
        let written = async {
            if let Some(guard) = &self.guard {
                passes(&**guard).await?;
            }
            self.torn = true;
            self.half.write_all(frames).await?;
            self.torn = false;
            Ok(())
        };
        match timeout(within, written).await {
            Ok(written) => written.map_err(|error| self.explain(error)),
            Err(_) => Err(LinkError::Deadline { step: "writing a frame", within }),
        }
    }

    /// Frames are sent when the guard lets them pass, within the write deadline. What is framed already does not ask it.
    pub fn guard(&mut self, guard: Option<Arc<dyn Guard>>) {
        self.guard = guard;
    }

    /// 32 bytes that only the two ends of this link's connection can derive: equal on both, different in each connection. `None`
    /// once the link is finished on this side.
    pub fn export(&self, label: &[u8], context: &[u8]) -> Option<[u8; 32]> {
        self.lease.as_ref()?.session().conn.export(label, context)
    }

    /// Writes bytes that are framed already, shared and not copied. The caller bounds the wait. Not cancel-safe.
    pub async fn write_chunks(&mut self, chunks: &mut [Bytes]) -> Result<(), LinkError> {
        self.torn = true;
        match self.half.write_chunks(chunks).await {
            Ok(()) => self.torn = false,
            Err(lost) => return Err(self.explain(lost.into())),
        }
        Ok(())
    }

    fn lease(&self) -> Result<&Lease, LinkError> {
        self.lease.as_ref().ok_or(LinkError::Finished)
    }
}

impl<P> LinkSender<P> {
    /// Ends the stream; what was sent is still delivered, also by a shutdown that follows.
    pub fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.half.finish();
            let session = lease.session().clone();
            session.note(Note::Delivering(self.half.stopped(), lease));
        }
    }

    /// Breaks the stream off: what was sent may be lost, and the peer sees `code`.
    pub fn reset(&mut self, code: Code) {
        self.half.reset(code.number());
        self.lease = None;
    }

    /// Waits until the peer stops reading (its code), until a finished stream has arrived whole (`Code::Done`), or
    /// until the link is lost. The caller bounds the wait.
    pub async fn stopped(&self) -> Result<Code, LinkError> {
        match self.half.stopped().await {
            Ok(code) => Ok(code.map_or(Code::Done, Code::from_number)),
            Err(lost) => Err(self.explain(lost.into())),
        }
    }

    /// Streams of higher priority send first; 0 by default.
    pub fn set_priority(&self, priority: i32) {
        self.half.set_priority(priority);
    }

    fn explain(&self, error: LinkError) -> LinkError {
        match &self.lease {
            Some(lease) => lease.session().explain(error),
            None => error,
        }
    }
}

impl<P> Drop for LinkSender<P> {
    fn drop(&mut self) {
        if self.lease.is_none() {
            return;
        }
        if std::thread::panicking() {
            self.reset(Code::Panicked);
        } else if self.torn {
            self.reset(Code::Abandoned);
        } else {
            self.finish();
        }
    }
}

impl<P: Protocol> LinkReceiver<P> {
    /// The next message; `None` once the peer finished. Cancel-safe. What does not decode stops the stream.
    pub async fn recv<T: DeserializeOwned>(&mut self, within: Duration) -> Result<Option<T>, LinkError> {
        let Some(frame) = self.recv_frame(within).await? else { return Ok(None) };
        codec::decode(&frame).map(Some).map_err(|error| {
            self.stop(Code::Malformed);
            LinkError::Malformed(error.to_string())
        })
    }

    /// The next frame; `None` once the peer finished. Cancel-safe. A frame over the limit stops the stream.
    pub async fn recv_frame(&mut self, within: Duration) -> Result<Option<Bytes>, LinkError> {
        let frame = timeout(within, self.guarded()).await;
        match frame.map_err(|_| LinkError::Deadline { step: "the peer's next frame", within })? {
            Err(error @ LinkError::TooLarge { .. }) => {
                self.stop(Code::TooLarge);
                Err(error)
            }
            frame => frame.map_err(|error| self.lease.session().explain(error)),
        }
    }

    /// The next frame that the guard lets pass. One that arrived stays here while it waits, whatever becomes of this future.
    async fn guarded(&mut self) -> Result<Option<Bytes>, LinkError> {
        let Some(held) = &mut self.guard else { return self.frames.next().await };
        if held.frame.is_none() {
            held.frame = self.frames.next().await?;
        }
        if held.frame.is_some() {
            passes(&*held.guard).await?;
        }
        Ok(held.frame.take())
    }

    /// Frames are given out when the guard lets them pass, also those that have arrived. Raw bytes do not ask it.
    pub fn guard(&mut self, guard: Option<Arc<dyn Guard>>) {
        self.guard = guard.map(|guard| Box::new(Held { guard, frame: None }));
    }

    /// Frames may be at most so long from now on, and never longer than the protocol allows.
    pub fn limit_frames(&mut self, limit: usize) {
        self.frames.limit_to(limit.min(P::MAX_FRAME));
    }

    /// Reads at most `max` raw bytes to the end of `into`; 0 once the peer finished. Bytes that came along with the last
    /// frame are first. The caller bounds the wait. Cancel-safe.
    pub async fn read(&mut self, into: &mut BytesMut, max: usize) -> Result<usize, LinkError> {
        let read = self.frames.raw(into, max).await;
        read.map_err(|error| self.lease.session().explain(error))
    }
}

/// Waits until a guard lets frames pass.
async fn passes(guard: &dyn Guard) -> Result<(), LinkError> {
    if guard.is_sound() || guard.sound().await { Ok(()) } else { Err(LinkError::Finished) }
}

impl<P> LinkReceiver<P> {
    /// Stops reading; the peer's writes fail with `code`.
    pub fn stop(&mut self, code: Code) {
        self.frames.stop(code.number());
    }

    /// How many bytes are set aside for frames.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.frames.allocated()
    }
}

impl<P> Drop for LinkReceiver<P> {
    fn drop(&mut self) {
        let code = if std::thread::panicking() { Code::Panicked } else { Code::Done };
        self.frames.stop(code.number());
    }
}
