//! Rules that come into force by themselves: uploaded, checked, planned, and told to every account.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use on_rules_change::Place;
use serde_json::{Value, json};
use shared::{
    engine::{self, Became, Press, PublishError, Taken},
    ledger::{Provenance, PublishedBy},
    outcome::{Happened, Outcome},
    ports::{Clock as _, LedgerError, LedgerReader as _, Message, PortError, Queue, Received},
};
use simulator::{Fault, FaultRule};

mod again;
mod beyond;

use super::{
    fuse::{Fuse, When, fused},
    model::{Rules, group, in_ou, rules},
    ports::Ports,
    service::Service,
};

const BUCKET: &str = "example-usher-rules";
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn developers() -> Rules {
    rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Workloads/Development"))])
}

fn support() -> Rules {
    rules([group("help", "Support").gets("PowerUserAccess").in_accounts(in_ou("Workloads"))])
}

/// S3's event of an object, in our own words.
fn event_of(bucket: &str, key: &str) -> Value {
    json!({
        "version": "0", "id": "8f2c0b52-0000-4000-8000-000000000001", "detail-type": "Object Created",
        "source": "aws.s3", "account": "111122223333", "time": "2026-11-02T09:00:00Z", "region": "eu-central-1",
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": { "bucket": { "name": bucket }, "object": { "key": key, "size": 3 }, "reason": "PutObject" },
    })
}

impl Service {
    /// An author puts something into the bucket.
    fn upload(&self, key: &str, content: &str) {
        self.upload_made_at(key, content, self.clock.now());
    }

    fn upload_made_at(&self, key: &str, content: &str, at: Timestamp) {
        let made_at = Timestamp::from_second(at.as_second()).unwrap();
        let uploads = &self.ports.beside.uploads.0;
        uploads.lock().unwrap().insert(key.to_owned(), (made_at, content.as_bytes().to_vec()));
    }

    /// S3 tells of the object, and the function hears of it.
    async fn tell_with(&self, ports: &Ports, key: &str) -> Result<Taken, on_rules_change::Error> {
        let place = Place { bucket: BUCKET, incoming: "incoming/" };
        let until = self.soon();
        on_rules_change::handle(event_of(BUCKET, key), place, ports.incoming(), &*ports.parked, until).await
    }

    async fn tell(&self, key: &str) -> Became {
        match self.tell_with(&self.ports, key).await.unwrap() {
            Taken::Answered(became) => became,
            other @ (Taken::Ignored(_) | Taken::Parked(_)) => panic!("{other:?}"),
        }
    }

    /// Rules are uploaded, and are in force.
    async fn upload_rules(&self, key: &str, rules: &Rules) {
        self.upload(key, &rules.yaml());
        // A minute's tick may come any time, and the clock of S3 counts in seconds.
        self.checker().rules_published(self.clock.now(), rules);
        assert_eq!(self.tell(key).await, Became::InForce, "{}", self.answer(key));
        self.check().await;
        self.pass(Duration::from_secs(2)).await;
    }

    /// What the author finds beside the object.
    fn answer(&self, key: &str) -> String {
        self.ports.beside.uploads.text(&format!("{key}.result.txt")).unwrap_or_default()
    }

