//! The crate at its public border.
