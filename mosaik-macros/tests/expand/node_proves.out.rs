async fn matcher(orders: Consumer<Order>) -> mosaik::Result {
    Ok(())
}
#[doc(hidden)]
#[allow(non_camel_case_types, unreachable_pub)]
enum matcher {}
const _: () = ::mosaik::__private::gate(
    "matcher",
    &<Consumer<Order> as ::mosaik::__private::Parameter>::ROLE,
    &[
        <DeskTicket as ::mosaik::__private::Proof>::REF,
        <images::MatcherImage as ::mosaik::__private::Proof>::REF,
    ],
);
#[automatically_derived]
impl ::mosaik::__private::NodeItem for matcher {
    const DESCRIPTOR: &'static ::mosaik::__private::NodeDescriptor = &::mosaik::__private::NodeDescriptor {
        name: "matcher",
        network: "dark",
        tags: &[],
        reach: ::mosaik::__private::Reach::Host,
        proves: &[
            <DeskTicket as ::mosaik::__private::Proof>::REF,
            <images::MatcherImage as ::mosaik::__private::Proof>::REF,
        ],
        roles: &[<Consumer<Order> as ::mosaik::__private::Parameter>::ROLE],
        docs: "",
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
                matcher(
                        (<Consumer<
                            Order,
                        > as ::mosaik::__private::Parameter>::OPEN)(&node)
                            .await?,
                    )
                    .await,
            )
        })
    }
}
