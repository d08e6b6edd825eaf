//! One dial: a question that travels to a port, and an answer that travels back.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    conn::Conn,
    endpoint::Port,
    fabric::Fabric,
    net::Net,
    session::{End, Grants, Session},
    trace::Class,
    wait::{Look, until},
};
use crate::{
    primitives::PeerId,
    transport::{
        address::{Address, Place},
        backend::{ConnLost, ConnectFailure},
    },
};

/// A question that nobody answered is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted; more are not answered.
const BACKLOG: usize = 256;

/// One dial.
pub(super) struct Dial {
    net: Net,
    me: PeerId,
    port: u64,
    peer: PeerId,
    at: Vec<u32>,
    alpn: Arc<[u8]>,
}

/// What a port says to a question.
enum Answer {
    Silence,
    UnknownProtocol,
    Welcome(u64),
}

impl Dial {
    pub(super) fn new(
        port: &Port,
        peer: PeerId,
        at: &[Address],
        alpn: &[u8],
    ) -> Result<Self, ConnectFailure> {
        let places = at.iter().filter_map(|address| match address.place {
            Place::Sim(place) => Some(place),
            _ => None,
        });
        let at: Vec<u32> = places.collect();
        if at.is_empty() {
            return Err(ConnectFailure::Unreachable(
                "no address of it is on the simulated network".to_owned(),
            ));
        }
        if peer == port.peer {
            return Err(ConnectFailure::Unreachable("a node does not dial itself".to_owned()));
        }
        Ok(Self { net: port.net.clone(), me: port.peer, port: port.number, peer, at, alpn: alpn.into() })
    }

    /// Asks until there is an answer. Bounded by the caller.
    pub(super) async fn run(self) -> Result<Conn, ConnectFailure> {
        loop {
            let asked = Instant::now();
            self.travel(self.me, self.peer).await?;
            let answer = self.ask(Instant::now())?;
            match answer {
                Answer::Silence => sleep_until(asked + ASK_AGAIN).await,
                Answer::UnknownProtocol => {
                    self.travel(self.peer, self.me).await?;
                    return Err(ConnectFailure::UnknownProtocol);
                }
                Answer::Welcome(session) => return self.welcome(session).await,
            }
        }
    }

    /// Carries one packet of the handshake: waits while the direction is cut, then for its travel time.
    async fn travel(&self, from: PeerId, to: PeerId) -> Result<(), ConnectFailure> {
        let shared = &self.net.0;
        let arrival = until(shared, &shared.changed, |fabric, now| {
            if !alive(fabric, self.port) {
                return Look::Done(Err(ConnectFailure::Locally));
            }
            fabric.link(from, to).travel(now, 0).map_or(Look::Again(None), |at| Look::Done(Ok(at)))
        });
        sleep_until(arrival.await?).await;
        Ok(())
    }

    /// The question is there: what does the port say?
    fn ask(&self, now: Instant) -> Result<Answer, ConnectFailure> {
        let mut fabric = self.net.0.lock();
        let mine = fabric.ports.get(&self.port).filter(|port| !port.dead).and_then(|port| port.grants);
        let mine = mine.ok_or(ConnectFailure::Locally)?;
        let found = fabric.ports.iter().find(|(_, port)| {
            port.peer == self.peer && self.at.contains(&port.address) && !port.dead && port.grants.is_some()
        });
        let Some((number, port)) = found else { return Ok(Answer::Silence) };
        if !port.alpns.iter().any(|alpn| **alpn == *self.alpn) {
            return Ok(Answer::UnknownProtocol);
        }
        let Some(theirs) = port.grants.filter(|_| port.incoming.len() < BACKLOG) else {
            return Ok(Answer::Silence);
        };
        let number = *number;
        let session = self.begin(&mut fabric, [(self.port, mine), (number, theirs)]);
        fabric.record(now, Class::Dial, (self.me, self.peer), (session, 0));
        if let Some(port) = fabric.ports.get_mut(&number) {
            port.incoming.push_back(session);
            port.wake.notify_waiters();
        }
        Ok(Answer::Welcome(session))
    }

    fn begin(&self, fabric: &mut Fabric, ports: [(u64, Grants); 2]) -> u64 {
        let id = fabric.next_session;
        fabric.next_session += 1;
        let key = fabric.rng.bytes_32();
        let [dialler, acceptor] = ports;
        let ends = [End::new(self.me, dialler.0, dialler.1), End::new(self.peer, acceptor.0, acceptor.1)];
        let session = Session {
            alpn: self.alpn.clone(),
            key,
            ends,
            streams: Default::default(),
            established: None,
            wake: Arc::default(),
        };
        fabric.sessions.insert(id, session);
        id
    }

    /// The port took the question: its answer travels back, and ours after it.
    async fn welcome(&self, session: u64) -> Result<Conn, ConnectFailure> {
        let conn = Conn::of(&self.net, session, 0).ok_or(ConnectFailure::Locally)?;
        self.travel(self.peer, self.me).await?;
        let now = Instant::now();
        let mut fabric = self.net.0.lock();
        let settled = fabric.settle(session, 0, now);
        if let Err(lost) = settled {
            drop(fabric);
            return Err(failure(lost));
        }
        let arrival = fabric.travel(session, 0, now, 0);
        fabric.traffic.connections += 1;
        fabric.record(now, Class::Connected, (self.me, self.peer), (session, 0));
        if let Some(state) = fabric.sessions.get_mut(&session) {
            state.established = Some(arrival.unwrap_or(now));
            state.wake.notify_waiters();
        }
        drop(fabric);
        Ok(conn)
    }
}

fn alive(fabric: &Fabric, port: u64) -> bool {
    fabric.ports.get(&port).is_some_and(|port| !port.dead)
}

fn failure(lost: ConnLost) -> ConnectFailure {
    match lost {
        ConnLost::Closed { code, .. } => ConnectFailure::Closed(code),
        ConnLost::Locally => ConnectFailure::Locally,
        ConnLost::TimedOut | ConnLost::Reset => {
            ConnectFailure::Unreachable("the peer went silent".to_owned())
        }
    }
}
