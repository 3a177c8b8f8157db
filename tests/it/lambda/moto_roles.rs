//! What functions do seldom, done: with the other tests here it has each of them ask for all that its role holds (`infra::roles`), in the management
//! account and in a delegated administrator's.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::{aws::S3Witness, clock::SystemClock, domain::UserId, engine::Epochs, ports::Clock as _};
use simulator::{
    Caller, CallerKind, EXAMPLE, Operation,
    wire::{identity_store as store, sso_admin as sso},
};

use super::service::{Functions, Lambda, Service};

const READS: &str = "arn:aws:iam::111122223333:role/usher-management-reads";
const WRITES: &str = "arn:aws:iam::111122223333:role/usher-management-writes";

/// A role for all functions in a delegated administrator's account, and two in the management account that trust it.
const CALLERS: &str = r#"
delegated_administrators: [shared-services]
callers:
  - { access_key: AKIADELEGATEDUSHER, role: usher, account: shared-services }
  - access_key: AKIAREADS
    role: usher-management-reads
    trust:
      Version: "2012-10-17"
      Statement: [{ Effect: Allow, Principal: { AWS: "arn:aws:iam::200005050505:role/usher" }, Action: sts:AssumeRole }]
  - access_key: AKIAWRITES
    role: usher-management-writes
    trust:
      Version: "2012-10-17"
      Statement: [{ Effect: Allow, Principal: { AWS: "arn:aws:iam::200005050505:role/usher" }, Action: sts:AssumeRole }]
"#;

/// Rules with what is read seldom: members, tags of permission sets, names made from tags, waves by tags, a declared permission set.
fn rules(declared: &str, from: &str, ids: [&str; 2]) -> String {
    let [group, user] = ids;
    format!(
        r#"
version: 1
settings:
  mode: sync
  guardrails: {{ max_deletes: 500 }}
  trusted_account_tags: [Team]
  trusted_permission_set_tags: [OU]
reprovision:
  quiet: 1s
  waves: [{{ accounts: {{ tagged: {{ Team: storefront }} }} }}, {{ accounts: {{ in_ou: Sandbox }} }}]
permission_sets:
{declared}
rules:
  - id: members
    principals: [{{ members_of: Support }}]
    permission_sets: [ReadOnlyAccess]
    accounts: {{ named: sandbox-data }}
  - id: fitting
    principals: [{{ group: SecurityAuditors }}, {{ user_name: dina.abelson@example.com }}]
    permission_sets: {{ tagged: {{ OU: Production }} }}
    accounts: {{ named: log-archive }}
  - id: teams
    principals: [{{ group: "{{account_tag.Team}}-developers" }}]
    permission_sets: [EC2-S3-FullAccess]
    accounts: {{ named: payments-dev, tagged: {{ Team: {{ present: true }} }} }}
  - id: later
    from: {from}
    principals: [{{ group: Developers }}]
    permission_sets: [ReadOnlyAccess]
    accounts: {{ in_ou: Infrastructure }}
  - id: by-ids
    principals: [{{ group_id: {group} }}, {{ user_id: {user} }}]
    permission_sets: [ReadOnlyAccess]
    accounts: {{ named: dns }}
  - id: the-management-account
    principals: [{{ group: SecurityAuditors }}]
    permission_sets: [Billing]
    accounts: {{ id: ["111122223333"] }}
"#
    )
}

const FIRST: &str = r#"
  - name: Tinkerers
    session_duration: PT2H
    aws_managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]
    customer_managed_policies: [{ name: LeaveLogsAlone }]
    inline_policy: { Version: "2012-10-17", Statement: { Effect: Allow, Action: "s3:*", Resource: "*" } }
    permissions_boundary: { customer_managed_policy: Boundary }
    tags: { Team: lab }
"#;

