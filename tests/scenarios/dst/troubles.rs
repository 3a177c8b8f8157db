//! How each kind of trouble begins, and how it ends.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::domain::AccountId;
use simulator::{Fault, PlannedFault, Service as Api, StatusOrder};

use super::{
    acts, documents, ledgers,
    menu::Trouble,
    simulation::{Simulation, Wrong},
};
use crate::scenarios::{bulk_reads::without, chance::Chance};

/// Reasons of AWS's that others have seen.
const REASONS: [&str; 6] = [
    "An unexpected internal service exception was encountered.",
    "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account \
     '222233334444' is taking longer than usual.",
    "Received a 404 status error: the GROUP assignee x was not found in directory d-9067642ac1.",
    "Received a 404 status error: Not supported policy CustomPolicy.",
    "Received a 403 status error: Access denied by IAM for iam:CreateSAMLProvider.",
    "something that nobody has seen before",
];

const WRITES: [&str; 2] = ["CreateAccountAssignment", "DeleteAccountAssignment"];

const SERVICES: [Api; 3] = [Api::Organizations, Api::IdentityStore, Api::SsoAdmin];

/// Longer than any history.
const FOR_GOOD: SignedDuration = SignedDuration::from_hours(10_000);

impl Simulation {
    pub(super) async fn begin(&mut self, trouble: Trouble, chance: &mut Chance) {
        let moment = SignedDuration::from_mins(5);
        self.is_at_work(trouble, moment);
        *self.tally.begun.entry(trouble).or_default() += 1;
        let write = chance.one(&WRITES).copied().unwrap_or(WRITES[0]);
        let some =
            |chance: &mut Chance, most: usize| Some(1 + u32::try_from(chance.below(most)).unwrap_or(0));
        match trouble {
            Trouble::Throttled if chance.percent(30) => {
                self.fault_for(
                    trouble,
                    1 + chance.below(20),
                    "*",
                    chance.one(&SERVICES).copied(),
                    Fault::Throttle,
                    Some(0.4),
                );
            }
            Trouble::Throttled => {
                let api = chance.one(&SERVICES).copied();
                self.fault("*", api, Fault::Throttle, some(chance, 15));
            }
            Trouble::WindowFull => self.fault(write, None, Fault::WindowFull, some(chance, 8)),
            Trouble::Conflict => self.fault(write, None, Fault::Conflict, some(chance, 6)),
            Trouble::Failed => {
                let reason = chance.one(&REASONS).copied().unwrap_or(REASONS[0]);
                self.fault(write, None, Fault::FailLater(reason.to_owned()), some(chance, 8));
            }
            Trouble::Hangs => self.fault(write, None, Fault::Hang, some(chance, 2)),
            Trouble::Slow => {
                let time = Duration::from_secs((60 + chance.below(1_800)).try_into().unwrap_or(60));
                self.fault(write, None, Fault::Slow(time), some(chance, 5));
            }
            Trouble::AnswerLost => {
                let operation = if chance.percent(80) { write } else { "*" };
                let api = (operation == "*").then_some(Api::SsoAdmin);
                self.fault(operation, api, Fault::LostAnswer, some(chance, 3));
            }
            Trouble::NoAnswer => {
                self.fault("*", chance.one(&SERVICES).copied(), Fault::TimeOut, some(chance, 3));
            }
            Trouble::Denied => {
                let api = chance.one(&SERVICES).copied();
                self.fault_for(trouble, 5 + chance.below(90), "*", api, Fault::AccessDenied, Some(0.3));
            }
            Trouble::InternalError => {
                self.fault("*", chance.one(&SERVICES).copied(), Fault::InternalError, some(chance, 12));
            }
            Trouble::StaleLists
            | Trouble::UnorderedStatuses
            | Trouble::ShortLivedStatuses
            | Trouble::ShortPages => self.answers_become(trouble, chance),
            Trouble::EmptyTags => {
                if !self.wrong.iter().any(|(_, wrong)| matches!(wrong, Wrong::Tags(_))) {
                    let seen = Arc::clone(&self.service.ports.organization);
                    self.service.ports.organization = without(&self.service, |_| false);
                    self.until(trouble, 10 + chance.below(600), Wrong::Tags(seen));
                }
            }
            Trouble::EventsRepeated
            | Trouble::EventsReordered
            | Trouble::EventsDropped
            | Trouble::EventsLate => {
                self.until(trouble, 10 + chance.below(600), Wrong::Events(trouble));
            }
            Trouble::EventsForged => {
                let events = self.forged(chance);
                self.state.borrow_mut().again.extend(events);
            }
            Trouble::TwoAtOnce
            | Trouble::LeaseExpires
            | Trouble::ClockJumps
            | Trouble::WriteLoses
            | Trouble::TimeLimit
            | Trouble::Killed
            | Trouble::AnyOperationFails => self.state.borrow_mut().armed.push((trouble, chance.next())),
            Trouble::LedgerWiped => ledgers::wipe(self).await,
            Trouble::LedgerRestored => ledgers::restore(self).await,
            Trouble::OrganizationsDown => self.down(trouble, Api::Organizations, chance),
            Trouble::IdentityStoreDown => self.down(trouble, Api::IdentityStore, chance),
            Trouble::SsoAdminDown => self.down(trouble, Api::SsoAdmin, chance),
            Trouble::LedgerDown => self.until(trouble, outage(chance), Wrong::Ledger),
            Trouble::RulesDown => {
                self.hide_rules();
                self.until(trouble, outage(chance), Wrong::Rules);
            }
            Trouble::GroupMadeAgain => acts::make_group_again(self, chance).await,
            Trouble::SetMadeAgain => acts::make_set_again(self, chance).await,
            Trouble::RulesEmptied => documents::publish_nothing(self).await,
        }
    }

