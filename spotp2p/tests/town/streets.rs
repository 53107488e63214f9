//! What a neighbourhood costs.
