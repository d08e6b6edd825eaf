#[cfg(feature = "pages")]
#[automatically_derived]
impl<T, const N: usize> ::mosaik::__private::Schema for Page<T, N>
where
    T: Clone,
    T: ::mosaik::__private::Schema,
{
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<
                Self,
            >(
            "Page",
            ::core::option::Option::Some("v1"),
            &[
                ("items", <[T; N] as ::mosaik::__private::Schema>::shape),
                ("next", <Option<Box<Page<T, N>>> as ::mosaik::__private::Schema>::shape),
            ],
        )
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
#[cfg(feature = "pages")]
struct Page<T, const N: usize>
where
    T: Clone,
{
    items: [T; N],
    next: Option<Box<Page<T, N>>>,
}
