#[allow(dead_code)]
/// The last price of each symbol.
pub struct Prices(collections::Map<String, u64>);
#[automatically_derived]
impl ::mosaik::__private::Collection for Prices {
    type Container = collections::Map<String, u64>;
}
#[automatically_derived]
impl ::mosaik::__private::DeclaredCollection for Prices {
    type Bundle = ::mosaik::__private::Alone<Self>;
    const DESCRIPTOR: &'static ::mosaik::__private::CollectionDescriptor = &::mosaik::__private::CollectionDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "exchange.prices",
            *b"\x92\xFD2~\x1EZ\xF1 \xE1\xCA\xFB\x16\x82\x1E\xA4:f{p0\x86\xF2\xF1\x06?r\xB0\\\x14\\\xBD1",
        ),
        container: "collections::Map<String, u64>",
        group: &::mosaik::__private::GroupDescriptor {
            intent: ::mosaik::__private::Intent::new(
                "exchange.prices",
                *b"\x92\xFD2~\x1EZ\xF1 \xE1\xCA\xFB\x16\x82\x1E\xA4:f{p0\x86\xF2\xF1\x06?r\xB0\\\x14\\\xBD1",
            ),
            type_name: "Prices",
            schema: ::mosaik::__private::collection_shape::<Self>,
            voters: ::mosaik::__private::VoterSet::Count(3),
            options: ::mosaik::__private::GroupOptions::new(),
            members: ::mosaik::__private::Rule::Anyone,
            docs: "The last price of each symbol.",
            source: ::mosaik::__private::Source {
                file: ::core::file!(),
                line: ::core::line!(),
            },
        },
        part: "",
        readers: ::mosaik::__private::Rule::Anyone,
        docs: "The last price of each symbol.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
