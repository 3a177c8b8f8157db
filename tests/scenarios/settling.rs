//! Claims whose calls got no answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::json;
use shared::{
    domain::{AssignmentKey, PermissionSetArn, ProvisioningTarget},
    engine::EngineSettings,
    ports::{AccessWriter, Clock, LedgerReader, PortError, Provisioning, Request},
};
use simulator::{Fault, FaultRule, Latency, Settings};

use super::{
    busy_engine::with_intents,
    fleet::calm,
    fuse::{Fuse, When, fused},
    ports::Ports,
    service::Service,
};

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

/// The first call is on its way for so long that the client gives it up, and arrives all the same.
struct Late {
    writer: Arc<dyn AccessWriter>,
    late: AtomicBool,
}

#[async_trait::async_trait]
impl AccessWriter for Late {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        if !self.late.swap(false, Ordering::Relaxed) {
            return self.writer.grant(key).await;
        }
        tokio::time::sleep(Duration::from_secs(19)).await;
        self.writer.grant(key).await.unwrap();
        Err(PortError::Failed("no answer in time".to_owned()))
    }

    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.writer.revoke(key).await
    }

    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        self.writer.provision(set, target).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_accepted_late_and_listed_later_is_not_made_twice() {
    let mut world = Settings { assignment_latency: Latency::Constant(Duration::from_mins(1)), ..calm() };
    world.assumptions.status_lag = Duration::from_secs(45);
    let service = with_intents(1, 1, world, EngineSettings::default()).await;
    let writer = Late { writer: Arc::clone(&service.ports.writer), late: AtomicBool::new(true) };
    let late = Ports { writer: Arc::new(writer), ..service.ports.clone() };
    service.run_with(&late, &json!({ "Records": [] })).await.unwrap();
    service.settle().await;
    assert_eq!(service.world().request_log().count(), 1);
    assert_eq!(service.state(&service.key("unit-00", "Set0", "Developers")).await, "ours");
    service.converged(&[]).await;
}

/// Who sees to it that each call is made soon after its claim.
struct Soon {
    writer: Arc<dyn AccessWriter>,
    ledger: Arc<dyn LedgerReader>,
    clock: Arc<dyn Clock>,
}

#[async_trait::async_trait]
impl AccessWriter for Soon {
    async fn grant(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        let row = self.ledger.row(key).await.unwrap().unwrap();
        let waited = self.clock.now().duration_since(row.claim().unwrap().at);
        assert!(waited <= SignedDuration::from_secs(10), "{waited} after the claim");
        self.writer.grant(key).await
    }

    async fn revoke(&self, key: &AssignmentKey) -> Result<Request, PortError> {
        self.writer.revoke(key).await
    }

    async fn provision(
        &self,
        set: &PermissionSetArn,
        target: &ProvisioningTarget,
    ) -> Result<Provisioning, PortError> {
        self.writer.provision(set, target).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_made_soon_after_its_claim_or_not_at_all() {
    let run = async |when| {
        let service = with_intents(3, 1, calm(), EngineSettings::default()).await;
        let ports = service.ports.clone();
        let soon = Soon { writer: ports.writer, ledger: service.ledger.clone(), clock: ports.clock.clone() };
        let fuse = Fuse::new(when);
        let ports = fused(&Ports { writer: Arc::new(soon), ..service.ports.clone() }, &fuse);
        service.run_with(&ports, &json!({ "Records": [] })).await.unwrap();
        service.settle().await;
        assert_eq!(service.assignments().len(), 3, "{when:?}");
        assert_eq!(service.world().request_log().count(), 3, "{when:?}");
        fuse.count()
    };
    let steps = run(When::Never).await;
    assert!(steps > 15, "only {steps} steps");
    for n in 0..steps {
        run(When::StallAfter(n, Duration::from_secs(12))).await;
    }
}

/// Lists hang, and every call takes as long as a client waits.
#[tokio::test(start_paused = true)]
async fn a_run_ends_in_its_reserve_whatever_hangs_when_time_is_up() {
    for run_for in [2, 5, 10, 19, 21, 30, 45, 70] {
        let run_for = Duration::from_secs(run_for);
        // A list before each grant.
        let engine = EngineSettings { run_for, look_age: Duration::ZERO, ..EngineSettings::default() };
        let world = Settings { assignment_latency: Latency::Constant(Duration::from_mins(2)), ..calm() };
        let service = with_intents(20, 1, world, engine).await;
        strikes(&service, "CreateAccountAssignment", "unit-00", Some(1), Fault::InternalError);
        for operation in [
            "CreateAccountAssignment",
            "DescribeAccountAssignmentCreationStatus",
            "ListAccountAssignments",
            "ListAccountAssignmentCreationStatus",
        ] {
            let slow = Fault::SlowAnswer(Duration::from_secs(20));
            service.world().fail_next(operation, slow, u32::MAX);
        }
        let began = service.clock.now();
        service.run_with(&service.ports, &json!({ "Records": [] })).await.unwrap();
        let took = service.clock.now().duration_since(began);
        let most = SignedDuration::try_from(run_for).unwrap() + provision::RESERVE;
        assert!(took <= most, "{took} instead of {run_for:?}");
        service.converged(&[]).await;
    }
}
