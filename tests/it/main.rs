//! Contracts and end-to-end tests, in one program so that they are linked once.
//!
//! Each module says `#[cfg(test)]` though all of this is built for tests only: it tells the linter so.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod delegated;
#[cfg(test)]
mod events;
#[cfg(test)]
mod infra;
#[cfg(test)]
mod lambda;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod rule_order;
