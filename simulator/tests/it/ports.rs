//! Usher's ports over the world: in process, and AWS's adapters with the real SDK over HTTP. What is asked by either is answered the same.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use shared::{
    aws::Connection,
    domain::{AccountState, CustomerManagedPolicy, Operation, PermissionsBoundary, Principal, Tags},
    permission_sets::{Change, Inline, NewSet},
    policy,
    ports::{
        AccessReader, AccessWriter, Clock, Directory, OrganizationReader, PermissionSetReader,
        PermissionSetWriter, PortError, RequestListing, RequestStatus,
    },
};
use simulator::{Caller, CallerKind, EXAMPLE, Fault, InProcess, Settings, World, http};

use crate::{
    served::served_to,
    support::{ManualClock, account, at, in_process, key, locked, person, small, start, unhurried, usher},
};

fn tiny_pages() -> Settings {
    Settings { page_size: 2, ..unhurried() }
}

/// Usher's ports, and what stands behind them.
struct Ports {
    organization: Box<dyn OrganizationReader>,
    directory: Box<dyn Directory>,
    access: Box<dyn AccessReader>,
    /// One that has not looked at anything yet.
    fresh: Box<dyn Fn() -> Box<dyn AccessReader>>,
    writer: Box<dyn AccessWriter>,
    sets: Box<dyn PermissionSetReader>,
    set_writer: Box<dyn PermissionSetWriter>,
    world: Arc<Mutex<World>>,
    clock: Arc<ManualClock>,
    /// How often a read is tried before its error is told.
    attempts: u32,
}

/// Runs a test with each of them, in such a world.
async fn both(world: impl Fn() -> World, test: impl AsyncFn(&Ports)) {
    let (ports, world_in_process, clock) = in_process(world());
    test(&Ports {
        organization: Box::new(ports.clone()),
        directory: Box::new(ports.clone()),
        access: Box::new(ports.clone()),
        writer: Box::new(ports.clone()),
        sets: Box::new(ports.clone()),
        set_writer: Box::new(ports.clone()),
        fresh: Box::new(move || Box::new(ports.clone())),
        world: world_in_process,
        clock,
        attempts: 1,
    })
    .await;

    let served = served_to(world(), http::Callers::default().with("AKIAUSHER", usher())).await;
    let connection = Connection::to_stand_in(&format!("http://{}", served.address), "AKIAUSHER");
    let store = locked(&served.world).instances_mut()[0].identity_store.clone();
    test(&Ports {
        organization: Box::new(connection.organizations()),
        directory: Box::new(connection.identity_store(store)),
        access: Box::new(connection.sso_admin(None)),
        writer: Box::new(connection.sso_admin(None)),
        sets: Box::new(connection.sso_admin(None)),
        set_writer: Box::new(connection.sso_admin(None)),
        fresh: Box::new(move || Box::new(connection.sso_admin(None))),
        world: served.world,
        clock: served.clock,
        attempts: 3,
    })
    .await;
}

#[tokio::test]
async fn every_port_reads_all_pages() {
    both(
        || World::from_yaml(EXAMPLE, tiny_pages()).unwrap(),
        async |ports| {
            assert_eq!(ports.organization.organization().await.unwrap().id, "o-exampleorg1");
            let accounts = ports.organization.accounts().await.unwrap();
            assert_eq!(accounts.len(), 40);
            assert!(accounts.is_sorted_by_key(|account| account.id.clone()));
            let regulated = accounts.iter().find(|account| account.name == "billing-prod").unwrap();
            let names = {
                let mut names = Vec::new();
                for ou in &regulated.parents {
                    names.push(ports.organization.ou_name(ou).await.unwrap().unwrap());
                }
                names
            };
            assert_eq!(names, ["Workloads", "Production", "Regulated"]);
            assert_eq!(ports.organization.account(&regulated.id).await.unwrap().as_ref(), Some(regulated));
            let tags = ports.organization.account_tags(&regulated.id).await.unwrap().unwrap();
            assert_eq!(
                tags.iter().collect::<Vec<_>>(),
                [
                    ("Compliance", "pci"),
                    ("CostCenter", "2700"),
                    ("Environment", "Production"),
                    ("Team", "billing")
                ]
            );
            assert_eq!(accounts.iter().filter(|account| account.state == AccountState::Closed).count(), 1);

            let sets = ports.access.permission_sets().await.unwrap();
            assert_eq!(sets.len(), 12);
            ports.clock.forward(Duration::from_secs(5));
            let set = ports.access.permission_set(&sets[0]).await.unwrap().unwrap();
            assert_eq!(set.tags.iter().count(), 2);

            let group = ports.directory.group_id("SecurityAuditors").await.unwrap().unwrap();
            assert_eq!(
                ports.directory.group_name(&group).await.unwrap().as_deref(),
                Some("SecurityAuditors")
            );
            assert_eq!(ports.directory.group_id("securityauditors").await.unwrap(), None);
            let held = ports.access.assignments_of(&Principal::Group(group.clone())).await.unwrap();
            assert_eq!(held.len(), 2);
            ports.clock.forward(Duration::from_secs(5));
            for key in held {
                assert_eq!(
                    ports.access.provisioned_in(&key.account).await.unwrap(),
                    std::slice::from_ref(&key.permission_set)
                );
                assert_eq!(
                    ports.access.principals(&key.account, &key.permission_set).await.unwrap(),
                    [Principal::Group(group.clone())]
                );
            }
            let user = ports.directory.user_id("alba.abelson@example.com").await.unwrap().unwrap();
            assert_eq!(
                ports.directory.user_name(&user).await.unwrap().as_deref(),
                Some("alba.abelson@example.com")
            );
            assert_eq!(locked(&ports.world).counters().throttles.len(), 0);
        },
    )
    .await;
}

