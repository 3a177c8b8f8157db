//! An import of an organization in which many requests have ended: one that was made meanwhile is found among them, or it is said that it isn't known.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::json;
use shared::{engine::ExistingError, ports::Clock};
use simulator::{Assumptions, Settings, StatusOrder, wire::sso_admin as sso};

use super::{
    fleet::{calm, fleet},
    ports::Ports,
    service::{Service, Start},
};

/// A clock that says when the import began, whenever it is asked.
struct Began(Timestamp);

#[async_trait::async_trait]
impl Clock for Began {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A person assigns a permission set, as the console does.
async fn assign(service: &Service, account: usize, set: &str, group: &str) {
    let key = service.key(&format!("unit-{account:02}"), set, group);
    let input: sso::CreateAccountAssignment = serde_json::from_value(json!({
        "InstanceArn": "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6",
        "PermissionSetArn": key.permission_set,
        "PrincipalId": key.principal.id(),
        "PrincipalType": "GROUP",
        "TargetId": key.account,
        "TargetType": "AWS_ACCOUNT",
    }))
    .unwrap();
    service.person(|world, now, who| world.call(now, who, input)).await.unwrap();
    service.pass(Duration::from_secs(5)).await;
}

/// So many requests that have ended, an hour before the import begins, in no order that means anything.
async fn after(requests: usize) -> Service {
    let accounts = requests.div_ceil(6) + 1;
    let world = Settings {
        assumptions: Assumptions { status_order: StatusOrder::Unordered, ..Assumptions::default() },
        ..calm()
    };
    let organization = fleet(accounts, 2);
    let service = Service::start(Start { organization: &organization, world, ..Start::default() });
    for number in 0..requests {
        let (set, group) =
            (["Set0", "Set1"][number % 2], ["Developers", "Support", "Auditors"][number / 2 % 3]);
        assign(&service, number / 6, set, group).await;
    }
    service.pass(Duration::from_hours(1)).await;
    service
}

/// An import that began at this time: whether something may have changed since that it was not told.
async fn imported(service: &Service, began: Timestamp) -> Result<bool, ExistingError> {
    let ports = Ports { clock: Arc::new(Began(began)), ..service.ports.clone() };
    ports.planner().existing().await.map(|read| read.may_have_changed)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_made_meanwhile_is_found_among_many_that_ended_before() {
    let service = after(250).await;
    let began = service.clock.now();
    assert!(!imported(&service, began).await.unwrap());
    service.pass(Duration::from_secs(1)).await;
    assign(&service, 42, "Set0", "Developers").await;
    service.pass(Duration::from_mins(1)).await;
    let told = imported(&service, began).await;
    assert!(matches!(told, Err(ExistingError::Changed(_))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn where_more_requests_have_ended_than_are_looked_through_it_is_not_known_whether_one_was_made_meanwhile()
 {
    let service = after(1000).await;
    assert!(imported(&service, service.clock.now()).await.unwrap());
}
