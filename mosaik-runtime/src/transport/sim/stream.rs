//! The two halves of a stream, as a node holds them.
//!
//! Frames arrive in order within a stream, and in any order between streams. A writer has room for [`WINDOW`](super::WINDOW)
//! bytes; room comes back one travel time after the reader read. Dropping a sender finishes it, dropping a receiver stops it.

use std::{fmt, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use tokio::{sync::Notify, time::Instant};

use super::{
    conn::Conn,
    fabric::Fabric,
    pipe::{Found, Pipe, Signal},
    session::{Side, StreamKey},
    trace::Class,
    wait::{Look, earlier, until},
};
use crate::transport::backend::{ConnLost, ReadLost, WriteLost};

/// The writing half of a stream.
pub struct SendHalf {
    place: Place,
    done: bool,
}

/// The reading half of a stream.
pub struct RecvHalf {
    place: Place,
    done: bool,
}

/// Which pipe a half works on, and where it waits.
#[derive(Clone)]
struct Place {
    conn: Conn,
    key: StreamKey,
    /// The side that writes the pipe.
    writer: Side,
    wake: Arc<Notify>,
}

impl Place {
    fn pipe<'a>(&self, fabric: &'a mut Fabric) -> Result<&'a mut Pipe, ConnLost> {
        let session = fabric.sessions.get_mut(&self.conn.0.session);
        let stream = session.and_then(|session| session.streams.get_mut(&self.key));
        stream.map(|stream| &mut stream.pipes[self.writer]).ok_or(ConnLost::Locally)
    }

    fn side(&self) -> Side {
        self.conn.0.side
    }

    fn settle(&self, fabric: &mut Fabric, now: Instant) -> Result<Option<Instant>, ConnLost> {
        fabric.settle(self.conn.0.session, self.side(), now)
    }

    /// Sends a frame from this side: notes it in the trace and says when it arrives.
    fn send(&self, fabric: &mut Fabric, now: Instant, class: Class, length: usize) -> Option<Instant> {
        let session = self.conn.0.session;
        if let Some(peers) = fabric.peers(session, self.side()) {
            let stream = self.key.1 * 2 + self.key.0 as u64;
            fabric.record(now, class, peers, (session, stream));
            fabric.traffic.frames += 1;
            fabric.traffic.bytes += length as u64;
        }
        fabric.travel(session, self.side(), now, length)
    }

    /// Wakes the other side: the reader of the pipe, and with the first frame whoever accepts streams.
    fn tell_reader(&self, fabric: &mut Fabric, first: bool) {
        let Some(session) = fabric.sessions.get(&self.conn.0.session) else { return };
        if first {
            session.ends[1 - self.side()].wake.notify_waiters();
        }
        if let Some(stream) = session.streams.get(&self.key) {
            stream.pipes[self.writer].reader.notify_waiters();
        }
    }

    fn release(&self) {
        let mut fabric = self.conn.0.net.0.lock();
        if let Some(session) = fabric.sessions.get_mut(&self.conn.0.session) {
            session.release(self.key);
        }
    }
}

impl SendHalf {
    pub(super) fn new(conn: Conn, key: StreamKey, wake: Arc<Notify>) -> Self {
        let writer = conn.0.side;
        Self { place: Place { conn, key, writer, wake }, done: false }
    }

    /// Writes all chunks, and waits for room where there is none. What was taken is cut off `chunks`, so that a dropped
    /// call may be continued.
    pub async fn write_chunks(&mut self, chunks: &mut [Bytes]) -> Result<(), WriteLost> {
        if self.done {
            return Err(WriteLost::Finished);
        }
        let place = &self.place;
        until(&place.conn.0.net.0, &place.wake, |fabric, now| place.write(fabric, now, chunks)).await
    }

