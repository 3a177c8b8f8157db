//! Templates that are deployed to moto's server, as people deploy them.

mod aws_cli_deploy;
mod aws_cli_service;
