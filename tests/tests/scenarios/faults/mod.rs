//! What goes wrong in the stories of groups and of collections: a seed chooses the classes of faults, a storm makes them happen.

pub(crate) mod plan;
pub(crate) mod storm;