    /// Writes all bytes.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), WriteLost> {
        self.write_chunks(&mut [Bytes::copy_from_slice(bytes)]).await
    }

    /// Ends the stream: the reader sees the end after everything that was written. Does nothing when it has ended.
    pub fn finish(&mut self) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let (place, now) = (&self.place, Instant::now());
        let mut fabric = place.conn.0.net.0.lock();
        if place.settle(&mut fabric, now).is_err() {
            return;
        }
        let at = place.send(&mut fabric, now, Class::Finish, 0);
        let mut first = false;
        if let Ok(pipe) = place.pipe(&mut fabric) {
            first = !pipe.started;
            pipe.push(at, None);
            pipe.finished = true;
            pipe.writer.notify_waiters();
        }
        place.tell_reader(&mut fabric, first);
    }

    /// Abandons the stream: the reader sees the code, and nothing more of what was written.
    pub fn reset(&mut self, code: u32) {
        let (place, now) = (&self.place, Instant::now());
        let mut fabric = place.conn.0.net.0.lock();
        self.done = true;
        let unsettled = place.settle(&mut fabric, now).is_err();
        if unsettled || place.pipe(&mut fabric).is_ok_and(|pipe| pipe.reset.is_some()) {
            return;
        }
        let at = place.send(&mut fabric, now, Class::Reset, 0);
        let mut first = false;
        if let Ok(pipe) = place.pipe(&mut fabric) {
            first = !pipe.started;
            pipe.reset = Some(Signal { at, code });
            pipe.begin(at);
            pipe.writer.notify_waiters();
        }
        place.tell_reader(&mut fabric, first);
    }

    /// Waits until the reader stops the stream (its code), or until everything up to the end is with the reader's side (`None`).
    /// The future borrows nothing; a stream that was reset is done.
    pub fn stopped(&self) -> BoxFuture<'static, Result<Option<u32>, ConnLost>> {
        let place = self.place.clone();
        Box::pin(async move {
            until(&place.conn.0.net.0, &place.wake, |fabric, now| place.look_stopped(fabric, now)).await
        })
    }

    /// Sets the priority. Simulated links have none: they carry every frame at once, or in order of sending where a bandwidth is set.
    pub fn set_priority(&self, _priority: i32) {}
}

impl Place {
    fn write(&self, fabric: &mut Fabric, now: Instant, chunks: &mut [Bytes]) -> Look<Result<(), WriteLost>> {
        self.try_write(fabric, now, chunks).unwrap_or_else(|lost| Look::Done(Err(lost)))
    }

    fn try_write(
        &self,
        fabric: &mut Fabric,
        now: Instant,
        chunks: &mut [Bytes],
    ) -> Result<Look<Result<(), WriteLost>>, WriteLost> {
        let again = self.settle(fabric, now).map_err(WriteLost::Lost)?;
        let pipe = self.pipe(fabric).map_err(WriteLost::Lost)?;
        if let Some(code) = pipe.stop.and_then(|stop| stop.arrived(now)) {
            return Err(WriteLost::Stopped(code));
        }
        let room = pipe.room(now);
        let waiting: usize = chunks.iter().map(Bytes::len).sum();
        let part = room.min(waiting);
        if part > 0 {
            let at = self.send(fabric, now, Class::Data, part);
            let pipe = self.pipe(fabric).map_err(WriteLost::Lost)?;
            let first = !pipe.started;
            pipe.push_chunks(at, chunks, part);
            self.tell_reader(fabric, first);
        }
        if part == waiting {
            return Ok(Look::Done(Ok(())));
        }
        let pipe = self.pipe(fabric).map_err(WriteLost::Lost)?;
        let news = earlier(pipe.next_credit(), pipe.stop.and_then(|stop| stop.at));
        Ok(Look::Again(earlier(again, news)))
    }

    fn look_stopped(&self, fabric: &mut Fabric, now: Instant) -> Look<Result<Option<u32>, ConnLost>> {
        self.try_stopped(fabric, now).unwrap_or_else(|lost| Look::Done(Err(lost)))
    }

