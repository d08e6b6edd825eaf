use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::*;

#[tokio::test(start_paused = true)]
async fn frames_arrive_in_order_after_the_latency() {
    let pair = pair(7).await;
    pair.net.adjust_links(|link| link.latency = millis(50));
    let start = Instant::now();
    let (mut send, _keep) = pair.near.open_bi().await.expect("it opens");
    for number in 0..100_u8 {
        send.write_all(&[number]).await.expect("there is room");
    }
    send.finish();
    assert_eq!(start.elapsed(), Duration::ZERO, "writing does not wait for the network");
    let (_, mut recv) = pair.far.accept_bi().await.expect("it arrives");
    let all = read_all(&mut recv).await.expect("the connection lives");
    assert_eq!(all, (0..100).collect::<Vec<u8>>());
    assert!((40..=61).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stream_shows_itself_with_its_first_frame() {
    let pair = pair(7).await;
    let (mut send, _keep) = pair.near.open_bi().await.expect("it opens");
    assert!(timeout(secs(60), pair.far.accept_bi()).await.is_err());
    send.finish();
    let (_, mut recv) = pair.far.accept_bi().await.expect("it arrives");
    assert_eq!(recv.read(&mut BytesMut::new(), 10).await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn a_writer_waits_at_the_window_until_the_reader_reads() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    let written = tokio::join!(biased; timeout(secs(60), send.write_all(&[0; 300_000]))).0;
    assert!(written.is_err(), "300 000 bytes do not fit into a window of 262 144");
    let mut got = BytesMut::new();
    let rest = async {
        send.write_chunks(&mut [Bytes::from_static(&[1; 1000])]).await.expect("it writes");
        send.finish();
    };
    let read = async { while recv.read(&mut got, 100_000).await.expect("the connection lives") > 0 {} };
    tokio::join!(biased; rest, read);
    assert_eq!(got.len(), 262_143 + 1000, "what was taken before the time-out, and the rest");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_goes_on_where_it_stopped() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    let mut chunks = [Bytes::from(vec![1; 200_000]), Bytes::from(vec![2; 200_000])];
    assert!(timeout(secs(1), send.write_chunks(&mut chunks)).await.is_err());
    assert_eq!((chunks[0].len(), chunks[1].len()), (0, 400_000 - 262_143));
    let rest = async {
        send.write_chunks(&mut chunks).await.expect("it writes");
        send.finish();
    };
    let (all, ()) = tokio::join!(biased; read_all(&mut recv), rest);
    let all = all.expect("the connection lives");
    assert!(all.len() == 400_000 && all[..200_000].iter().all(|byte| *byte == 1) && all[399_999] == 2);
}

#[tokio::test(start_paused = true)]
async fn a_finished_stream_is_acknowledged_one_round_trip_later() {
    let pair = pair(7).await;
    pair.net.adjust_links(|link| link.latency = millis(50));
    let (mut send, recv) = stream(&pair).await;
    let start = Instant::now();
    send.finish();
    assert_eq!(send.stopped().await, Ok(None));
    assert!((80..=122).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    drop(recv);
}

#[tokio::test(start_paused = true)]
async fn codes_of_reset_and_stop_travel() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    send.reset(5);
    assert_eq!(recv.read(&mut BytesMut::new(), 1).await, Err(ReadLost::Reset(5)));
    let (mut send, mut recv) = stream(&pair).await;
    recv.stop(6);
    assert_eq!(send.stopped().await, Ok(Some(6)));
    assert_eq!(send.write_all(b"more").await, Err(WriteLost::Stopped(6)));
}

#[tokio::test(start_paused = true)]
async fn the_other_side_grants_a_number_of_streams() {
    let net = Net::new(7);
    let two = Endpoint::open(
        net.port(key(2).peer_id()),
        Options { limits: Limits { links_per_connection: 2, ..Limits::default() }, ..options(2) },
    );
    let two = Bare { id: key(2).peer_id(), endpoint: two.await.expect("the port is free") };
    two.endpoint.set_alpns(vec![ALPN.to_vec()]);
    let one = bare(&net, 1).await;
    let (near, far) = connect(&one, &two).await;
    let (first, _second) = (near.open_bi().await, near.open_bi().await);
    assert!(timeout(secs(60), near.open_bi()).await.is_err());
    let serve = async {
        drop(first);
        drop(far.accept_bi().await.expect("it arrives"));
    };
    let (opened, ()) = tokio::join!(biased; near.open_bi(), serve);
    assert!(opened.is_ok());
}

#[tokio::test(start_paused = true)]
async fn streams_overtake_each_other_under_loss_and_nothing_is_lost() {
    let pair = pair(7).await;
    pair.net.adjust_links(|link| link.loss = 0.3);
    for number in 0..100_u8 {
        let (mut send, _) = pair.near.open_bi().await.expect("it opens");
        send.write_all(&[number]).await.expect("there is room");
    }
    let start = Instant::now();
    let mut arrivals = Vec::new();
    for number in 0..100_u8 {
        let (_, mut recv) = pair.far.accept_bi().await.expect("it arrives");
        assert_eq!(read_all(&mut recv).await.expect("the connection lives"), [number].as_slice());
        arrivals.push(start.elapsed());
    }
    assert!(arrivals[99] > millis(200), "some were lost once: {:?}", arrivals[99]);
    sleep(secs(60)).await;
    assert!(timeout(secs(1), pair.near.closed()).await.is_err(), "loss alone ends no connection");
}
