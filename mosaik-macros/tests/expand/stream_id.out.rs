#[automatically_derived]
impl ::mosaik::__private::Schema for Order {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.enumeration::<
                Self,
            >(
            "Order",
            ::core::option::Option::None,
            &[
                (
                    "Buy",
                    &[
                        ("price", <u64 as ::mosaik::__private::Schema>::shape),
                        #[cfg(feature = "notes")]
                        ("note", <String as ::mosaik::__private::Schema>::shape),
                    ],
                ),
                (
                    "Sell",
                    &[
                        ("0", <u64 as ::mosaik::__private::Schema>::shape),
                        ("1", <Option<Vec<u8>> as ::mosaik::__private::Schema>::shape),
                    ],
                ),
                #[cfg(unix)]
                ("Cancel", &[]),
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
#[serde(rename_all = "kebab-case")]
enum Order {
    Buy { price: u64, #[cfg(feature = "notes")] note: String },
    Sell(u64, Option<Vec<u8>>),
    #[cfg(unix)]
    Cancel,
}
#[automatically_derived]
impl ::mosaik::__private::Datum for Order {
    type ProducerProof = ::mosaik::__private::Anyone;
    type ConsumerProof = ::mosaik::__private::Anyone;
    const DESCRIPTOR: &'static ::mosaik::__private::StreamDescriptor = &::mosaik::__private::StreamDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "orders",
            *b"\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0B\x0C\r\x0E\x0F\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F",
        ),
        type_name: "Order",
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
