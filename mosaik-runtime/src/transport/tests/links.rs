//! Links: frames, raw bytes, ends, limits.

use bytes::BytesMut;

use crate::transport::Code;

use super::*;

on_both! {
    async fn messages_go_both_ways_and_end(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let mut here = a.link(&b).await;
        here.send(&(1u32, "one")).await.expect("sent");
        let mut there = accepted(&mut listener).await;
        assert_eq!((there.peer(), here.peer()), (a.id(), b.id()));
        assert_eq!(there.recv(SOON).await, Ok(Some((1u32, "one".to_owned()))));
        there.send(&2u32).await.expect("sent");
        drop(there);
        assert_eq!(here.recv(SOON).await, Ok(Some(2u32)));
        assert_eq!(here.recv::<u32>(SOON).await, Ok(None));
    }

    async fn raw_bytes_follow_frames_and_none_is_lost(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let (mut sender, _receiver) = a.link(&b).await.split();
        let chunk = Bytes::from(vec![7; 100_000]);
        let mut chunks = [Bytes::from_static(b"\x02\0\0\0hi"), Bytes::from_static(b"raw"), chunk];
        sender.write_chunks(&mut chunks).await.expect("written");
        sender.finish();
        let (_sender, mut receiver) = accepted(&mut listener).await.split();
        assert_eq!(receiver.recv_frame(SOON).await, Ok(Some(Bytes::from_static(b"hi"))));
        let mut raw = BytesMut::with_capacity(64 * 1024);
        while receiver.read(&mut raw, 64 * 1024).await.expect("read") > 0 {}
        assert_eq!((raw.len(), &raw[..4]), (100_003, &b"raw\x07"[..]));
    }

    async fn ld6_a_length_of_4_gib_is_refused_before_anything_is_allocated(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let (mut sender, _receiver) = a.link(&b).await.split();
        sender.write_chunks(&mut [Bytes::from_static(&[0xff; 4])]).await.expect("written");
        let (_sender, mut receiver) = accepted(&mut listener).await.split();
        let limit = Echo::MAX_FRAME;
        let error = receiver.recv_frame(SOON).await;
        assert_eq!(error, Err(LinkError::TooLarge { length: u32::MAX.into(), limit }));
        assert!(receiver.allocated() < 2 * limit, "{} bytes", receiver.allocated());
        assert_eq!(sender.stopped().await, Ok(Code::TooLarge), "the sender is told");
        let own = sender.send_frame(&vec![0; limit + 1]).await;
        assert_eq!(own, Err(LinkError::TooLarge { length: limit as u64 + 1, limit }));
    }

    async fn a_torn_end_is_not_an_end(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let (mut sender, _receiver) = a.link(&b).await.split();
        sender.write_chunks(&mut [Bytes::from_static(b"\x09\0\0\0half")]).await.expect("written");
        drop(sender);
        let mut there = accepted(&mut listener).await;
        assert_eq!(there.recv::<Bytes>(SOON).await, Err(LinkError::Truncated));
    }

    async fn a_write_that_is_given_up_breaks_the_stream_off(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let (mut sender, _receiver) = a.link(&b).await.split();
        let mut chunks = vec![Bytes::from(vec![0; 64 * 1024]); 64];
        let given_up = tokio::time::timeout(Duration::from_millis(300), sender.write_chunks(&mut chunks)).await;
        assert!(given_up.is_err(), "nobody reads: the window fills");
        drop(sender);
        let (_sender, mut receiver) = accepted(&mut listener).await.split();
        let mut raw = BytesMut::new();
        let end = loop {
            match receiver.read(&mut raw, 64 * 1024).await {
                Ok(0) => break Ok(()),
                Ok(_) => raw.clear(),
                Err(error) => break Err(error),
            }
        };
        assert_eq!(end, Err(LinkError::Reset(Code::Abandoned)));
    }

    async fn a_panic_closes_its_stream_only(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        let mut listener = b.transport.listen::<Echo>(4);
        let scope = b.scope.clone();
        b.scope.spawn("handlers", async move {
            while let Some(mut link) = listener.accept().await {
                scope.spawn("handler", async move {
                    while let Ok(Some(frame)) = link.recv::<Bytes>(SOON).await {
                        assert_ne!(&frame[..], b"panic", "on purpose");
                        link.send(&frame).await.expect("sent");
                    }
                });
            }
        });
        let (mut healthy, mut broken) = (a.link(&b).await, a.link(&b).await);
        says(&mut healthy, "before").await;
        broken.send(&Bytes::from_static(b"panic")).await.expect("sent");
        assert_eq!(broken.recv::<Bytes>(SOON).await, Err(LinkError::Reset(Code::Panicked)));
        says(&mut healthy, "after").await;
        assert_eq!((b.scope.panics(), a.transport.sessions(&b.id())), (1, 1));
        says(&mut a.link(&b).await, "a new one").await;
    }

    async fn links_nobody_takes_are_refused_with_a_reason(fabric) {
        let (a, b) = (fabric.node(1).await, fabric.node(2).await);
        a.knows(&b);
        b.knows(&a);
        let mut listener = b.transport.listen::<Echo>(1);
        let (mut first, mut second) = (a.link(&b).await, a.link(&b).await);
        first.send(&1).await.expect("sent");
        let mut there = accepted(&mut listener).await;
        assert_eq!(there.recv(SOON).await, Ok(Some(1)));
        second.send(&2).await.expect("sent");
        there.send(&3).await.expect("sent");
        assert_eq!(first.recv(SOON).await, Ok(Some(3)));
        let mut third = a.link(&b).await;
        third.send(&3).await.expect("sent");
        assert_eq!(third.recv::<u32>(SOON).await, Err(LinkError::Reset(Code::Busy)));
        drop(listener);
        assert_eq!(second.recv::<u32>(SOON).await, Err(LinkError::Reset(Code::UnknownProtocol)));
        let mut back = b.link(&a).await;
        let _ = back.send(&4).await;
        assert_eq!(back.recv::<u32>(SOON).await, Err(LinkError::Reset(Code::UnknownProtocol)));
    }
}
