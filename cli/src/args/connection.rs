//! How AWS is reached.

use clap::Args;
use shared::domain::InstanceArn;

/// How AWS is reached. What isn't said comes from where every AWS tool looks for it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection to AWS")]
pub struct ConnectionArgs {
    /// Use this endpoint for all services instead of AWS's own
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint)]
    pub endpoint_url: Option<String>,
    /// The primary Region of the Identity Center instance
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile that credentials and Region are read from
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The Identity Center instance, where there are several
    #[arg(long, global = true, value_name = "ARN", env = "USHER_INSTANCE_ARN")]
    pub instance_arn: Option<InstanceArn>,
}

fn endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.to_owned()),
        Some(_) | None => Err("write it like https://host or http://127.0.0.1:4566".to_owned()),
    }
}
