//! Vectors of the standards and of another implementation, every way to cheat, and what is required of claims.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::{header::split, *};
use crate::{
    primitives::{NetworkId, PeerId, Wall},
    tickets::{Class, Denial, Shown, Ticket, Valid},
};

mod revoking;

const PEER: PeerId = PeerId::from_bytes([1; 32]);
const NETWORK: &str = "dark";
/// When the recorded tokens were made, and when they end, in seconds.
const MADE: u64 = 1_700_000_000;
const END: u64 = MADE + 3600;

/// A key and a token of each algorithm, made by another implementation.
#[derive(Deserialize)]
struct Recorded {
    alg: String,
    token: String,
    private_jwk: String,
    public_jwk: String,
    private_pem: Option<String>,
    public_pem: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("vectors.json")).expect("the vectors are JSON")
}

fn of(algorithm: Algorithm) -> Recorded {
    recorded().into_iter().find(|one| one.alg == algorithm.name()).expect("there is one for each")
}

fn at(seconds: u64) -> Wall {
    Wall(seconds * 1000)
}

fn ticket(token: impl Into<Vec<u8>>) -> Ticket {
    Ticket::new(Class::jwt(), token.into()).expect("fits")
}

fn check_by(jwt: &Jwt, token: impl Into<Vec<u8>>, peer: PeerId, now: Wall) -> Result<Wall, TokenError> {
    let ticket = ticket(token);
    let shown = Shown { ticket: &ticket, peer, network: NETWORK, now };
    jwt.check(shown).map(|(_, Valid { until })| until)
}

fn check(jwt: &Jwt, token: impl Into<Vec<u8>>) -> Result<Wall, TokenError> {
    check_by(jwt, token, PEER, at(MADE + 10))
}

fn jwt(keys: impl IntoIterator<Item = Key>) -> Jwt {
    Jwt::new("Desk", KeySet::new(keys).expect("keys"))
}

fn signer() -> Signer {
    Signer::from_jwk(&of(Algorithm::EdDsa).private_jwk).expect("a key")
}

fn claims() -> Claims {
    Claims {
        issuer: Some("desk".into()),
        subject: Some(PEER.to_string()),
        audience: vec![NETWORK.into()],
        expires: Some(NumericDate(END)),
        issued_at: Some(NumericDate(MADE)),
        other: [("role".to_owned(), json!("trader"))].into(),
        ..Claims::default()
    }
}

