//! The simulator from outside: its world, and its two faces.

#[cfg(test)]
mod assignments;
#[cfg(test)]
mod control;
#[cfg(test)]
mod description;
#[cfg(test)]
mod events;
#[cfg(test)]
mod faces;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod http;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod role_updates;
#[cfg(test)]
mod served;
#[cfg(test)]
mod state;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tagging;
