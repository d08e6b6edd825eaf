#[automatically_derived]
impl ::mosaik::__private::Schema for Mode {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.enumeration::<
                Self,
            >(
            "Mode",
            ::core::option::Option::None,
            &[("Off", &[]), ("On", &[("0", <u8 as ::mosaik::__private::Schema>::shape)])],
        )
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
#[derive(Default)]
pub enum Mode {
    #[default]
    Off,
    On(u8),
}
/// The commands and queries of [`Mode`].
#[allow(dead_code)]
pub struct ModeHandle(pub(crate) ::mosaik::__private::Group<Mode>);
/// The queries of [`Mode`].
#[allow(dead_code)]
pub struct ModeWeak(pub(crate) ::mosaik::__private::Weak<Mode>);
/// The commands of [`Mode`].
#[allow(dead_code)]
pub type ModeCommand = <Mode as ::mosaik::__private::StateMachine>::Command;
/// The replies of [`Mode`].
#[allow(dead_code)]
pub type ModeReply = <Mode as ::mosaik::__private::StateMachine>::Reply;
#[automatically_derived]
impl ::mosaik::__private::Declared for Mode {
    type Handle = ModeHandle;
    type Weak = ModeWeak;
    const DESCRIPTOR: &'static ::mosaik::__private::GroupDescriptor = &::mosaik::__private::GroupDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "greenhouse.mode",
            *b"\xAD\xE0R\xD3=\xC8(Z\x01\xA64\xD7O4\x8F-\xEC\xDE\x1C\x15\xA9\x8BR\xCE\xA4JvC\x7FA\x82d",
        ),
        type_name: "Mode",
        schema: ::mosaik::__private::machine_shape::<Self>,
        voters: ::mosaik::__private::VoterSet::List(
            &[
                ::mosaik::__private::PeerId::from_bytes(
                    *b"\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0B\x0C\r\x0E\x0F\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F",
                ),
                ::mosaik::__private::PeerId::from_bytes(
                    *b"\xFF\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0B\x0C\r\x0E\x0F\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F",
                ),
            ],
        ),
        options: ::mosaik::__private::GroupOptions::new()
            .key(::mosaik::__private::KeySource::File("bank.key")),
        members: ::mosaik::__private::Rule::Anyone,
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    fn handle(group: ::mosaik::__private::Group<Self>) -> ModeHandle {
        ModeHandle(group)
    }
    fn weak(weak: ::mosaik::__private::Weak<Self>) -> ModeWeak {
        ModeWeak(weak)
    }
}
