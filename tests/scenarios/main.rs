//! Scenarios: the whole service in one process, in a program of their own that needs no AWS SDK.

// It is built for tests only: the linter is told so.
#[cfg(test)]
#[path = "mod.rs"]
mod scenarios;
