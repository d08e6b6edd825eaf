//! Floor 6: streams. Under construction.
