//! Events of uploads that come again, and rules that others bring into force meanwhile.

use shared::{
    clock::TokioClock,
    engine::Incoming,
    ports::{Upload, Uploads},
};

use super::{super::ports::MemoryUploads, *};

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_again_leaves_the_same_answer() {
    let service = Service::new();
    service.upload_rules("incoming/rules.yaml", &developers()).await;
    let first = service.answer_json("incoming/rules.yaml");
    assert_eq!(first["forecast"]["grants"], 2, "{first}");
    service.settle().await;
    assert_eq!(service.tell("incoming/rules.yaml").await, Became::InForce);
    let again = service.answer_json("incoming/rules.yaml");
    assert_eq!((&again["became"], &again["forecast"]), (&first["became"], &first["forecast"]));

    // Another upload of the same rules changed nothing, however often that is heard.
    service.upload("incoming/rules.yaml", &developers().yaml());
    for _ in 0..2 {
        assert_eq!(service.tell("incoming/rules.yaml").await, Became::AlreadyInForce);
    }
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_planned_after_other_rules_than_those_in_force_does_not_come_into_force() {
    let service = Service::new();
    let press = Press { store: &*service.store, ledger: &*service.ledger, clock: &*service.clock };
    let by_command = || Provenance { by: PublishedBy::Command, as_of: service.clock.now(), said: None };
    let in_force = async || service.ledger.rules_in_force().await.unwrap();
    press.bring_into_force(&developers().bundle(), &by_command(), None, None).await.unwrap();
    let seen = in_force().await;
    // Others go away from them, and come back: the version is the same, and it is not what was looked at.
    for rules in [support(), developers()] {
        service.pass(Duration::from_secs(1)).await;
        let now = in_force().await;
        press.bring_into_force(&rules.bundle(), &by_command(), None, now.as_ref()).await.unwrap();
    }
    let now = in_force().await;
    assert_eq!(seen.as_ref().map(|rules| &rules.version), now.as_ref().map(|rules| &rules.version));
    for (rules, after) in [(support(), seen.as_ref()), (developers(), seen.as_ref()), (support(), None)] {
        let late = press.bring_into_force(&rules.bundle(), &by_command(), None, after).await;
        assert!(matches!(late, Err(PublishError::Ledger(LedgerError::RulesChanged))), "{late:?}");
        assert_eq!(in_force().await, now);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_be_asked_where_to_look_the_author_is_told_so() {
    let service = Service::new();
    let place = Place { bucket: BUCKET, incoming: "incoming/" };
    let why = engine::ReadError::Instance(PortError::Denied("ListInstances: AccessDenied".to_owned()));
    let put_off = async |bucket: &str, key: &str| {
        let uploads = &*service.ports.beside.uploads;
        on_rules_change::put_off(&event_of(bucket, key), place, uploads, &*service.clock, &why).await;
    };
    put_off(BUCKET, "incoming/rules.yaml").await;
    let answer = service.answer("incoming/rules.yaml");
    assert!(answer.contains("NOT in force yet: it is tried again within minutes"), "{answer}");
    assert!(answer.contains("ListInstances: AccessDenied"), "{answer}");
    assert_eq!(service.answer_json("incoming/rules.yaml")["became"], "delayed");

    for (bucket, key) in
        [("another", "incoming/a.yaml"), (BUCKET, "rules/a.json"), (BUCKET, "incoming/a.yaml.result.txt")]
    {
        put_off(bucket, key).await;
        assert_eq!(service.answer(key), "", "{bucket}/{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_name_leaves_no_room_for_an_answer_is_refused_and_done_with() {
    let service = Service::new();
    let of_length = |length: usize| format!("incoming/{}.yaml", "x".repeat(length - 14));
    let long = of_length(1013);
    service.upload(&long, &developers().yaml());
    assert_eq!(service.tell(&long).await, Became::Refused);
    assert_eq!((service.answer(&long), service.in_force().await), (String::new(), None));
    let told = service.ledger.untold(10).await.unwrap();
    assert!(
        matches!(&told[..], [Outcome { happened: Happened::RulesRefused { reason, .. }, .. }] if reason.contains("too long"))
    );

    service.upload_rules(&of_length(1012), &developers()).await;
    service.settle().await;
    service.converged(&[]).await;
}

/// Objects that may not be read.
struct Unreadable {
    uploads: Arc<MemoryUploads>,
    why: PortError,
}

#[async_trait::async_trait]
impl Uploads for Unreadable {
    async fn fetch(&self, _: &str, _: usize) -> Result<Upload, PortError> {
        Err(self.why.clone())
    }
    async fn leave(&self, key: &str, text: &str) -> Result<(), PortError> {
        self.uploads.leave(key, text).await
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_upload_that_cannot_be_fetched_the_author_is_told_why() {
    let service = Service::new();
    let key = "incoming/rules.yaml";
    service.upload(key, &developers().yaml());
    for (why, code) in [
        (PortError::Denied("GetObject: AccessDenied".to_owned()), "GetObject: AccessDenied"),
        (
            PortError::Barred("GetObject: KMS.DisabledException".to_owned()),
            "GetObject: KMS.DisabledException",
        ),
        (PortError::Throttled("GetObject: SlowDown".to_owned()), "GetObject: SlowDown"),
    ] {
        let uploads = Unreadable { uploads: Arc::clone(&service.ports.beside.uploads), why };
        let incoming = Incoming { uploads: &uploads, ..service.ports.incoming() };
        let place = Place { bucket: BUCKET, incoming: "incoming/" };
        let (event, parked) = (event_of(BUCKET, key), &*service.ports.parked);
        let taken = on_rules_change::handle(event, place, incoming, parked, service.soon()).await;
        assert!(taken.is_err(), "it comes again: {taken:?}");
        let answer = service.answer(key);
        assert!(answer.contains("NOT in force yet: it is tried again within minutes"), "{answer}");
        assert!(answer.contains("cannot fetch the uploaded rules") && answer.contains(code), "{answer}");
        assert_eq!(service.answer_json(key)["became"], "delayed");
    }
    assert_eq!(service.in_force().await, None);
    service.upload_rules(key, &developers()).await;
    service.settle().await;
    service.converged(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_gone_back_from_does_not_come_again_whatever_the_clock_of_the_operator_says() {
    for behind in [SignedDuration::ZERO, SignedDuration::from_mins(3)] {
        let service = Service::new();
        service.upload_rules("incoming/good.yaml", &developers()).await;
        service.settle().await;
        service.pass(Duration::from_mins(1)).await;
        let key = "incoming/bad.yaml";
        service.upload(key, &support().yaml());
        service.checker().rules_published(service.clock.now(), &support());
        assert_eq!(service.tell(key).await, Became::InForce);

        let clock = TokioClock::starting_at(service.clock.now() - behind);
        let press = Press { store: &*service.store, ledger: &*service.ledger, clock: &clock };
        let publications = engine::publications(&*service.ledger).await.unwrap();
        let in_force = service.ledger.rules_in_force().await.unwrap();
        let before = engine::version_before(&publications, &in_force.as_ref().unwrap().version).unwrap();
        let bundle = shared::ports::RulesStore::bundle(&*service.store, &before).await.unwrap();
        let rollback = Provenance { by: PublishedBy::Rollback, as_of: clock.now(), said: None };
        press.bring_into_force(&bundle, &rollback, None, in_force.as_ref()).await.unwrap();
        service.checker().rules_published(service.clock.now(), &developers());

        // S3 tells of the bad one once more, and of it alone.
        for _ in 0..2 {
            assert_eq!(service.tell(key).await, Became::Overtaken, "{behind}");
        }
        assert_eq!(service.in_force().await, Some(yaml_version("good.yaml", &developers())));
        // Uploaded again it is meant.
        service.pass(Duration::from_secs(2)).await;
        service.upload_rules(key, &support()).await;
        service.settle().await;
        service.converged(&[]).await;
    }
}
