fn sensor(mut out: Producer<Reading>) {}
#[doc(hidden)]
#[allow(non_camel_case_types, unreachable_pub)]
enum sensor {}
#[automatically_derived]
impl ::mosaik::__private::NodeItem for sensor {
    const DESCRIPTOR: &'static ::mosaik::__private::NodeDescriptor = &::mosaik::__private::NodeDescriptor {
        name: "",
        network: "",
        tags: &[],
        reach: ::mosaik::__private::Reach::Host,
        proves: &[],
        roles: &[],
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    fn run(
        _: ::mosaik::__private::Node,
    ) -> ::mosaik::__private::BoxFuture<'static, ::mosaik::__private::Result<()>> {
        loop {}
    }
}
::core::compile_error! {
    "tags are texts in quotes\nhelp: write `tags = [\"sensor\"]`"
}
::core::compile_error! {
    "a node runs until it is told to stop, so it is an `async fn` that returns `mosaik::Result`\nhelp: `async fn sensor(mut out: Producer<Reading>) -> mosaik::Result`"
}
