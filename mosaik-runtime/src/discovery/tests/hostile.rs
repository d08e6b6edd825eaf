//! Broken and hostile peers: what they bring is not believed, not stored, not relayed, and nothing falls over.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::{
    discovery::{
        Entry, Event,
        core::{Standing, Summary},
        signed::Signed,
        wire::{
            Announcement, CatalogFrame, CatalogProtocol, GossipFrame, GossipProtocol, Opening, Overlay,
            Relayed,
        },
    },
    primitives::{Version, codec},
    transport::{Link, LinkError},
};

/// A node that speaks the transport's language and says what the test wants.
struct Stranger {
    transport: Transport,
    key: SecretKey,
    scope: Scope,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.scope.kill();
    }
}

impl Stranger {
    async fn on_net(n: u8, net: &Net, victim: &Node) -> Self {
        let (key, scope) = (key(n), Scope::new());
        let config = Config {
            key: key.clone(),
            network: network(),
            secrets: Vec::new(),
            boot: BootId(u128::from(n)),
            reach: Reach::Host,
            bind: None,
            limits: Limits::default(),
            clock: Clock::simulated(Wall(1_000_000_000_000)),
            rng: NodeRng::from_seed(u64::from(n)),
            scope: scope.clone(),
        };
        let transport =
            Transport::bind(config, Backend::Sim(net.port(key.peer_id()))).await.expect("it starts");
        transport.book().set(victim.id(), victim.addr().addresses);
        Self { transport, key, scope }
    }

    fn entry(&self, key: &SecretKey, of: NetworkId, version: Version) -> Signed {
        let addresses = self.transport.addresses().borrow().clone();
        let (tags, roles, protocols, extensions) = Default::default();
        let entry = Entry { version, boot: BootId(1), addresses, tags, roles, protocols, extensions };
        Signed::entry(key, of, &entry).expect("small")
    }

    fn mine(&self) -> Signed {
        self.entry(&self.key, network(), version(1, 0))
    }

    /// Begins a comparison as itself, with what it has to say for its own entry.
    async fn open(&self, victim: &Node, mine: Signed) -> Link<CatalogProtocol> {
        let mut link = self.transport.link::<CatalogProtocol>(victim.id()).await.expect("a link");
        let opening = Opening {
            mine,
            root: [7; 32],
            holds_of_you: None,
            wall: Wall(1_000_000_000_000),
            extensions: vec![(9, Bytes::from_static(b"of a later version"))],
        };
        link.send(&CatalogFrame::Open { opening, buckets: Vec::new() }).await.expect("sent");
        link
    }

    /// Begins a comparison in which it lists `about` as live, so that the victim asks for them, and takes the victim's turn.
    async fn list(&self, victim: &Node, about: &[PeerId]) -> Link<CatalogProtocol> {
        let mut link = self.open(victim, self.mine()).await;
        let _opened: Option<CatalogFrame> = link.recv(Duration::from_secs(5)).await.expect("an answer");
        let summary = |peer: &PeerId| Summary {
            peer: *peer,
            version: version(1, 0),
            mark: 0,
            standing: Standing::Live,
        };
        let summaries = about.iter().map(summary).collect();
        link.send(&CatalogFrame::Listing { bucket: 0, summaries }).await.expect("sent");
        link.send(&CatalogFrame::Over).await.expect("sent");
        while !matches!(link.recv(Duration::from_secs(5)).await.expect("a turn"), Some(CatalogFrame::Over)) {}
        link
    }

    async fn announce(&self, link: &mut Link<GossipProtocol>, signed: Signed) {
        let content = codec::encode(&Announcement { nonce: 1, signed }).expect("it encodes").into();
        let frame = GossipFrame::Overlay(Overlay::Broadcast { hops: 0, content });
        link.send(&frame).await.expect("sent");
    }
}

fn version(incarnation: u64, counter: u64) -> Version {
    Version { incarnation, counter }
}

async fn not_believed(node: &Node, events: &mut tokio::sync::broadcast::Receiver<Event>) -> String {
    let told = async {
        loop {
            if let Ok(Event::NotBelieved { why, .. }) = events.recv().await {
                return why;
            }
        }
    };
    let why = within(Duration::from_secs(10), told).await;
    assert!(node.discovery.stats().not_believed > 0);
    why
}

