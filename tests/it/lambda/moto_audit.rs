//! Reports in a bucket: the built function, over as many runs as it takes.

use serde_json::{Value, json};
use shared::{
    audit::{Audit, Standing},
    aws::S3Reports,
    ports::{PortError, Reports},
};

use super::service::{RULES, Service};

impl Service {
    /// The objects of the reports' bucket.
    async fn kept(&self) -> Vec<String> {
        let listed = self.moto.s3().list_objects_v2().bucket(Self::BUCKET).send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    async fn kept_json(&self, key: &str) -> Value {
        let object = self.moto.s3().get_object().bucket(Self::BUCKET).key(key).send().await.unwrap();
        serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap()
    }
}

#[tokio::test]
async fn a_report_is_kept_in_the_bucket_and_pointed_at() {
    let service = Service::start(Service::quick()).await;
    service.publish(RULES).await;
    let functions = service.functions().await;
    service.sweep(&functions).await;
    service.settle(&functions).await;
    let mut envs = service.envs();
    envs.insert("USHER_AUDIT_EVERY", "0s".to_owned());
    envs.insert("USHER_REPORTS_PREFIX", "usher/".to_owned());
    let audit = service.function_with("audit", envs).await;
    let ran = audit.api.invoke("{}").await.unwrap();
    assert_eq!(ran["run"], json!("written"), "{ran}; {}", audit.function.log().tail());
    let latest = service.kept_json("usher/latest.json").await;
    let name = latest["forms"]["json"].as_str().unwrap();
    assert_eq!(ran["report"], json!(name));
    let kept = service.kept().await;
    for form in ["json", "csv", "html"] {
        let key = format!("usher/{}", latest["forms"][form].as_str().unwrap());
        assert!(kept.contains(&key), "{key} is not in {kept:?}");
    }
    let report: Audit = serde_json::from_value(service.kept_json(&format!("usher/{name}")).await).unwrap();
    let present = report.assignments.iter().filter(|one| one.present).count();
    assert_eq!(present, service.world().assignments().len());
    assert!(report.assignments.iter().any(|one| one.standing == Standing::Ours));
    assert_eq!(report.unread, []);

    // The next one tells what has changed since.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let again = audit.api.invoke("{}").await.unwrap();
    assert_eq!(again["run"], json!("written"), "{again}");
    let latest = service.kept_json("usher/latest.json").await;
    let second = service.kept_json(&format!("usher/{}", latest["forms"]["json"].as_str().unwrap())).await;
    assert_eq!(second["taken"]["since"], json!(report.taken.began));
    assert_eq!(service.kept().await.iter().filter(|key| key.contains("/reports/")).count(), 6);
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn reports_in_s3_are_never_written_over_and_pointers_are() {
    let service = Service::start(Service::quick()).await;
    let reports = S3Reports::new(service.moto.s3(), Service::BUCKET, "usher/");
    assert_eq!(reports.fetch("latest.json").await, Ok(None));
    reports.keep("reports/x.json", "application/json", b"one").await.unwrap();
    reports.keep("reports/x.json", "application/json", b"one").await.unwrap();
    let other = reports.keep("reports/x.json", "application/json", b"two").await;
    assert!(matches!(other, Err(PortError::Refused(_))), "{other:?}");
    assert_eq!(reports.fetch("reports/x.json").await, Ok(Some(b"one".to_vec())));
    for content in [b"1", b"2"] {
        reports.replace("latest.json", "application/json", content).await.unwrap();
    }
    assert_eq!(reports.fetch("latest.json").await, Ok(Some(b"2".to_vec())));
}
