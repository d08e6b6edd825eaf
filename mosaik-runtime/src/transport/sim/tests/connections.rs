use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn both_ends_export_the_same_key_and_each_session_its_own() {
    let Pair { one, two, near, far, .. } = pair(7).await;
    assert_eq!(near.export(b"a", b"b"), far.export(b"a", b"b"));
    assert_ne!(near.export(b"a", b"b"), near.export(b"ab", b""));
    let (again, _) = connect(&one, &two).await;
    assert_ne!(near.export(b"a", b"b"), again.export(b"a", b"b"));
}

#[tokio::test(start_paused = true)]
async fn a_close_carries_its_code_and_reason_one_latency_later() {
    let Pair { near, far, one: _one, two: _two, .. } = pair(7).await;
    let start = Instant::now();
    near.close(42, b"enough");
    assert_eq!(near.closed().await, ConnLost::Locally);
    assert_eq!(far.closed().await, ConnLost::Closed { code: 42, reason: "enough".into() });
    assert!((1..=3).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(far.open_bi().await.map(drop), Err(ConnLost::Closed { code: 42, reason: "enough".into() }));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_closes_and_the_last_two_are_forgotten() {
    let Pair { net, near, far, one: _one, two: _two } = pair(7).await;
    let (send, recv) = near.open_bi().await.expect("it opens");
    drop(near);
    drop(recv);
    sleep(secs(1)).await;
    assert_eq!(net.connections(), 1, "a stream holds its connection");
    drop(send);
    assert!(matches!(far.closed().await, ConnLost::Closed { code: 0, .. }));
    drop(far);
    assert_eq!(net.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_closed_endpoint_accepts_no_more_and_says_goodbye_to_all() {
    let Pair { one, two, far, near: _near, .. } = pair(7).await;
    one.endpoint.close(9, b"bye").await;
    assert_eq!(far.closed().await, ConnLost::Closed { code: 9, reason: "bye".into() });
    assert!(one.endpoint.accept().await.is_none());
    assert_eq!(one.dial(&two).await.map(drop), Err(ConnectFailure::Locally));
}

#[tokio::test(start_paused = true)]
async fn a_dial_to_nobody_fails_at_the_deadline() {
    let net = Net::new(7);
    let one = bare(&net, 1).await;
    let nobody = net.port(key(2).peer_id());
    let start = Instant::now();
    let failed = one.endpoint.connect(nobody.peer(), &[nobody.address()], ALPN).await;
    assert!(matches!(failed, Err(ConnectFailure::Unreachable(_))), "{failed:?}");
    assert_eq!(start.elapsed().as_secs(), DIAL_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_dial_for_an_unknown_protocol_is_answered_at_once() {
    let net = Net::new(7);
    let (one, two) = (bare(&net, 1).await, bare(&net, 2).await);
    two.endpoint.set_alpns(vec![b"/other/1".to_vec()]);
    assert_eq!(one.dial(&two).await.map(drop), Err(ConnectFailure::UnknownProtocol));
}

#[tokio::test(start_paused = true)]
async fn a_refused_dialler_learns_it() {
    let net = Net::new(7);
    let (one, two) = (bare(&net, 1).await, bare(&net, 2).await);
    let refuse = async { two.endpoint.accept().await.expect("the endpoint is open").refuse() };
    let (dialled, ()) = tokio::join!(biased; one.dial(&two), refuse);
    assert_eq!(dialled.map(drop), Err(ConnectFailure::Closed(0)));
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_is_dropped_leaves_nothing_behind() {
    let net = Net::new(7);
    let (one, two) = (bare(&net, 1).await, bare(&net, 2).await);
    net.adjust_links(|link| link.latency = millis(100));
    assert!(tokio::time::timeout(millis(150), one.dial(&two)).await.is_err());
    let incoming = two.endpoint.accept().await.expect("the question arrived");
    assert!(incoming.finish().await.is_err());
    assert_eq!(net.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_port_has_one_endpoint_and_one_owner() {
    let net = Net::new(7);
    let taken = Endpoint::open(net.port(key(1).peer_id()), options(2)).await;
    assert!(taken.is_err(), "the key of another");
    let (one, again) = (bare(&net, 1).await, bare(&net, 1).await);
    assert_ne!(*one.endpoint.addresses().borrow(), *again.endpoint.addresses().borrow());
}
