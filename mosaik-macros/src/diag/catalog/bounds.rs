//! Tests of mistakes that have no message of their own in the catalogue.

/// Mistakes that only the compiler can see, through a bound that the attribute asserts at the user's type: what they are,
/// and their file in `ui-tests/fail/`. The text stands on the trait; what rustc adds makes these longer than a dozen lines.
pub(crate) const BY_BOUNDS: &[(&str, &str)] = &[
    ("A field that cannot travel.", "data/field_without_data"),
    (
        "A field that has neither a shape nor serde: serde's own errors follow ours.",
        "data/field_without_any_impl",
    ),
    ("An older type that does not become the new one.", "stream/accepts_without_from"),
    ("A node parameter that is not a role.", "node/parameter_is_not_a_role"),
    ("A role on a type that was never declared.", "node/producer_of_plain_struct"),
    ("A node that cannot move between threads.", "node/not_send"),
    ("A group without methods.", "group/without_methods"),
    ("A state that has no beginning.", "group/without_default"),
    ("Methods of a type that is no group.", "methods/without_group"),
    ("A second block of methods.", "methods/second_block"),
    ("An argument that cannot travel.", "methods/argument_cannot_travel"),
    ("A result that cannot travel.", "methods/result_cannot_travel"),
    ("A key without an order.", "collection/float_key"),
    ("A value that cannot travel.", "collection/value_cannot_travel"),
    ("A container of std with one of our names.", "collection/std_vec"),
    ("A writer of a type that was never declared.", "collection/writer_of_plain_struct"),
    ("A collection in a group that does not list it.", "collection/group_without_it"),
    ("A collection in something that is no group.", "collection/group_is_a_plain_struct"),
    ("A group that lists what is no collection.", "group/collections_of_plain_types"),
    ("A group that lists a collection of its own.", "group/collection_of_another_group"),
];

/// Further cases of messages that are listed above.
pub(crate) const MORE: &[(&str, &str)] = &[
    ("Too many voters.", "group/voters_of_fourteen"),
    ("A storage that there is not.", "group/unknown_storage"),
    ("An option that a group does not have.", "group/unknown_option"),
    ("A group's option twice.", "group/option_twice"),
    ("Members of whom nothing is required.", "group/require_nobody"),
    ("An option of `#[methods]`.", "methods/option"),
    ("Another clock.", "methods/reads_an_instant"),
    ("An async query.", "methods/async_query"),
    ("A borrow inside a result.", "methods/reference_in_a_result"),
    ("A collection without voters.", "collection/voters_missing"),
    ("A collection with no voter at all.", "collection/voters_of_zero"),
    ("An option that a collection does not have.", "collection/unknown_option"),
    ("The key of a collection in the source.", "collection/key_in_source"),
    ("Writers and readers of whom nothing is required.", "collection/require_nobody"),
    ("A group of collections without voters.", "group/collections_without_voters"),
    ("A collection whose name is a sentence.", "collection/intent_with_spaces"),
];
