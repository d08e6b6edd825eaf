#[allow(dead_code)]
#[cfg(unix)]
pub struct MatcherImage;
#[cfg(unix)]
#[automatically_derived]
impl ::mosaik::__private::Proof for MatcherImage {
    const DESCRIPTOR: &'static ::mosaik::__private::ProofDescriptor = &::mosaik::__private::ProofDescriptor {
        name: "MatcherImage",
        path: ::core::concat!(::core::module_path!(), "::", "MatcherImage"),
        kind: ::mosaik::__private::ProofKind::Tdx(::mosaik::__private::TdxProof {
            platform: ::mosaik::__private::TdxPlatform::Intel,
            measurements: "matcher.measurements",
            collateral: ::core::option::Option::Some("collateral"),
            max_age: ::core::option::Option::Some(172800000u64),
            challenge: ::core::option::Option::Some(600000u64),
            mrtd: ::core::option::Option::Some(
                "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
            ),
        }),
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
#[cfg(unix)]
const _: () = ::mosaik::__private::built_with_tdx();
