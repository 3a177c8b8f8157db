//! Network configurations: from where an instance or an identity store can be reached. They are looked at, kept and shown, and keep
//! nobody out: every call comes from the same machine.

use std::net::IpAddr;

use super::{Call, validate};
use crate::{
    ApiError,
    wire::{identity_store, sso_admin},
};

/// How many entries each of the lists has at most (API models).
const MOST: usize = 50;

/// The documented constraints on an instance's.
pub(super) fn of_instance(call: &Call, network: &sso_admin::NetworkConfiguration) -> Result<(), ApiError> {
    let sso_admin::NetworkConfiguration {
        vpce_access_required: _,
        restrict_source_vpcs,
        allow_source_ips,
        exclude_application_arns,
    } = network;
    list(call, "restrictSourceVpcs", restrict_source_vpcs.as_deref(), 0, is_vpc_arn)?;
    list(call, "allowSourceIps", allow_source_ips.as_deref(), 0, is_cidr)?;
    list(call, "excludeApplicationArns", exclude_application_arns.as_deref(), 0, is_application_arn)
}

/// Those on an identity store's, which names things otherwise, knows VPCs by their ids too, and has no empty lists.
pub(super) fn of_store(call: &Call, network: &identity_store::NetworkConfiguration) -> Result<(), ApiError> {
    let identity_store::NetworkConfiguration {
        vpce_access_required: _,
        api_restrict_source_vpcs,
        api_allow_source_ips,
        scim_allow_source_ips,
    } = network;
    let is_vpc = |text: &str| is_vpc_id(text) || is_vpc_arn(text);
    list(call, "apiRestrictSourceVpcs", api_restrict_source_vpcs.as_deref(), 1, is_vpc)?;
    list(call, "apiAllowSourceIps", api_allow_source_ips.as_deref(), 1, is_cidr)?;
    list(call, "scimAllowSourceIps", scim_allow_source_ips.as_deref(), 1, is_cidr)
}

fn list(
    call: &Call,
    member: &str,
    texts: Option<&[String]>,
    fewest: usize,
    is_fine: impl Fn(&str) -> bool,
) -> Result<(), ApiError> {
    let Some(texts) = texts else { return Ok(()) };
    let member = format!("networkConfiguration.{member}");
    validate::count(call, &member, texts.len(), fewest..=MOST)?;
    match texts.iter().find(|text| !is_fine(text)) {
        Some(bad) => Err(validate::pattern(call, &member, bad)),
        None => Ok(()),
    }
}

fn is_small(letter: u8) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-'
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|letter| letter.is_ascii_digit())
}

/// The five parts after `arn:`: partition, service, Region, account and resource.
fn arn_parts(arn: &str) -> Option<[&str; 5]> {
    let parts: Vec<&str> = arn.strip_prefix("arn:")?.splitn(5, ':').collect();
    <[&str; 5]>::try_from(parts).ok().filter(|[partition, ..]| validate::is_partition(partition))
}

/// `vpc-` and 8 or 17 hexadecimal digits.
fn is_vpc_id(text: &str) -> bool {
    text.strip_prefix("vpc-").is_some_and(|own| {
        matches!(own.len(), 8 | 17)
            && own.bytes().all(|letter| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter))
    })
}

/// Such as `arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a1b2c3d`.
fn is_vpc_arn(text: &str) -> bool {
    let Some([_, service, region, account, resource]) = arn_parts(text) else { return false };
    service == "ec2"
        && !region.is_empty()
        && region.bytes().all(is_small)
        && is_account(account)
        && resource.strip_prefix("vpc/").is_some_and(is_vpc_id)
}

/// An application, of AWS's or of somebody else's.
fn is_application_arn(text: &str) -> bool {
    let Some([_, service, region, account, resource]) = arn_parts(text) else { return false };
    text.len() <= 1224
        && !service.is_empty()
        && service.bytes().all(is_small)
        && region.bytes().all(|letter| is_small(letter) || letter == b'*')
        && is_account(account)
        && !resource.is_empty()
        && resource.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-./:_*".contains(&letter))
}

/// An address of either kind, or a range of them such as `203.0.113.0/24`.
fn is_cidr(text: &str) -> bool {
    let (address, prefix) =
        text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let longest: u8 = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        // The pattern has no mixed spelling.
        Ok(IpAddr::V6(_)) if !address.contains('.') => 128,
        Ok(IpAddr::V6(_)) | Err(_) => return false,
    };
    prefix.is_none_or(|prefix| {
        prefix.parse::<u8>().is_ok_and(|length| length <= longest && length.to_string() == prefix)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_networks_and_applications_are_told_from_what_only_looks_like_them() {
        for good in ["203.0.113.7", "0.0.0.0/0", "203.0.113.0/24", "2001:db8::/32", "::", "2001:db8::1/128"] {
            assert!(is_cidr(good), "{good}");
        }
        for bad in [
            "",
            "203.0.113",
            "203.0.113.256",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/08",
            "::/129",
            "::ffff:1.2.3.4",
            "1.2.3.4/+8",
        ] {
            assert!(!is_cidr(bad), "{bad}");
        }
        let vpc = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a1b2c3d";
        assert!(is_vpc_arn(vpc) && is_vpc_arn(&format!("{vpc}4e5f60718")));
        for (from, to) in [
            ("ec2", "ec3"),
            ("aws:", "gcp:"),
            ("eu-west-1", ""),
            ("111122223333", "1"),
            ("0a1b2c3d", "0A1B2C3D"),
            ("3d", "3"),
        ] {
            assert!(!is_vpc_arn(&vpc.replacen(from, to, 1)), "{to}");
        }
        assert!(is_application_arn("arn:aws:sso::111122223333:application/ssoins-7223a1b2c3d4e5f6/apl-1"));
        for bad in
            ["arn:aws:sso::111122223333:", "arn:aws:sso::1:application/x", "arn:aws:SSO::111122223333:x", "x"]
        {
            assert!(!is_application_arn(bad), "{bad}");
        }
    }
}