#[tokio::test]
async fn proved_absent_is_none_and_everything_else_is_an_error() {
    both(
        || small(Settings::default()),
        async |ports| {
            assert_eq!(ports.organization.account(&account("999999999999")).await.unwrap(), None);
            assert_eq!(ports.organization.account_tags(&account("999999999999")).await.unwrap(), None);
            assert_eq!(ports.organization.ou_name(&"ou-ab12-00000000".parse().unwrap()).await.unwrap(), None);
            assert_eq!(ports.directory.user_id("nobody").await.unwrap(), None);
            assert_eq!(
                ports
                    .directory
                    .group_name(&"00000000-0000-4000-8000-000000000000".parse().unwrap())
                    .await
                    .unwrap(),
                None
            );
            let id = "00000000-0000-4000-8000-000000000000".parse().unwrap();
            assert_eq!(ports.access.request(Operation::Grant, &id).await.unwrap(), None);
            let set =
                "arn:aws:sso:::permissionSet/ssoins-7223a1b2c3d4e5f6/ps-0000000000000000".parse().unwrap();
            assert_eq!(ports.access.permission_set(&set).await.unwrap(), None);
            assert!(matches!(
                ports.access.principals(&account("222233334444"), &set).await,
                Err(PortError::NotFound(_))
            ));

            locked(&ports.world).instances_mut().clear();
            assert!(matches!(
                ports.directory.group_id("Developers").await,
                Err(PortError::Refused(_) | PortError::NotFound(_))
            ));
        },
    )
    .await;
}

#[tokio::test]
async fn a_fault_becomes_the_port_error_of_its_kind() {
    both(
        || small(Settings::default()),
        async |ports| {
            for (fault, expected) in [
                (Fault::Throttle, "throttled: "),
                (Fault::WindowFull, "too many requests under way: "),
                (Fault::Conflict, "in conflict with another write: "),
                (Fault::AccessDenied, "not allowed: "),
                (Fault::InternalError, "no usable answer: "),
                (Fault::LostAnswer, "no usable answer: "),
            ] {
                let key = key(&locked(&ports.world), "one-dev", "ReadOnlyAccess", "Developers");
                locked(&ports.world).fail_next("CreateAccountAssignment", fault, 1);
                let error = ports.writer.grant(&key).await.unwrap_err();
                assert!(error.to_string().starts_with(expected), "{error}");
            }
            locked(&ports.world).fail_next("GetGroupId", Fault::Throttle, ports.attempts);
            assert!(matches!(ports.directory.group_id("Developers").await, Err(PortError::Throttled(_))));
            assert!(ports.directory.group_id("Developers").await.unwrap().is_some());
            locked(&ports.world).fail_next("DescribeOrganization", Fault::Conflict, 1);
            assert!(matches!(ports.organization.organization().await, Err(PortError::Conflict(_))));
        },
    )
    .await;
}

