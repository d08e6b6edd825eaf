//! The task of one connection: hands over incoming links, answers control messages, ends the connection in order.
//!
//! It awaits nothing of other peers, and its own peer only under deadlines.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    primitives::{codec, watch},
    transport::{
        backend::{ConnLost, RecvHalf, SendHalf},
        code::Code,
        control::{Control, Ending, MAX_CONTROL, Step},
        error::LinkError,
        event::Ended,
        frame::{Frames, framed},
    },
};

use super::{Note, Raw, Session};

/// What a session's task asks of the pool.
pub(in crate::transport) trait Host: Send + Sync + 'static {
    /// The peer opened a link.
    fn incoming(&self, link: Raw);
    /// One side ends the connection: open no more links on it.
    fn draining(&self, session: &Session);
    /// The peer's process answered a probe.
    fn answered(&self, session: &Session);
    /// Whether the connection stays when it is idle.
    fn keeps(&self, session: &Session) -> bool;
}

/// How far away a timer is set that is not to fire.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

struct Task<H> {
    session: Arc<Session>,
    host: Arc<H>,
    send: SendHalf,
    ending: Ending,
    /// The code that the connection closes with once it is drained.
    code: Code,
    accepted: u64,
    allowance: Allowance,
    /// Whether the peer's next link has to wait for the allowance.
    holds: bool,
    /// Whether links were open when this was last looked at.
    in_use: bool,
    deadlines: Deadlines,
}

/// Links that the peer may still open: a burst, then so many a second. Beyond it they wait in the backend, of which the peer has
/// `links_per_connection` places; nothing is refused.
#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    const BURST: f64 = 256.0;
    const RATE: f64 = 128.0;

    /// When the next link may be taken.
    fn next(&mut self, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * Self::RATE).min(Self::BURST);
        self.at = now;
        if self.left >= 1.0 { now } else { now + Duration::from_secs_f64((1.0 - self.left) / Self::RATE) }
    }
}

struct Deadlines {
    idle: Instant,
    drain: Instant,
    probe: Instant,
}

enum Happened {
    Lost(ConnLost),
    Note(Option<Note>),
    Control(Result<Option<Bytes>, LinkError>),
    Stream(SendHalf, RecvHalf),
    Opened,
    Time,
}

/// Runs a session until its connection is gone, and says why it is.
pub(in crate::transport) async fn run<H: Host>(
    session: Arc<Session>,
    host: Arc<H>,
    send: SendHalf,
    mut frames: Frames,
    mut inbox: mpsc::Receiver<Note>,
) -> Ended {
    let mut open = session.open();
    let mut delivering: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    frames.limit_to(MAX_CONTROL);
    let mut task = Task::new(session, host, send);
    loop {
        task.step(&mut open).await;
        match task.next(&mut frames, &mut inbox, &mut open, &mut delivering).await {
            Happened::Lost(lost) => return task.ended(lost),
            Happened::Note(Some(Note::Delivering(delivered, lease))) => {
                delivering.push(delivered.map(move |_| drop(lease)).boxed());
            }
            Happened::Note(Some(note)) => task.noted(note).await,
            Happened::Note(None) | Happened::Opened => {}
            Happened::Control(frame) => task.heard(frame).await,
            Happened::Stream(send, recv) => {
                task.accepted += 1;
                task.allowance.left -= 1.0;
                task.host.incoming(Raw { send, recv, lease: task.session.lease() });
            }
            Happened::Time => task.time_passed(),
        }
    }
}

impl<H: Host> Task<H> {
    fn new(session: Arc<Session>, host: Arc<H>, send: SendHalf) -> Self {
        let never = Instant::now() + NEVER;
        // The first link is a round trip away from the handshake.
        let first = (session.linger() + session.limits.handshake).min(session.limits.idle);
        let deadlines = Deadlines { idle: Instant::now() + first, drain: never, probe: never };
        Self {
            session,
            host,
            send,
            ending: Ending::default(),
            code: Code::Superseded,
            accepted: 0,
            allowance: Allowance { left: Allowance::BURST, at: Instant::now() },
            holds: false,
            in_use: false,
            deadlines,
        }
    }

