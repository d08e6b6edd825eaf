#[allow(dead_code)]
struct Badge;
#[automatically_derived]
impl ::mosaik::__private::Proof for Badge {
    const DESCRIPTOR: &'static ::mosaik::__private::ProofDescriptor = &::mosaik::__private::ProofDescriptor {
        name: "Badge",
        path: ::core::concat!(::core::module_path!(), "::", "Badge"),
        kind: ::mosaik::__private::ProofKind::Own(
            ::mosaik::__private::own_proof::<offices::Office>,
        ),
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
