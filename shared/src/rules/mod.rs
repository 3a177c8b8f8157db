//! The rule document, its selectors, the compiled index.

mod bundle;

use crate::domain::Mode;
pub use bundle::Bundle;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guardrails {
    pub max_deletes: u32,
    pub max_delete_percent: u32,
    pub max_creates: u32,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub mode: Mode,
    pub guardrails: Guardrails,
}
#[derive(Debug)]
pub struct Rule;
#[derive(Debug)]
pub struct RuleSet {
    pub settings: Settings,
    pub rules: Vec<Rule>,
}
#[derive(Debug)]
pub struct Index(RuleSet);
impl Index {
    pub fn compile(r: RuleSet) -> Index {
        Index(r)
    }
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
    pub fn rules(&self) -> &[Rule] {
        &self.0.rules
    }
}
#[derive(Debug, thiserror::Error)]
#[error("bad rules")]
pub struct Diagnostics;
pub fn read(_b: &Bundle) -> Result<RuleSet, Diagnostics> {
    Err(Diagnostics)
}
