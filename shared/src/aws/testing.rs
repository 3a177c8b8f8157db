//! A client of any service that gets its answers from rules instead of the network.

/// Makes a client of `$sdk`; the rules are tried in order, and the first that matches answers.
macro_rules! client {
    ($sdk:ident, $($rule:expr),+ $(,)?) => {{
        let answers = aws_smithy_mocks::MockResponseInterceptor::new()
            .rule_mode(aws_smithy_mocks::RuleMode::MatchAny)
            $(.with_rule($rule))+;
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("id", "secret", None, None, "test"))
            .http_client(aws_smithy_mocks::create_mock_http_client())
            .interceptor(answers)
            .build();
        $sdk::Client::from_conf(config)
    }};
}

pub(super) use client;
