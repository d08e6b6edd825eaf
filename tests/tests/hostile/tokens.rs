//! H8: tokens that prove nothing, and files of keys that others may change.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use mosaik::{
    primitives::{PeerId, Wall, policy::proof},
    tickets::{
        Class, Ticket,
        jwt::{Algorithm, Claims, Jwt, KeyFile, KeySet, NumericDate, Signer},
    },
};
use tokio::time::{interval, timeout};

use super::{
    rogue::{Named, Rogue, SOON, Told, gated, let_in, ticket},
    scene::Scene,
};

/// The key of the house (RFC 8037, appendix A), and its public half.
const HOUSE: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const PUBLIC: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e,
    0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];
/// `{"alg":"none"}` in base64.
const NONE: &str = "eyJhbGciOiJub25lIn0";

/// The key of the house, under its name.
pub(crate) fn house() -> Signer {
    Signer::from_jwk(HOUSE).expect("a key").named("house-1")
}

/// Another key under the same name.
pub(crate) fn thief() -> Signer {
    let mut rng = mosaik::primitives::NodeRng::from_seed(66);
    Signer::generate(Algorithm::EdDsa, &mut rng).expect("a key").named("house-1")
}

/// Who decides about tokens of the house.
pub(crate) fn desk() -> Jwt {
    Jwt::new("Desk", KeySet::new([house().key()]).expect("one")).issuer("house")
}

/// What a good token for this peer says.
pub(crate) fn claims(peer: PeerId, now: Wall, good_for: u64, nonce: u64) -> Claims {
    let made = NumericDate::from(now);
    Claims {
        issuer: Some("house".to_owned()),
        subject: Some(peer.to_string()),
        audience: vec!["under-fire".to_owned()],
        issued_at: Some(made),
        expires: Some(NumericDate(made.0 + good_for)),
        id: Some(nonce.to_string()),
        ..Claims::default()
    }
}

/// A token of this key.
pub(crate) fn token(signer: &Signer, claims: &Claims) -> Ticket {
    ticket(Class::jwt(), signer.issue(claims).expect("issued"))
}

