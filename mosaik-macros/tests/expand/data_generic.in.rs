#[mosaik::data(schema = "v1")]
#[cfg(feature = "pages")]
struct Page<T, const N: usize>
where
    T: Clone,
{
    items: [T; N],
    next: Option<Box<Page<T, N>>>,
}
