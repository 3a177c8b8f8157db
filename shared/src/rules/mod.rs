//! The rule document, its selectors, the compiled index.

mod bundle;

pub use bundle::Bundle;
