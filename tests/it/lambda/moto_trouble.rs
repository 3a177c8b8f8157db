//! What is missing or switched off around the functions: each says what, changes nothing, and works once it is mended.

use serde_json::json;
use shared::ports::LedgerReader as _;

use super::{
    runtime_api::FunctionError,
    service::{Lambda, RULES, Service},
};

/// The message of an invocation that failed.
async fn failure(function: &Lambda, event: &str) -> String {
    match function.api.invoke(event).await {
        Err(FunctionError::Reported { message, .. }) => message,
        other => panic!("{other:?}; {}", function.function.log().tail()),
    }
}

/// A hint for an account that the rules concern.
async fn hinted(service: &Service) {
    let account = service.world().account_named("sandbox-data").unwrap();
    service.hint(&account, "trouble").await;
}

/// The hint in the inbox fails; what was said of it.
async fn reconciling_fails(service: &Service, reconcile: &Lambda) -> String {
    let delivery = service.deliver(&service.inbox, reconcile).await.unwrap();
    assert_eq!((delivery.bodies.len(), delivery.failed.len()), (1, 1), "{delivery:?}");
    assert_eq!((service.rows().await, service.requests()), (vec![], 0));
    match delivery.answer {
        Err(FunctionError::Reported { message, .. }) => message,
        Ok(_) => reconcile.function.log().line("\"ERROR\"").await,
        Err(other) => panic!("{other:?}"),
    }
}

/// The same hint works now.
async fn reconciling_works(service: &Service, reconcile: &Lambda) {
    let delivery = service.deliver(&service.inbox, reconcile).await.unwrap();
    assert_eq!((delivery.bodies.len(), delivery.failed.len()), (1, 0), "{}", reconcile.function.log().tail());
    assert_eq!(service.ledger.work(10).await.unwrap().len(), 2);
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn without_rules_in_force_nothing_is_done_until_there_are_some() {
    let service = Service::start(Service::quick()).await;
    let reconcile = service.function("reconcile").await;
    hinted(&service).await;
    let said = reconciling_fails(&service, &reconcile).await;
    assert!(said.contains("no rules are in force: publish a rule document first"), "{said}");
    let sweep = service.function("sweep").await;
    let said = failure(&sweep, "{}").await;
    assert!(said.contains("no rules are in force: publish a rule document first"), "{said}");

    service.publish(RULES).await;
    reconciling_works(&service, &reconcile).await;
}

#[tokio::test]
async fn rules_whose_object_is_missing_are_said_to_be_and_work_once_it_is_back() {
    let service = Service::start(Service::quick()).await;
    let version = service.publish(RULES).await;
    let (bucket, key) = Service::bundle(&version);
    let s3 = service.moto.s3();
    let object = s3.get_object().bucket(bucket).key(&key).send().await.unwrap();
    let content = object.body.collect().await.unwrap().to_vec();
    s3.delete_object().bucket(bucket).key(&key).send().await.unwrap();
    let reconcile = service.function("reconcile").await;
    hinted(&service).await;

    let said = reconciling_fails(&service, &reconcile).await;
    assert!(said.contains(&format!("cannot fetch the rules `{version}` that are in force")), "{said}");
    assert!(said.contains("not found: GetObject"), "{said}");

    s3.put_object().bucket(bucket).key(&key).body(content.into()).send().await.unwrap();
    reconciling_works(&service, &reconcile).await;
}

#[tokio::test]
async fn rules_whose_object_was_changed_are_refused() {
    let service = Service::start(Service::quick()).await;
    let version = service.publish(RULES).await;
    let (bucket, key) = Service::bundle(&version);
    let forged = json!({ "files": { "usher.yaml": RULES.replace("Sandbox", "Security") } }).to_string();
    service
        .moto
        .s3()
        .put_object()
        .bucket(bucket)
        .key(&key)
        .body(forged.into_bytes().into())
        .send()
        .await
        .unwrap();
    let reconcile = service.function("reconcile").await;
    hinted(&service).await;
    let said = reconciling_fails(&service, &reconcile).await;
    assert!(said.contains("is another one"), "{said}");
}

#[tokio::test]
async fn without_credentials_it_says_what_to_do() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let mut envs = service.envs();
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        envs.insert(variable, String::new());
    }
    // There is no metadata service in Lambda, and none is to be looked for here.
    envs.insert("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    hinted(&service).await;
    let reconcile = service.function_with("reconcile", envs.clone()).await;
    let said = reconciling_fails(&service, &reconcile).await;
    assert!(said.contains("no AWS credentials were found: set AWS_PROFILE"), "{said}");
    for name in ["provision", "sweep"] {
        let function = service.function_with(name, envs.clone()).await;
        let said = failure(&function, "{}").await;
        assert!(said.contains("no AWS credentials were found: set AWS_PROFILE"), "{name}: {said}");
    }
}

