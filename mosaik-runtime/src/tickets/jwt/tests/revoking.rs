//! Names of tokens: what revocation goes by, and what else can be asked of registered claims.

use super::*;
use crate::tickets::{Validator, jwt::twin::twin};

#[test]
fn both_signatures_of_one_token_are_one_ticket() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        let it = of(algorithm);
        let jwt = jwt([Key::from_jwk(&it.public_jwk).expect("a JWK")]);
        let twin = twin(it.token.as_bytes()).expect("there is another");
        assert_eq!(check(&jwt, twin.clone()), Ok(at(END)), "{algorithm}: it fits as well");
        assert_ne!(ticket(twin.clone()).id(), ticket(it.token.clone()).id());
        assert_eq!(jwt.twins(&ticket(twin.clone())), [ticket(it.token.clone()).id()], "{algorithm}");
        assert_eq!(jwt.twins(&ticket(it.token)), [ticket(twin).id()], "{algorithm}");
    }
    for algorithm in [Algorithm::Es256K, Algorithm::EdDsa, Algorithm::Hs256] {
        assert_eq!(twin(of(algorithm).token.as_bytes()), None, "{algorithm}");
    }
}

#[test]
fn what_could_be_revoked_must_have_a_name() {
    let jwt = || jwt([signer().key()]);
    let revoking = jwt().revoked(|id| id == "taken");
    assert_eq!(check(&jwt(), issue(|_| {})), Ok(at(END)), "without revocation none is asked for");
    assert_eq!(check(&revoking, issue(|_| {})), Err(TokenError::Lacks("jti")));
    assert_eq!(check(&revoking, issue(|claims| claims.id = Some("taken".into()))), Err(TokenError::Revoked));
    assert_eq!(check(&revoking, issue(|claims| claims.id = Some("kept".into()))), Ok(at(END)));
}

#[test]
fn registered_claims_can_be_asked_for_as_others_are() {
    let with = |name: &str, value: serde_json::Value| {
        check(&jwt([signer().key()]).claim(name, value), issue(|_| {}))
    };
    assert_eq!(with("sub", PEER.to_string().into()), Ok(at(END)));
    assert_eq!(with("iss", "desk".into()), Ok(at(END)));
    assert_eq!(with("aud", NETWORK.into()), Ok(at(END)));
    assert_eq!(with("iat", MADE.into()), Ok(at(END)));
    assert!(matches!(with("sub", "somebody".into()), Err(TokenError::Claim { .. })));
}
