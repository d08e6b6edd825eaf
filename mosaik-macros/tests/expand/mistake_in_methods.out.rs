impl Ledger {
    pub async fn deposit(&mut self, account: &mut String) -> u64 {
        SystemTime::now()
    }
    pub fn first(&self) -> Option<&str> {
        None
    }
    pub fn take(self) {}
    pub fn when(&self, (a, b): (u8, u8)) {}
}
#[allow(warnings)]
const _: () = {
    use ::mosaik::__private as __m;
    #[automatically_derived]
    impl __m::StateMachine for Ledger {
        type Command = ();
        type Reply = ();
        type Query = ();
        type Answer = ();
        fn apply(&mut self, _: (), _: &__m::Apply) {}
        fn query(&self, _: ()) {}
    }
    impl LedgerHandle {
        pub async fn deposit(
            &self,
            account: &mut String,
        ) -> ::core::result::Result<u64, __m::CommandError> {
            loop {}
        }
        pub async fn first(
            &self,
        ) -> ::core::result::Result<Option<&str>, __m::ReadError> {
            loop {}
        }
        pub async fn take(&self) -> ::core::result::Result<(), __m::ReadError> {
            loop {}
        }
    }
    impl LedgerWeak {
        pub async fn first(
            &self,
        ) -> ::core::result::Result<Option<&str>, __m::ReadError> {
            loop {}
        }
        pub async fn take(&self) -> ::core::result::Result<(), __m::ReadError> {
            loop {}
        }
    }
};
::core::compile_error! {
    "`deposit` changes replicated state, so it cannot wait: remove `async`\nhelp: wait in the node, then pass what you learned to `deposit`\nnote: every member runs commands to the end, one after another, in the same order"
}
::core::compile_error! {
    "`account` is changed in place, and the caller is on another node\nhelp: take `account: String`, and return what the caller should know"
}
::core::compile_error! {
    "`deposit` reads the clock, and every member would read a different one\nhelp: add the parameter `cx: &Apply` and use `cx.now()`, or pass the time as an argument\nnote: to keep it, put `#[allow_nondeterminism]` on `deposit`"
}
::core::compile_error! {
    "`first` returns `Option<&str>`, and what is returned must be owned\nhelp: return `Option<String>`\nnote: the caller holds the group, and not the state: it changes while the caller looks"
}
::core::compile_error! {
    "`take` takes `self`, which is neither a command nor a query\nhelp: `&mut self` to change the state on every member, `&self` to read it"
}
::core::compile_error! {
    "every group has a `when` of its own, which would hide this one\nhelp: give it another name\nnote: taken are `bootstrap_log`, `bootstrap_status`, `changes`, `clone`, `execute`, `execute_many`, `observe`, `query`, `query_at`, `status`, `version`, `weak`, `when`, `with_deadline`, `with_index`"
}
::core::compile_error! {
    "give this parameter a name: names go into the schema\nhelp: `both: (u8, u8)`, and take it apart in the body"
}
