//! CloudFormation templates with permission sets and assignments: read, as far as that can be done without CloudFormation, and written.
//!
//! ```text
//! tree      JSON or YAML -> a tree that knows its places; short forms become long ones
//! plain     what a scalar without quotes is for CloudFormation, or that it can't be said
//! evaluate  parameters, Ref, GetAtt, Sub, Join, conditions, mappings
//! template  AWS::SSO::PermissionSet and AWS::SSO::Assignment -> what they say; what can't be followed is told with its place
//! export    what rules want -> templates that CloudFormation can take over
//! ```

mod evaluate;
mod export;
mod plain;
mod properties;
mod template;
#[cfg(test)]
mod tests;
mod tree;

pub use export::{Exported, Form, Limits, Stack, ToExport, TooMuch, export};
pub use template::{Assigned, Given, MOST_BYTES, Problems, SetOf, Template, TemplateSet, imported, read};
