//! Compiles every file of `fail/` and `pass/`.
//!
//! Texts of rustc itself move between releases, so this runs on the pinned toolchain only. `TRYBUILD=overwrite` writes
//! the expected texts again; what changed is for review.

#[test]
fn one_mistake_is_one_clear_error() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*/*.rs");
    cases.compile_fail("fail/*/*.rs");
}
