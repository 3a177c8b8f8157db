//! The integration tests, one binary.

// `cfg(test)` is always on here; said again, it tells the lints that all of this is tests.
#[cfg(test)]
mod contract;
