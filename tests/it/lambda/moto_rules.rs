//! Rules that are uploaded to the bucket: the built function, S3's event, and what is left beside the object.

use serde_json::{Value, json};
use shared::ports::LedgerReader as _;

use super::{
    runtime_api::FunctionError,
    service::{Lambda, RULES, Service},
};

/// S3's event of an object, in our own words.
fn event(bucket: &str, key: &str) -> String {
    json!({
        "version": "0", "id": "b1d0c0de-0000-4000-8000-000000000001", "detail-type": "Object Created",
        "source": "aws.s3", "account": "111122223333", "time": "2026-11-21T12:00:00Z", "region": "us-east-1",
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": { "bucket": { "name": bucket }, "object": { "key": key }, "reason": "PutObject" },
    })
    .to_string()
}

impl Service {
    /// An author uploads an object, and S3 tells of it.
    pub(super) async fn upload(
        &self,
        function: &Lambda,
        key: &str,
        content: &str,
    ) -> Result<Value, FunctionError> {
        let object = self.moto.s3().put_object().bucket(Service::BUCKET).key(key);
        object.body(content.as_bytes().to_vec().into()).send().await.unwrap();
        function.api.invoke(event(Service::BUCKET, key)).await
    }

    /// The text of an object.
    pub(super) async fn object(&self, key: &str) -> String {
        let object = self.moto.s3().get_object().bucket(Service::BUCKET).key(key).send().await.unwrap();
        String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap()
    }
}

#[tokio::test]
async fn uploaded_rules_come_into_force_and_lead_to_their_assignments() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-rules-change").await;
    let answer = service.upload(&function, "incoming/rules.yaml", RULES).await;
    assert_eq!(answer, Ok(json!({ "answered": "in_force" })), "{}", function.function.log().tail());

    let rules = service.ledger.rules_in_force().await.unwrap().unwrap();
    let (_, kept) = Service::bundle(&rules.version);
    assert!(service.object(&kept).await.contains("developers-in-sandboxes"));
    let told = service.object("incoming/rules.yaml.result.txt").await;
    assert!(told.starts_with("incoming/rules.yaml: in force\n"), "{told}");
    let told: Value = serde_json::from_str(&service.object("incoming/rules.yaml.result.json").await).unwrap();
    assert_eq!((&told["became"], &told["version"]), (&json!("in_force"), &json!(rules.version)));
    assert!(told["forecast"]["grants"].as_u64().unwrap() > 0, "{told}");

    let functions = service.functions().await;
    service.settle(&functions).await;
    let granted = service.truth().0.len();
    assert_eq!(granted, usize::try_from(told["forecast"]["grants"].as_u64().unwrap()).unwrap());

    // The same event again changes nothing and is answered as before, and what is left beside the object is no upload.
    let again = function.api.invoke(event(Service::BUCKET, "incoming/rules.yaml")).await;
    assert_eq!(again, Ok(json!({ "answered": "in_force" })));
    let answer =
        function.api.invoke(event(Service::BUCKET, "incoming/rules.yaml.result.json")).await.unwrap();
    assert!(answer["ignored"].is_string(), "{answer}");
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn what_is_no_bundle_is_refused_and_what_is_elsewhere_or_gone_is_ignored() {
    let service = Service::start(Service::quick()).await;
    let version = service.publish(RULES).await;
    let function = service.function("on-rules-change").await;
    let wrong = RULES.replace("principals", "principles");
    let huge = "x".repeat(30 * 1024 * 1024);
    for (key, content, why) in [
        ("incoming/a.json", "[\"alba.abelson@example.com\"]", "it is not a bundle"),
        ("incoming/b.yaml", wrong.as_str(), "principles"),
        ("incoming/c.json", huge.as_str(), "31457280 bytes; a bundle has at most"),
        ("incoming/d.zip", "PK", "the name must end in"),
    ] {
        let answer = service.upload(&function, key, content).await;
        assert_eq!(answer, Ok(json!({ "answered": "refused" })), "{key}");
        let told = service.object(&format!("{key}.result.txt")).await;
        assert!(told.contains("REFUSED") && told.contains(why), "{told}");
    }
    for (bucket, key) in [
        ("somebody-elses", "incoming/b.yaml"),
        (Service::BUCKET, "incoming/gone.yaml"),
        (Service::BUCKET, "rules/b.json"),
    ] {
        let answer = function.api.invoke(event(bucket, key)).await.unwrap();
        assert!(answer["ignored"].is_string(), "{key}: {answer}");
    }
    let answer = function.api.invoke(json!({ "source": "aws.s3" }).to_string()).await.unwrap();
    assert!(answer["parked"].is_string(), "{answer}");
    assert_eq!(service.parked().await.len(), 1);
    assert_eq!(service.ledger.rules_in_force().await.unwrap().unwrap().version, version);
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn where_the_plan_cannot_be_made_nothing_comes_into_force_and_the_event_comes_again() {
    let service = Service::start(Service::quick()).await;
    let function = service.function("on-rules-change").await;
    let (operation, fault) = ("ListAccounts".to_owned(), simulator::Fault::AccessDenied);
    service.world().faults.add(simulator::FaultRule {
        operation,
        service: None,
        fault,
        calls: None,
        account: None,
    });
    let answer = service.upload(&function, "incoming/rules.yaml", RULES).await;
    assert!(
        matches!(&answer, Err(FunctionError::Reported { message, .. }) if message.contains("cannot plan")),
        "{answer:?}"
    );
    let told = service.object("incoming/rules.yaml.result.txt").await;
    assert!(told.contains("NOT in force yet: it is tried again"), "{told}");
    assert_eq!(service.ledger.rules_in_force().await.unwrap(), None);

    service.world().faults.clear_all();
    let again = function.api.invoke(event(Service::BUCKET, "incoming/rules.yaml")).await;
    assert_eq!(again, Ok(json!({ "answered": "in_force" })));
}