#[tokio::test]
async fn no_several_and_switched_off_instances_are_refused_with_what_to_do() {
    both(
        || small(Settings::default()),
        async |ports| {
            assert_eq!((ports.fresh)().instance().await.unwrap().owner, account("111122223333"));

            locked(&ports.world).set_permission_sets_enabled(false);
            let error = (ports.fresh)().instance().await.unwrap_err();
            assert!(matches!(&error, PortError::Refused(text) if text.contains("switch")), "{error}");
            locked(&ports.world).set_permission_sets_enabled(true);

            let second = {
                let mut world = locked(&ports.world);
                let mut second = world.instances_mut()[0].clone();
                second.arn = "arn:aws:sso:::instance/ssoins-0000000000000000".parse().unwrap();
                second
            };
            locked(&ports.world).instances_mut().push(second);
            let error = (ports.fresh)().instance().await.unwrap_err();
            assert!(matches!(&error, PortError::Refused(text) if text.contains("several")), "{error}");

            locked(&ports.world).instances_mut().clear();
            let error = (ports.fresh)().instance().await.unwrap_err();
            assert!(matches!(&error, PortError::Refused(text) if text.contains("nstance")), "{error}");
        },
    )
    .await;
}

#[tokio::test]
async fn requests_are_followed_to_their_end() {
    both(
        || small(tiny_pages()),
        async |ports| {
            let keys: Vec<_> = ["one-dev", "two-dev", "play"]
                .map(|name| key(&locked(&ports.world), name, "ReadOnlyAccess", "Developers"))
                .to_vec();
            let mut ids = Vec::new();
            for key in &keys {
                let request = ports.writer.grant(key).await.unwrap();
                assert_eq!(
                    (request.status, request.key.as_ref(), request.created_at),
                    (RequestStatus::InProgress, Some(key), Some(start()))
                );
                ids.push(request.id);
            }
            assert_eq!(
                ports.access.requests(Operation::Grant, RequestListing::InProgress, 10).await.unwrap().len(),
                3
            );
            ports.clock.forward(Duration::from_secs(2));
            let listed =
                ports.access.requests(Operation::Grant, RequestListing::Succeeded, 10).await.unwrap();
            assert_eq!(
                listed.iter().map(|summary| &summary.id).rev().collect::<Vec<_>>(),
                ids.iter().collect::<Vec<_>>()
            );
            assert_eq!(
                ports.access.requests(Operation::Grant, RequestListing::Succeeded, 1).await.unwrap().len(),
                1
            );
            assert_eq!(
                ports.access.requests(Operation::Revoke, RequestListing::Succeeded, 10).await.unwrap(),
                []
            );

            let missing = key(&locked(&ports.world), "play", "PowerUserAccess", "Support");
            let request = ports.writer.revoke(&missing).await.unwrap();
            ports.clock.forward(Duration::from_secs(2));
            let request = ports.access.request(Operation::Revoke, &request.id).await.unwrap().unwrap();
            assert!(
                matches!(request.status, RequestStatus::Failed(reason) if reason.contains("EntitlementItem"))
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_round_trip_takes_half_its_time_on_each_way() {
    let (mut ports, world, clock) = in_process(small(Settings::default()));
    ports.round_trip = Duration::from_secs(10);
    ports.organization().await.unwrap();
    assert_eq!(clock.now(), at(10));
    assert_eq!(locked(&world).log()[0].at, at(5));
}

#[tokio::test]
async fn the_log_tells_callers_apart() {
    let (ports, world, clock) = in_process(small(Settings::default()));
    let other = InProcess::new(Arc::clone(&world), clock, person());
    ports.organization().await.unwrap();
    other.organization().await.unwrap();
    let member = Caller::new("app", account("333344445555"), CallerKind::Member);
    let outsider = InProcess { caller: member, ..other.clone() };
    assert!(matches!(outsider.accounts().await, Err(PortError::Denied(_))));
    let names: Vec<_> = locked(&world).log().iter().map(|entry| entry.caller.name.to_string()).collect();
    assert_eq!(names, ["usher", "console-admin", "app"]);
}

#[tokio::test]
async fn in_process_too_answers_come_late_or_never_by_a_fault() {
    let (ports, world, clock) = in_process(small(Settings::default()));
    locked(&world).fail_next("DescribeOrganization", Fault::SlowAnswer(Duration::from_secs(7)), 1);
    ports.organization().await.unwrap();
    assert_eq!(clock.now(), at(7));
    assert_eq!(locked(&world).log()[0].at, at(0));
    locked(&world).fail_next("DescribeOrganization", Fault::TimeOut, 1);
    assert!(matches!(ports.organization().await, Err(PortError::Failed(_))));
    assert_eq!(clock.now(), at(37), "nobody waits for ever");
    assert!(locked(&world).log()[1].answer_lost);
}

/// A permission set is made, gets and loses everything that it can have, and goes.
#[tokio::test]
async fn permission_sets_are_made_edited_read_and_deleted() {
    both(
        || World::from_yaml(EXAMPLE, tiny_pages()).unwrap(),
        async |ports| {
            let tags = |tags: &[(&str, &str)]| tags.iter().copied().collect::<Tags>();
            let new = NewSet {
                name: "Made".to_owned(),
                description: Some("Größe".to_owned()),
                session_duration: "PT2H".parse().unwrap(),
                relay_state: Some("https://console.aws.amazon.com/s3".to_owned()),
                tags: tags(&[("Team", "shop"), ("Empty", "")]),
            };
            let arn = ports.set_writer.create(&new).await.unwrap();
            ports.clock.forward(Duration::from_secs(5));
            let made = ports.sets.details(&arn).await.unwrap().unwrap();
            assert_eq!(
                (&made.name, &made.description, &made.relay_state),
                (&new.name, &new.description, &new.relay_state)
            );
            assert_eq!((made.session_duration, &made.tags), (Some(new.session_duration), &new.tags));
            assert!(made.inline.is_none() && made.boundary.is_none() && made.aws_managed.is_empty());
            assert!(matches!(ports.set_writer.create(&new).await, Err(PortError::Conflict(_))));

            let document = serde_json::from_str(
                r#"{ "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } }"#,
            );
            let inline = policy::read(&document.unwrap()).unwrap();
            let aws: [shared::domain::ManagedPolicyArn; 3] =
                ["A", "B", "C"].map(|name| format!("arn:aws:iam::aws:policy/{name}").parse().unwrap());
            let mine = |path: &str, name: &str| CustomerManagedPolicy {
                path: path.to_owned(),
                name: name.to_owned(),
            };
            let customer = [mine("/", "A"), mine("/teams/", "A"), mine("/", "B")];
            let change = async |change: Change| {
                ports.clock.forward(Duration::from_secs(5));
                ports
                    .set_writer
                    .change(&arn, &change)
                    .await
                    .unwrap_or_else(|error| panic!("{change:?}: {error}"));
            };
            for policy in &aws {
                change(Change::AttachAws(policy.clone())).await;
            }
            for policy in &customer {
                change(Change::AttachCustomer(policy.clone())).await;
            }
            change(Change::PutInline(inline.clone())).await;
            for boundary in [
                PermissionsBoundary::AwsManaged(aws[0].clone()),
                PermissionsBoundary::CustomerManaged(mine("/teams/", "Bound")),
            ] {
                change(Change::PutBoundary(boundary.clone())).await;
                assert_eq!(ports.sets.details(&arn).await.unwrap().unwrap().boundary, Some(boundary));
            }
            let (description, session_duration) = (Some("Other".to_owned()), "PT3H".parse().unwrap());
            change(Change::Update { description, session_duration, relay_state: new.relay_state.clone() })
                .await;
            change(Change::Tag(tags(&[("Team", "search"), ("More", "x")]))).await;
            change(Change::Untag(vec!["Empty".to_owned()])).await;
            let edited = ports.sets.details(&arn).await.unwrap().unwrap();
            assert_eq!(edited.aws_managed, aws.iter().cloned().collect());
            assert_eq!(edited.customer_managed, customer.iter().cloned().collect());
            assert!(edited.inline.as_ref().and_then(Inline::policy).unwrap().is_same(&inline));
            assert_eq!(
                (edited.description.as_deref(), edited.session_duration),
                (Some("Other"), Some(session_duration))
            );
            assert_eq!(edited.tags, tags(&[("Team", "search"), ("More", "x")]));

            change(Change::DetachAws(aws[1].clone())).await;
            change(Change::DetachCustomer(customer[1].clone())).await;
            change(Change::DeleteInline).await;
            change(Change::DeleteBoundary).await;
            let bare = ports.sets.details(&arn).await.unwrap().unwrap();
            assert_eq!((bare.aws_managed.len(), bare.customer_managed.len()), (2, 2));
            assert!(bare.inline.is_none() && bare.boundary.is_none());
            ports.clock.forward(Duration::from_secs(5));
            let twice = ports.set_writer.change(&arn, &Change::AttachAws(aws[0].clone())).await;
            assert!(matches!(twice, Err(PortError::Conflict(_))), "{twice:?}");

            change(Change::Delete).await;
            ports.clock.forward(Duration::from_secs(5));
            assert_eq!(ports.sets.details(&arn).await, Ok(None));
            let gone = ports.set_writer.change(&arn, &Change::Delete).await;
            assert!(matches!(gone, Err(PortError::NotFound(_))), "{gone:?}");
        },
    )
    .await;
}