fn issue(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = claims();
    change(&mut claims);
    signer().issue(&claims).expect("issued")
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn vectors_of_rfc_7515_and_8037() {
    let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let vectors = [
        (
            r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
            format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{claims}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ),
        (
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            format!("eyJhbGciOiJFUzI1NiJ9.{claims}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
        ),
        (
            r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
            "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn".to_owned(),
        ),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".to_owned(),
        ),
    ];
    for (key, token) in vectors {
        let key = Key::from_jwk(key).expect("a key");
        let parts = split(token.as_bytes()).expect("three parts");
        assert_eq!(parts.algorithm, key.algorithm());
        assert!(key.material.verifies(parts.signed, &parts.signature), "{}", key.algorithm());
        assert!(!key.material.verifies(b"another", &parts.signature), "{}", key.algorithm());
    }
}

#[test]
fn recorded_tokens_of_another_implementation_verify_by_each_form_of_their_key() {
    for one in recorded() {
        let mut keys = vec![Key::from_jwk(&one.public_jwk).expect("a JWK")];
        keys.extend(one.public_pem.as_deref().map(|pem| Key::from_pem(pem).expect("PEM")));
        for key in keys {
            assert_eq!(key.algorithm().name(), one.alg);
            assert_eq!(check(&jwt([key]), one.token.clone()), Ok(at(END)), "{}", one.alg);
        }
    }
}

#[test]
fn what_each_signer_makes_its_key_checks() {
    for one in recorded() {
        let mut signers = vec![Signer::from_jwk(&one.private_jwk).expect("a JWK")];
        signers.extend(one.private_pem.as_deref().map(|pem| Signer::from_pem(pem).expect("PEM")));
        for signer in signers {
            let token = signer.issue(&claims()).expect("issued");
            assert_eq!(check(&jwt([signer.key()]), token.clone()), Ok(at(END)), "{}", one.alg);
            assert_eq!(check(&jwt([Key::from_jwk(&one.public_jwk).expect("a JWK")]), token), Ok(at(END)));
        }
    }
}

#[test]
fn h8_no_key_checks_another_algorithms_token() {
    let all = recorded();
    let every = || jwt(recorded().iter().map(|one| Key::from_jwk(&one.public_jwk).expect("a JWK")));
    for one in &all {
        let only = every().only(Algorithm::Es256);
        let taken = check(&only, one.token.clone());
        assert_eq!(taken == Ok(at(END)), one.alg == "ES256", "{}: {taken:?}", one.alg);
        assert_eq!(check(&every(), one.token.clone()), Ok(at(END)), "{}", one.alg);
    }
    for key in &all {
        let jwt = jwt([Key::from_jwk(&key.public_jwk).expect("a JWK")]);
        for token in all.iter().filter(|token| token.alg != key.alg) {
            assert_eq!(check(&jwt, token.token.clone()), Err(TokenError::UnknownKey), "{}", token.alg);
        }
    }
}

#[test]
fn h8_the_algorithm_none_is_no_algorithm() {
    let jwt = jwt([signer().key()]);
    let body = encode(&String::from_utf8_lossy(&claims().write()));
    for name in ["none", "None", "NONE", "nOnE", "", "RS256", "HS1", "eddsa"] {
        let header = encode(&json!({ "alg": name }).to_string());
        for signature in ["", "AA"] {
            let token = format!("{header}.{body}.{signature}");
            assert_eq!(check(&jwt, token), Err(TokenError::Algorithm), "{name}");
        }
    }
    let empty = format!("{}.{body}.", encode(r#"{"alg":"EdDSA"}"#));
    assert_eq!(check(&jwt, empty), Err(TokenError::Signature));
}

#[test]
fn h8_ld14_a_public_key_is_no_secret() {
    for one in recorded().iter().filter(|one| one.public_pem.is_some()) {
        let pem = one.public_pem.as_deref().expect("there");
        // The forger signs with the text of the public key, as if it were a shared secret.
        for (secret, what) in [(pem.as_bytes(), "PEM"), (one.public_jwk.as_bytes(), "JWK")] {
            assert_eq!(Key::secret(Algorithm::Hs256, secret).err(), Some(KeyError::KeyAsSecret), "{what}");
        }
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(der).expect("base64");
        assert!(Key::secret(Algorithm::Hs256, &der).is_err());
        let key = Key::from_pem(pem).expect("a key");
        let header = encode(r#"{"alg":"HS256"}"#);
        let body = encode(&String::from_utf8_lossy(&claims().write()));
        let forged = format!("{header}.{body}.{}", encode("01234567890123456789012345678901"));
        assert_eq!(check(&jwt([key]), forged), Err(TokenError::UnknownKey));
    }
}

#[test]
fn h8_a_kid_is_a_name_and_nothing_else() {
    let (a, b) = (signer().named("a"), Signer::from_jwk(&of(Algorithm::Es256).private_jwk).expect("a key"));
    let both = jwt([a.key(), b.key()]);
    let of_b = b.issue(&claims()).expect("issued");
    assert_eq!(check(&both, of_b), Ok(at(END)), "rotation: both keys are good");
    let evil = ["../../../dev/null", "/etc/passwd", "x' OR '1'='1", "http://evil/keys", "A", ""];
    for kid in evil {
        let token = signer().named(kid).issue(&claims()).expect("issued");
        assert_eq!(check(&both, token), Err(TokenError::UnknownKey), "{kid}");
    }
    let long = signer().named("k".repeat(257)).issue(&claims()).expect("issued");
    assert_eq!(check(&both, long), Err(TokenError::Header("kid")));
    let unnamed = jwt([signer().maybe_named(None).key()]);
    let named = signer().named("whatever").issue(&claims()).expect("issued");
    assert_eq!(check(&unnamed, named), Ok(at(END)), "a key without a name serves for any");
}

#[test]
fn h8_what_a_header_points_at_is_not_followed_and_extensions_are_refused() {
    let body = encode(&String::from_utf8_lossy(&claims().write()));
    let key = signer().maybe_named(None);
    let sign = |header: serde_json::Value| {
        let signed = format!("{}.{body}", encode(&header.to_string()));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).expect("signed")))
    };
    let jwt_of = |key| jwt([key]);
    let trusting = jwt_of(key.key());
    assert!(check(&trusting, sign(json!({ "alg": "EdDSA" }))).is_ok());
    assert!(check(&trusting, sign(json!({ "alg": "EdDSA", "typ": "jwt" }))).is_ok());
    for name in ["crit", "b64", "enc", "zip"] {
        let token = sign(json!({ "alg": "EdDSA", name: ["exp"] }));
        assert_eq!(check(&trusting, token), Err(TokenError::Header(name)));
    }
    assert_eq!(
        check(&trusting, sign(json!({ "alg": "EdDSA", "typ": "JOSE" }))),
        Err(TokenError::Header("typ"))
    );
    // D16: a token brings its own key.
    let other = jwt_of(Key::from_jwk(&of(Algorithm::Es256).public_jwk).expect("a key"));
    let own = json!({ "alg": "EdDSA", "jku": "https://evil", "jwk": of(Algorithm::EdDsa).public_jwk });
    assert_eq!(check(&other, sign(own)), Err(TokenError::UnknownKey));
    let twice = format!("{}.{body}.AA", encode(r#"{"alg":"none","alg":"EdDSA"}"#));
    assert!(matches!(check(&trusting, twice), Err(TokenError::Malformed(_))));
}

#[test]
fn h8_sizes_and_shapes() {
    let jwt = jwt([signer().key()]);
    let size = MAX_TOKEN + 1;
    assert_eq!(check(&jwt, "a".repeat(size)), Err(TokenError::TooLarge { size }));
    assert!(Ticket::new(Class::jwt(), vec![b'a'; 1 << 20]).is_err(), "a megabyte is no ticket");
    assert_eq!(check(&jwt, "a.b.c.d.e"), Err(TokenError::Encrypted));
    for token in ["a", "a.b", "a.b.c.d", "...", "..", "e30.e30.", "\u{0}", "é.é.é"] {
        assert!(matches!(check(&jwt, token), Err(TokenError::Malformed(_))), "{token:?}");
    }
    let deep = format!("{}.{}.AA", encode(r#"{"alg":"EdDSA"}"#), encode(&"[".repeat(5000)));
    assert_eq!(check(&jwt, deep), Err(TokenError::Signature), "nothing is read before its signature fits");
}

#[test]
fn h8_h9_time() {
    let jwt = jwt([signer().key()]);
    let token = issue(|_| ());
    let when = |now| check_by(&jwt, token.clone(), PEER, now);
    assert_eq!(when(at(MADE)), Ok(at(END)));
    assert_eq!(when(Wall(END * 1000 - 1)), Ok(at(END)));
    assert_eq!(when(at(END)), Err(TokenError::Expired { ago: Duration::ZERO }), "t1: an end has no leeway");
    assert_eq!(when(at(MADE - 60)), Ok(at(END)), "within the leeway");
    let from = at(MADE - 60);
    assert_eq!(when(at(MADE - 61)), Err(TokenError::NotYet { after: Duration::from_secs(1), from }));
    let later = issue(|claims| claims.not_before = Some(NumericDate(MADE + 100)));
    assert!(matches!(check(&jwt, later), Err(TokenError::NotYet { .. })));
    assert_eq!(check(&jwt, issue(|claims| claims.expires = None)), Err(TokenError::Lacks("exp")));
    let never = issue(|claims| claims.expires = Some(NumericDate(u64::MAX)));
    assert_eq!(check(&jwt, never), Ok(Wall(u64::MAX)), "no overflow");
    let future = issue(|claims| claims.issued_at = Some(NumericDate(u64::MAX)));
    assert!(matches!(check(&jwt, future), Err(TokenError::NotYet { .. })), "ld14: made in the future");
}

#[test]
fn lifetime_and_age_are_bounded() {
    let hour = Duration::from_secs(3600);
    let jwt_of = || jwt([signer().key()]);
    assert!(check(&jwt_of().max_lifetime(hour), issue(|_| ())).is_ok());
    let longer = issue(|claims| claims.expires = Some(NumericDate(END + 1)));
    assert_eq!(check(&jwt_of().max_lifetime(hour), longer), Err(TokenError::TooLong { most: hour }));
    let undated = || issue(|claims| claims.issued_at = None);
    assert_eq!(check(&jwt_of().max_lifetime(hour), undated()), Err(TokenError::Lacks("iat")));
    assert_eq!(check(&jwt_of().max_age(hour), undated()), Err(TokenError::Lacks("iat")));
    assert!(check(&jwt_of(), undated()).is_ok());
    let minute = Duration::from_secs(60);
    let aged = jwt_of().max_age(minute);
    assert_eq!(check(&aged, issue(|_| ())), Ok(at(MADE + 60)), "the age ends it before its end");
    let old = check_by(&aged, issue(|_| ()), PEER, at(MADE + 60));
    assert_eq!(old, Err(TokenError::TooOld { most: minute }));
}

#[test]
fn h8_h9_peer_network_and_issuer() {
    let jwt_of = || jwt([signer().key()]);
    let stolen = check_by(&jwt_of(), issue(|_| ()), PeerId::from_bytes([2; 32]), at(MADE));
    assert_eq!(stolen, Err(TokenError::Subject), "t3: another peer's token");
    assert_eq!(Denial::from(TokenError::Subject), Denial::OtherPeer);
    let with = |change: fn(&mut Claims)| check(&jwt_of(), issue(change));
    assert_eq!(with(|c| c.subject = None), Err(TokenError::Lacks("sub")));
    assert_eq!(with(|c| c.audience.clear()), Err(TokenError::Lacks("aud")));
    assert!(matches!(with(|c| c.audience = vec!["light".into()]), Err(TokenError::Audience { .. })));
    assert!(with(|c| c.audience = vec!["light".into(), "dark".into()]).is_ok());
    assert!(with(|c| c.audience = vec![NetworkId::derive("dark").to_string()]).is_ok());
    assert!(check(&jwt_of().issuer("other").issuer("desk"), issue(|_| ())).is_ok());
    assert!(matches!(check(&jwt_of().issuer("other"), issue(|_| ())), Err(TokenError::Issuer { .. })));
    let nobody = issue(|claims| claims.issuer = None);
    assert_eq!(check(&jwt_of().issuer("desk"), nobody), Err(TokenError::Lacks("iss")));
    assert!(check(&jwt_of().audience("dark"), issue(|_| ())).is_ok());
    assert!(check(&jwt_of().audience("api"), issue(|_| ())).is_err());
    let alice = || issue(|claims| claims.subject = Some("alice".into()));
    assert!(check(&jwt_of().subjects(["bob", "alice"]), alice()).is_ok());
    assert_eq!(check(&jwt_of().subjects(["bob"]), alice()), Err(TokenError::Subject));
    assert!(check(&jwt_of().any_subject(), alice()).is_ok());
}

#[test]
fn claims_revocation_and_rotation() {
    let jwt_of = || jwt([signer().key()]);
    assert!(check(&jwt_of().claim("role", "trader"), issue(|_| ())).is_ok());
    let error = check(&jwt_of().claim("role", "admin"), issue(|_| ())).expect_err("another");
    assert_eq!(error.to_string(), "its claim `role` is not \"admin\"");
    let many = issue(|claims| drop(claims.other.insert("role".into(), json!(["trader", "admin"]))));
    assert!(check(&jwt_of().claim("role", "admin"), many).is_ok());
    let named = issue(|claims| claims.id = Some("7".into()));
    assert_eq!(check(&jwt_of().revoked(|id| id == "7"), named), Err(TokenError::Revoked));

    use crate::tickets::Validator;
    let rotated = jwt_of();
    let other = Key::from_jwk(&of(Algorithm::Es256).public_jwk).expect("a key");
    let before = rotated.generation();
    rotated.set_keys(KeySet::new([other]).expect("one"));
    assert_ne!(rotated.generation(), before, "what was said is asked again");
    assert_eq!(check(&rotated, issue(|_| ())), Err(TokenError::UnknownKey), "the old key is gone");
}

#[test]
fn ld16_without_a_root_of_trust_nothing_is_valid() {
    assert!(matches!(KeySet::new([]), Err(KeyError::NoKey(_))));
    assert_eq!(check(&Jwt::new("Desk", KeySet::default()), issue(|_| ())), Err(TokenError::UnknownKey));
}

#[test]
fn claims_are_read_strictly() {
    let bad = [
        r#"{"exp":1,"exp":9999999999}"#,
        r#"{"exp":-1}"#,
        r#"{"exp":"9999999999"}"#,
        r#"{"exp":1e300}"#,
        r#"{"exp":null}"#,
        r#"{"aud":7}"#,
        r#"{"aud":["dark",7]}"#,
        r#"{"sub":["a"]}"#,
        r#"[]"#,
        r#"{} {}"#,
    ];
    for text in bad {
        assert!(matches!(Claims::read(text.as_bytes()), Err(TokenError::Malformed(_))), "{text}");
    }
    let fractions = Claims::read(br#"{"exp":10.9,"nbf":10.1}"#).expect("read");
    assert_eq!((fractions.expires, fractions.not_before), (Some(NumericDate(10)), Some(NumericDate(11))));
    assert_eq!(Claims::read(&claims().write()), Ok(claims()));
}

#[test]
fn keys_say_what_is_wrong_with_them() {
    let ed = of(Algorithm::EdDsa);
    assert_eq!(Key::from_jwk(&ed.private_jwk).err(), Some(KeyError::Private));
    assert_eq!(Key::from_pem(ed.private_pem.as_deref().expect("PEM")).err(), Some(KeyError::Private));
    assert_eq!(Signer::from_jwk(&ed.public_jwk).err(), Some(KeyError::Public));
    assert_eq!(Signer::from_pem(ed.public_pem.as_deref().expect("PEM")).err(), Some(KeyError::Public));
    let short = Key::secret(Algorithm::Hs512, &[7; 32]).err();
    assert!(matches!(short, Some(KeyError::ShortSecret { size: 32, least: 64, .. })));
    assert!(matches!(Key::secret(Algorithm::EdDsa, &[7; 64]), Err(KeyError::NoSecret(_))));
    let bad = [
        (r#"{"kty":"oct","k":"AAAA"}"#, "needs `alg`"),
        (r#"{"kty":"RSA","n":"AA","e":"AQAB"}"#, "not supported"),
        (r#"{"kty":"EC","crv":"P-256","alg":"ES384","x":"AA","y":"AA"}"#, "one algorithm"),
        (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, "32 bytes"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, "not a key"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#, "not a key"),
        (r#"{"kty":"OKP","crv":"Ed25519","use":"enc","x":"AA"}"#, "not for signatures"),
        (r#"{"kty":"OKP","kty":"oct"}"#, "not a JWK"),
        ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "not a JWK"),
    ];
    for (text, says) in bad {
        let error = Key::from_jwk(text).expect_err("bad").to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    let error =
        Key::from_pem("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----").expect_err("bad");
    assert!(error.to_string().contains("openssl x509"), "{error}");
}

#[test]
fn sets_leave_out_what_they_do_not_know() {
    let (ed, es) = (of(Algorithm::EdDsa).public_jwk, of(Algorithm::Es256).public_jwk);
    let rsa = r#"{"kty":"RSA","kid":"r","n":"AA","e":"AQAB"}"#;
    let set = KeySet::parse(&format!(r#"{{"keys":[{ed},{rsa},{es}]}}"#)).expect("two are left");
    assert_eq!(set.len(), 2);
    assert!(matches!(KeySet::parse(&format!(r#"{{"keys":[{rsa}]}}"#)), Err(KeyError::NoKey(_))));
    assert!(matches!(KeySet::parse(&format!(r#"{{"keys":[{ed},{ed}]}}"#)), Err(KeyError::Twice(_))));
    let pems: String = recorded().into_iter().filter_map(|one| one.public_pem).collect();
    assert_eq!(KeySet::parse(&pems).expect("PEM after PEM").len(), 5);
    let many = vec![ed; 65].join(",");
    assert!(matches!(KeySet::parse(&format!(r#"{{"keys":[{many}]}}"#)), Err(KeyError::TooMany(_))));
}

#[test]
fn t6_nothing_shows_a_key_or_a_token() {
    let secret = of(Algorithm::Hs256);
    let key = Key::from_jwk(&secret.private_jwk).expect("a key");
    let shown = format!("{:?} {:?} {:?}", key, jwt([key.clone()]), Signer::from_jwk(&secret.private_jwk));
    let material: serde_json::Value = serde_json::from_str(&secret.private_jwk).expect("JSON");
    assert!(!shown.contains(material["k"].as_str().expect("a text")), "{shown}");
    for error in [check(&jwt([signer().key()]), secret.token.clone()), check(&jwt([key]), "a.b")] {
        let text = format!("{0:?} {0}", error.expect_err("refused"));
        assert!(!secret.token.split('.').any(|part| text.contains(part)), "{text}");
    }
}

/// Every byte of every recorded token, changed to other values: refused.
#[test]
fn h8_each_byte_that_is_changed_is_refused() {
    for one in recorded() {
        let jwt = jwt([Key::from_jwk(&one.public_jwk).expect("a JWK")]);
        let token = one.token.into_bytes();
        for at in 0..token.len() {
            for flip in [1, 32] {
                let mut changed = token.clone();
                changed[at] ^= flip;
                assert!(check(&jwt, changed).is_err(), "{} at {at} by {flip}", one.alg);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing that comes from outside panics, and nothing but the token itself passes.
    #[test]
    fn h8_no_bytes_but_the_token_pass(which in 0..8usize, at in any::<prop::sample::Index>(), with in any::<Vec<u8>>(), cut in any::<bool>()) {
        let one = &recorded()[which];
        let jwt = jwt([Key::from_jwk(&one.public_jwk).expect("a JWK")]);
        let token = one.token.as_bytes();
        let at = at.index(token.len() + 1);
        let rest = if cut { &token[(at + with.len()).min(token.len())..] } else { &token[at..] };
        let changed = [&token[..at], &with[..], rest].concat();
        if !changed.is_empty() {
            prop_assert_eq!(check(&jwt, changed.clone()).is_ok(), changed == token);
        }
    }

    #[test]
    fn keys_of_any_text_do_not_panic(text in "\\PC{0,200}", json in "[{}\\[\\]\",:a-zA-Z0-9]{0,80}") {
        for text in [text, json] {
            let _ = (KeySet::parse(&text), Key::from_pem(&text), Signer::from_pem(&text), Signer::from_jwk(&text));
            let _ = Claims::read(text.as_bytes());
        }
    }
}
