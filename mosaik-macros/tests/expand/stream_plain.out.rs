#[automatically_derived]
impl ::mosaik::__private::Schema for Reading {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<
                Self,
            >(
            "Reading",
            ::core::option::Option::None,
            &[
                ("probe", <u16 as ::mosaik::__private::Schema>::shape),
                ("celsius", <f32 as ::mosaik::__private::Schema>::shape),
            ],
        )
    }
    fn attribute() -> ::core::option::Option<
        &'static (dyn ::core::any::Any + ::core::marker::Send + ::core::marker::Sync),
    > {
        ::core::option::Option::Some(<Self as ::mosaik::__private::Datum>::DESCRIPTOR)
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
/// One sample from a greenhouse probe.
pub struct Reading {
    pub probe: u16,
    pub celsius: f32,
}
#[automatically_derived]
impl ::mosaik::__private::Datum for Reading {
    type ProducerProof = ::mosaik::__private::Anyone;
    type ConsumerProof = ::mosaik::__private::Anyone;
    const DESCRIPTOR: &'static ::mosaik::__private::StreamDescriptor = &::mosaik::__private::StreamDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "greenhouse.temperature",
            *b"6\xF8L)\xC9\xF5\x9B\xC8\xB59#\xD2\xF3\xA8f\x120\xEEF\xA9\tIDg\xB5\xE2\x83wY3\xE2G",
        ),
        type_name: "Reading",
        schema: <Self as ::mosaik::__private::Schema>::shape,
        options: ::mosaik::__private::StreamOptions::new().buffer(64),
        producers: ::mosaik::__private::Rule::Anyone,
        consumers: ::mosaik::__private::Rule::Anyone,
        docs: "One sample from a greenhouse probe.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
