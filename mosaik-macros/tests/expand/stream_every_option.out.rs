#[automatically_derived]
impl ::mosaik::__private::Schema for Order {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<
                Self,
            >(
            "Order",
            ::core::option::Option::Some("v2"),
            &[
                ("id", <u64 as ::mosaik::__private::Schema>::shape),
                (
                    "price",
                    |_| ::mosaik::__private::Shape::Opaque(
                        ::std::string::String::from("decimal.v1"),
                    ),
                ),
            ],
        )
    }
    fn attribute() -> ::core::option::Option<
        &'static (dyn ::core::any::Any + ::core::marker::Send + ::core::marker::Sync),
    > {
        ::core::option::Option::Some(<Self as ::mosaik::__private::Datum>::DESCRIPTOR)
    }
}
/// An order.
///
/// Sealed.
#[derive(Debug)]
pub struct Order {
    pub id: u64,
    price: Decimal,
}
#[automatically_derived]
impl ::mosaik::__private::Datum for Order {
    type ProducerProof = ::mosaik::__private::Anyone;
    type ConsumerProof = ::mosaik::__private::Anyone;
    const DESCRIPTOR: &'static ::mosaik::__private::StreamDescriptor = &::mosaik::__private::StreamDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "dark.orders",
            *b"\xB8\xFB^'\xB1\xB4+\x91/O\xBD\xCF\xF5\x83\x9C\x8F\xD8*\xCFH\xBAM?\xC1x\xC9\x0F\xDCH=\x80\x06",
        ),
        type_name: "Order",
        schema: <Self as ::mosaik::__private::Schema>::shape,
        options: ::mosaik::__private::StreamOptions::new()
            .buffer(64)
            .replay(16)
            .max_consumers(4)
            .overflow(::mosaik::__private::Overflow::DropOldest)
            .online_when(1, ::core::option::Option::Some("matcher")),
        producers: ::mosaik::__private::Rule::Both(
            &::mosaik::__private::Rule::Tag("desk"),
            &::mosaik::__private::Rule::Not(
                &::mosaik::__private::Rule::Either(
                    &::mosaik::__private::Rule::Tag("test"),
                    &::mosaik::__private::Rule::RttBelow(3000u64),
                ),
            ),
        ),
        consumers: ::mosaik::__private::Rule::Both(
            &::mosaik::__private::Rule::Peer(
                "peer(|p| p.rtt.is_some())",
                |p| p.rtt.is_some(),
            ),
            &::mosaik::__private::Rule::RttBelow(20u64),
        ),
        docs: "An order.\n\nSealed.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    const ACCEPTS: &'static [::mosaik::__private::Accepted<Self>] = &[
        ::mosaik::__private::Accepted::<Self>::from::<OrderV1>(),
        ::mosaik::__private::Accepted::<Self>::from::<old::Order<u8>>(),
    ];
}
