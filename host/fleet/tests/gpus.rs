//! Challenges with GPUs, as far as a machine without any goes.
