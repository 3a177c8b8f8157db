//! Another try with the deployed functions: a message goes back into its queue, an event through the very code of its function, run here.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use on_rules_change::Place;
use serde_json::Value;
use shared::{
    aws::{Connection, S3Uploads, SqsQueue},
    engine::{
        CenterInbox, EngineSettings, FedBy, Heard, Inbox, Incoming, Letter, Queues, Rulebook, Taken, WayBack,
    },
    events::{Family, is_of_self_test, is_of_upload},
    ports::{Clock, Ledger, RulesStore},
    settings::{RulesSettings, Settings},
};

use crate::{
    Failure, Machine,
    args::ConnectionArgs,
    connect::{self, Aws},
};

/// How long one event may take.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// What came of a letter whose function a schedule starts.
const BY_SCHEDULE: &str = "needs no other try: its function runs by its schedule";

/// What stands around the deployed functions. AWS's other services are asked for only where an event is tried again.
pub(super) struct Deployed {
    connection: Connection,
    arguments: ConnectionArgs,
    machine: Machine,
    settings: Settings,
    engine: EngineSettings,
    ledger: Arc<dyn Ledger>,
}

/// A function that reads events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Family(Family),
    Rules,
    /// It is started by a schedule, and asks everything itself.
    Scheduled,
}

impl Reader {
    /// By the function's name, which may stand behind a name of the installation; else by what the event is.
    fn of(function: &str, event: &Value) -> Result<Self, Failure> {
        let is = |name: &str| function == name || function.ends_with(&format!("-{name}"));
        if let Some(family) = Family::ALL.into_iter().find(|family| is(family.function())) {
            return Ok(Self::Family(family));
        }
        if is("on-rules-change") {
            return Ok(Self::Rules);
        }
        if ["audit", "sweep", "tick", "provision", "reprovision"].into_iter().any(is) {
            return Ok(Self::Scheduled);
        }
        let envelope = shared::payloads::envelope(event).map_err(|_| Failure::UnreadEvent)?;
        if is_of_upload(&envelope) {
            return Ok(Self::Rules);
        }
        if is_of_self_test(&envelope) {
            return Ok(Self::Family(Family::Accounts));
        }
        // A newer Usher may read it: it stays a letter.
        Family::of(&envelope).map(Self::Family).ok_or(Failure::UnreadEvent)
    }
}

impl Deployed {
    pub(super) async fn of(
        table: &str,
        arguments: &ConnectionArgs,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        let connection = connect::connection(arguments, machine).await;
        let ledger = Arc::new(connection.ledger(table));
        let engine = connect::engine(machine)?;
        let (arguments, machine) = (arguments.clone(), machine.clone());
        Ok(Self { connection, arguments, machine, settings: Settings::from_env(), engine, ledger })
    }

    /// Tries a letter again, and says what came of it.
    pub(super) async fn back(&self, letter: &Letter) -> Result<String, Failure> {
        match &letter.way {
            WayBack::Queue { queue, group } => self.send(letter, *queue, group).await,
            WayBack::Event { function, event } => self.event(function, event.clone()).await,
            WayBack::None { why } => Ok(format!("can't be tried again: {why}")),
        }
    }

    async fn send(&self, letter: &Letter, queue: FedBy, group: &str) -> Result<String, Failure> {
        // The setting of that queue alone is needed.
        let url = match queue {
            FedBy::Inbox => self.settings.inbox_queue_url()?,
            FedBy::Wake => self.settings.wake_queue_url()?,
            FedBy::Polls => self.settings.poll_queue_url()?,
        };
        let to = self.connection.queue(&url);
        let queues = Queues { inbox: &to, wake: &to, polls: &to, clock: self.clock() };
        queues.send(letter, queue, group).await.map_err(Failure::DeadLetters)?;
        Ok(format!("is in the queue again: {}", letter.about))
    }

    async fn event(&self, function: &str, event: Value) -> Result<String, Failure> {
        let reader = Reader::of(function, &event)?;
        if reader == Reader::Scheduled {
            return Ok(BY_SCHEDULE.to_owned());
        }
        let parked = self.connection.queue(&self.settings.parked_queue_url()?);
        let inbox = self.connection.queue(&self.settings.inbox_queue_url()?);
        let aws = connect::connect(&self.arguments, &self.machine).await?;
        match reader {
            Reader::Rules => self.rules(event, &aws, &inbox, &parked).await,
            Reader::Family(family) => self.family(family, event, &aws, (&inbox, &parked)).await,
            Reader::Scheduled => Ok(BY_SCHEDULE.to_owned()),
        }
    }

