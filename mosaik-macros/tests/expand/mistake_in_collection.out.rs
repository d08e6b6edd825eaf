#[allow(dead_code)]
pub struct Prices(HashMap<String, u64>);
#[automatically_derived]
impl ::mosaik::__private::Collection for Prices {
    type Container = ::mosaik::__private::Cell<()>;
}
#[automatically_derived]
impl ::mosaik::__private::DeclaredCollection for Prices {
    type Bundle = ::mosaik::__private::Alone<Self>;
    const DESCRIPTOR: &'static ::mosaik::__private::CollectionDescriptor = &::mosaik::__private::CollectionDescriptor {
        intent: ::mosaik::__private::Intent::new("", [0; 32]),
        container: "",
        group: &::mosaik::__private::GroupDescriptor {
            intent: ::mosaik::__private::Intent::new("", [0; 32]),
            type_name: "",
            schema: ::mosaik::__private::collection_shape::<Self>,
            voters: ::mosaik::__private::VoterSet::Founder,
            options: ::mosaik::__private::GroupOptions::new(),
            members: ::mosaik::__private::Rule::Anyone,
            docs: "",
            source: ::mosaik::__private::Source {
                file: ::core::file!(),
                line: ::core::line!(),
            },
        },
        part: "",
        readers: ::mosaik::__private::Rule::Anyone,
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
}
::core::compile_error! {
    "`HashMap` is not replicated\nhelp: use `collections::Map<String, u64>`\nnote: the containers of `collections` are `Map`, `Vec`, `Set`, `Cell`, `Once`, `PriorityQueue`"
}
::core::compile_error! {
    "a group has 1 to 13 voters, and 0 is not among them\nhelp: write `voters = 3` or `voters = 5`\nnote: without voters nobody could say what is committed"
}