    /// What happens next. Streams that arrived before the connection was lost are handed over first.
    async fn next(
        &mut self,
        frames: &mut Frames,
        inbox: &mut mpsc::Receiver<Note>,
        open: &mut watch::Receiver<usize>,
        delivering: &mut FuturesUnordered<BoxFuture<'static, ()>>,
    ) -> Happened {
        let conn = &self.session.conn;
        let now = Instant::now();
        let allowed = self.allowance.next(now);
        let held = std::mem::replace(&mut self.holds, allowed > now);
        if self.holds && !held {
            metrics::counter!("mosaik_transport_links_held_total").increment(1);
        }
        let time = self.deadlines.drain.min(self.deadlines.probe).min(self.deadlines.idle);
        let wake = if allowed > now { time.min(allowed) } else { time };
        tokio::select! {
            biased;
            Some(note) = inbox.recv() => Happened::Note(Some(note)),
            stream = conn.accept_bi(), if allowed <= now => match stream {
                Ok((send, recv)) => Happened::Stream(send, recv),
                Err(lost) => Happened::Lost(lost),
            },
            // No more links are taken now, so nobody else says that the connection is gone.
            lost = conn.closed(), if allowed > now => Happened::Lost(lost),
            frame = frames.next() => Happened::Control(frame),
            Some(()) = delivering.next() => Happened::Opened,
            _ = open.changed() => Happened::Opened,
            lost = conn.closed() => Happened::Lost(lost),
            () = sleep_until(wake) => Happened::Time,
        }
    }

    /// Takes the steps of an orderly end that are due.
    async fn step(&mut self, open: &mut watch::Receiver<usize>) {
        let links = *open.borrow_and_update();
        if (links > 0) != self.in_use {
            self.in_use = links > 0;
            self.deadlines.idle = Instant::now() + if self.in_use { NEVER } else { self.session.linger() };
        }
        while let Some(step) = self.ending.next(self.accepted, links) {
            match step {
                Step::SayDraining => {
                    self.host.draining(&self.session);
                    self.deadlines.drain = Instant::now() + self.session.limits.drain;
                    let (opened, code) = (self.session.opened(), self.code.number());
                    self.say(Control::Draining { opened, code }).await;
                }
                Step::SayDrained => self.say(Control::Drained).await,
                Step::Close => return self.session.close(self.code),
            }
        }
    }

    async fn noted(&mut self, note: Note) {
        match note {
            Note::Drain(code) => self.drain(code),
            Note::Probe => {
                self.deadlines.probe = Instant::now() + self.session.limits.probe;
                self.say(Control::Ping(self.session.id.0)).await;
            }
            Note::Delivering(..) => {}
        }
    }

    fn drain(&mut self, code: Code) {
        if !self.ending.begun() {
            self.code = code;
            self.ending.begin();
        }
    }

    async fn heard(&mut self, frame: Result<Option<Bytes>, LinkError>) {
        let control = match frame {
            Ok(Some(frame)) => codec::decode(&frame),
            Err(LinkError::Lost | LinkError::Closed(_) | LinkError::ClosedHere(_)) => return,
            Err(LinkError::TooLarge { .. }) => return self.session.close(Code::TooLarge),
            Ok(None) | Err(_) => return self.session.close(Code::Malformed),
        };
        match control {
            Ok(Control::Ping(number)) => self.say(Control::Pong(number)).await,
            Ok(Control::Pong(number)) if number == self.session.id.0 => {
                self.deadlines.probe = Instant::now() + NEVER;
                self.host.answered(&self.session);
            }
            Ok(Control::Pong(_)) => {}
            Ok(Control::Draining { opened, code }) => {
                self.drain(Code::from_number(code));
                self.ending.announced(opened);
            }
            Ok(Control::Drained) => self.ending.peer_drained(),
            Err(_) => self.session.close(Code::Malformed),
        }
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.deadlines.drain <= now {
            self.session.close(self.code);
            self.deadlines.drain = now + NEVER;
        }
        if self.deadlines.probe <= now {
            self.session.close(Code::Superseded);
            self.deadlines.probe = now + NEVER;
        }
        if self.deadlines.idle <= now {
            self.deadlines.idle = now + self.session.linger();
            if !self.host.keeps(&self.session) {
                self.drain(Code::Idle);
            }
        }
    }

    async fn say(&mut self, control: Control) {
        let said = async {
            let body = codec::encode(&control)?;
            let frame = framed(&body, MAX_CONTROL)?;
            self.send.write_all(&frame).await.map_err(LinkError::from)
        };
        match timeout(self.session.limits.write, said).await {
            Ok(Ok(())) | Ok(Err(LinkError::Lost | LinkError::Closed(_) | LinkError::ClosedHere(_))) => {}
            Ok(Err(_)) => self.session.close(Code::Malformed),
            Err(_) => self.session.close(Code::Deadline),
        }
    }

    fn ended(&self, lost: ConnLost) -> Ended {
        match (lost, self.session.closed_with()) {
            (ConnLost::Closed { code, .. }, _) => Ended::ByThem(Code::from_number(code)),
            (ConnLost::Locally, code) => Ended::ByUs(code.unwrap_or(Code::Done)),
            (ConnLost::TimedOut | ConnLost::Reset, _) => Ended::Lost,
        }
    }
}