/// The same without what can be taken away, and with something new.
const SECOND: &str = "
  - name: Tinkerers
    session_duration: PT4H
    aws_managed_policies: [arn:aws:iam::aws:policy/job-function/ViewOnlyAccess]
    tags: { Level: Low }
";

const LAST: &str = "
  - { name: Tinkerers, delete: true }
";

const GIVES_IT: &str = "  - id: tinkerers
    principals: [{ group: Support }]
    permission_sets: [Tinkerers]
    accounts: { named: [sandbox-data, storefront-dev] }
";

struct Everyone {
    functions: Functions,
    groups: Lambda,
    sets: Lambda,
    rules: Lambda,
    poll: Lambda,
    tick: Lambda,
    reprovision: Lambda,
    audit: Lambda,
}

async fn function(service: &Service, name: &str, delegated: bool) -> Lambda {
    let mut envs = service.envs();
    envs.insert("USHER_MANAGEMENT_ACCOUNT", "direct".to_owned());
    envs.insert("USHER_AUDIT_EVERY", "0s".to_owned());
    envs.insert("USHER_COMMAND_RATE", "20".to_owned());
    envs.insert("USHER_ORPHAN_GRACE", "0s".to_owned());
    envs.insert("USHER_PATIENCE", "2s".to_owned());
    envs.insert("USHER_MAX_RECEIVES", "1".to_owned());
    if delegated {
        let writes = ["provision", "poll-provisioning", "reprovision"].contains(&name);
        envs.insert("AWS_ACCESS_KEY_ID", "AKIADELEGATEDUSHER".to_owned());
        envs.insert("USHER_MANAGEMENT_ROLE_ARN", if writes { WRITES } else { READS }.to_owned());
    }
    service.function_with(name, envs).await
}

impl Everyone {
    async fn start(service: &Service, delegated: bool) -> Self {
        let named = async |name: &str| function(service, name, delegated).await;
        Self {
            functions: Functions {
                on_account_event: named("on-account-event").await,
                reconcile: named("reconcile").await,
                provision: named("provision").await,
                sweep: named("sweep").await,
            },
            groups: named("on-group-event").await,
            sets: named("on-permission-set-event").await,
            rules: named("on-rules-change").await,
            poll: named("poll-provisioning").await,
            tick: named("tick").await,
            reprovision: named("reprovision").await,
            audit: named("audit").await,
        }
    }

