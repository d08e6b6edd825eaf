#[allow(dead_code)]
#[cfg(unix)]
struct Book(PriorityQueue<u64, OrderId, Order>);
#[cfg(unix)]
#[automatically_derived]
impl ::mosaik::__private::Collection for Book {
    type Container = PriorityQueue<u64, OrderId, Order>;
}
#[cfg(unix)]
#[automatically_derived]
impl ::mosaik::__private::DeclaredCollection for Book {
    type Bundle = ::mosaik::__private::Alone<Self>;
    const DESCRIPTOR: &'static ::mosaik::__private::CollectionDescriptor = &::mosaik::__private::CollectionDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "greenhouse.book",
            *b"r>\x97/\xEC\xBB\xD7\xB1l\x0B\x9E\xDD@6$\x98G\xBD0P\xEFp}*d\xDD\x9B\xB7>h;\x15",
        ),
        container: "PriorityQueue<u64, OrderId, Order>",
        group: &::mosaik::__private::GroupDescriptor {
            intent: ::mosaik::__private::Intent::new(
                "greenhouse.book",
                *b"r>\x97/\xEC\xBB\xD7\xB1l\x0B\x9E\xDD@6$\x98G\xBD0P\xEFp}*d\xDD\x9B\xB7>h;\x15",
            ),
            type_name: "Book",
            schema: ::mosaik::__private::collection_shape::<Self>,
            voters: ::mosaik::__private::VoterSet::Founder,
            options: ::mosaik::__private::GroupOptions::new()
                .storage(::mosaik::__private::Storage::Durable)
                .key(::mosaik::__private::KeySource::Env("EXCHANGE_KEY"))
                .deadline(30000u64)
                .strict()
                .evict_after(500u64)
                .round_trip(1000u64)
                .committee(5)
                .founder(
                    ::mosaik::__private::PeerId::from_bytes(
                        *b"\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0B\x0C\r\x0E\x0F\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F",
                    ),
                ),
            members: ::mosaik::__private::Rule::Tag("exchange"),
            docs: "",
            source: ::mosaik::__private::Source {
                file: ::core::file!(),
                line: ::core::line!(),
            },
        },
        part: "",
        readers: ::mosaik::__private::Rule::Either(
            &::mosaik::__private::Rule::Tag("trader"),
            &::mosaik::__private::Rule::RttBelow(20u64),
        ),
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
