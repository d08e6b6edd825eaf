//! Start and stop.

use tokio::time::Instant;

use crate::transport::{Address, BindError, Code, Ended};

use super::*;

on_both! {
    async fn shutdown_delivers_what_was_written(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let mut link = a.link(&b).await;
        for n in 0..20u8 {
            link.send(&vec![n; 8 * 1024]).await.expect("sent");
        }
        drop(link);
        let begun = Instant::now();
        let read = async {
            let mut link = accepted(&mut listener).await;
            let mut frames = 0;
            while link.recv::<Vec<u8>>(SOON).await.expect("whole frames").is_some() {
                frames += 1;
            }
            frames
        };
        let ((), frames) = tokio::join!(a.transport.shutdown(), read);
        assert_eq!(frames, 20);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }

    async fn shutdown_is_bounded_and_said(fabric) {
        let (a, mut b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        b.echoes();
        let mut open = a.link(&b).await;
        says(&mut open, "open").await;
        let mut listener = a.transport.listen::<Other>(1);
        tokio::time::timeout(3 * Limits::default().shutdown, a.transport.shutdown()).await.expect("1 s is promised");
        assert_eq!(open.recv::<Bytes>(SOON).await, Err(LinkError::Stopping));
        assert_eq!(refused(&a, &b).await, LinkError::Stopping);
        assert!(listener.accept().await.is_none());
        let reason = b.event(|event| match event {
            Event::Disconnected { reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(reason.await, Ended::ByThem(Code::Shutdown));
        a.transport.shutdown().await;
        a.scope.kill();
        a.scope.ended().await;
    }
}

#[cfg(feature = "iroh")]
mod real {
    use super::*;

    #[tokio::test]
    async fn ld1_starting_waits_for_nothing() {
        let begun = Instant::now();
        let node = Fabric::Iroh.node(1).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "1 s is promised: {:?}", begun.elapsed());
        let addresses = node.transport.addresses().borrow().clone();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.scope == Reach::Host));
    }

    #[tokio::test]
    async fn f12_connections_end_when_the_peer_is_no_longer_where_it_was_reached() {
        let (a, b) = (Fabric::Iroh.node(1).await, Fabric::Iroh.node(2).await);
        a.knows(&b);
        b.echoes();
        let mut open = a.link(&b).await;
        says(&mut open, "here").await;
        let here = b.transport.addresses().borrow().clone();
        let elsewhere: Vec<Address> = vec!["127.0.0.1:9".parse().expect("an address")];
        a.transport.locate(b.id(), [here.clone(), elsewhere.clone()].concat());
        says(&mut open, "one more address changes nothing").await;
        a.transport.locate(b.id(), here.clone());
        says(&mut open, "nor does one that was never used").await;
        a.transport.locate(b.id(), elsewhere);
        assert_eq!(open.recv::<Bytes>(SOON).await, Err(LinkError::ClosedHere(Code::Superseded)));
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let holder = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = holder.local_addr().expect("its address");
        let asked = Config { bind: Some(address), ..config(1) };
        let error = Transport::bind(asked, Backend::Iroh).await.map(drop).expect_err("it is taken");
        assert!(matches!(error, BindError::PortInUse { address: named } if named == address), "{error}");
        assert!(error.to_string().contains(&address.port().to_string()), "{error}");
    }

    #[tokio::test]
    async fn a_node_does_not_leave_its_reach() {
        let out: std::net::SocketAddr = "0.0.0.0:0".parse().expect("an address");
        let asked = Config { bind: Some(out), ..config(1) };
        let error = Transport::bind(asked, Backend::Iroh).await.map(drop).expect_err("not loopback");
        assert!(error.to_string().contains("--reach lan"), "{error}");
    }
}
