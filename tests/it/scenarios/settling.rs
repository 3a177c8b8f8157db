//! Claims whose calls got no answer.

use std::time::Duration;

use serde_json::json;
use shared::engine::EngineSettings;
use simulator::{Fault, FaultRule};

use super::{busy_engine::with_intents, fleet::calm, service::Service};

fn strikes(service: &Service, operation: &str, account: &str, calls: Option<u32>, fault: Fault) {
    let account = Some(service.account(account));
    let rule = FaultRule { operation: operation.to_owned(), service: None, fault, calls, account };
    service.world().faults.add(rule);
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_which_aws_refuses_to_tell_says_so_and_holds_up_no_other() {
    let engine = EngineSettings { run_for: Duration::from_mins(4), ..EngineSettings::default() };
    let service = with_intents(21, 1, calm(), engine).await;
    for account in ["unit-00", "unit-05"] {
        strikes(&service, "CreateAccountAssignment", account, Some(1), Fault::InternalError);
    }
    // As where a policy denies it by a tag of the permission set.
    strikes(&service, "ListAccountAssignments", "unit-00", None, Fault::AccessDenied);

    for _ in 0..2 {
        service.run_with(&service.ports, &json!({ "Records": [] })).await.unwrap();
        service.check().await;
        let rows = service.rows().await;
        let (ours, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.state.label() == "ours");
        assert_eq!((ours.len(), others.len()), (20, 1), "{others:?}");
        assert_eq!(others[0].state.label(), "sending");
        let trouble = others[0].trouble.clone().unwrap_or_default();
        assert!(trouble.contains("AccessDenied"), "{trouble}");
    }
    service.converged(&[]).await;
    assert_eq!(service.assignments().len(), 21);
}
