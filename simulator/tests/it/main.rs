//! The simulator from outside: its world, and its two faces.

mod assignments;
mod description;
mod ports;
mod support;
