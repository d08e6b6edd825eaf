#[allow(dead_code)]
/// A desk's own tokens.
pub struct DeskTicket;
#[automatically_derived]
impl ::mosaik::__private::Proof for DeskTicket {
    const DESCRIPTOR: &'static ::mosaik::__private::ProofDescriptor = &::mosaik::__private::ProofDescriptor {
        name: "DeskTicket",
        path: ::core::concat!(::core::module_path!(), "::", "DeskTicket"),
        kind: ::mosaik::__private::ProofKind::Jwt(::mosaik::__private::JwtProof {
            keys: "desk.jwks",
            issuers: &["desk", "bank"],
            audience: ::core::option::Option::None,
            algorithm: ::core::option::Option::Some("EdDSA"),
            max_lifetime: ::core::option::Option::None,
            max_age: ::core::option::Option::Some(86400000u64),
        }),
        docs: "A desk's own tokens.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
const _: () = ::mosaik::__private::built_with_jwt();
