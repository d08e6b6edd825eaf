#[cfg(unix)]
fn main() -> ::std::process::ExitCode {
    /// A program with one node.
    #[cfg(unix)]
    async fn main(loads: Consumer<Load>) -> mosaik::Result {
        drop(loads);
        Ok(())
    }
    #[cfg(unix)]
    #[doc(hidden)]
    #[allow(non_camel_case_types, unreachable_pub)]
    enum main_node {}
    #[cfg(unix)]
    const _: () = ::mosaik::__private::gate(
        "probe",
        &<Consumer<Load> as ::mosaik::__private::Parameter>::ROLE,
        &[],
    );
    #[cfg(unix)]
    #[automatically_derived]
    impl ::mosaik::__private::NodeItem for main_node {
        const DESCRIPTOR: &'static ::mosaik::__private::NodeDescriptor = &::mosaik::__private::NodeDescriptor {
            name: "probe",
            network: "greenhouse",
            tags: &[],
            reach: ::mosaik::__private::Reach::Host,
            proves: &[],
            roles: &[<Consumer<Load> as ::mosaik::__private::Parameter>::ROLE],
            docs: "A program with one node.",
            source: ::mosaik::__private::Source {
                file: ::core::file!(),
                line: ::core::line!(),
            },
        };
        fn run(
            node: ::mosaik::__private::Node,
        ) -> ::mosaik::__private::BoxFuture<'static, ::mosaik::__private::Result<()>> {
            ::std::boxed::Box::pin(async move {
                ::mosaik::__private::finish(
                    main(
                            (<Consumer<
                                Load,
                            > as ::mosaik::__private::Parameter>::OPEN)(&node)
                                .await?,
                        )
                        .await,
                )
            })
        }
    }
    ::mosaik::__private::run_main(&[::mosaik::__private::NodeEntry::of::<main_node>()])
}
