#[allow(dead_code)]
/// Who buys.
pub struct Bids(collections::Map<u64, Order>);
#[automatically_derived]
impl ::mosaik::__private::Collection for Bids {
    type Container = collections::Map<u64, Order>;
}
#[automatically_derived]
impl ::mosaik::__private::PartOf<Exchange> for Bids {}
#[automatically_derived]
impl ::mosaik::__private::DeclaredCollection for Bids {
    type Bundle = Exchange;
    const DESCRIPTOR: &'static ::mosaik::__private::CollectionDescriptor = &::mosaik::__private::CollectionDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "exchange.bids",
            *b"\xDD\xA7\xB6k\x91\x86^\x19\xB5\xCF\xD2\xBE\xFD\xB5q\xCE[\xD9?}\xBD\xF0.F\xDA\xEEw\t\x10\xAD\x8AZ",
        ),
        container: "collections::Map<u64, Order>",
        group: ::mosaik::__private::group_of::<Self>(),
        part: ::mosaik::__private::part_of::<Self>(),
        readers: ::mosaik::__private::readers_of::<Self>(),
        docs: "Who buys.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
