//! Connections: one per peer and protocol, however they come about.

use std::collections::BTreeSet;

use crate::{
    primitives::Version,
    transport::{Code, Ended, Known},
};

use super::*;

on_both! {
    async fn ld8_many_links_share_one_connection(fabric) {
        let (mut a, mut b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        a.echoes();
        b.echoes();
        let mut links = futures::future::join_all((0..20).map(|_| a.link(&b))).await;
        for link in &mut links {
            says(link, "one of many").await;
        }
        let mut back = b.link(&a).await;
        says(&mut back, "the acceptor needs no address").await;
        let sessions: BTreeSet<_> = links.iter().map(Link::session).collect();
        assert_eq!((sessions.len(), a.transport.sessions(&b.id()), b.transport.sessions(&a.id())), (1, 1, 1));
        for node in [&mut a, &mut b] {
            node.event(|event| matches!(event, Event::Connected { .. }).then_some(())).await;
            assert!(node.events.try_recv().is_err(), "one connection, one event");
        }
    }

    async fn two_that_dial_each_other_at_once_end_with_one_connection(fabric) {
        let (mut a, mut b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        b.knows(&a);
        a.echoes();
        b.echoes();
        let (mut here, mut there) = tokio::join!(a.link(&b), b.link(&a));
        tokio::join!(says(&mut here, "from a"), says(&mut there, "from b"));
        tokio::join!(says(&mut here, "again"), says(&mut there, "again"));
        drop((here, there));
        a.settles_at(b.id(), 1).await;
        b.settles_at(a.id(), 1).await;
        tokio::join!(
            async { says(&mut a.link(&b).await, "still").await },
            async { says(&mut b.link(&a).await, "still").await }
        );
        assert_eq!((a.transport.sessions(&b.id()), b.transport.sessions(&a.id())), (1, 1));
    }

    async fn protocols_have_connections_of_their_own(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        b.echoes();
        says(&mut a.link(&b).await, "echo").await;
        let unknown = a.transport.link::<Other>(b.id()).await.map(drop);
        assert!(matches!(unknown, Err(LinkError::UnknownProtocol { .. })), "{unknown:?}");
        let mut late = b.transport.listen::<Other>(1);
        let mut link = a.transport.link::<Other>(b.id()).await.expect("registered late");
        link.send(&1).await.expect("sent");
        accepted(&mut late).await;
        assert_eq!(a.transport.sessions(&b.id()), 2);
    }

    async fn peers_without_a_way_are_typed_errors(fabric) {
        let (a, b) = (fabric.node_with(1, |config| config.limits.dial = SOON / 10).await, fabric.node(2).await);
        assert_eq!(refused(&a, &a).await, LinkError::Myself);
        assert_eq!(refused(&a, &b).await, LinkError::NoAddress { peer: b.id() });
        a.transport.book().set(b.id(), vec!["10.1.2.3:4".parse().expect("an address")]);
        assert_eq!(refused(&a, &b).await, LinkError::OutOfReach { peer: b.id(), reach: Reach::Host });
        a.knows(&b);
        b.transport.shutdown().await;
        let gone = refused(&a, &b).await;
        assert!(matches!(gone, LinkError::Unreachable { .. }), "{gone:?}");
    }

    async fn a_hello_carries_what_each_side_holds_of_the_other(fabric) {
        struct Holds(PeerId, Version);
        impl Known for Holds {
            fn version_of(&self, peer: &PeerId) -> Option<Version> {
                (*peer == self.0).then_some(self.1)
            }
        }
        let (mut a, mut b) = (fabric.node(1).await, fabric.node(2).await);
        let version = Version { incarnation: 3, counter: 9 };
        a.transport.set_known(std::sync::Arc::new(Holds(b.id(), version)));
        a.knows(&b);
        b.echoes();
        says(&mut a.link(&b).await, "hello").await;
        let holds = |event: &Event| match event {
            Event::Connected { boot, holds_of_me, .. } => Some((*boot, *holds_of_me)),
            _ => None,
        };
        assert_eq!(b.event(holds).await, (a.transport.boot(), Some(version)));
        assert_eq!(a.event(holds).await, (b.transport.boot(), None));
        assert!(a.transport.rtt(&b.id()).is_some_and(|rtt| rtt < SOON));
        assert_eq!(a.transport.rtt(&a.id()), None);
    }

    async fn idle_connections_close_unless_they_are_kept(fabric) {
        let brief = |config: &mut Config| config.limits.idle = Duration::from_millis(200);
        let (mut a, mut b) = (fabric.node_with(1, brief).await, fabric.node_with(2, brief).await);
        a.knows(&b);
        b.echoes();
        let mut link = a.link(&b).await;
        tokio::time::timeout(Duration::from_millis(600), a.events.recv()).await.expect("connected").expect("event");
        assert!(tokio::time::timeout(Duration::from_millis(600), a.events.recv()).await.is_err(), "in use");
        says(&mut link, "still here").await;
        drop(link);
        for node in [&mut a, &mut b] {
            let reason = node.event(|event| match event {
                Event::Disconnected { reason, .. } => Some(*reason),
                _ => None,
            });
            let reason = reason.await;
            assert!(matches!(reason, Ended::ByUs(Code::Idle) | Ended::ByThem(Code::Idle)), "{reason:?}");
        }
        a.transport.keep(b.id(), "echo", true);
        b.transport.keep(a.id(), "echo", true);
        says(&mut a.link(&b).await, "dialled again").await;
        let ends = a.event(|event| matches!(event, Event::Disconnected { .. }).then_some(()));
        assert!(tokio::time::timeout(Duration::from_millis(800), ends).await.is_err(), "kept");
    }
}

#[cfg(feature = "sim")]
#[tokio::test(start_paused = true)]
async fn no_link_falls_between_two_connections() {
    for seed in 0..30 {
        let fabric = Fabric::Sim(crate::transport::sim::Net::new(seed));
        let (mut a, mut b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        b.knows(&a);
        a.echoes();
        b.echoes();
        let many = |from: &Node, to: PeerId| {
            let transport = from.transport.clone();
            futures::future::join_all((1..6).map(move |n| {
                let transport = transport.clone();
                async move {
                    for _ in 0..n {
                        says(&mut transport.link(to).await.expect("a link"), "none is lost").await;
                    }
                }
            }))
        };
        tokio::join!(many(&a, b.id()), many(&b, a.id()));
        a.settles_at(b.id(), 1).await;
        b.settles_at(a.id(), 1).await;
    }
}
