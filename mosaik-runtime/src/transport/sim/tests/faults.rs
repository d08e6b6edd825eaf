use tokio::time::{Instant, sleep, timeout};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_partition_shorter_than_the_idle_timeout_only_delays() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    pair.net.partition(&[pair.one.id], &[pair.two.id]);
    send.write_all(b"held").await.expect("there is room");
    let mut got = BytesMut::new();
    assert!(timeout(secs(14), recv.read(&mut got, 9)).await.is_err());
    pair.net.heal();
    assert_eq!(timeout(secs(1), recv.read(&mut got, 9)).await, Ok(Ok(4)));
    assert!(timeout(secs(600), pair.near.closed()).await.is_err(), "the connection lives on");
}

#[tokio::test(start_paused = true)]
async fn a_partition_longer_than_the_idle_timeout_ends_both_ends() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    pair.net.partition(&[pair.one.id], &[pair.two.id]);
    let start = Instant::now();
    let mut got = BytesMut::new();
    let (near, far, read) =
        tokio::join!(biased; pair.near.closed(), pair.far.closed(), recv.read(&mut got, 9));
    assert_eq!(
        (near, far, read),
        (ConnLost::TimedOut, ConnLost::TimedOut, Err(ReadLost::Lost(ConnLost::TimedOut)))
    );
    assert_eq!(start.elapsed().as_secs(), 15);
    pair.net.heal();
    assert_eq!(send.write_all(b"late").await, Err(WriteLost::Lost(ConnLost::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_watched_during_the_partition_is_lost_all_the_same() {
    let pair = pair(7).await;
    pair.net.partition(&[pair.one.id], &[pair.two.id]);
    sleep(secs(20)).await;
    pair.net.heal();
    sleep(secs(20)).await;
    assert_eq!(timeout(millis(1), pair.near.closed()).await, Ok(ConnLost::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_one_way_cut_ends_the_deaf_end_first_and_then_the_other() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    pair.net.cut(pair.two.id, pair.one.id);
    let start = Instant::now();
    send.write_all(b"heard").await.expect("there is room");
    assert_eq!(recv.read(&mut BytesMut::new(), 9).await, Ok(5), "the other direction carries");
    assert_eq!(pair.near.closed().await, ConnLost::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 15);
    assert_eq!(pair.far.closed().await, ConnLost::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_the_wire_when_the_cut_comes_still_arrives() {
    let pair = pair(7).await;
    pair.net.adjust_links(|link| link.latency = millis(100));
    let (mut send, mut recv) = stream(&pair).await;
    send.write_all(b"early").await.expect("there is room");
    sleep(millis(1)).await;
    pair.net.cut(pair.one.id, pair.two.id);
    send.write_all(b"held").await.expect("there is room");
    let mut got = BytesMut::new();
    assert_eq!(timeout(millis(130), recv.read(&mut got, 9)).await, Ok(Ok(5)));
    assert!(timeout(secs(5), recv.read(&mut got, 9)).await.is_err());
    pair.net.mend(pair.one.id, pair.two.id);
    assert_eq!(recv.read(&mut got, 9).await, Ok(4));
    assert_eq!(&got[..], b"earlyheld");
}

#[tokio::test(start_paused = true)]
async fn room_that_was_read_free_during_a_cut_comes_back_after_it() {
    let pair = pair(7).await;
    let (mut send, mut recv) = stream(&pair).await;
    send.write_all(&[0; 262_143]).await.expect("it just fits");
    sleep(millis(5)).await;
    pair.net.cut(pair.two.id, pair.one.id);
    let mut got = BytesMut::new();
    while got.len() < 262_143 {
        recv.read(&mut got, 300_000).await.expect("it is here");
    }
    assert!(timeout(secs(5), send.write_all(b"x")).await.is_err(), "the news of room is held");
    pair.net.heal();
    assert_eq!(timeout(secs(1), send.write_all(b"y")).await, Ok(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_silent_and_a_restart_is_found_at_the_same_address() {
    let pair = pair(7).await;
    let address = pair.two.endpoint.addresses().borrow().clone();
    pair.net.publish(b"fleet", pair.two.id, "entry".into());
    let start = Instant::now();
    pair.net.crash(pair.two.id);
    assert_eq!(pair.far.closed().await, ConnLost::Locally);
    assert!(pair.two.endpoint.accept().await.is_none());
    assert!(pair.net.published(b"fleet").is_empty());
    drop(pair.far);
    drop(pair.two.endpoint);
    assert_eq!(pair.near.closed().await, ConnLost::TimedOut, "no goodbye reaches the other side");
    assert_eq!(start.elapsed().as_secs(), 15);
    let back = bare(&pair.net, 2).await;
    assert_eq!(*back.endpoint.addresses().borrow(), address);
    connect(&pair.one, &back).await;
}

#[tokio::test(start_paused = true)]
async fn a_dial_through_a_cut_waits_for_the_heal_or_its_deadline() {
    let net = Net::new(7);
    let (one, two) = (bare(&net, 1).await, bare(&net, 2).await);
    net.partition(&[one.id], &[two.id]);
    let start = Instant::now();
    assert!(matches!(one.dial(&two).await, Err(ConnectFailure::Unreachable(_))));
    assert_eq!(start.elapsed().as_secs(), DIAL_TIMEOUT.as_secs());
    let heal = async {
        sleep(secs(3)).await;
        net.heal();
    };
    let (dialled, ()) = tokio::join!(biased; one.dial(&two), heal);
    assert!(dialled.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_into_a_cut_is_not_heard() {
    let pair = pair(7).await;
    pair.net.cut(pair.one.id, pair.two.id);
    let start = Instant::now();
    pair.near.close(1, b"");
    assert_eq!(pair.far.closed().await, ConnLost::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn heavy_loss_makes_some_dials_fail_and_some_slow() {
    let net = Net::new(7);
    let (one, two) = (bare(&net, 1).await, bare(&net, 2).await);
    net.adjust_links(|link| link.loss = 0.8);
    let mut made = 0;
    for _ in 0..30 {
        made += u32::from(one.dial(&two).await.is_ok());
    }
    assert!((1..30).contains(&made), "{made} of 30");
}

#[tokio::test(start_paused = true)]
async fn a_severed_connection_ends_at_both_ends_at_once_and_others_live_on() {
    let pair = pair(7).await;
    let (third, start) = (bare(&pair.net, 3).await, Instant::now());
    let (other, _far) = connect(&pair.one, &third).await;
    let (mut send, _recv) = stream(&pair).await;
    pair.net.sever(pair.two.id, pair.one.id);
    assert_eq!((pair.near.closed().await, pair.far.closed().await), (ConnLost::Reset, ConnLost::Reset));
    assert_eq!(send.write_all(b"late").await, Err(WriteLost::Lost(ConnLost::Reset)));
    assert!(start.elapsed() < secs(1));
    assert!(timeout(secs(60), other.closed()).await.is_err(), "it is another pair's");
    connect(&pair.one, &pair.two).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_the_directory_sees_what_is_new_to_it_alone() {
    let net = Net::new(7);
    let (one, two) = (bare(&net, 1).await.id, bare(&net, 2).await.id);
    net.publish(b"fleet", one, "first".into());
    net.publish(b"other", two, "elsewhere".into());
    let (seen, news) = net.published_since(b"fleet", 0);
    assert_eq!(news, [(one, "first".into())]);
    net.publish(b"fleet", two, "second".into());
    net.publish(b"fleet", one, "third".into());
    let (seen, news) = net.published_since(b"fleet", seen);
    assert_eq!(news, [(two, "second".into()), (one, "third".into())]);
    assert_eq!(net.published(b"fleet").len(), 2);
    net.close_directory();
    net.publish(b"fleet", two, "fourth".into());
    assert!(net.published_since(b"fleet", seen).1.is_empty() && net.published(b"fleet").is_empty());
}
