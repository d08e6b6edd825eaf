#[allow(dead_code)]
pub struct DeskTicket;
#[automatically_derived]
impl ::mosaik::__private::Proof for DeskTicket {
    const DESCRIPTOR: &'static ::mosaik::__private::ProofDescriptor = &::mosaik::__private::ProofDescriptor {
        name: "DeskTicket",
        path: ::core::concat!(::core::module_path!(), "::", "DeskTicket"),
        kind: ::mosaik::__private::ProofKind::Tdx(::mosaik::__private::TdxProof {
            platform: ::mosaik::__private::TdxPlatform::Intel,
            measurements: "",
            collateral: ::core::option::Option::None,
            max_age: ::core::option::Option::None,
            challenge: ::core::option::Option::None,
            mrtd: ::core::option::Option::None,
        }),
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
::core::compile_error! {
    "`jwt` does not say what to check against\nhelp: add `keys = file(\"desk.jwks\")`\nnote: it is the verifier's file, read when the program starts: what is trusted is no part of the program"
}
