//! The settings of `usher run`, where all functions are one process.

use super::{QUEUE, Settings, SettingsError, places::queue_url};
use crate::pace::Share;

impl Settings {
    /// What all that only reads takes together, where it is one process: the shares of `reconcile`, the sweep and the rest.
    pub fn readers_share(&self) -> Result<Share, SettingsError> {
        let (reconcile, sweep) =
            (self.rate("USHER_RECONCILE_RATE", 4.0)?, self.rate("USHER_SWEEP_RATE", 3.0)?);
        let rest = self.rate("USHER_REST_RATE", 1.0)?;
        // Never more than AWS takes of everybody.
        let sso_admin = (reconcile + sweep + rest).min(20.0);
        Ok(Share { sso_admin, identity_store: 16.0, organizations: 0.75, burst: 8 })
    }

    /// `USHER_EVENTS_QUEUE_URL`: a queue that EventBridge puts events into; `None` if there is none.
    pub fn events_queue_url(&self) -> Result<Option<String>, SettingsError> {
        self.optional("USHER_EVENTS_QUEUE_URL", QUEUE, queue_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &'static [(&'static str, &'static str)]) -> Settings {
        Settings::reading(|asked| {
            variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn one_process_takes_what_the_functions_that_read_take_together() {
        let rate = |variables| settings(variables).readers_share().map(|share| share.sso_admin);
        assert_eq!(rate(&[]), Ok(8.0));
        assert_eq!(rate(&[("USHER_RECONCILE_RATE", "2"), ("USHER_REST_RATE", "0.5")]), Ok(5.5));
        assert_eq!(rate(&[("USHER_RECONCILE_RATE", "20"), ("USHER_SWEEP_RATE", "20")]), Ok(20.0));
        assert!(rate(&[("USHER_SWEEP_RATE", "fast")]).is_err());
    }

    #[test]
    fn a_queue_of_events_is_told_by_its_url() {
        assert_eq!(settings(&[]).events_queue_url(), Ok(None));
        let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/usher-events";
        let set = settings(&[(
            "USHER_EVENTS_QUEUE_URL",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/usher-events",
        )]);
        assert_eq!(set.events_queue_url(), Ok(Some(url.to_owned())));
        let error = settings(&[("USHER_EVENTS_QUEUE_URL", "usher-events")]).events_queue_url().unwrap_err();
        assert!(error.to_string().contains("the URL of an SQS queue"), "{error}");
    }
}
