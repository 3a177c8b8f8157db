//! Roles that are assumed: who may, what the credentials are good for, and what Usher does by them from a delegated administrator's account.

use serde_json::Value;
use shared::{
    aws::Connection,
    domain::{AssignmentKey, Operation, RoleArn},
    ports::{AccessReader as _, AccessWriter as _, OrganizationReader as _, PortError},
};
use simulator::{Settings, World, http};

use crate::{
    served::{Served, served_to},
    support::{INSTANCE, SMALL, at, key, locked},
};

const READS: &str = "arn:aws:iam::111122223333:role/usher-management-reads";
const WRITES: &str = "arn:aws:iam::111122223333:role/usher-management-writes";

const CALLERS: &str = r#"
delegated_administrators: [one-dev]
unknown_access_keys: refused
callers:
  - { access_key: AKIASWEEP, role: usher-sweep, account: one-dev }
  - { access_key: AKIAPROVISION, role: usher-provision, account: one-dev }
  - access_key: AKIAHELD
    role: usher-held
    account: one-dev
    policies: [{ Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "sso:*", Resource: "*" }] }]
  - { access_key: AKIAOTHER, role: usher-sweep, account: two-dev }
  - { access_key: AKIACLOSED, role: usher-sweep, account: management }
  - access_key: AKIAREADS
    role: usher-management-reads
    policies:
      - Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: ["sso:ListAccountAssignmentsForPrincipal", "tag:GetResources"], Resource: "*" }
    trust:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: { AWS: "arn:aws:iam::222233334444:root" }
          Action: sts:AssumeRole
          Condition:
            StringEquals: { aws:PrincipalOrgID: o-exampleorg1, aws:PrincipalAccount: "222233334444" }
            ArnEquals:
              aws:PrincipalArn: ["arn:aws:iam::222233334444:role/usher-sweep", "arn:aws:iam::222233334444:role/usher-held"]
  - access_key: AKIAWRITES
    role: usher-management-writes
    policies:
      - Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: ["sso:CreateAccountAssignment", "sso:DescribeAccountAssignmentCreationStatus"]
            Resource: ["arn:aws:sso:::instance/*", "arn:aws:sso:::permissionSet/*/*", "arn:aws:sso:::account/111122223333"]
          - { Effect: Allow, Action: "iam:*", Resource: "*" }
    trust:
      Version: "2012-10-17"
      Statement:
        - { Effect: Allow, Principal: { AWS: "arn:aws:iam::222233334444:role/usher-provision" }, Action: sts:AssumeRole }
"#;

async fn served() -> Served {
    let world = World::from_yaml(&format!("{SMALL}{CALLERS}"), Settings::default()).unwrap();
    served_to(world, http::Callers::default()).await
}

impl Served {
    /// A connection of the function that signs with this key, with this role in the management account.
    fn function(&self, key: &str, role: Option<&str>) -> Connection {
        let role = role.map(|role| role.parse().unwrap());
        Connection::to_stand_in(&format!("http://{}", self.address), key)
            .with_management_role(role, "usher-function")
    }

    async fn can_assume(&self, key: &str, role: &str) -> Result<(), PortError> {
        let role: RoleArn = role.parse().unwrap();
        self.function(key, None).can_assume(&role, "usher-doctor").await
    }

    fn in_management(&self) -> AssignmentKey {
        key(&locked(&self.world), "management", "ReadOnlyAccess", "Developers")
    }

    /// One call of STS, as it is.
    async fn sts(&self, key: &str, more: &str, body: &str) -> String {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             x-amz-date: 20261121T120000Z\r\n{more}authorization: AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/sts/aws4_request, \
             SignedHeaders=host, Signature={}\r\ncontent-length: {}\r\n\r\n{body}",
            "0".repeat(64),
            body.len()
        );
        self.exchange(head.as_bytes()).await
    }
}

#[tokio::test]
async fn a_delegated_administrator_without_a_role_may_do_none_of_it() {
    let served = served().await;
    let connection = served.function("AKIASWEEP", None);
    let access = connection.sso_admin(Some(INSTANCE.parse().unwrap()));
    let there = served.in_management();
    assert_eq!(connection.organizations().tags_in_bulk().await.unwrap().len(), 0, "nothing, and no error");
    assert!(matches!(access.assignments_of(&there.principal).await, Err(PortError::Denied(_))));
    assert!(matches!(access.grant(&there).await, Err(PortError::Denied(_))));
}

