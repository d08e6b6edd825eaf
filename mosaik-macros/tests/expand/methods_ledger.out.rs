impl Ledger {
    const LIMIT: u64 = 10;
    /// Pays in, and returns the new balance.
    pub fn deposit(&mut self, account: String, amount: u64) -> u64 {
        self.add(account, amount)
    }
    /// Moves money.
    pub fn transfer(
        &mut self,
        from: String,
        to: &str,
        amount: u64,
        cx: &Apply,
    ) -> Result<(), Insufficient> {
        Ok(())
    }
    /// What an account has.
    pub fn balance(&self, account: &str) -> u64 {
        self.balances.get(account).copied().unwrap_or_default()
    }
    fn add(&mut self, account: String, amount: u64) -> u64 {
        amount
    }
    pub fn audit(&self) -> &BTreeMap<String, u64> {
        &self.balances
    }
    pub fn opened_with(limit: u64) -> Self {
        Self::default()
    }
}
#[allow(warnings)]
const _: () = {
    use ::mosaik::__private as __m;
    pub enum LedgerCommand {
        deposit(String, u64),
        transfer(String, ::std::string::String, u64),
    }
    impl __m::Command for LedgerCommand {
        fn methods() -> ::std::vec::Vec<__m::Method> {
            ::std::vec![
                __m::Method::new("deposit", | seen | seen.structure:: < Self >
                ("deposit", ::core::option::Option::None, & [("account", < String as
                __m::Schema > ::shape), ("amount", < u64 as __m::Schema > ::shape)])),
                __m::Method::new("transfer", | seen | seen.structure:: < Self >
                ("transfer", ::core::option::Option::None, & [("from", < String as
                __m::Schema > ::shape), ("to", < ::std::string::String as __m::Schema >
                ::shape), ("amount", < u64 as __m::Schema > ::shape)]))
            ]
        }
        fn method(&self) -> u64 {
            match self {
                Self::deposit(..) => 14574831732306709,
                Self::transfer(..) => 7830296013985604135,
            }
        }
        fn encode(&self, into: &mut ::std::vec::Vec<u8>) -> __m::Encoded {
            match self {
                Self::deposit(account, amount) => __m::encode(&(account, amount), into),
                Self::transfer(from, to, amount) => {
                    __m::encode(&(from, to, amount), into)
                }
            }
        }
        fn decode(method: u64, bytes: &[u8]) -> __m::Decoded<Self> {
            match method {
                14574831732306709 => {
                    __m::decode(
                        bytes,
                        |(account, amount)| Self::deposit(account, amount),
                    )
                }
                7830296013985604135 => {
                    __m::decode(
                        bytes,
                        |(from, to, amount)| Self::transfer(from, to, amount),
                    )
                }
                other => __m::no_such_method(other),
            }
        }
    }
    pub enum LedgerReply {
        deposit(u64),
        transfer(Result<(), Insufficient>),
    }
    impl __m::Reply for LedgerReply {
        fn encode(&self, into: &mut ::std::vec::Vec<u8>) -> __m::Encoded {
            match self {
                Self::deposit(reply) => <u64 as __m::Reply>::encode(reply, into),
                Self::transfer(reply) => {
                    <Result<(), Insufficient> as __m::Reply>::encode(reply, into)
                }
            }
        }
        fn decode(method: u64, bytes: &[u8]) -> __m::Decoded<Self> {
            match method {
                14574831732306709 => {
                    <u64 as __m::Reply>::decode(method, bytes).map(Self::deposit)
                }
                7830296013985604135 => {
                    <Result<(), Insufficient> as __m::Reply>::decode(method, bytes)
                        .map(Self::transfer)
                }
                other => __m::no_such_method(other),
            }
        }
    }
    pub enum LedgerQuery {
        balance(::std::string::String),
    }
    pub enum LedgerAnswer {
        balance(u64),
    }
    #[automatically_derived]
    impl __m::StateMachine for Ledger {
        type Command = LedgerCommand;
        type Reply = LedgerReply;
        type Query = LedgerQuery;
        type Answer = LedgerAnswer;
        fn apply(&mut self, call: LedgerCommand, cx: &__m::Apply) -> LedgerReply {
            match call {
                LedgerCommand::deposit(account, amount) => {
                    LedgerReply::deposit(self.deposit(account, amount))
                }
                LedgerCommand::transfer(from, to, amount) => {
                    LedgerReply::transfer(self.transfer(from, &to, amount, cx))
                }
            }
        }
        fn query(&self, call: LedgerQuery) -> LedgerAnswer {
            match call {
                LedgerQuery::balance(account) => {
                    LedgerAnswer::balance(self.balance(&account))
                }
            }
        }
    }
    impl LedgerHandle {
        /// Pays in, and returns the new balance.
        pub async fn deposit(
            &self,
            account: String,
            amount: u64,
        ) -> ::core::result::Result<u64, __m::CommandError> {
            __m::call(&self.0, LedgerCommand::deposit(account, amount)).await
        }
        /// Moves money.
        pub async fn transfer(
            &self,
            from: String,
            to: &str,
            amount: u64,
        ) -> ::core::result::Result<(), __m::CommandError<Insufficient>> {
            __m::attempt(
                    &self.0,
                    LedgerCommand::transfer(
                        from,
                        ::std::borrow::ToOwned::to_owned(to),
                        amount,
                    ),
                )
                .await
        }
        /// What an account has.
        pub async fn balance(
            &self,
            account: &str,
        ) -> ::core::result::Result<u64, __m::ReadError> {
            __m::ask(&self.0, move |state| state.balance(account)).await
        }
    }
    impl LedgerWeak {
        /// What an account has.
        pub async fn balance(
            &self,
            account: &str,
        ) -> ::core::result::Result<u64, __m::ReadError> {
            __m::peek(&self.0, move |state| state.balance(account)).await
        }
    }
};
