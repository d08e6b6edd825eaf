/// A desk's own tokens.
#[proof(jwt, issuer = ["desk", "bank"], keys = file("desk.jwks"), max_age = "24h")]
pub struct DeskTicket;
