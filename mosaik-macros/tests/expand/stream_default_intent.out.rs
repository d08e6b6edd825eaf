#[automatically_derived]
impl ::mosaik::__private::Schema for HTTPServer {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<
                Self,
            >(
            "HTTPServer",
            ::core::option::Option::None,
            &[("0", <String as ::mosaik::__private::Schema>::shape)],
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
struct HTTPServer(String, #[serde(skip)] u64);
#[automatically_derived]
impl ::mosaik::__private::Datum for HTTPServer {
    type ProducerProof = ::mosaik::__private::Anyone;
    type ConsumerProof = ::mosaik::__private::Anyone;
    const DESCRIPTOR: &'static ::mosaik::__private::StreamDescriptor = &::mosaik::__private::StreamDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "greenhouse.http-server",
            *b"\x9F\xA6\xE2\xF2\xA7\xF8\xC1\xAA\x08\x11\0\x8A\xEF\xF2\xE4\xD61(\x06\xD9\xF7U\x96Yr]Hi]\xEA;h",
        ),
        type_name: "HTTPServer",
        schema: <Self as ::mosaik::__private::Schema>::shape,
        options: ::mosaik::__private::StreamOptions::new(),
        producers: ::mosaik::__private::Rule::Anyone,
        consumers: ::mosaik::__private::Rule::Anyone,
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