#[tokio::test]
async fn without_an_instance_it_says_where_to_look() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let instances = std::mem::take(service.world().instances_mut());
    // Nor is one named.
    let reconcile = service.function("reconcile").await;
    hinted(&service).await;
    let said = reconciling_fails(&service, &reconcile).await;
    assert!(said.contains("no Identity Center instance was found: set AWS_REGION"), "{said}");

    *service.world().instances_mut() = instances;
    reconciling_works(&service, &reconcile).await;
}

#[tokio::test]
async fn an_instance_that_is_not_the_one_named_is_said_to_be_missing() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let mut envs = service.envs();
    envs.insert("USHER_INSTANCE_ARN", "arn:aws:sso:::instance/ssoins-0000000000000000".to_owned());
    let reconcile = service.function_with("reconcile", envs).await;
    hinted(&service).await;
    let said = reconciling_fails(&service, &reconcile).await;
    assert!(
        said.contains("cannot use the Identity Center instance") && said.contains("DescribeInstance"),
        "{said}"
    );
}

#[tokio::test]
async fn with_permission_sets_switched_off_it_says_how_to_switch_them_on() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    service.world().set_permission_sets_enabled(false);
    let reconcile = service.function("reconcile").await;
    hinted(&service).await;
    let said = reconciling_fails(&service, &reconcile).await;
    assert!(said.contains("permission sets are switched off in the instance"), "{said}");
    assert!(said.contains("enable multi-account permissions"), "{said}");

    service.world().set_permission_sets_enabled(true);
    reconciling_works(&service, &reconcile).await;
}

#[tokio::test]
async fn a_variable_that_is_missing_or_wrong_is_named_when_the_function_starts() {
    let service = Service::start(Service::quick()).await;
    let needs: [(&str, &[&str]); 9] = [
        ("audit", &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_REPORTS_BUCKET"]),
        ("on-account-event", &["USHER_LEDGER_TABLE", "USHER_INBOX_QUEUE_URL", "USHER_PARKED_QUEUE_URL"]),
        (
            "on-group-event",
            &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_INBOX_QUEUE_URL", "USHER_PARKED_QUEUE_URL"],
        ),
        (
            "on-permission-set-event",
            &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_INBOX_QUEUE_URL", "USHER_PARKED_QUEUE_URL"],
        ),
        (
            "reconcile",
            &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_WAKE_QUEUE_URL", "USHER_PARKED_QUEUE_URL"],
        ),
        (
            "provision",
            &[
                "USHER_LEDGER_TABLE",
                "USHER_RULES_BUCKET",
                "USHER_INBOX_QUEUE_URL",
                "USHER_WAKE_QUEUE_URL",
                "USHER_PARKED_QUEUE_URL",
            ],
        ),
        (
            "on-rules-change",
            &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_INBOX_QUEUE_URL", "USHER_PARKED_QUEUE_URL"],
        ),
        (
            "reprovision",
            &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_POLL_QUEUE_URL", "USHER_WAKE_QUEUE_URL"],
        ),
        (
            "sweep",
            &["USHER_LEDGER_TABLE", "USHER_RULES_BUCKET", "USHER_INBOX_QUEUE_URL", "USHER_WAKE_QUEUE_URL"],
        ),
    ];
    for (name, variables) in needs {
        for variable in variables {
            let mut envs = service.envs();
            envs.remove(variable);
            let function = service.function_with(name, envs.clone()).await;
            let said = init_failure(function).await;
            assert!(said.contains(&format!("`{variable}` is not set: it should be")), "{name}: {said}");

            envs.insert(variable, "no\nsense".to_owned());
            let function = service.function_with(name, envs).await;
            let said = init_failure(function).await;
            assert!(said.contains(&format!("`{variable}` is `no")), "{name}: {said}");
        }
    }
}

/// What Lambda is told of a function that could not start.
async fn init_failure(function: Lambda) -> String {
    match function.api.invoke("{}").await {
        Err(FunctionError::Init { message, .. }) => message,
        Err(FunctionError::Exited { how }) => how,
        other => panic!("{other:?}"),
    }
}
