//! Reports in a bucket: the built function, over as many runs as it takes.

use serde_json::{Value, json};
use shared::audit::{Audit, Standing};

use super::service::{RULES, Service};

impl Service {
    /// The objects of the reports' bucket.
    async fn kept(&self) -> Vec<String> {
        let listed = self.moto.s3().list_objects_v2().bucket(Self::REPORTS).send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    async fn kept_json(&self, key: &str) -> Value {
        let object = self.moto.s3().get_object().bucket(Self::REPORTS).key(key).send().await.unwrap();
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
