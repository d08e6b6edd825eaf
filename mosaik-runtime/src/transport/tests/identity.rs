//! Two processes under one key, one after the other or at once.

use crate::transport::Code;

use super::*;

#[cfg(feature = "sim")]
#[tokio::test(start_paused = true)]
async fn a_restarted_peer_takes_the_place_of_its_dead_process_at_once() {
    let net = crate::transport::sim::Net::new(7);
    let fabric = Fabric::Sim(net.clone());
    let (mut a, b) = (fabric.node(1).await, fabric.node(2).await);
    a.knows(&b);
    a.echoes();
    b.echoes();
    says(&mut a.link(&b).await, "first life").await;
    net.crash(b.id());
    b.scope.kill();
    let again = fabric.node_with(2, |config| config.boot = BootId(99)).await;
    again.echoes();
    again.knows(&a);
    says(&mut again.link(&a).await, "second life").await;
    let mut link = a.link(&again).await;
    assert_eq!(link.boot(), BootId(99));
    says(&mut link, "found at once").await;
    a.settles_at(again.id(), 1).await;
    assert_eq!(a.transport.link::<Echo>(again.id()).await.expect("a link").session(), link.session());
}

#[cfg(feature = "iroh")]
#[tokio::test]
async fn two_live_processes_under_one_key_are_told_on_both() {
    let fabric = Fabric::Iroh;
    let mut middle = fabric.node(1).await;
    middle.echoes();
    let mut first = fabric.node(2).await;
    let mut second = fabric.node_with(2, |config| config.boot = BootId(99)).await;
    first.knows(&middle);
    second.knows(&middle);
    let mut link = first.link(&middle).await;
    says(&mut link, "first").await;
    let _ = second.transport.link::<Echo>(middle.id()).await;
    let key = first.id();
    assert_eq!(middle.refusal().await, (Some(key), Side::Us, Refused::IdentityInUse));
    for process in [&mut first, &mut second] {
        assert_eq!(process.refusal().await, (Some(middle.id()), Side::Them, Refused::IdentityInUse));
    }
    assert_eq!(link.recv::<Bytes>(SOON).await, Err(LinkError::Closed(Code::IdentityInUse)));
    middle.settles_at(key, 0).await;
}