#[tokio::test(start_paused = true)]
async fn h4_forged_and_foreign_entries_are_refused_at_every_entrance() {
    let net = Net::new(40);
    let victim = Plan::new(1).on_net(&net).await;
    let friend = Plan::new(2).seed(&victim).on_net(&net).await;
    victim.until_knows(friend.id()).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    let foreign = NetworkId::derive("another");
    let honest = stranger.entry(&key(4), network(), version(1, 0));
    let bytes = codec::encode(&honest).expect("it encodes");
    let mut tampered = bytes.clone();
    *tampered.last_mut().expect("bytes") ^= 1;
    let tampered: Signed = codec::decode(&tampered).expect("it still decodes");
    let of_another = stranger.entry(&key(4), foreign, version(1, 0));
    let absurd = stranger.entry(&key(4), network(), version(1, u64::MAX));
    let mut events = victim.discovery.events();
    for bad in [tampered, of_another, absurd] {
        // As gossip.
        let mut link = stranger.transport.link::<GossipProtocol>(victim.id()).await.expect("a link");
        stranger.announce(&mut link, bad.clone()).await;
        not_believed(&victim, &mut events).await;
        // In a comparison, as a third node's.
        let mut link = stranger.list(&victim, &[id(4)]).await;
        link.send(&CatalogFrame::Statements(vec![Relayed { signed: bad.clone(), age: 0 }]))
            .await
            .expect("sent");
        not_believed(&victim, &mut events).await;
        // In a comparison, as its own.
        stranger.open(&victim, bad).await;
        not_believed(&victim, &mut events).await;
    }
    pass(60).await;
    assert!(!victim.knows(id(4)) && !friend.knows(id(4)));
    assert_eq!(friend.discovery.stats().not_believed, 0, "the victim relayed what it did not believe");
}

#[tokio::test(start_paused = true)]
async fn h4_another_nodes_entry_is_not_taken_for_the_speakers_own() {
    let net = Net::new(41);
    let victim = Plan::new(1).on_net(&net).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    let mut events = victim.discovery.events();
    let of_another = stranger.entry(&key(4), network(), version(1, 0));
    stranger.open(&victim, of_another).await;
    not_believed(&victim, &mut events).await;
    assert!(!victim.knows(id(4)));
}

