//! Two hundred peers with tokens at one gatekeeper: how often they are validated, and that renewals cut nobody off.
//!
//! The gatekeeper is whole: its checks, its reviews and its clock. The peers are what it sees of them: entries in its catalog, and the
//! tickets that it would fetch. `tests/tests/scenarios` has forty whole nodes, for minutes and not for a day.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::super::{
    Admission, Lease,
    stand::Stand,
    tests::{item, pair},
};
use crate::{
    discovery::{Catalog, Discovery, Entry, Peer, TICKETS, signed::Signed},
    primitives::{BootId, NetworkId, NodeRng, PeerId, Scope, SecretKey, Tag, Version, policy::proof, watch},
    tickets::{
        Class, Ticket,
        jwt::{Algorithm, Claims, Jwt, KeySet, NumericDate, Signer},
        pack,
    },
};

const PEERS: usize = 200;
/// Tokens are good for so long, and renewed when three quarters of that are over.
const GOOD_FOR: u64 = 80;
const RENEWED: Duration = Duration::from_secs(60);
/// The renewals of a minute come in so many parts.
const PARTS: usize = 20;

/// The gatekeeper, and what it knows of the others.
struct Crowd {
    gate: Stand,
    _other: Stand,
    _scope: Scope,
    admission: Admission,
    publish: watch::Sender<Arc<Catalog>>,
    catalog: Catalog,
    keys: Vec<SecretKey>,
    /// What stands in for everybody's signature: nobody relays an entry here.
    signed: Signed,
    signer: Signer,
    changes: u64,
}

impl Crowd {
    async fn new() -> Self {
        let (gate, other) = pair(&[]).await;
        let (publish, watched) = watch::channel(gate.discovery.catalog());
        let fed = Discovery { catalog: watched, ..gate.discovery.clone() };
        let (scope, mut rng) = (Scope::new(), NodeRng::from_seed(9));
        let transport = gate.transport.clone();
        let admission = Admission::new("lab", transport, fed, &rng, scope.child());
        let signer = Signer::generate(Algorithm::Es256, &mut rng).expect("a key").named("house");
        let keys = KeySet::new([signer.key()]).expect("one");
        admission.tickets().trust(Jwt::new("Desk", keys).issuer("house")).expect("the first");
        let catalog = (*gate.discovery.catalog()).clone();
        let keys: Vec<_> = (0..PEERS).map(|_| SecretKey::from_bytes(rng.bytes_32())).collect();
        let signed = Signed::departure(&keys[0], NetworkId::derive("lab"), Version::default());
        let mut crowd = Self {
            gate,
            _other: other,
            _scope: scope,
            admission,
            publish,
            catalog,
            keys,
            signed,
            signer,
            changes: 0,
        };
        (0..PEERS).for_each(|n| crowd.renew(n));
        crowd.tell();
        crowd
    }

    fn peer(&self, n: usize) -> PeerId {
        self.keys[n].peer_id()
    }

    /// A peer has a new token: its entry names it, and it is there to be fetched.
    fn renew(&mut self, n: usize) {
        let (peer, now) = (self.peer(n), NumericDate::from(self.admission.tickets().now().0));
        let claims = Claims {
            issuer: Some("house".to_owned()),
            subject: Some(peer.to_string()),
            audience: vec!["lab".to_owned()],
            issued_at: Some(now),
            expires: Some(NumericDate(now.0 + GOOD_FOR)),
            ..Claims::default()
        };
        let token = self.signer.issue(&claims).expect("issued");
        let ticket = Ticket::new(Class::jwt(), token).expect("fits");
        let named = pack(&[(ticket.class().clone(), ticket.id())]);
        let cell = self.admission.tickets().contents().cell((peer, ticket.id()), Instant::now());
        cell.expect("not asked for yet").set(ticket).expect("empty");
        self.says(n, named, BTreeSet::new());
    }

    /// A peer says these things of itself.
    fn says(&mut self, n: usize, tickets: Bytes, tags: BTreeSet<Tag>) {
        self.changes += 1;
        let entry = Entry {
            version: Version { incarnation: 1, counter: self.changes },
            boot: BootId(n as u128),
            addresses: Vec::new(),
            tags: Arc::new(tags),
            roles: Arc::default(),
            protocols: Vec::new(),
            extensions: vec![(TICKETS, tickets)],
        };
        let id = self.peer(n);
        self.catalog.live.insert(id, Arc::new(Peer::new(id, entry, self.signed.clone())));
    }

    fn tell(&self) {
        drop(self.publish.send_replace(Arc::new(self.catalog.clone())));
    }

    fn leases(&self) -> Vec<Lease> {
        (0..PEERS).map(|n| self.admission.lease(self.peer(n), item(), proof("Desk"))).collect()
    }

    /// So much time, in which every peer renews its token each minute.
    async fn pass(&mut self, time: Duration) {
        let part = RENEWED / PARTS as u32;
        for step in 0..time.div_duration_f64(part) as usize {
            sleep(part).await;
            (0..PEERS).filter(|n| n % PARTS == step % PARTS).for_each(|n| self.renew(n));
            self.tell();
        }
    }
}

fn stand(leases: &[Lease]) {
    let cut: Vec<_> = leases.iter().filter_map(Lease::refusal).collect();
    assert!(cut.is_empty(), "{} of {PEERS} links were cut: {:?}", cut.len(), cut.first());
}

#[tokio::test(start_paused = true)]
async fn t4_a_token_of_each_of_200_peers_is_validated_once_and_not_at_changes_of_the_catalog() {
    let mut crowd = Crowd::new().await;
    let leases = crowd.leases();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(crowd.admission.tickets().asked(), PEERS as u64);
    let before = crowd.changes;
    for round in 0..5 {
        for n in 0..PEERS {
            let named = crowd.catalog.get(&crowd.peer(n)).expect("there").entry.extensions[0].1.clone();
            crowd.says(n, named, [format!("round-{round}").parse().expect("a tag")].into());
            crowd.tell();
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((crowd.changes - before, crowd.admission.tickets().asked()), (1000, PEERS as u64));
    stand(&leases);
    crowd.pass(3 * RENEWED).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(crowd.admission.tickets().asked(), 4 * PEERS as u64, "each new token once");
    stand(&leases);
    crowd.gate.scope.kill();
}

async fn renewals_cut_nobody_off(hours: u64) {
    let mut crowd = Crowd::new().await;
    let leases = crowd.leases();
    for hour in 1..=hours {
        crowd.pass(60 * RENEWED).await;
        stand(&leases);
        let asked = crowd.admission.tickets().asked();
        // The last ones may not have been looked at yet.
        let made = PEERS as u64 * (1 + 60 * hour);
        assert!(asked <= made && asked + PEERS as u64 >= made, "{asked} of {made} tokens were looked at");
    }
    // Without renewals they are cut off, every one.
    sleep(Duration::from_secs(GOOD_FOR + 1)).await;
    assert!(leases.iter().all(|lease| lease.refusal().is_some()), "nobody stays without a token");
}

#[tokio::test(start_paused = true)]
async fn ls7_200_peers_whose_tokens_renew_every_minute_are_never_cut_off_in_an_hour() {
    renewals_cut_nobody_off(1).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "minutes of processor time: .ci/run runs it"]
async fn ls7_200_peers_whose_tokens_renew_every_minute_are_never_cut_off_in_a_day() {
    renewals_cut_nobody_off(24).await;
}