    /// Delivers events to the functions that they are for until all of these have come, and decides what they lead to.
    async fn hear(&self, service: &Service, names: &[&str]) {
        let mut wanted: BTreeSet<&str> = names.iter().copied().collect();
        for _ in 0..150 {
            for event in service.events() {
                let listener = match event["source"].as_str().unwrap() {
                    "aws.sso" => &self.sets,
                    "aws.organizations" | "aws.tag" => &self.functions.on_account_event,
                    _of_the_directory => &self.groups,
                };
                listener.api.invoke(event.to_string()).await.unwrap();
                wanted.remove(event["detail"]["eventName"].as_str().unwrap_or_default());
            }
            if wanted.is_empty() {
                return self.settle(service).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("never heard of: {wanted:?}");
    }

    /// Decides and sends what there is, without the events that it leads to.
    async fn settle(&self, service: &Service) {
        let Functions { reconcile, provision, .. } = &self.functions;
        let mut quiet = false;
        while !quiet {
            quiet = true;
            while let Some(delivery) = service.deliver(&service.inbox, reconcile).await {
                assert_eq!(delivery.failed, [""; 0], "{}", reconcile.function.log().tail());
                quiet = false;
            }
            while let Some(delivery) = service.deliver(&service.wake, provision).await {
                delivery.answer.unwrap();
                quiet = false;
            }
        }
    }

    async fn upload(&self, service: &Service, rules: &str) {
        let answer = service.upload(&self.rules, "incoming/rules.yaml", rules).await;
        let told = service.object("incoming/rules.yaml.result.txt").await;
        assert_eq!(answer, Ok(json!({ "answered": "in_force" })), "{told}");
    }

    /// A run of reprovision, and what it sends meanwhile is looked after.
    async fn reprovision(&self, service: &Service) -> Value {
        let follow = async {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                while service.deliver(&service.polls, &self.poll).await.is_some() {}
            }
        };
        tokio::select! {
            ran = self.reprovision.api.invoke("{}") => ran.unwrap(),
            () = follow => unreachable!(),
        }
    }

    /// Runs of it until together they say so: what was made, edited and deleted, and how many campaigns have ended.
    async fn reprovision_until(&self, service: &Service, what: &str, wanted: [u64; 4]) {
        let mut so_far = [0; 4];
        for _ in 0..15 {
            let ran = self.reprovision(service).await;
            let of = |member: &str| ran["permission_sets"][member].as_u64().unwrap_or_default();
            let counts = [of("made"), of("edited"), of("deleted"), ran["ended"].as_u64().unwrap_or_default()];
            for (sum, count) in so_far.iter_mut().zip(counts) {
                *sum += count;
            }
            if so_far.iter().zip(wanted).all(|(sum, wanted)| *sum >= wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("never {what}: {so_far:?}; {}", self.reprovision.function.log().tail());
    }
}

/// A person's call in the management account.
fn by_hand<O: Operation>(service: &Service, input: Value) -> O::Output {
    let mut world = service.world();
    let management = world.management_account().clone();
    let person = Caller::new("person", management, CallerKind::Management);
    let input: O = serde_json::from_value(input).unwrap();
    world.call(SystemClock.now(), &person, input).unwrap()
}

/// Somebody joins a group and somebody leaves it; users and groups are renamed and deleted; an OU is renamed.
async fn people_change(service: &Service, everyone: &Everyone) {
    let id = service.world().identity_store();
    let (support, newcomer, renamed, gone) = {
        let world = service.world();
        let user = |name: &str| world.user_named(name).unwrap();
        let [newcomer, renamed, gone] =
            ["alba.abelson@example.com", "dina.abelson@example.com", "dina.farrowen@example.com"].map(user);
        (world.group_named("Support").unwrap(), newcomer, renamed, gone)
    };
    let joins =
        |user: &UserId| json!({ "IdentityStoreId": id, "GroupId": support, "MemberId": { "UserId": user } });
    let made = by_hand::<store::CreateGroupMembership>(service, joins(&newcomer));
    by_hand::<store::CreateGroupMembership>(service, joins(&gone));
    everyone.hear(service, &["CreateGroupMembership"]).await;
    let membership = json!({ "IdentityStoreId": id, "MembershipId": made.membership_id });
    by_hand::<store::DeleteGroupMembership>(service, membership);
    let to = json!([{ "AttributePath": "userName", "AttributeValue": "dina@example.com" }]);
    by_hand::<store::UpdateUser>(
        service,
        json!({ "IdentityStoreId": id, "UserId": renamed, "Operations": to }),
    );
    by_hand::<store::DeleteUser>(service, json!({ "IdentityStoreId": id, "UserId": gone }));
    everyone.hear(service, &["DeleteGroupMembership", "UpdateUser", "DeleteUser"]).await;
    let teams = service.world().group_named("payments-developers").unwrap();
    let to = json!([{ "AttributePath": "displayName", "AttributeValue": "search-developers-2" }]);
    by_hand::<store::UpdateGroup>(
        service,
        json!({ "IdentityStoreId": id, "GroupId": teams, "Operations": to }),
    );
    {
        let mut world = service.world();
        let management = world.management_account().clone();
        let person = Caller::new("person", management, CallerKind::Management);
        let ou = world.ou_at("Infrastructure/Pipelines").unwrap();
        world.rename_ou(SystemClock.now(), &person, &ou, "Conveyors").unwrap();
    }
    everyone.hear(service, &["UpdateGroup", "UpdateOrganizationalUnit"]).await;
    let rows = service.rows().await;
    let of = |user: &UserId| {
        let of = rows.iter().filter(|row| row.key.principal.id() == user.as_str());
        of.map(|row| row.state.label()).collect::<Vec<_>>()
    };
    assert_eq!(of(&newcomer), ["closed"], "who left the group again");
}

/// Somebody is taken out of the group Support.
fn leaves_unheard(service: &Service, user: &str) {
    let id = service.world().identity_store();
    let (group, user) = {
        let world = service.world();
        (world.group_named("Support").unwrap(), world.user_named(user).unwrap())
    };
    let member = json!({ "IdentityStoreId": id, "GroupId": group, "MemberId": { "UserId": user } });
    let found = by_hand::<store::GetGroupMembershipId>(service, member);
    let membership = json!({ "IdentityStoreId": id, "MembershipId": found.membership_id });
    by_hand::<store::DeleteGroupMembership>(service, membership);
}

/// Somebody tags a permission set, assigns it by hand, and takes its tag away.
async fn sets_change(service: &Service, everyone: &Everyone) {
    let (instance, set, account, group) = {
        let mut world = service.world();
        let instance = world.instances_mut()[0].arn.clone();
        let set = world.permission_set_named("DatabaseAdministrator").unwrap();
        (instance, set, world.account_named("backup").unwrap(), world.group_named("Developers").unwrap())
    };
    let tags = json!([{ "Key": "OU", "Value": "Production" }]);
    by_hand::<sso::TagResource>(
        service,
        json!({ "InstanceArn": instance, "ResourceArn": set, "Tags": tags }),
    );
    let assigned = json!({
        "InstanceArn": instance, "TargetId": account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": set, "PrincipalType": "GROUP",
        "PrincipalId": group,
    });
    by_hand::<sso::CreateAccountAssignment>(service, assigned);
    everyone.hear(service, &["TagResource", "CreateAccountAssignment"]).await;
    by_hand::<sso::UntagResource>(
        service,
        json!({ "InstanceArn": instance, "ResourceArn": set, "TagKeys": ["OU"] }),
    );
    everyone.hear(service, &["UntagResource"]).await;
    // However lately its tags were read: its event has them read anew. (Where the rules declare a permission set that may take its place, it would stay
    // for a quarter of an hour: `permission_set_awaited`.)
    let rows = service.rows().await;
    let of_it = rows.iter().filter(|row| row.key.permission_set == set).map(|row| row.state.label());
    let of_it: Vec<_> = of_it.collect();
    assert!(matches!(of_it[..], ["closing" | "closed"]), "what its tag has given: {of_it:?}");
}

/// The ledger is found by each of the functions that look for it not to be the one that was used last; a person says that it is.
async fn the_ledger_is_taken_for_another(service: &Service, everyone: &Everyone) {
    let witness = S3Witness::new(service.moto.s3(), Service::BUCKET, "");
    let epochs = Epochs { ledger: &service.ledger, witness: &witness, clock: &SystemClock };
    for (name, function) in [
        ("provision", &everyone.functions.provision),
        ("tick", &everyone.tick),
        ("reprovision", &everyone.reprovision),
    ] {
        let mut told: Value = serde_json::from_str(&service.object("ledger-epoch.json").await).unwrap();
        let number = told["epoch"]["number"].as_u64().unwrap();
        told["epoch"]["number"] = json!(number + 100);
        let object = service.moto.s3().put_object().bucket(Service::BUCKET).key("ledger-epoch.json");
        object.body(told.to_string().into_bytes().into()).send().await.unwrap();
        let _frozen = function.api.invoke("{}").await;
        assert!(epochs.confirm().await.unwrap().is_some(), "{name} has frozen nothing: {told}");
    }
}

/// A service with these rules in force, by an upload, and what they want decided.
async fn begun(service: &Service, delegated: bool, from: &str) -> Everyone {
    let everyone = Everyone::start(service, delegated).await;
    everyone.upload(service, &with_ids(service, FIRST, from, GIVES_IT)).await;
    everyone.functions.sweep.api.invoke("{}").await.unwrap();
    everyone.settle(service).await;
    everyone
}

const NEVER: &str = "2099-01-01T00:00:00Z";

fn with_ids(service: &Service, declared: &str, from: &str, more: &str) -> String {
    let world = service.world();
    let group = world.group_named("SecurityAuditors").unwrap();
    let user = world.user_named("alba.birkholt@example.com").unwrap();
    format!("{}{more}", rules(declared, from, [group.as_str(), user.as_str()]))
}

#[tokio::test]
async fn what_changes_in_identity_center_is_heard_or_noticed() {
    let service = Service::start(Service::quick()).await;
    // A turn is handled five seconds after its instant, for the sake of clocks that are behind: a tick at the instant itself finds none. This one was
    // before the first tick, and not too long before.
    let from = SystemClock.now() - SignedDuration::from_hours(1);
    let everyone = begun(&service, false, &from.to_string()).await;
    people_change(&service, &everyone).await;
    sets_change(&service, &everyone).await;
    // Two leave a group, and no event tells of it: one is noticed by a look at an account, the other by the sweep.
    let [first, second] = ["carla.dellamere@example.com", "dario.eskerby@example.com"];
    leaves_unheard(&service, first);
    let account = service.world().account_named("sandbox-data").unwrap();
    service.hint(&account, "members").await;
    everyone.settle(&service).await;
    leaves_unheard(&service, second);
    everyone.functions.sweep.api.invoke("{}").await.unwrap();
    everyone.settle(&service).await;
    let ticked = everyone.tick.api.invoke("{}").await.unwrap();
    assert!(ticked["told"].as_u64() > Some(3), "{ticked}");
    assert!(ticked["turns"] == 1 && ticked["hinted"].as_u64() > Some(3), "{ticked}");
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn declared_sets_are_made_edited_everywhere_and_deleted() {
    let service = Service::start(Service::quick()).await;
    let everyone = begun(&service, false, NEVER).await;
    everyone.reprovision_until(&service, "made", [1, 0, 0, 0]).await;
    everyone.hear(&service, &["CreatePermissionSet"]).await;

    everyone.upload(&service, &with_ids(&service, SECOND, NEVER, GIVES_IT)).await;
    everyone.reprovision_until(&service, "edited, and in its accounts", [0, 1, 0, 1]).await;

    // It is given to nobody any more.
    everyone.upload(&service, &with_ids(&service, LAST, NEVER, "")).await;
    everyone.settle(&service).await;
    everyone.reprovision_until(&service, "deleted", [0, 0, 1, 0]).await;
    everyone.hear(&service, &["DeletePermissionSet"]).await;
    service.assert_the_logs_are_discreet_json();
}

#[tokio::test]
async fn a_ledger_that_is_taken_for_another_is_frozen_by_whoever_looks() {
    let service = Service::start(Service::quick()).await;
    service.publish(&with_ids(&service, FIRST, NEVER, GIVES_IT)).await;
    let everyone = Everyone::start(&service, false).await;
    everyone.tick.api.invoke("{}").await.unwrap();
    the_ledger_is_taken_for_another(&service, &everyone).await;
}

#[tokio::test]
async fn a_delegated_administrator_reads_by_its_role_whatever_the_function() {
    let mut service = Service::start_in(&format!("{EXAMPLE}{CALLERS}"), Service::quick()).await;
    "200005050505".clone_into(&mut service.account);
    let everyone = begun(&service, true, NEVER).await;
    let audited = everyone.audit.api.invoke("{}").await.unwrap();
    assert_eq!(audited["run"], "written", "{audited}; {}", everyone.audit.function.log().tail());
    service.assert_the_logs_are_discreet_json();
}
