//! Floor 2: connections between peers. Under construction.
