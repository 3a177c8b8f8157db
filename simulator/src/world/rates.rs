//! Token buckets, counted in whole nanoseconds so that nothing depends on rounding.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Service,
    settings::{Quotas, Rate},
};

/// When each bucket would be full again.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    full_at: BTreeMap<(Service, &'static str), i128>,
}

impl Rates {
    /// Takes one token for this call, if there is one.
    pub(crate) fn take(
        &mut self,
        quotas: &Quotas,
        service: Service,
        operation: &'static str,
        now: Timestamp,
    ) -> bool {
        let (rate, bucket) = match service {
            // One bucket for all operations: "collective".
            Service::SsoAdmin => (quotas.sso_admin, ""),
            Service::IdentityStore => (quotas.identity_store, operation),
            Service::Tagging => (quotas.tagging, operation),
            Service::Organizations => (quotas.organizations, operation),
        };
        let Some(Rate { per_second, burst }) = rate else { return true };
        if per_second == 0 || burst == 0 {
            return false;
        }
        let token = 1_000_000_000 / i128::from(per_second);
        let now = now.as_nanosecond();
        let full_at = self.full_at.entry((service, bucket)).or_insert(now);
        let after = (*full_at).max(now) + token;
        if after - now > token * i128::from(burst) {
            return false;
        }
        *full_at = after;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let quotas = Quotas { sso_admin: Some(Rate { per_second: 20, burst: 3 }), ..Quotas::default() };
        let mut rates = Rates::default();
        let at = |ms: i64| Timestamp::from_millisecond(1_000_000 + ms).unwrap();
        let mut take = |ms| rates.take(&quotas, Service::SsoAdmin, "ListInstances", at(ms));

        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert!(!take(49));
        assert!(take(50));
        assert!(!take(50));
        assert_eq!([take(10_000), take(10_000), take(10_000), take(10_000)], [true, true, true, false]);
    }
}
