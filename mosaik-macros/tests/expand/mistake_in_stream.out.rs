pub struct Load<T> {
    host: T,
    label: &'static str,
}
impl<T> ::mosaik::__private::serde::Serialize for Load<T>
where
    Self: ::core::marker::Send + ::core::marker::Sync + 'static,
{
    fn serialize<MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        _: MosaikS,
    ) -> ::core::result::Result<MosaikS::Ok, MosaikS::Error> {
        loop {}
    }
}
impl<'mosaik, T> ::mosaik::__private::serde::Deserialize<'mosaik> for Load<T>
where
    Self: ::core::marker::Send + ::core::marker::Sync + 'static,
{
    fn deserialize<MosaikD: ::mosaik::__private::serde::Deserializer<'mosaik>>(
        _: MosaikD,
    ) -> ::core::result::Result<Self, MosaikD::Error> {
        loop {}
    }
}
#[automatically_derived]
impl<T> ::mosaik::__private::Schema for Load<T>
where
    Self: ::core::marker::Send + ::core::marker::Sync + 'static,
{
    fn shape(_: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        loop {}
    }
}
#[automatically_derived]
impl<T> ::mosaik::__private::Datum for Load<T>
where
    Self: ::core::marker::Send + ::core::marker::Sync + 'static,
{
    type ProducerProof = ::mosaik::__private::Anyone;
    type ConsumerProof = ::mosaik::__private::Anyone;
    const DESCRIPTOR: &'static ::mosaik::__private::StreamDescriptor = &::mosaik::__private::StreamDescriptor {
        intent: ::mosaik::__private::Intent::new("", [0; 32]),
        type_name: "",
        schema: <Self as ::mosaik::__private::Schema>::shape,
        options: ::mosaik::__private::StreamOptions::new(),
        producers: ::mosaik::__private::Rule::Anyone,
        consumers: ::mosaik::__private::Rule::Anyone,
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
::core::compile_error! {
    "`#[stream]` has no option `bufer`\nhelp: did you mean `buffer`?\nnote: options are `accepts`, `buffer`, `id`, `max_consumers`, `online_when`, `overflow`, `replay`, `require`, `schema`, `serde`"
}
::core::compile_error! {
    "`replay` is given twice"
}
::core::compile_error! {
    "`replay` is first given here"
}
::core::compile_error! {
    "what travels must be owned, but `label` borrows\nhelp: use `String`, or `Bytes` to share without copying"
}
::core::compile_error! {
    "a stream's type must be concrete, but `Load` has the parameter `T`\nhelp: name one stream per type: `#[stream(\"host.load-f32\")] struct LoadF32(Load<f32>);`\nnote: `Load<u8>` and `Load<f32>` would share one id and not understand each other"
}