#[tokio::test(start_paused = true)]
async fn ld5_who_has_no_secret_gets_no_entry_and_leaves_none() {
    let net = Net::new(46);
    let secret = |byte| NetworkSecret::new(&[byte; 32]).expect("32 bytes");
    let with = |n, byte| {
        let mut plan = Plan::new(n);
        plan.secrets = vec![secret(byte)];
        plan
    };
    let victim = with(1, 1).on_net(&net).await;
    let friend = with(2, 1).seed(&victim).on_net(&net).await;
    victim.until_knows(friend.id()).await;
    let other = with(3, 2).seed(&victim).on_net(&net).await;
    let stranger = Stranger::on_net(4, &net, &victim).await;
    let refused = LinkError::NotYourNetwork { peer: victim.id() };
    let catalog = stranger.transport.link::<CatalogProtocol>(victim.id()).await.map(|_| ());
    let gossip = stranger.transport.link::<GossipProtocol>(victim.id()).await.map(|_| ());
    assert_eq!((catalog, gossip), (Err(refused.clone()), Err(refused.clone())));
    assert_eq!(other.discovery.sync_with(victim.id()).await, Err(refused));
    pass(30).await;
    assert_eq!((victim.catalog().len(), friend.catalog().len(), other.catalog().len()), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn ld2_a_peer_that_is_slow_to_answer_freezes_nothing() {
    let net = Net::new(42);
    let victim = Plan::new(1).on_net(&net).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    // The stranger begins comparisons and says nothing more, and reads nothing from a gossip link.
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(stranger.open(&victim, stranger.mine()).await);
    }
    let mut mute = stranger.transport.link::<GossipProtocol>(victim.id()).await.expect("a link");
    mute.send(&GossipFrame::Overlay(Overlay::Join)).await.expect("sent");
    victim.until_knows(id(3)).await;
    let start = tokio::time::Instant::now();
    let friend = Plan::new(2).seed(&victim).on_net(&net).await;
    victim.until_knows(friend.id()).await;
    friend.until_knows(victim.id()).await;
    for n in 0..50 {
        let name = format!("t{n}");
        victim.discovery.tags().insert(tag(&name)).expect("room");
        let me = victim.id();
        friend
            .until(move |catalog| {
                catalog.get(&me).is_some_and(|peer| peer.entry.tags.contains(name.as_str()))
            })
            .await;
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    drop((open, mute));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_breaks_a_bound_of_the_overlay_costs_the_link_and_no_panic() {
    let net = Net::new(43);
    let victim = Plan::new(1).on_net(&net).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    let mine = codec::encode(&Announcement { nonce: 2, signed: stranger.mine() }).expect("it encodes");
    let bad = [
        Overlay::Broadcast { hops: u16::MAX, content: mine.into() },
        Overlay::IHave(vec![([1; 32], u16::MAX)]),
        Overlay::Graft { id: None, hops: u16::MAX },
        Overlay::Shuffle { origin: id(9), peers: vec![id(8); 100], hops_left: 3 },
        Overlay::ForwardJoin { peer: id(9), hops_left: u16::MAX },
    ];
    for message in bad {
        let mut link = stranger.transport.link::<GossipProtocol>(victim.id()).await.expect("a link");
        link.send(&GossipFrame::Overlay(message.clone())).await.expect("sent");
        let ended =
            async { while let Ok(Some(_)) = link.recv::<GossipFrame>(Duration::from_secs(5)).await {} };
        within(Duration::from_secs(5), ended).await;
    }
    // What is only strange is survived.
    let mut link = stranger.transport.link::<GossipProtocol>(victim.id()).await.expect("a link");
    let strange = [
        Overlay::ForwardJoin { peer: victim.id(), hops_left: 0 },
        Overlay::ForwardJoin { peer: id(99), hops_left: 3 },
        Overlay::Shuffle { origin: victim.id(), peers: vec![victim.id()], hops_left: 0 },
        Overlay::ShuffleReply { peers: vec![victim.id(), id(98)] },
        Overlay::Graft { id: Some([5; 32]), hops: 0 },
        Overlay::Prune,
        Overlay::IHave(vec![([3; 32], 0); 400]),
        Overlay::Disconnect { alive: true },
        Overlay::Join,
    ];
    for message in strange {
        link.send(&GossipFrame::Overlay(message)).await.expect("sent");
    }
    let friend = Plan::new(2).seed(&victim).on_net(&net).await;
    victim.until_knows(friend.id()).await;
    assert_eq!((victim.scope.panics(), friend.scope.panics()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn h13_a_stranger_that_introduces_thousands_is_capped() {
    let net = Net::new(44);
    let mut plan = Plan::new(1);
    plan.change = |settings| settings.most_introduced = 20;
    let victim = plan.on_net(&net).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    let keys: Vec<_> = (0..200u64).map(|n| SecretKey::from_bytes(NodeRng::from_seed(n).bytes_32())).collect();
    let ids: Vec<_> = keys.iter().map(SecretKey::peer_id).collect();
    let mut link = stranger.list(&victim, &ids).await;
    for key in keys {
        let signed = stranger.entry(&key, network(), version(1, 0));
        link.send(&CatalogFrame::Statements(vec![Relayed { signed, age: 0 }])).await.expect("sent");
    }
    link.send(&CatalogFrame::Over).await.expect("sent");
    let mut events = victim.discovery.events();
    let told = async { while !matches!(events.recv().await, Ok(Event::NoRoom { .. })) {} };
    within(Duration::from_secs(10), told).await;
    pass(1).await;
    assert_eq!(victim.catalog().len(), 2 + 20);
}

#[tokio::test(start_paused = true)]
async fn two_live_nodes_with_one_key_are_told_of() {
    let net = Net::new(45);
    let hub = Plan::new(9).on_net(&net).await;
    let one = Plan::new(1).seed(&hub).on_net(&net).await;
    hub.until_knows(one.id()).await;
    let mut plan = Plan::new(1).seed(&hub);
    plan.boot = 100;
    let two = plan.on_net(&net).await;
    let told = async |node: &Node| {
        let mut events = node.discovery.events();
        while !matches!(events.recv().await, Ok(Event::IdentityInUse { .. })) {}
    };
    within(Duration::from_secs(120), async { tokio::join!(told(&one), told(&two)) }).await;
}

#[tokio::test(start_paused = true)]
async fn h4_more_statements_than_were_asked_for_end_the_comparison() {
    let net = Net::new(47);
    let victim = Plan::new(1).on_net(&net).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    let mut link = stranger.list(&victim, &[id(4)]).await;
    let unasked = |n| Relayed { signed: stranger.entry(&key(n), network(), version(1, 0)), age: 0 };
    link.send(&CatalogFrame::Statements(vec![unasked(4), unasked(5)])).await.expect("sent");
    let ended = async { while let Ok(Some(_)) = link.recv::<CatalogFrame>(Duration::from_secs(5)).await {} };
    within(Duration::from_secs(5), ended).await;
    pass(1).await;
    assert!(!victim.knows(id(4)) && !victim.knows(id(5)));
}

#[tokio::test(start_paused = true)]
async fn h4_who_forges_loses_the_link() {
    let net = Net::new(48);
    let victim = Plan::new(1).on_net(&net).await;
    let stranger = Stranger::on_net(3, &net, &victim).await;
    let mut link = stranger.transport.link::<GossipProtocol>(victim.id()).await.expect("a link");
    let foreign = stranger.entry(&key(4), NetworkId::derive("another"), version(1, 0));
    stranger.announce(&mut link, foreign).await;
    let ended = async { while let Ok(Some(_)) = link.recv::<GossipFrame>(Duration::from_secs(5)).await {} };
    within(Duration::from_secs(4), ended).await;
    assert_eq!(victim.discovery.stats().not_believed, 1);
}