    fn try_stopped(
        &self,
        fabric: &mut Fabric,
        now: Instant,
    ) -> Result<Look<Result<Option<u32>, ConnLost>>, ConnLost> {
        let again = self.settle(fabric, now)?;
        let pipe = self.pipe(fabric)?;
        if let Some(code) = pipe.stop.and_then(|stop| stop.arrived(now)) {
            return Ok(Look::Done(Ok(Some(code))));
        }
        if pipe.reset.is_some() {
            return Ok(Look::Done(Ok(None)));
        }
        let stop = pipe.stop.and_then(|stop| stop.at);
        let complete = pipe.complete_at();
        let back = fabric.peers(self.conn.0.session, self.side()).map(|(me, other)| fabric.link(other, me));
        let back = back.filter(|link| link.down_since.is_none()).map(|link| link.latency());
        let acknowledged = complete.zip(back).map(|(at, back)| at + back);
        match acknowledged {
            Some(at) if at <= now => Ok(Look::Done(Ok(None))),
            _ => Ok(Look::Again(earlier(again, earlier(acknowledged, stop)))),
        }
    }

    fn read(
        &self,
        fabric: &mut Fabric,
        now: Instant,
        into: &mut BytesMut,
        max: usize,
    ) -> Result<Look<usize>, ReadLost> {
        let alive = self.settle(fabric, now);
        if let Err(lost @ ConnLost::Locally) = alive {
            return Err(ReadLost::Lost(lost));
        }
        let pipe = self.pipe(fabric).map_err(ReadLost::Lost)?;
        if let Some(code) = pipe.reset.and_then(|reset| reset.arrived(now)) {
            return Err(ReadLost::Reset(code));
        }
        match pipe.take(now, into, max) {
            Found::End => return Ok(Look::Done(0)),
            Found::Bytes(count) => {
                if pipe.worth_telling() && alive.is_ok() {
                    self.tell_writer(fabric, now);
                }
                return Ok(Look::Done(count));
            }
            Found::Nothing => {}
        }
        let next = pipe.next_arrival();
        Ok(Look::Again(earlier(alive.map_err(ReadLost::Lost)?, next)))
    }

    /// Lets the writer know about room that was read free.
    fn tell_writer(&self, fabric: &mut Fabric, now: Instant) {
        let at = fabric.travel(self.conn.0.session, self.side(), now, 0);
        if let Ok(pipe) = self.pipe(fabric) {
            pipe.tell(at);
            pipe.writer.notify_waiters();
        }
    }
}

impl RecvHalf {
    pub(super) fn new(conn: Conn, key: StreamKey, wake: Arc<Notify>) -> Self {
        let writer = 1 - conn.0.side;
        Self { place: Place { conn, key, writer, wake }, done: false }
    }

    /// Reads what is there to the end of `into`, between one byte and `max`; 0 at the end of the stream. What arrived before
    /// the connection was lost can still be read.
    pub async fn read(&mut self, into: &mut BytesMut, max: usize) -> Result<usize, ReadLost> {
        if self.done {
            return Err(ReadLost::Finished);
        }
        if max == 0 {
            return Ok(0);
        }
        let place = &self.place;
        until(&place.conn.0.net.0, &place.wake, |fabric, now| match place.read(fabric, now, into, max) {
            Ok(Look::Done(read)) => Look::Done(Ok(read)),
            Ok(Look::Again(at)) => Look::Again(at),
            Err(lost) => Look::Done(Err(lost)),
        })
        .await
    }

    /// Reads no more, and tells the writer so.
    pub fn stop(&mut self, code: u32) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let (place, now) = (&self.place, Instant::now());
        let mut fabric = place.conn.0.net.0.lock();
        let ended = place.pipe(&mut fabric).is_ok_and(|pipe| pipe.ended(now));
        if ended || place.settle(&mut fabric, now).is_err() {
            return;
        }
        let at = place.send(&mut fabric, now, Class::Stop, 0);
        if let Ok(pipe) = place.pipe(&mut fabric) {
            pipe.stop = Some(Signal { at, code });
            pipe.writer.notify_waiters();
        }
    }
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        self.finish();
        self.place.release();
    }
}

impl Drop for RecvHalf {
    fn drop(&mut self) {
        self.stop(0);
        self.place.release();
    }
}

impl fmt::Debug for SendHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendHalf({:?} of {:?})", self.place.key, self.place.conn)
    }
}

impl fmt::Debug for RecvHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvHalf({:?} of {:?})", self.place.key, self.place.conn)
    }
}
