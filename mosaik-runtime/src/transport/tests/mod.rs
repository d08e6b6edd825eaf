//! The transport as those above see it, on both backends: real QUIC on loopback, and the fabric on virtual time.

mod identity;
mod lifecycle;
mod links;
mod network;
mod strangers;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::primitives::{BootId, Clock, NetworkId, NodeRng, PeerId, Reach, Scope, SecretKey};

use super::{
    Backend, Config, Event, Limits, Link, LinkError, Listener, Protocol, Refused, Side, Transport,
    backend::{Conn, Endpoint, Options},
};

/// How long a test waits for what it expects.
const SOON: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Echo;

impl Protocol for Echo {
    const NAME: &'static str = "echo";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 64 * 1024;
}

#[derive(Debug)]
struct Other;

impl Protocol for Other {
    const NAME: &'static str = "other";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 16;
}

/// A network that nodes are started on.
enum Fabric {
    #[cfg(feature = "iroh")]
    Iroh,
    #[cfg(feature = "sim")]
    Sim(super::sim::Net),
}

/// Runs one test on both backends, each as a test of its own.
macro_rules! on_both {
    ($(async fn $name:ident($fabric:ident) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn run($fabric: Fabric) $body

            #[cfg(feature = "iroh")]
            #[tokio::test]
            async fn iroh() {
                run(Fabric::Iroh).await;
            }

            #[cfg(feature = "sim")]
            #[tokio::test(start_paused = true)]
            async fn sim() {
                run(Fabric::Sim($crate::transport::sim::Net::new(7))).await;
            }
        })*
    };
}
use on_both;

struct Node {
    transport: Transport,
    scope: Scope,
    events: broadcast::Receiver<Event>,
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes([n; 32])
}

fn config(n: u8) -> Config {
    Config {
        key: key(n),
        network: NetworkId::derive("test"),
        secrets: Vec::new(),
        boot: BootId(u128::from(n)),
        reach: Reach::Host,
        bind: None,
        limits: Limits::default(),
        clock: Clock::system(),
        rng: NodeRng::from_seed(n.into()),
        scope: Scope::new(),
    }
}

impl Fabric {
    fn backend(&self, peer: PeerId) -> Backend {
        match self {
            #[cfg(feature = "iroh")]
            Self::Iroh => {
                let _ = peer;
                Backend::Iroh
            }
            #[cfg(feature = "sim")]
            Self::Sim(net) => Backend::Sim(net.port(peer)),
        }
    }

    async fn node(&self, n: u8) -> Node {
        self.node_with(n, |_| {}).await
    }

    async fn node_with(&self, n: u8, change: impl FnOnce(&mut Config)) -> Node {
        let mut config = config(n);
        change(&mut config);
        let scope = config.scope.clone();
        let backend = self.backend(config.key.peer_id());
        let transport = Transport::bind(config, backend).await.expect("it binds");
        let events = transport.events();
        Node { transport, scope, events }
    }

    /// Somebody who speaks to a node without being one.
    async fn stranger(&self, n: u8) -> Endpoint {
        let limits = Limits::default();
        let options = Options {
            key: key(n),
            reach: Reach::Host,
            bind: None,
            looking: None,
            limits,
            scope: Scope::new(),
        };
        Endpoint::open(self.backend(key(n).peer_id()), options).await.expect("it opens")
    }
}

impl Node {
    fn id(&self) -> PeerId {
        self.transport.id()
    }

    fn knows(&self, other: &Node) {
        let addresses = other.transport.addresses().borrow().clone();
        self.transport.book().set(other.id(), addresses);
    }

    async fn link(&self, to: &Node) -> Link<Echo> {
        self.transport.link(to.id()).await.expect("a link")
    }

    /// Answers every frame of every link with itself, until the transport stops.
    fn echoes(&self) {
        let mut listener = self.transport.listen::<Echo>(64);
        let scope = self.scope.clone();
        self.scope.spawn("echo", async move {
            while let Some(mut link) = listener.accept().await {
                scope.spawn("echo link", async move {
                    while let Ok(Some(frame)) = link.recv::<Bytes>(Duration::from_secs(60)).await {
                        if link.send(&frame).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
    }

    /// Waits for an event.
    async fn event<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("events go on");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(SOON * 2, found).await.expect("the event comes")
    }

    async fn refusal(&mut self) -> (Option<PeerId>, Side, Refused) {
        self.event(|event| match event {
            Event::Refused { peer, by, reason } => Some((*peer, *by, reason.clone())),
            _ => None,
        })
        .await
    }

    /// Waits until so many connections to `peer` stand.
    async fn settles_at(&mut self, peer: PeerId, sessions: usize) {
        while self.transport.sessions(&peer) != sessions {
            self.event(|_| Some(())).await;
        }
    }
}

async fn dial_raw(from: &Endpoint, to: &Node) -> Conn {
    let addresses = to.transport.addresses().borrow().clone();
    from.connect(to.id(), &addresses, b"/mosaik/echo/1").await.expect("a connection")
}

async fn says(link: &mut Link<Echo>, text: &str) {
    link.send(text.as_bytes()).await.expect("it is sent");
    let answer = link.recv::<Bytes>(SOON).await.expect("an answer");
    assert_eq!(answer.as_deref(), Some(text.as_bytes()));
}

async fn accepted<P: Protocol>(listener: &mut Listener<P>) -> Link<P> {
    tokio::time::timeout(SOON, listener.accept()).await.expect("a link comes").expect("it listens")
}

async fn refused(from: &Node, to: &Node) -> LinkError {
    from.transport.link::<Echo>(to.id()).await.map(drop).expect_err("no link")
}
