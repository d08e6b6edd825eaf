#[cfg(unix)]
#[automatically_derived]
impl ::mosaik::__private::Schema for Limits {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<
                Self,
            >(
            "Limits",
            ::core::option::Option::Some("v2"),
            &[("cache", <HashMap<String, u64> as ::mosaik::__private::Schema>::shape)],
        )
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
/// Who may do how much.
#[cfg(unix)]
#[derive(Default)]
struct Limits {
    cache: HashMap<String, u64>,
}
#[cfg(unix)]
/// The commands and queries of [`Limits`].
#[allow(dead_code)]
struct LimitsHandle(pub(crate) ::mosaik::__private::Group<Limits>);
#[cfg(unix)]
/// The queries of [`Limits`].
#[allow(dead_code)]
struct LimitsWeak(pub(crate) ::mosaik::__private::Weak<Limits>);
#[cfg(unix)]
/// The commands of [`Limits`].
#[allow(dead_code)]
type LimitsCommand = <Limits as ::mosaik::__private::StateMachine>::Command;
#[cfg(unix)]
/// The replies of [`Limits`].
#[allow(dead_code)]
type LimitsReply = <Limits as ::mosaik::__private::StateMachine>::Reply;
#[cfg(unix)]
#[automatically_derived]
impl ::mosaik::__private::Declared for Limits {
    type Handle = LimitsHandle;
    type Weak = LimitsWeak;
    const DESCRIPTOR: &'static ::mosaik::__private::GroupDescriptor = &::mosaik::__private::GroupDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "bank.limits",
            *b"^\xE6\xFD\xAB\n\xE4+\xB3\x04\x13\xC8JO\xAF\xB1O7\xB6'\x1C\xA4\xF9w\xF6!s\x14\xE3Ku\xF6\xA7",
        ),
        type_name: "Limits",
        schema: ::mosaik::__private::machine_shape::<Self>,
        voters: ::mosaik::__private::VoterSet::Founder,
        options: ::mosaik::__private::GroupOptions::new()
            .storage(::mosaik::__private::Storage::Durable)
            .key(::mosaik::__private::KeySource::Env("BANK_KEY"))
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
        members: ::mosaik::__private::Rule::Both(
            &::mosaik::__private::Rule::Tag("bank"),
            &::mosaik::__private::Rule::RttBelow(20u64),
        ),
        docs: "Who may do how much.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    fn handle(group: ::mosaik::__private::Group<Self>) -> LimitsHandle {
        LimitsHandle(group)
    }
    fn weak(weak: ::mosaik::__private::Weak<Self>) -> LimitsWeak {
        LimitsWeak(weak)
    }
}
