pub async fn idle() -> mosaik::Result {
    Ok(())
}
#[doc(hidden)]
#[allow(non_camel_case_types, unreachable_pub)]
pub enum idle {}
#[automatically_derived]
impl ::mosaik::__private::NodeItem for idle {
    const DESCRIPTOR: &'static ::mosaik::__private::NodeDescriptor = &::mosaik::__private::NodeDescriptor {
        name: "nobody",
        network: "greenhouse",
        tags: &["idle"],
        reach: ::mosaik::__private::Reach::Internet,
        proves: &[],
        roles: &[],
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    fn run(
        _node: ::mosaik::__private::Node,
    ) -> ::mosaik::__private::BoxFuture<'static, ::mosaik::__private::Result<()>> {
        ::std::boxed::Box::pin(async move { ::mosaik::__private::finish(idle().await) })
    }
}
