//! The promises of [`Reports`].

use std::future::ready;

use shared::{
    aws::S3Reports,
    local::FolderReports,
    ports::{PortError, Reports},
};

use crate::lambda::moto::Moto;

/// A place for reports under test, and what it is in.
struct Opened {
    reports: Box<dyn Reports>,
    _place: Place,
}

#[expect(dead_code, reason = "they are held for their end")]
enum Place {
    Folder(tempfile::TempDir),
    Server(Box<Moto>),
}

/// Runs every promise over one adapter: `reports_contract!(name, expression)`, see the module above.
macro_rules! reports_contract {
    ($adapter:ident, $open:expr) => {
        reports_contract! { @each $adapter, $open,
            what_was_never_kept_is_none
            what_is_kept_comes_as_it_was
            a_report_is_never_written_over
            the_same_report_is_kept_twice
            a_pointer_is_replaced
            an_empty_object_is_there
            names_are_apart
        }
    };
    (@each $adapter:ident, $open:expr, $($promise:ident)*) => {
        mod $adapter {
            use super::*;

            $(
                #[tokio::test]
                async fn $promise() {
                    let opened: Option<Opened> = $open.await;
                    if let Some(opened) = opened {
                        super::$promise(opened.reports.as_ref()).await;
                    }
                }
            )*
        }
    };
}

fn in_a_folder() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let reports = FolderReports::new(&folder.path().join("reports of usher"));
    Opened { reports: Box::new(reports), _place: Place::Folder(folder) }
}

async fn in_s3() -> Option<Opened> {
    let moto = Moto::start().await;
    moto.bucket("example-usher-reports").await;
    let reports = S3Reports::new(moto.s3(), "example-usher-reports", "usher/");
    Some(Opened { reports: Box::new(reports), _place: Place::Server(Box::new(moto)) })
}

reports_contract!(local_folder, ready(Some(in_a_folder())));
reports_contract!(moto_s3, in_s3());

const NAME: &str = "reports/2026/11/02/2026-11-02T09-00-00Z.json";
const JSON: &str = "application/json";

async fn what_was_never_kept_is_none(reports: &dyn Reports) {
    assert_eq!(reports.fetch(NAME).await, Ok(None));
    assert_eq!(reports.fetch("latest.json").await, Ok(None));
}

async fn what_is_kept_comes_as_it_was(reports: &dyn Reports) {
    let content: Vec<u8> = (0..=u8::MAX).cycle().take(3 << 20).collect();
    reports.keep(NAME, JSON, &content).await.unwrap();
    assert!(reports.fetch(NAME).await == Ok(Some(content)), "three mebibytes of any bytes");
}

async fn a_report_is_never_written_over(reports: &dyn Reports) {
    reports.keep(NAME, JSON, b"one").await.unwrap();
    let other = reports.keep(NAME, JSON, b"two").await;
    assert!(matches!(other, Err(PortError::Refused(_))), "{other:?}");
    assert_eq!(reports.fetch(NAME).await, Ok(Some(b"one".to_vec())));
}

async fn the_same_report_is_kept_twice(reports: &dyn Reports) {
    for _ in 0..2 {
        reports.keep(NAME, JSON, b"one").await.unwrap();
    }
    assert_eq!(reports.fetch(NAME).await, Ok(Some(b"one".to_vec())));
}

async fn a_pointer_is_replaced(reports: &dyn Reports) {
    for content in [&b"a longer one"[..], b"2"] {
        reports.replace("latest.json", JSON, content).await.unwrap();
        assert_eq!(reports.fetch("latest.json").await, Ok(Some(content.to_vec())));
    }
}

async fn an_empty_object_is_there(reports: &dyn Reports) {
    reports.replace("draft.json", JSON, b"").await.unwrap();
    assert_eq!(reports.fetch("draft.json").await, Ok(Some(Vec::new())));
}

async fn names_are_apart(reports: &dyn Reports) {
    let others = [NAME.replace(".json", ".csv"), NAME.replace("00Z", "01Z"), "reports/x".to_owned()];
    reports.keep(NAME, JSON, b"one").await.unwrap();
    for other in &others {
        assert_eq!(reports.fetch(other).await, Ok(None));
        reports.keep(other, JSON, other.as_bytes()).await.unwrap();
    }
    for other in &others {
        assert_eq!(reports.fetch(other).await, Ok(Some(other.as_bytes().to_vec())));
    }
    assert_eq!(reports.fetch(NAME).await, Ok(Some(b"one".to_vec())));
}
