//! What the functions stand on when they run as in Lambda: the Runtime API, their own process, and AWS's stores.

mod function;
mod log;
mod moto;
mod runtime_api;
