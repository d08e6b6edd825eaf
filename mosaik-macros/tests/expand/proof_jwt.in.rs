/// A desk's own tokens.
#[proof(jwt, algorithm = EdDSA, issuer = ["desk", "bank"], keys = file("desk.jwks"), max_age = "24h")]
pub struct DeskTicket;