    /// AWS's answers are worse from now on.
    fn answers_become(&self, trouble: Trouble, chance: &mut Chance) {
        let mut world = self.service.world();
        let settings = &mut world.settings;
        if trouble == Trouble::StaleLists {
            settings.list_lag = Duration::from_secs(30);
            settings.assumptions.status_lag = Duration::from_secs(30);
        } else if trouble == Trouble::UnorderedStatuses {
            settings.assumptions.status_order = StatusOrder::Unordered;
        } else if trouble == Trouble::ShortLivedStatuses {
            settings.assumptions.status_retention = Some(Duration::from_mins(5));
        } else {
            settings.page_size = 1 + chance.below(3);
            settings.short_pages = 0.4;
            settings.empty_pages = 0.2;
        }
        drop(world);
        self.is_at_work(trouble, FOR_GOOD);
    }

    fn fault(&self, operation: &str, service: Option<Api>, fault: Fault, calls: Option<u32>) {
        self.service.world().faults.add(PlannedFault {
            operation: operation.to_owned(),
            service,
            fault,
            calls,
            account: None,
            after: 0,
            probability: None,
        });
    }

    fn fault_for(
        &mut self,
        trouble: Trouble,
        minutes: usize,
        operation: &str,
        service: Option<Api>,
        fault: Fault,
        probability: Option<f64>,
    ) {
        let operation = operation.to_owned();
        let planned =
            PlannedFault { operation, service, fault, calls: None, account: None, after: 0, probability };
        self.service.world().faults.add(planned.clone());
        self.until(trouble, minutes, Wrong::Fault(planned));
    }

    fn down(&mut self, trouble: Trouble, api: Api, chance: &mut Chance) {
        let fault = if chance.percent(70) { Fault::InternalError } else { Fault::TimeOut };
        self.fault_for(trouble, outage(chance), "*", Some(api), fault, None);
    }

    /// Something is wrong for so many minutes.
    fn until(&mut self, trouble: Trouble, minutes: usize, wrong: Wrong) {
        let lasting = SignedDuration::from_mins(minutes.try_into().unwrap_or(1));
        self.is_at_work(trouble, lasting);
        self.wrong.push((self.now() + lasting, wrong));
    }

    /// The rules can't be read: what the store keeps is where nobody finds it.
    fn hide_rules(&mut self) {
        let mut kept = self.service.store.0.lock().unwrap();
        self.state.borrow_mut().hidden.append(&mut kept);
    }