/// Every way to have no good token, and what is said of it. No two calls give the same bytes.
fn bad(peer: PeerId, now: Wall, nonce: u64) -> Vec<(Named, &'static str)> {
    let good = || claims(peer, now, 3600, nonce);
    let made = NumericDate::from(now).0;
    let of = |signer: &Signer, claims: Claims| Named::honest(&token(signer, &claims));
    let house = house();
    let signed = house.issue(&good()).expect("issued");
    let body = signed.split('.').nth(1).expect("three parts");
    let raw = |bytes: Vec<u8>| Named::honest(&ticket(Class::jwt(), bytes));
    let large = token(&house, &Claims { issuer: Some("large".to_owned()), ..good() });
    let other = token(&house, &Claims { issuer: Some("other".to_owned()), ..good() });
    let secret = Signer::secret(Algorithm::Hs256, &PUBLIC).expect("32 bytes").named("house-1");
    let past =
        Claims { issued_at: Some(NumericDate(made - 100)), expires: Some(NumericDate(made - 1)), ..good() };
    let unknown = "no key fits its `kid`";
    vec![
        (of(&house, past), "expired"),
        (of(&house, Claims { not_before: Some(NumericDate(made + 3600)), ..good() }), "becomes valid in"),
        (of(&house, Claims { audience: vec!["another".to_owned()], ..good() }), "another network"),
        (raw(format!("{NONE}.{body}.").into_bytes()), "its algorithm is none that is accepted"),
        (of(&secret, good()), unknown),
        (Named::saying(&large, vec![b'a'; 1 << 20]), "could not be fetched"),
        (raw([b"a.b.c".repeat(4000), nonce.to_be_bytes().to_vec()].concat()), "the limit is 16384"),
        (of(&house.clone().named("house-2"), good()), unknown),
        (of(&house.clone().named("../../../../dev/null"), good()), unknown),
        (of(&thief(), good()), "its signature does not fit"),
        (raw([b"nonsense ".to_vec(), nonce.to_be_bytes().to_vec()].concat()), "cannot be read"),
        (Named::saying(&other, signed.clone().into_bytes()), "another ticket"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h8_tokens_that_prove_nothing_admit_nobody_and_each_is_told_why() {
    let mut scene = Scene::new().await;
    scene.target.tickets().trust(desk()).expect("the first");
    let producer = gated(&scene, "gated.desk", proof("Desk"));
    let (friend, now) = (scene.friend.local().id(), scene.target.clock().wall());
    let its = token(&house(), &claims(friend, now, 3600, 0));
    let admitted = let_in(&scene, &producer, "gated.desk", its).await;
    let rogue = Rogue::new(&scene, 80).await;
    scene.begins_now().await;
    let with = rogue.clone();
    scene
        .under_fire(move |nonce| {
            let rogue = with.clone();
            async move {
                for (named, because) in bad(rogue.id(), rogue.now(), nonce) {
                    rogue.is_refused("gated.desk", &[named], because).await;
                }
            }
        })
        .await;
    assert_eq!(producer.subscribers(), [friend], "who has a good one stayed, and nobody else came");
    rogue.leave().await;
    drop((admitted, producer));
    scene.settles().await;
}

/// Puts a file in its place at once, with these permissions.
fn put(path: &Path, text: &str, mode: u32) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).expect("written");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).expect("changed");
    fs::rename(fresh, path).expect("renamed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h8_a_file_of_keys_that_others_may_change_is_refused_with_the_fix_and_adds_no_key() {
    let mut scene = Scene::new().await;
    let path = scene.meet.join("desk.jwks");
    let ours = KeySet::new([house().key()]).expect("one").to_jwks();
    let stranger = thief().named("house-2");
    let both = KeySet::new([house().key(), stranger.key()]).expect("two").to_jwks();
    let from_file = || Jwt::from_file("Desk", KeyFile::new(&path));
    // At the start: the node is told what to do about it.
    for (mode, fix) in [(0o664, "chmod go-w"), (0o646, "chmod go-w"), (0o666, "chmod go-w")] {
        put(&path, &ours, mode);
        let told = from_file().expect_err("others may write it").to_string();
        assert!(told.contains(&format!("{fix} {}", path.display())), "{told}");
    }
    let secret = Signer::secret(Algorithm::Hs256, &[7; 32]).expect("32 bytes").to_jwk();
    put(&path, &secret, 0o640);
    let told = from_file().expect_err("others may read a secret").to_string();
    assert!(told.contains(&format!("chmod 600 {}", path.display())), "{told}");
    // While it runs: what others may have written counts for nothing.
    put(&path, &ours, 0o644);
    scene.target.tickets().trust(from_file().expect("a file of its own")).expect("the first");
    let producer = gated(&scene, "gated.desk", proof("Desk"));
    let rogue = Rogue::new(&scene, 81).await;
    put(&path, &both, 0o666);
    scene.begins_now().await;
    let (with, signer) = (rogue.clone(), Arc::new(stranger));
    let forged = move |rogue: &Rogue, nonce| {
        Named::honest(&token(&signer, &claims(rogue.id(), rogue.now(), 3600, nonce)))
    };
    let make = forged.clone();
    scene
        .under_fire(move |nonce| {
            let (rogue, make) = (with.clone(), make.clone());
            async move { rogue.is_refused("gated.desk", &[make(&rogue, nonce)], "no key fits").await }
        })
        .await;
    assert!(producer.subscribers().is_empty());
    // With the permissions put right the same key is taken: it was they that kept it out.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
    let mut looks = interval(Duration::from_millis(300));
    let (attacker, make) = (rogue.clone(), forged);
    let taken = scene.attack(async move {
        for nonce in 1_000_000.. {
            looks.tick().await;
            attacker.shows(&[make(&attacker, nonce)]).await;
            if attacker.told(&mut attacker.consumer("gated.desk")).await == Told::Admitted {
                return;
            }
        }
    });
    timeout(SOON, taken).await.expect("within a second or two");
    rogue.leave().await;
    drop(producer);
    scene.settles().await;
}
