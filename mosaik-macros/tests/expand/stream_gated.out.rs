#[automatically_derived]
impl ::mosaik::__private::Schema for Order {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<Self>("Order", ::core::option::Option::None, &[])
    }
    fn attribute() -> ::core::option::Option<
        &'static (dyn ::core::any::Any + ::core::marker::Send + ::core::marker::Sync),
    > {
        ::core::option::Option::Some(<Self as ::mosaik::__private::Datum>::DESCRIPTOR)
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
pub struct Order;
#[automatically_derived]
impl ::mosaik::__private::Datum for Order {
    type ProducerProof = DeskTicket;
    type ConsumerProof = images::MatcherImage;
    const DESCRIPTOR: &'static ::mosaik::__private::StreamDescriptor = &::mosaik::__private::StreamDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "dark.orders",
            *b"\xB8\xFB^'\xB1\xB4+\x91/O\xBD\xCF\xF5\x83\x9C\x8F\xD8*\xCFH\xBAM?\xC1x\xC9\x0F\xDCH=\x80\x06",
        ),
        type_name: "Order",
        schema: <Self as ::mosaik::__private::Schema>::shape,
        options: ::mosaik::__private::StreamOptions::new(),
        producers: <DeskTicket as ::mosaik::__private::Proof>::RULE,
        consumers: ::mosaik::__private::Rule::Both(
            &<images::MatcherImage as ::mosaik::__private::Proof>::RULE,
            &::mosaik::__private::Rule::Tag("matcher"),
        ),
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