    pub(super) fn end_what_is_over(&mut self) {
        let now = self.now();
        let (over, goes_on) =
            std::mem::take(&mut self.wrong).into_iter().partition(|(until, _)| *until <= now);
        self.wrong = goes_on;
        for (_, wrong) in over {
            self.set_right(wrong);
        }
        // What is published while nobody finds the rules isn't found either.
        if self.is_wrong(|wrong| matches!(wrong, Wrong::Rules)) {
            self.hide_rules();
        }
    }

    pub(super) fn is_wrong(&self, is_it: impl Fn(&Wrong) -> bool) -> bool {
        self.wrong.iter().any(|(_, wrong)| is_it(wrong))
    }

    fn set_right(&mut self, wrong: Wrong) {
        match wrong {
            Wrong::Fault(_) => {
                let mut world = self.service.world();
                let counted: Vec<PlannedFault> =
                    world.faults.list().iter().filter(|fault| fault.calls.is_some()).cloned().collect();
                world.faults.clear_all();
                let lasting = self.wrong.iter().filter_map(|(_, wrong)| match wrong {
                    Wrong::Fault(fault) => Some(fault.clone()),
                    Wrong::Ledger | Wrong::Rules | Wrong::Tags(_) | Wrong::Events(_) => None,
                });
                for fault in counted.into_iter().chain(lasting) {
                    world.faults.add(fault);
                }
            }
            Wrong::Rules => {
                let mut kept = self.service.store.0.lock().unwrap();
                kept.append(&mut self.state.borrow_mut().hidden);
            }
            Wrong::Tags(seen) => self.service.ports.organization = seen,
            Wrong::Ledger | Wrong::Events(_) => {}
        }
    }

    /// All faults stop: AWS, the events and the stores are as they should be, and nothing strikes the functions any more.
    pub(super) fn stop_all_troubles(&mut self) {
        for (_, wrong) in std::mem::take(&mut self.wrong) {
            self.set_right(wrong);
        }
        self.service.world().faults.clear_all();
        let mut state = self.state.borrow_mut();
        state.armed.clear();
        let late = std::mem::take(&mut state.late);
        state.again.extend(late);
    }

    /// Events that nobody but an attacker sends: of accounts that there are and are not, and of things that never happened.
    fn forged(&self, chance: &mut Chance) -> Vec<Value> {
        let accounts: Vec<AccountId> =
            self.service.world().accounts_now().into_iter().map(|account| account.id).collect();
        (0..3)
            .map(|n| {
                let known = chance.one(&accounts).map(ToString::to_string).unwrap_or_default();
                let account = match chance.below(4) {
                    0 => json!("999999999999"),
                    1 => json!({ "not": "an id" }),
                    _ => json!(known),
                };
                let name = chance.one(&["MoveAccount", "CloseAccount", "RemoveAccountFromOrganization"]);
                let id = format!("{:08x}-0000-4000-8000-{n:012x}", chance.next() >> 32);
                json!({
                    "version": "0", "id": id, "source": "aws.organizations",
                    "detail-type": "AWS API Call via CloudTrail", "account": known, "region": "us-east-1",
                    "time": "2026-11-02T09:00:00Z", "resources": [],
                    "detail": {
                        "eventSource": "organizations.amazonaws.com", "eventName": name, "eventID": id,
                        "userIdentity": { "sessionContext": { "sessionIssuer": { "arn": "arn:aws:iam::111122223333:role/usher" } } },
                        "requestParameters": { "accountId": account, "resourceId": account },
                        "serviceEventDetails": { "createAccountStatus": { "accountId": account, "state": "SUCCEEDED" } },
                    },
                })
            })
            .collect()
    }
}

/// How long something is down: mostly minutes or an hour, sometimes a day.
fn outage(chance: &mut Chance) -> usize {
    match chance.below(10) {
        0..5 => 5 + chance.below(30),
        5..8 => 60 + chance.below(120),
        _ => 24 * 60,
    }
}
