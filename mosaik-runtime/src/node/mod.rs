//! Floor 8: nodes. Under construction.
