fn main() {
    #[allow(dead_code)]
    async fn main(out: &Producer<Reading>) -> mosaik::Result {
        Ok(())
    }
}
::core::compile_error! {
    "a node owns its roles, so they are not borrowed\nhelp: `mut out: Producer<Reading>`"
}