#[tokio::test]
async fn the_role_that_reads_reads_for_it_and_does_not_write() {
    let served = served().await;
    let connection = served.function("AKIASWEEP", Some(READS));
    let access = connection.sso_admin(Some(INSTANCE.parse().unwrap()));
    let there = served.in_management();
    assert_eq!(connection.organizations().tags_in_bulk().await.unwrap().len(), 2);
    assert_eq!(access.assignments_of(&there.principal).await, Ok(Vec::new()));
    // Everything else goes by its own role: the one that reads may not do that.
    assert_eq!(connection.organizations().accounts().await.unwrap().len(), 5);
    assert_eq!(access.permission_sets().await.unwrap().len(), 2);
    let elsewhere = key(&locked(&served.world), "two-dev", "ReadOnlyAccess", "Developers");
    assert!(access.grant(&elsewhere).await.is_ok());
    assert!(matches!(access.grant(&there).await, Err(PortError::Denied(_))));
}

#[tokio::test]
async fn the_role_that_writes_assigns_in_the_management_account_and_events_name_it() {
    let served = served().await;
    let connection = served.function("AKIAPROVISION", Some(WRITES));
    let access = connection.sso_admin(Some(INSTANCE.parse().unwrap()));
    let there = served.in_management();
    let request = access.grant(&there).await.unwrap();
    let followed = access.request(Operation::Grant, &request.id).await.unwrap().unwrap();
    assert_eq!(followed.key, Some(there.clone()));
    let events = locked(&served.world).take_events(at(60));
    let issuer = |event: &Value| {
        let issuer = event.pointer("/detail/userIdentity/sessionContext/sessionIssuer/arn");
        issuer.and_then(Value::as_str).map(str::to_owned)
    };
    let of_grant =
        events.iter().find(|event| event["detail"]["eventName"] == "CreateAccountAssignment").unwrap();
    assert_eq!(issuer(of_grant).as_deref(), Some(WRITES), "as USHER_OWN_ROLES has it");
    assert_eq!(
        of_grant["detail"]["userIdentity"]["arn"],
        "arn:aws:sts::111122223333:assumed-role/usher-management-writes/usher-function"
    );
    // Another process knows the id only.
    let other = served.function("AKIASWEEP", None).sso_admin(Some(INSTANCE.parse().unwrap()));
    assert!(other.request(Operation::Grant, &request.id).await.unwrap().is_some());
}

