#[automatically_derived]
impl ::mosaik::__private::Schema for Now {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<Self>("Now", ::core::option::Option::None, &[])
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
pub(crate) struct Now;
