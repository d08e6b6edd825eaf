impl Limits {
    pub fn all(&self) -> Vec<Self> {
        Vec::new()
    }
    pub fn lookup<'a>(&self, keys: &'a [u8]) -> Result<Option<Self>> {
        None
    }
}
#[allow(warnings)]
const _: () = {
    use ::mosaik::__private as __m;
    pub enum LimitsCommand {}
    impl __m::Command for LimitsCommand {
        fn methods() -> ::std::vec::Vec<__m::Method> {
            ::std::vec![]
        }
        fn method(&self) -> u64 {
            match *self {}
        }
        fn encode(&self, into: &mut ::std::vec::Vec<u8>) -> __m::Encoded {
            match *self {}
        }
        fn decode(method: u64, bytes: &[u8]) -> __m::Decoded<Self> {
            match method {
                other => __m::no_such_method(other),
            }
        }
    }
    pub enum LimitsReply {}
    impl __m::Reply for LimitsReply {
        fn encode(&self, into: &mut ::std::vec::Vec<u8>) -> __m::Encoded {
            match *self {}
        }
        fn decode(method: u64, bytes: &[u8]) -> __m::Decoded<Self> {
            match method {
                other => __m::no_such_method(other),
            }
        }
    }
    pub enum LimitsQuery {
        all,
        lookup(::std::vec::Vec<u8>),
    }
    pub enum LimitsAnswer {
        all(Vec<Limits>),
        lookup(Result<Option<Limits>>),
    }
    #[automatically_derived]
    impl __m::StateMachine for Limits {
        type Command = LimitsCommand;
        type Reply = LimitsReply;
        type Query = LimitsQuery;
        type Answer = LimitsAnswer;
        fn apply(&mut self, call: LimitsCommand, cx: &__m::Apply) -> LimitsReply {
            match call {}
        }
        fn query(&self, call: LimitsQuery) -> LimitsAnswer {
            match call {
                LimitsQuery::all => LimitsAnswer::all(self.all()),
                LimitsQuery::lookup(keys) => LimitsAnswer::lookup(self.lookup(&keys)),
            }
        }
    }
    impl LimitsHandle {
        pub async fn all(&self) -> ::core::result::Result<Vec<Limits>, __m::ReadError> {
            __m::ask(&self.0, move |state| state.all()).await
        }
        pub async fn lookup<'a>(
            &self,
            keys: &'a [u8],
        ) -> ::core::result::Result<Result<Option<Limits>>, __m::ReadError> {
            __m::ask(&self.0, move |state| state.lookup(keys)).await
        }
    }
    impl LimitsWeak {
        pub async fn all(&self) -> ::core::result::Result<Vec<Limits>, __m::ReadError> {
            __m::peek(&self.0, move |state| state.all()).await
        }
        pub async fn lookup<'a>(
            &self,
            keys: &'a [u8],
        ) -> ::core::result::Result<Result<Option<Limits>>, __m::ReadError> {
            __m::peek(&self.0, move |state| state.lookup(keys)).await
        }
    }
};
