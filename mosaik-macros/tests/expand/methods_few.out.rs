impl Mode {
    #[cfg(unix)]
    pub fn flip(&mut self) {}
    pub fn stamp(&mut self, mut by: u8) -> io::Result<u8> {
        self.at = SystemTime::now();
        Ok(by)
    }
}
#[allow(warnings)]
const _: () = {
    use ::mosaik::__private as __m;
    pub enum ModeCommand {
        #[cfg(unix)]
        flip,
        stamp(u8),
    }
    impl __m::Command for ModeCommand {
        fn methods() -> ::std::vec::Vec<__m::Method> {
            ::std::vec![
                __m::Method::new("stamp", | seen | seen.structure:: < Self > ("stamp",
                ::core::option::Option::None, & [("by", < u8 as __m::Schema >
                ::shape)])), #[cfg(unix)] __m::Method::new("flip", | seen | seen
                .structure:: < Self > ("flip", ::core::option::Option::None, & []))
            ]
        }
        fn method(&self) -> u64 {
            match self {
                #[cfg(unix)]
                Self::flip => 6425205149476963987,
                Self::stamp(..) => 1155198084120952475,
            }
        }
        fn encode(&self, into: &mut ::std::vec::Vec<u8>) -> __m::Encoded {
            match self {
                #[cfg(unix)]
                Self::flip => __m::encode(&(), into),
                Self::stamp(by) => __m::encode(&(by,), into),
            }
        }
        fn decode(method: u64, bytes: &[u8]) -> __m::Decoded<Self> {
            match method {
                #[cfg(unix)]
                6425205149476963987 => __m::decode(bytes, |()| Self::flip),
                1155198084120952475 => __m::decode(bytes, |(by,)| Self::stamp(by)),
                other => __m::no_such_method(other),
            }
        }
    }
    pub enum ModeReply {
        #[cfg(unix)]
        flip(()),
        stamp(io::Result<u8>),
    }
    impl __m::Reply for ModeReply {
        fn encode(&self, into: &mut ::std::vec::Vec<u8>) -> __m::Encoded {
            match self {
                #[cfg(unix)]
                Self::flip(reply) => <() as __m::Reply>::encode(reply, into),
                Self::stamp(reply) => <io::Result<u8> as __m::Reply>::encode(reply, into),
            }
        }
        fn decode(method: u64, bytes: &[u8]) -> __m::Decoded<Self> {
            match method {
                #[cfg(unix)]
                6425205149476963987 => {
                    <() as __m::Reply>::decode(method, bytes).map(Self::flip)
                }
                1155198084120952475 => {
                    <io::Result<u8> as __m::Reply>::decode(method, bytes)
                        .map(Self::stamp)
                }
                other => __m::no_such_method(other),
            }
        }
    }
    pub enum ModeQuery {}
    pub enum ModeAnswer {}
    #[automatically_derived]
    impl __m::StateMachine for Mode {
        type Command = ModeCommand;
        type Reply = ModeReply;
        type Query = ModeQuery;
        type Answer = ModeAnswer;
        fn apply(&mut self, call: ModeCommand, cx: &__m::Apply) -> ModeReply {
            match call {
                #[cfg(unix)]
                ModeCommand::flip => ModeReply::flip(self.flip()),
                ModeCommand::stamp(by) => ModeReply::stamp(self.stamp(by)),
            }
        }
        fn query(&self, call: ModeQuery) -> ModeAnswer {
            match call {}
        }
    }
    impl ModeHandle {
        #[cfg(unix)]
        pub async fn flip(&self) -> ::core::result::Result<(), __m::CommandError> {
            __m::call(&self.0, ModeCommand::flip).await
        }
        pub async fn stamp(
            &self,
            by: u8,
        ) -> ::core::result::Result<
            <io::Result<u8> as __m::Fallible>::Ok,
            __m::CommandError<<io::Result<u8> as __m::Fallible>::Error>,
        > {
            __m::attempt(&self.0, ModeCommand::stamp(by)).await
        }
    }
    impl ModeWeak {}
};