    /// The same as a machine reads it.
    fn answer_json(&self, key: &str) -> Value {
        let text = self.ports.beside.uploads.text(&format!("{key}.result.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn in_force(&self) -> Option<String> {
        self.ledger.rules_in_force().await.unwrap().map(|rules| rules.version.to_string())
    }
}

fn version(rules: &Rules) -> String {
    yaml_version("rules.yaml", rules)
}

fn yaml_version(name: &str, rules: &Rules) -> String {
    shared::rules::Bundle { files: [(name.to_owned(), rules.yaml())].into() }.version().to_string()
}

#[tokio::test(start_paused = true)]
async fn uploaded_rules_come_into_force_and_every_account_is_looked_at_without_a_sweep() {
    let service = Service::new();
    service.upload_rules("incoming/rules.yaml", &developers()).await;
    assert_eq!(service.in_force().await, Some(version(&developers())));
    let answer = service.answer("incoming/rules.yaml");
    assert!(answer.contains("incoming/rules.yaml: in force\n"), "{answer}");
    assert!(answer.contains("Plan: 2 to grant, 0 to revoke in 6 accounts; 0 withheld."), "{answer}");
    service.settle().await;
    assert_eq!(
        service.assignments(),
        ["one-dev ReadOnlyAccess Developers", "two-dev ReadOnlyAccess Developers"]
    );
    for row in service.rows().await {
        assert_eq!(row.rules.unwrap().to_string(), version(&developers()));
        assert!(row.cause.as_str().starts_with("rules:"), "{:?}", row.cause);
    }
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_bundle_is_taken_as_one_document_is_and_other_forms_are_refused() {
    let service = Service::new();
    let bundle = json!({ "files": { "rules.yaml": developers().yaml() } }).to_string();
    service.checker().rules_published(service.clock.now(), &developers());
    for (key, content, became) in [
        ("incoming/b.json", "{}", Became::Refused),
        ("incoming/b.json", "not JSON", Became::Refused),
        ("incoming/b.txt", developers().yaml().as_str(), Became::Refused),
        ("incoming/b c.json", bundle.as_str(), Became::Refused),
        ("incoming/empty.yaml", "", Became::Refused),
        ("incoming/b.json", bundle.as_str(), Became::InForce),
    ] {
        service.upload(key, content);
        assert_eq!(service.tell(key).await, became, "{key}: {}", service.answer(key));
        assert_eq!(service.in_force().await.is_some(), became == Became::InForce, "{key}");
    }
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_read_is_refused_whole_and_its_author_finds_each_mistake_beside_it() {
    let service = Service::new();
    service.upload_rules("incoming/rules.yaml", &developers()).await;
    service.settle().await;
    let wrong = developers().yaml().replace("principals", "principles").replace("mode: sync", "mode: sink");
    service.upload("incoming/next.yaml", &wrong);
    assert_eq!(service.tell("incoming/next.yaml").await, Became::Refused);

    let answer = service.answer("incoming/next.yaml");
    assert!(answer.contains("REFUSED: the rules that were in force still are"), "{answer}");
    assert!(answer.contains("next.yaml:") && answer.contains("principles"), "{answer}");
    // Others hear of it too, once for each object, and without a word of what is in it.
    service.tell("incoming/next.yaml").await;
    let mut told = service.ledger.untold(10).await.unwrap();
    told.retain(|outcome| matches!(outcome.happened, Happened::RulesRefused { .. }));
    let [Outcome { happened: Happened::RulesRefused { refused: Some(_), reason }, cause, .. }] =
        told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert!(
        reason.starts_with("the rules have ") && cause.as_str().starts_with("event:8f2c0b52"),
        "{told:?}"
    );

    let problems = service.answer_json("incoming/next.yaml")["problems"].as_array().unwrap().len();
    assert!(problems >= 2, "{problems} problems");
    assert_eq!(service.in_force().await, Some(version(&developers())));
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn rules_that_have_shrunk_are_refused_until_exactly_their_plan_is_approved() {
    let service = Service::new();
    let many = rules(
        ["ReadOnlyAccess", "PowerUserAccess", "DeployAccess"]
            .map(|set| group(set, "Developers").gets(set).in_accounts(in_ou("Workloads/Development"))),
    );
    let few = rules([group("ReadOnlyAccess", "Developers")
        .gets("ReadOnlyAccess")
        .in_accounts(in_ou("Workloads/Development"))]);
    service.upload_rules("incoming/rules.yaml", &many).await;
    service.settle().await;
    assert_eq!(service.assignments().len(), 6);

    service.upload("incoming/rules.yaml", &few.yaml());
    assert_eq!(service.tell("incoming/rules.yaml").await, Became::Refused);
    let answer = service.answer_json("incoming/rules.yaml");
    assert!(answer["reason"].as_str().unwrap().contains("shrunk from 3 to 1"), "{answer}");
    assert_eq!((&answer["forecast"]["grants"], &answer["forecast"]["revokes"]), (&json!(0), &json!(4)));
    assert_eq!(service.in_force().await, Some(version(&many)));

    // Consent is to the plan that the answer names.
    let command = format!("`usher approve --plan {}", answer["forecast"]["plan"].as_str().unwrap());
    let reason = answer["reason"].as_str().unwrap();
    assert!(reason.contains(&command) && reason.ends_with("then upload again"), "{reason}");
    let bundle = shared::rules::Bundle { files: [("rules.yaml".to_owned(), few.yaml())].into() };
    let fixed = Arc::new(engine::Rulebook::fixed(engine::RulesOnHand::of(&bundle).unwrap()));
    let ports = Ports { rulebook: fixed, ..service.ports.clone() };
    let cause = shared::ledger::Cause::new("command", "approve");
    let survey = ports.planner().everything(&cause).await.unwrap();
    let now = service.clock.now();
    let proposal = engine::consent::Proposal::of(&survey, None, &*service.ledger, &cause, now).await.unwrap();
    assert_eq!(answer["forecast"]["plan"], proposal.hash().to_string());
    let consent =
        engine::consent::Consent { ledger: &*service.ledger, clock: &*service.clock, by: "alba", reason: "" };
    service.approved(&proposal, now, now + DAY, |_| true);
    consent.approve_plan(&proposal, proposal.hash(), now + DAY).await.unwrap();

    service.checker().rules_published(service.clock.now(), &few);
    assert_eq!(service.tell("incoming/rules.yaml").await, Became::InForce);
    service.settle().await;
    assert_eq!(service.assignments().len(), 2);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_older_upload_never_takes_the_place_of_a_newer_one() {
    let service = Service::new();
    let then = service.clock.now();
    service.upload_made_at("incoming/older.yaml", &support().yaml(), then);
    service.pass(Duration::from_mins(1)).await;
    service.upload_rules("incoming/newer.yaml", &developers()).await;
    // The older one's event was late.
    assert_eq!(service.tell("incoming/older.yaml").await, Became::Overtaken);
    let answer = service.answer("incoming/older.yaml");
    assert!(
        answer.contains("NOT in force: newer rules are") && answer.contains("upload it again"),
        "{answer}"
    );

    // The newer one once more, by another name, is as of then: what was made in between is older.
    let between = service.clock.now();
    service.pass(Duration::from_mins(1)).await;
    service.upload("incoming/newer.yaml", &developers().yaml());
    assert_eq!(service.tell("incoming/newer.yaml").await, Became::AlreadyInForce);
    service.upload_made_at("incoming/between.yaml", &support().yaml(), between);
    assert_eq!(service.tell("incoming/between.yaml").await, Became::Overtaken);
    assert_eq!(service.in_force().await, Some(yaml_version("newer.yaml", &developers())));
    service.settle().await;
    service.converged(&[]).await;
}

/// An inbox that takes nothing.
struct Shut;

#[async_trait::async_trait]
impl Queue for Shut {
    async fn send(&self, _: &[Message]) -> Result<(), PortError> {
        Err(PortError::Failed("the inbox takes nothing".to_owned()))
    }
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Received>, PortError> {
        Ok(Vec::new())
    }
    async fn acknowledge(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
    async fn release(&self, _: &str, _: Duration) -> Result<(), PortError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_accounts_are_told_is_made_good_by_the_event_again_or_by_the_next_tick() {
    for again in [true, false] {
        let service = Service::new();
        let shut = Ports { inbox: Arc::new(Shut), ..service.ports.clone() };
        service.upload("incoming/rules.yaml", &developers().yaml());
        service.checker().rules_published(service.clock.now(), &developers());
        // The rules are in force: that their accounts have to wait is no error of the event.
        let taken = service.tell_with(&shut, "incoming/rules.yaml").await.unwrap();
        assert_eq!(taken, Taken::Answered(Became::InForce));
        assert_eq!(service.in_force().await, Some(version(&developers())));

        if again {
            assert_eq!(service.tell("incoming/rules.yaml").await, Became::InForce);
        } else {
            assert_eq!(tick::handle(service.ports.tick()).await.unwrap().hinted, 6);
        }
        assert_eq!(tick::handle(service.ports.tick()).await.unwrap().hinted, 0, "told once is enough");
        service.settle().await;
        assert_eq!(service.assignments().len(), 2);
        service.converged(&[]).await;
    }
}

/// An upload whose function dies there; tells how many steps it has.
async fn upload_and_die(service: &Service, when: When) -> usize {
    let fuse = Fuse::new(when);
    let ports = fused(&service.ports, &fuse);
    service.upload("incoming/rules.yaml", &developers().yaml());
    service.checker().rules_published(service.clock.now(), &developers());
    tokio::select! {
        taken = service.tell_with(&ports, "incoming/rules.yaml") => { taken.unwrap(); }
        () = fuse.blown() => {}
    }
    fuse.count()
}

#[tokio::test(start_paused = true)]
async fn wherever_the_function_dies_the_event_again_brings_it_to_its_end_and_so_does_the_tick_once_they_are_in_force()
 {
    let steps = upload_and_die(&Service::new(), When::Never).await;
    assert!(steps > 10, "{steps} steps");
    let mut by_tick = 0;
    for n in 0..steps {
        for when in [When::Before(n), When::After(n)] {
            for again in [true, false] {
                let service = Service::new();
                upload_and_die(&service, when).await;
                if again {
                    let became = service.tell("incoming/rules.yaml").await;
                    assert!(
                        matches!(became, Became::InForce | Became::AlreadyInForce),
                        "{when:?}: {became:?}"
                    );
                } else if service.in_force().await.is_none() {
                    continue;
                } else {
                    by_tick += 1;
                }
                tick::handle(service.ports.tick()).await.unwrap();
                service.settle().await;
                assert_eq!(service.assignments().len(), 2, "{when:?}, {again}");
                let publications = engine::publications(&*service.ledger).await.unwrap();
                assert_eq!(publications.len(), 1, "{when:?}, {again}");
            }
        }
    }
    assert!(by_tick > 4, "{by_tick}");
}

#[tokio::test(start_paused = true)]
async fn rules_that_a_command_brought_into_force_are_told_to_every_account_by_the_next_tick() {
    let service = Service::new();
    let press = Press { store: &*service.store, ledger: &*service.ledger, clock: &*service.clock };
    let now = service.clock.now();
    let provenance = Provenance { by: PublishedBy::Command, as_of: now, said: None };
    press.bring_into_force(&developers().bundle(), &provenance, None, None).await.unwrap();
    service.checker().rules_published(now, &developers());
    assert_eq!(tick::handle(service.ports.tick()).await.unwrap().hinted, 6);
    service.settle().await;
    assert_eq!(service.assignments().len(), 2);

    // What never came into force is forgotten after a while, and tells nobody.
    let in_force = service.ledger.rules_in_force().await.unwrap();
    let wrong = press.bring_into_force(&rules([]).bundle(), &provenance, None, in_force.as_ref()).await;
    assert!(matches!(wrong, Err(PublishError::Empty | PublishError::Rules(_))), "{wrong:?}");
    service.pass(Duration::from_hours(2)).await;
    assert_eq!(tick::handle(service.ports.tick()).await.unwrap().hinted, 0);
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn where_aws_cannot_be_read_nothing_comes_into_force_until_it_can() {
    let service = Service::new();
    service.upload("incoming/rules.yaml", &developers().yaml());
    let operation = "ListInstances".to_owned();
    let fault = Fault::AccessDenied;
    let fault = FaultRule { operation, service: None, fault, calls: None, account: None };
    service.world().faults.add(fault.clone());
    service.world().faults.add(FaultRule { operation: "ListAccounts".to_owned(), ..fault });
    assert!(service.tell_with(&service.ports, "incoming/rules.yaml").await.is_err());
    assert_eq!(service.in_force().await, None);
    let answer = service.answer("incoming/rules.yaml");
    assert!(answer.contains("NOT in force yet: it is tried again"), "{answer}");

    service.world().faults.clear_all();
    service.upload_rules("incoming/rules.yaml", &developers()).await;
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_a_budget_is_told_and_waits_while_the_rules_come_into_force() {
    let service = Service::new();
    service.upload_rules("incoming/rules.yaml", &developers()).await;
    service.settle().await;
    let mut elsewhere =
        rules([group("dev", "Developers").gets("ReadOnlyAccess").in_accounts(in_ou("Sandbox"))]);
    elsewhere.max_deletes = 1;
    elsewhere.max_delete_percent = 0;
    service.upload_rules("incoming/rules.yaml", &elsewhere).await;
    let answer = service.answer("incoming/rules.yaml");
    assert!(answer.contains("Plan: 1 to grant, 1 to revoke"), "{answer}");
    assert!(answer.contains("Over the budgets: 0 to grant, 1 to revoke"), "{answer}");
    // The plan of what is left once they are in force has another hash.
    assert!(answer.contains("`usher withheld` lists them") && !answer.contains("--plan"), "{answer}");
    service.settle().await;
    assert_eq!(service.assignments().len(), 2, "one was revoked, one waits, one is new");
    service.converged(&["budget"]).await;
}

#[tokio::test(start_paused = true)]
async fn going_back_to_an_earlier_version_gives_what_it_gave_and_every_version_is_kept() {
    let service = Service::new();
    service.upload_rules("incoming/rules.yaml", &developers()).await;
    service.settle().await;
    service.upload_rules("incoming/rules.yaml", &support()).await;
    service.settle().await;
    service.pass(Duration::from_mins(1)).await;

    let publications = engine::publications(&*service.ledger).await.unwrap();
    let in_force = service.ledger.rules_in_force().await.unwrap().unwrap();
    let before = engine::version_before(&publications, &in_force.version).unwrap();
    let in_force = Some(in_force);
    assert_eq!(before.to_string(), version(&developers()));
    let bundle = shared::ports::RulesStore::bundle(&*service.store, &before).await.unwrap();
    let now = service.clock.now();
    let press = Press { store: &*service.store, ledger: &*service.ledger, clock: &*service.clock };
    let provenance = Provenance { by: PublishedBy::Rollback, as_of: now, said: None };
    let published = press.bring_into_force(&bundle, &provenance, None, in_force.as_ref()).await.unwrap();
    service.checker().rules_published(now, &developers());
    engine::hint_everywhere(&service.ports.inbox(), &published.rules).await.unwrap();
    // The event of what was gone back from comes once more: it changes nothing.
    assert_eq!(service.tell("incoming/rules.yaml").await, Became::Overtaken);
    service.settle().await;
    assert_eq!(
        service.assignments(),
        ["one-dev ReadOnlyAccess Developers", "two-dev ReadOnlyAccess Developers"]
    );

    let publications = engine::publications(&*service.ledger).await.unwrap();
    let versions: Vec<String> =
        publications.iter().map(|publication| publication.version.to_string()).collect();
    assert_eq!(versions, [version(&developers()), version(&support()), version(&developers())]);
    assert!(publications[0].forecast.is_some() && publications[1].forecast.is_some());
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_believed_no_further_than_the_object_that_it_names() {
    let service = Service::new();
    service.upload("incoming/a.yaml", &developers().yaml());
    service.upload("rules/a.yaml", &developers().yaml());
    let heard = async |event: Value| {
        let place = Place { bucket: BUCKET, incoming: "incoming/" };
        let ports = &service.ports;
        on_rules_change::handle(event, place, ports.incoming(), &*ports.parked, service.soon()).await.unwrap()
    };
    for (bucket, key, why) in [
        ("somebody-elses", "incoming/a.yaml", "another bucket"),
        (BUCKET, "rules/a.yaml", "not among those"),
        (BUCKET, "incoming/gone.yaml", "gone again"),
        (BUCKET, "incoming/folder/", "folder"),
        (BUCKET, "incoming/a.yaml.result.json", "answer of Usher's own"),
        (BUCKET, "incoming/a.yaml.result.txt", "answer of Usher's own"),
    ] {
        let taken = heard(event_of(bucket, key)).await;
        assert!(matches!(&taken, Taken::Ignored(told) if told.contains(why)), "{key}: {taken:?}");
    }
    let deleted = json!({ "source": "aws.s3", "detail-type": "Object Deleted", "detail": {} });
    assert!(matches!(heard(deleted).await, Taken::Ignored(_)));
    let nameless = json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": {} });
    assert!(matches!(heard(nameless).await, Taken::Parked(_)));
    assert!(matches!(heard(json!("no event")).await, Taken::Parked(_)));
    assert_eq!(service.parked.depth().waiting, 2);
    assert_eq!(service.in_force().await, None);
    let left = service.ports.beside.uploads.0.lock().unwrap().len();
    assert_eq!(left, 2, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_too_long_is_refused_unread() {
    let service = Service::new();
    service.upload("incoming/huge.json", &"x".repeat(shared::rules::MAX_STORED_BYTES + 1));
    assert_eq!(service.tell("incoming/huge.json").await, Became::Refused);
    let answer = service.answer("incoming/huge.json");
    assert!(answer.contains("a bundle has at most"), "{answer}");
    assert_eq!(service.in_force().await, None);
}