    async fn family(
        &self,
        family: Family,
        event: Value,
        aws: &Aws,
        (queue, parked): (&SqsQueue, &SqsQueue),
    ) -> Result<String, Failure> {
        let inbox = Inbox {
            organization: aws.organization.as_ref(),
            ledger: self.ledger.as_ref(),
            queue,
            clock: self.clock(),
        };
        let heard = if family == Family::Accounts {
            on_account_event::handle(event, inbox, parked).await
        } else {
            let (store, _, _) = self.rules_store()?;
            let rulebook = Rulebook::of_store(store);
            let own_roles = self.settings.own_roles()?;
            let center = CenterInbox {
                inbox,
                directory: aws.directory.as_ref(),
                access: aws.access.as_ref(),
                rulebook: &rulebook,
                own_roles: &own_roles,
                facts_age: self.engine.facts_age,
            };
            match family {
                Family::Directory => on_group_event::handle(event, center, parked).await,
                Family::PermissionSets | Family::Accounts => {
                    on_permission_set_event::handle(event, center, parked).await
                }
            }
        };
        Ok(match heard.map_err(Failure::Event)? {
            Heard::Hinted(accounts) => format!("{accounts} accounts are looked at again"),
            Heard::Ignored(why) => format!("leads to nothing: {why}"),
            Heard::Parked(why) => format!("can't be read, and is put aside once more: {why}"),
            Heard::Noted(id) => format!("self-test {id}: that it came is written down"),
        })
    }

    async fn rules(
        &self,
        event: Value,
        aws: &Aws,
        inbox: &SqsQueue,
        parked: &SqsQueue,
    ) -> Result<String, Failure> {
        let (store, uploads, rules) = self.rules_store()?;
        let rulebook = Rulebook::of_store(Arc::clone(&store));
        let incoming = Incoming {
            uploads: &uploads,
            store: store.as_ref(),
            reader: aws.reader(self.ledger.as_ref(), &rulebook, self.clock()),
            access: &aws.access,
            sets: aws.sets.as_ref(),
            ledger: self.ledger.as_ref(),
            inbox,
            settings: self.engine,
        };
        let prefix = rules.incoming();
        let place = Place { bucket: &rules.bucket, incoming: &prefix };
        let until = self.clock().now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let taken = on_rules_change::handle(event, place, incoming, parked, until).await;
        Ok(match taken.map_err(Failure::UploadEvent)? {
            Taken::Answered(became) => format!("the uploaded rules: {}", became.told()),
            Taken::Ignored(why) => format!("leads to nothing: {why}"),
            Taken::Parked(why) => format!("can't be read, and is put aside once more: {why}"),
        })
    }

    fn rules_store(&self) -> Result<(Arc<dyn RulesStore>, S3Uploads, RulesSettings), Failure> {
        let rules = self.settings.rules()?;
        let store = Arc::new(self.connection.rules(&rules.bucket, &rules.prefix));
        Ok((store, self.connection.uploads(&rules.bucket), rules))
    }

    fn clock(&self) -> &dyn Clock {
        self.machine.clock.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_goes_to_the_function_that_had_it_whatever_the_installation_calls_it() {
        let nothing = json!({});
        for (function, reader) in [
            ("on-group-event", Some(Reader::Family(Family::Directory))),
            ("usher-prod-on-account-event", Some(Reader::Family(Family::Accounts))),
            ("usher-on-rules-change", Some(Reader::Rules)),
            ("usher-sweep", Some(Reader::Scheduled)),
            ("usher-reprovision", Some(Reader::Scheduled)),
            ("other", None),
            ("", None),
        ] {
            assert_eq!(Reader::of(function, &nothing).ok(), reader, "{function}");
        }
    }

    #[test]
    fn an_event_that_nobody_had_goes_to_the_function_that_reads_its_kind() {
        let upload = json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": {} });
        assert_eq!(Reader::of("", &upload).ok(), Some(Reader::Rules));
        let organizations = json!({ "source": "aws.organizations", "detail-type": "x", "detail": {} });
        assert_eq!(Reader::of("", &organizations).ok(), Some(Reader::Family(Family::Accounts)));
        let self_test =
            json!({ "source": "usher.self-test", "detail-type": "Usher Self-Test", "detail": {} });
        assert_eq!(Reader::of("", &self_test).ok(), Some(Reader::Family(Family::Accounts)));
    }

    #[test]
    fn an_event_that_no_function_reads_is_an_error_and_so_stays_a_letter() {
        let other = json!({ "source": "aws.ec2", "detail-type": "x", "detail": {} });
        let failure = Reader::of("", &other).unwrap_err();
        assert!(matches!(failure, Failure::UnreadEvent), "{failure}");
    }
}
