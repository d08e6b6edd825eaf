/// Publishes this machine's load.
async fn sensor(
    mut loads: Producer<Load>,
    #[cfg(unix)]
    stop: Shutdown,
) -> mosaik::Result<()> {
    loads.send(measure()).await?;
    Ok(())
}
#[doc(hidden)]
#[allow(non_camel_case_types, unreachable_pub)]
enum sensor {}
const _: () = ::mosaik::__private::gate(
    "sensor",
    &<Producer<Load> as ::mosaik::__private::Parameter>::ROLE,
    &[],
);
#[cfg(unix)]
const _: () = ::mosaik::__private::gate(
    "sensor",
    &<Shutdown as ::mosaik::__private::Parameter>::ROLE,
    &[],
);
#[automatically_derived]
impl ::mosaik::__private::NodeItem for sensor {
    const DESCRIPTOR: &'static ::mosaik::__private::NodeDescriptor = &::mosaik::__private::NodeDescriptor {
        name: "sensor",
        network: "fleet",
        tags: &["sensor", "linux"],
        reach: ::mosaik::__private::Reach::Host,
        proves: &[],
        roles: &[
            <Producer<Load> as ::mosaik::__private::Parameter>::ROLE,
            #[cfg(unix)]
            <Shutdown as ::mosaik::__private::Parameter>::ROLE,
        ],
        docs: "Publishes this machine's load.",
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
                sensor(
                        (<Producer<Load> as ::mosaik::__private::Parameter>::OPEN)(&node)
                            .await?,
                        #[cfg(unix)]
                        (<Shutdown as ::mosaik::__private::Parameter>::OPEN)(&node)
                            .await?,
                    )
                    .await,
            )
        })
    }
}