#[tokio::test]
async fn where_the_role_cannot_be_assumed_nothing_is_sent_and_it_is_said_so() {
    let served = served().await;
    // The one that writes does not trust it.
    let connection = served.function("AKIASWEEP", Some(WRITES));
    let access = connection.sso_admin(Some(INSTANCE.parse().unwrap()));
    let there = served.in_management();
    access.instance().await.unwrap();
    let before = locked(&served.world).counters().clone();
    let bulk = connection.organizations().tags_in_bulk().await.map(drop);
    let asked = access.assignments_of(&there.principal).await.map(drop);
    let granted = access.grant(&there).await.map(drop);
    for answer in [bulk, asked, granted] {
        match answer {
            Err(PortError::Unassumed(text)) => {
                assert!(text.contains(WRITES) && text.contains("sts:AssumeRole"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(*locked(&served.world).counters(), before);
    // Its own calls are none the worse.
    let elsewhere = key(&locked(&served.world), "two-dev", "ReadOnlyAccess", "Developers");
    assert!(access.grant(&elsewhere).await.is_ok());
}

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts_and_who_may() {
    let served = served().await;
    assert_eq!(served.can_assume("AKIASWEEP", READS).await, Ok(()));
    for (key, role) in [
        // Another role of the account, another account, and no policy of its own that allows it.
        ("AKIAPROVISION", READS),
        ("AKIAOTHER", READS),
        ("AKIAHELD", READS),
        ("AKIACLOSED", READS),
        // Nobody is trusted, and nothing is there.
        ("AKIASWEEP", "arn:aws:iam::222233334444:role/usher-provision"),
        ("AKIASWEEP", "arn:aws:iam::111122223333:role/nothing"),
    ] {
        let refused = served.can_assume(key, role).await;
        let named = format!("is not authorized to perform: sts:AssumeRole on resource: {role}");
        assert!(
            matches!(&refused, Err(PortError::Denied(text)) if text.contains(&named)),
            "{key}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_sts_is_asked_is_held_to_its_constraints() {
    let served = served().await;
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fusher-management-reads";
    for (body, status, expected) in [
        ("Action=AssumeRole&RoleSessionName=ab".to_owned(), 400, "Value null at 'roleArn'"),
        (format!("Action=AssumeRole&{role}"), 400, "Value null at 'roleSessionName'"),
        (format!("Action=AssumeRole&{role}&RoleSessionName=a"), 400, "greater than or equal to 2"),
        (format!("Action=AssumeRole&{role}&RoleSessionName=a+b"), 400, "regular expression pattern"),
        (format!("Action=AssumeRole&{role}&RoleSessionName=ab&DurationSeconds=899"), 400, "or equal to 900"),
        (
            format!("Action=AssumeRole&{role}&RoleSessionName=ab&DurationSeconds=43201"),
            400,
            "or equal to 43200",
        ),
        (
            format!("Action=AssumeRole&{role}&RoleSessionName=ab&DurationSeconds=3601"),
            400,
            "1 hour session limit",
        ),
        (
            format!("Action=AssumeRole&{role}&RoleSessionName=ab&Policy=%7B%7D"),
            400,
            "Policy is not evaluated",
        ),
        (
            format!("Action=AssumeRole&{role}&RoleSessionName=ab&Tags.member.1.Key=a"),
            400,
            "not evaluated here",
        ),
        (format!("Action=AssumeRole&{role}&RoleSessionName=%"), 400, "MalformedInput"),
        ("Action=GetSessionToken".to_owned(), 400, "InvalidAction"),
        (format!("Action=AssumeRole&{role}&RoleSessionName=ab&Version=2011-06-15"), 200, "<AccessKeyId>ASIA"),
    ] {
        let answer = served.sts("AKIASWEEP", "", &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{body}: {answer}");
        assert!(answer.contains(expected), "{body}: {answer}");
    }
    let answer = served.sts("AKIAOTHER", "", &format!("Action=AssumeRole&{role}&RoleSessionName=ab")).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("<Code>AccessDenied</Code>"), "{answer}");
}

#[tokio::test]
async fn credentials_of_a_session_hold_an_hour_and_only_with_their_token() {
    let served = served().await;
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fusher-management-reads";
    let answer =
        served.sts("AKIASWEEP", "", &format!("Action=AssumeRole&{role}&RoleSessionName=night")).await;
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    assert_eq!(element("Expiration"), "2026-11-21T13:00:00Z");
    let (key, token) = (element("AccessKeyId"), element("SessionToken"));
    let with_token = format!("x-amz-security-token: {token}\r\n");
    let who = "Action=GetCallerIdentity";
    let session = "arn:aws:sts::111122223333:assumed-role/usher-management-reads/night";
    assert!(served.sts(&key, &with_token, who).await.contains(session));
    for more in ["", "x-amz-security-token: another\r\n"] {
        assert!(served.sts(&key, more, who).await.contains("<Code>InvalidClientTokenId</Code>"), "{more}");
    }
    // A key of this kind is nobody's else, whatever becomes of unknown keys.
    locked(&served.world).refuse_unknown_keys(false);
    assert!(served.sts("ASIAUNKNOWN", "", who).await.contains("<Code>InvalidClientTokenId</Code>"));
    served.clock.set(at(3600));
    assert!(served.sts(&key, &with_token, who).await.contains("<Code>ExpiredToken</Code>"));
}

#[test]
fn a_trust_policy_with_a_mistake_is_shown_where_it_is_and_one_without_is_written_back() {
    let text = format!("{SMALL}{CALLERS}");
    let wrong = text.replace("arn:aws:iam::222233334444:root", "arn:aws:iam::222233334444:user/alba");
    let error = World::from_yaml(&wrong, Settings::default()).unwrap_err();
    let line = wrong.lines().position(|line| line.contains("user/alba")).unwrap() + 1;
    assert_eq!(error.line, u64::try_from(line).unwrap(), "{error:?}");
    assert!(error.message.contains("a principal is `*`"), "{}", error.message);
    let world = World::from_yaml(&text, Settings::default()).unwrap();
    let written = world.to_yaml().unwrap();
    let again = World::from_yaml(&written, Settings::default()).unwrap();
    assert_eq!(again.to_yaml().unwrap(), written);
    assert!(written.contains("usher-held") && written.contains("sts:AssumeRole"));
}
