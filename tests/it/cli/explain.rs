//! `explain`, from its command line to its output.

use std::path::PathBuf;

use cli::Ending;
use serde_json::Value;
use shared::domain::AccountState;
use simulator::Fault;

use super::{Place, Ran};

/// Alice is a developer, and has emergency access by herself; Bob is nobody. Two accounts are called alike.
const ORGANIZATION: &str = r#"
organization: o-exampleorg1
root: r-ab12
management_account: { name: management, id: "111122223333" }
organizational_units:
  - name: Development
    accounts:
      - { name: shop-dev, id: "200000000001", tags: { Team: shop, Stage: dev } }
      - { name: twin, id: "200000000004" }
      - { name: twin, id: "200000000005" }
  - name: Production
    accounts:
      - { name: shop-prod, id: "200000000003", tags: { Team: shop, Stage: prod } }
instance: { arn: "arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6", identity_store: d-9067642ac1, name: example }
permission_sets:
  - { name: ReadOnlyAccess, tags: { Stage: All } }
  - { name: PowerUserAccess, tags: { Stage: dev } }
  - { name: AdministratorAccess }
groups: [{ name: Developers }, { name: Emergency }, { name: shop-developers }, { name: twin }]
users:
  - { user_name: alice@example.com, display_name: Alice, groups: [Developers, Emergency] }
  - { user_name: bob@example.com, display_name: Bob, groups: [] }
  - { user_name: twin, display_name: Twin, groups: [] }
assignments:
  - { account: shop-dev, permission_set: AdministratorAccess, group: Developers }
"#;

pub(super) const RULES: &str = r#"version: 1
settings:
  mode: sync
  trusted_account_tags: [Team, Stage]
  trusted_permission_set_tags: [Stage]
  protected_permission_sets: [AdministratorAccess]
never:
  - { permission_sets: [PowerUserAccess], accounts: { in_ou: Production } }
rules:
  - id: developers
    principals: [{ group: Developers }]
    permission_sets: [PowerUserAccess]
    accounts: { in_ou: [Development, Production], except: [{ named: twin }] }
  - id: by-stage
    mode: create-only
    principals: [{ group: "{account_tag.Team}-developers" }, { members_of: Emergency }]
    permission_sets: { tagged: { Stage: { present: true } } }
    accounts: { tagged: { Team: { present: true } } }
    match: [{ permission_set_tag: Stage, account_tag: Stage, wildcard: All }]
  - id: over
    principals: [{ user_name: alice@example.com }]
    permission_sets: [ReadOnlyAccess]
    accounts: everywhere
    until: 2026-01-01T00:00:00Z
  - id: watched
    mode: observe
    principals: [{ user_name: bob@example.com }]
    permission_sets: [ReadOnlyAccess]
    accounts: { in_ou: Development }
"#;

pub(super) const DEV: &str = "200000000001";

pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) rules: PathBuf,
}

impl Asked {
    async fn new() -> Self {
        let place = Place::new(ORGANIZATION).await;
        let rules = place.file("rules.yaml", RULES);
        Self { place, rules }
    }

    /// The same, with the rules in force and carried out.
    pub(super) async fn applied() -> Self {
        let asked = Self::new().await;
        let apply = asked.place.usher("apply", &asked.rules, &["--yes"]).await;
        assert_eq!(apply.ending, Ending::Good, "{apply:?}");
        asked
    }

    /// By the rules in the file.
    async fn explain(&self, words: &[&str]) -> Ran {
        self.place.usher("explain", &self.rules, words).await
    }

    /// By the rules in force.
    pub(super) async fn in_force(&self, words: &[&str]) -> Ran {
        let mut line = vec!["explain"];
        line.extend(words);
        self.place.order(&line).await
    }

    /// Each of these explained, one after the other.
    async fn explained(&self, all: &[&[&str]]) -> String {
        let mut told = Vec::new();
        for words in all {
            let ran = self.explain(words).await;
            told.push(format!("$ usher explain {}\n{}", words.join(" "), self.told(&ran)));
        }
        told.concat()
    }

    fn told(&self, ran: &Ran) -> String {
        assert_eq!(ran.ending, Ending::Good, "{ran:?}");
        ran.out.replace(self.rules.to_str().unwrap(), "rules.yaml")
    }
}

#[tokio::test]
async fn who_would_have_what_is_told_by_rule_selector_and_membership() {
    let asked = Asked::new().await;
    let ran = asked.explain(&["alice@example.com", "shop-dev"]).await;
    insta::assert_snapshot!(asked.told(&ran), @r"
    user alice@example.com  in  shop-dev  200000000001  Development
      member of  Developers, Emergency
      tags       Stage=dev, Team=shop
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    AdministratorAccess: access, through group Developers
      group Developers, of which they are a member
        It is there, made by others: Usher does not touch it unless `usher adopt` takes it over.

    PowerUserAccess: no access yet
      user alice@example.com
        It is not there.
        The next run grants it, within its budget.
      group Developers, of which they are a member
        It is not there.
        The next run grants it, within its budget.
      rule developers (rules.yaml:10, sync): gives it to group Developers
        + group Developers: they are a member
        + permission set name PowerUserAccess: it is this one
        + in_ou Development or Production: the account is in Development
      rule by-stage (rules.yaml:14, create-only): gives it to user alice@example.com
        + members_of Emergency: they are a member, and have it as their own
        + tagged Stage: present: the permission set has `dev`
        + tagged Team: present: the account has `shop`
        + match permission_set_tag Stage = account_tag Stage: the permission set has `dev`, the account has `dev`

    ReadOnlyAccess: no access yet
      user alice@example.com
        It is not there.
        The next run grants it, within its budget.
      rule by-stage (rules.yaml:14, create-only): gives it to user alice@example.com
        + members_of Emergency: they are a member, and have it as their own
        + tagged Stage: present: the permission set has `All`
        + tagged Team: present: the account has `shop`
        + match permission_set_tag Stage = account_tag Stage: the permission set has `All`, which is any, the account has `dev`

    Rules about them that give them nothing here
      rule over (rules.yaml:20, sync): gives nothing here
        + user_name alice@example.com: it is they
        + everywhere: it is in the organization
        - until 2026-01-01 00:00 UTC: it is not in its time
    ");
    assert!(!asked.place.path("state").exists(), "to explain makes nothing on the disk");
    assert_eq!(asked.place.writes(), 0);
}

#[tokio::test]
async fn what_is_forbidden_is_told_by_what_forbids_it() {
    let asked = Asked::new().await;
    let all = [
        &["alice@example.com", "shop-prod", "PowerUserAccess"][..],
        &["bob@example.com", "shop-prod", "PowerUserAccess"],
        &["alice@example.com", "shop-prod"],
    ];
    let all = asked.explained(&all).await;
    insta::assert_snapshot!(all, @r"
    $ usher explain alice@example.com shop-prod PowerUserAccess
    user alice@example.com  in  shop-prod  200000000003  Production
      member of  Developers, Emergency
      tags       Stage=prod, Team=shop
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    PowerUserAccess: no access
      group Developers, of which they are a member
        It is not there.
        A rule would give it, and the `never` at rules.yaml:8 forbids it.
      forbidden by the `never` at rules.yaml:8
        + principals: everybody
        + permission set name PowerUserAccess: it is this one
        + in_ou Production: the account is in Production
      rule developers (rules.yaml:10, sync): would give it to group Developers
        + group Developers: they are a member
        + permission set name PowerUserAccess: it is this one
        + in_ou Development or Production: the account is in Production
      rule by-stage (rules.yaml:14, create-only): would give it, but for one thing
        + members_of Emergency: they are a member, and have it as their own
        + tagged Stage: present: the permission set has `dev`
        + tagged Team: present: the account has `shop`
        - match permission_set_tag Stage = account_tag Stage: the permission set has `dev`, the account has `prod`

    $ usher explain bob@example.com shop-prod PowerUserAccess
    user bob@example.com  in  shop-prod  200000000003  Production
      tags       Stage=prod, Team=shop
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    PowerUserAccess: no access
      forbidden by the `never` at rules.yaml:8
        + principals: everybody
        + permission set name PowerUserAccess: it is this one
        + in_ou Production: the account is in Production
      rule developers (rules.yaml:10, sync): would give it, but for one thing
        - group Developers: they are no member
        + permission set name PowerUserAccess: it is this one
        + in_ou Development or Production: the account is in Production
      rule by-stage (rules.yaml:14, create-only): does not give it
        - group {account_tag.Team}-developers (here `shop-developers`): they are no member
        - members_of Emergency: they are no member
        - match permission_set_tag Stage = account_tag Stage: the permission set has `dev`, the account has `prod`

    $ usher explain alice@example.com shop-prod
    user alice@example.com  in  shop-prod  200000000003  Production
      member of  Developers, Emergency
      tags       Stage=prod, Team=shop
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    PowerUserAccess: no access
      group Developers, of which they are a member
        It is not there.
        A rule would give it, and the `never` at rules.yaml:8 forbids it.
      forbidden by the `never` at rules.yaml:8
        + principals: everybody
        + permission set name PowerUserAccess: it is this one
        + in_ou Production: the account is in Production
      rule developers (rules.yaml:10, sync): would give it to group Developers
        + group Developers: they are a member
        + permission set name PowerUserAccess: it is this one
        + in_ou Development or Production: the account is in Production

    ReadOnlyAccess: no access yet
      user alice@example.com
        It is not there.
        The next run grants it, within its budget.
      rule by-stage (rules.yaml:14, create-only): gives it to user alice@example.com
        + members_of Emergency: they are a member, and have it as their own
        + tagged Stage: present: the permission set has `All`
        + tagged Team: present: the account has `shop`
        + match permission_set_tag Stage = account_tag Stage: the permission set has `All`, which is any, the account has `prod`

    Rules about them that give them nothing here
      rule over (rules.yaml:20, sync): gives nothing here
        + user_name alice@example.com: it is they
        + everywhere: it is in the organization
        - until 2026-01-01 00:00 UTC: it is not in its time
    ");
}

#[tokio::test]
async fn what_lacks_one_thing_is_told_by_what_it_lacks() {
    let asked = Asked::new().await;
    let all = [
        &["group:Emergency", "shop-dev", "ReadOnlyAccess"][..],
        &["bob@example.com", "shop-dev", "ReadOnlyAccess"],
        &["group:Developers", "200000000004", "PowerUserAccess"],
        &["alice@example.com", "management", "ReadOnlyAccess"],
    ];
    let all = asked.explained(&all).await;
    insta::assert_snapshot!(all, @r"
    $ usher explain group:Emergency shop-dev ReadOnlyAccess
    group Emergency  in  shop-dev  200000000001  Development
      tags       Stage=dev, Team=shop
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    ReadOnlyAccess: no access
      rule by-stage (rules.yaml:14, create-only): would give it, but for one thing
        - group {account_tag.Team}-developers (here `shop-developers`): it is another group
        - members_of Emergency: it gives to each member of the group by themselves, and not to the group
        + tagged Stage: present: the permission set has `All`
        + tagged Team: present: the account has `shop`
        + match permission_set_tag Stage = account_tag Stage: the permission set has `All`, which is any, the account has `dev`
      rule watched (rules.yaml:25, observe): would give it, but for one thing
        - user_name bob@example.com: it is somebody else
        + permission set name ReadOnlyAccess: it is this one
        + in_ou Development: the account is in Development
      rule over (rules.yaml:20, sync): does not give it
        - user_name alice@example.com: it is somebody else
        - until 2026-01-01 00:00 UTC: it is not in its time

    $ usher explain bob@example.com shop-dev ReadOnlyAccess
    user bob@example.com  in  shop-dev  200000000001  Development
      tags       Stage=dev, Team=shop
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    ReadOnlyAccess: no access
      user bob@example.com
        It is not there.
        It is not granted: the rules are in observe mode. Way out: set `mode` in the rules to `create-only` or `sync`.
      rule watched (rules.yaml:25, observe): gives it to user bob@example.com
        + user_name bob@example.com: it is they
        + permission set name ReadOnlyAccess: it is this one
        + in_ou Development: the account is in Development
      rule by-stage (rules.yaml:14, create-only): would give it, but for one thing
        - group {account_tag.Team}-developers (here `shop-developers`): they are no member
        - members_of Emergency: they are no member
        + tagged Stage: present: the permission set has `All`
        + tagged Team: present: the account has `shop`
        + match permission_set_tag Stage = account_tag Stage: the permission set has `All`, which is any, the account has `dev`
      rule over (rules.yaml:20, sync): does not give it
        - user_name alice@example.com: it is somebody else
        - until 2026-01-01 00:00 UTC: it is not in its time

    $ usher explain group:Developers 200000000004 PowerUserAccess
    group Developers  in  twin  200000000004  Development
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)

    PowerUserAccess: no access
      rule developers (rules.yaml:10, sync): would give it, but for one thing
        + group Developers: it is this group
        + permission set name PowerUserAccess: it is this one
        - except named twin: its name is `twin`
      rule by-stage (rules.yaml:14, create-only): does not give it
        - group {account_tag.Team}-developers: the account has no `account_tag.Team` to make the name from
        - members_of Emergency: it is another group
        - tagged Team: present: the account has no tag `Team`
        - match permission_set_tag Stage = account_tag Stage: the permission set has `dev`, the account has no tag `Stage`

    $ usher explain alice@example.com management ReadOnlyAccess
    user alice@example.com  in  management  111122223333  directly below the root
      member of  Developers, Emergency
      rules      rules.yaml (4 rules, mode sync, version 4c8f7d4a2831)
      it is the management account: only rules that list its id give access to it

    ReadOnlyAccess: no access
      rule by-stage (rules.yaml:14, create-only): does not give it
        - tagged Team: present: it is the management account, which only a selection by its id gives access to
        - match permission_set_tag Stage = account_tag Stage: the permission set has `All`, which is any, the account has no tag `Stage`
      rule over (rules.yaml:20, sync): does not give it
        - everywhere: it is the management account, which only a selection by its id gives access to
        - until 2026-01-01 00:00 UTC: it is not in its time
      rule watched (rules.yaml:25, observe): does not give it
        - user_name bob@example.com: it is somebody else
        - in_ou Development: it is the management account, which only a selection by its id gives access to
    ");
}

#[tokio::test]
async fn what_is_there_is_told_with_its_cause_its_time_and_its_rules() {
    let asked = Asked::applied().await;
    let report = asked.in_force(&["alice@example.com", DEV, "PowerUserAccess", "--json"]).await.json();
    let set = &report["permission_sets"][0];
    assert_eq!((&report["account"]["name"], &set["has"]), (&"shop-dev".into(), &true.into()));
    let assignments = set["assignments"].as_array().unwrap();
    let [own, of_group] = assignments.as_slice() else { panic!("{set}") };
    assert_eq!((&own["principal"]["kind"], &own["by_membership"]), (&"user".into(), &false.into()));
    assert_eq!(
        (&of_group["principal"]["name"], &of_group["by_membership"]),
        (&"Developers".into(), &true.into())
    );
    assert_eq!(
        (&own["wanted_by"][0]["id"], &own["wanted_by"][0]["mode"]),
        (&"by-stage".into(), &"create-only".into())
    );
    for assignment in assignments {
        assert_eq!((&assignment["state"], &assignment["is_there"]), (&"ours".into(), &true.into()));
        assert_eq!(assignment["rules_version"], report["rules"]["version"]);
        assert!(assignment["cause"].as_str().unwrap().starts_with("command:apply-"), "{assignment}");
        assert!(assignment["since"].is_string() && assignment["rules_since"].is_string(), "{assignment}");
    }
    let gives: Vec<&Value> = set["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert_eq!(gives, ["developers", "by-stage"]);

    let text = asked.in_force(&["alice@example.com", DEV, "PowerUserAccess"]).await.out;
    assert!(text.contains("access, through their own assignment and group Developers"), "{text}");
    assert!(text.contains("It is there, and Usher's since 20"), "{text}");
    assert!(text.contains("by `usher apply` (apply-"), "{text}");
    for sentence in assignments.iter().flat_map(|it| it["says"].as_array().unwrap()) {
        assert!(text.contains(sentence.as_str().unwrap()), "{sentence}: {text}");
    }
}

#[tokio::test]
async fn holds_pauses_and_what_others_have_made_are_told_with_the_way_out() {
    let asked = Asked::applied().await;
    let others = asked.in_force(&["alice@example.com", DEV, "AdministratorAccess"]).await.out;
    assert!(others.contains("It is there, made by others: Usher does not touch it"), "{others}");

    let order =
        asked.place.order(&["hold", "group:Developers", "--by", "alba", "--reason", "incident 12"]).await;
    assert_eq!(order.ending, Ending::Good, "{order:?}");
    // The rules don't want it any more, and the hold keeps it.
    let fewer = RULES.replace("group: Developers", "group: twin");
    let rules = asked.place.file("fewer.yaml", &fewer);
    let held = asked.place.usher("explain", &rules, &["group:Developers", DEV, "PowerUserAccess"]).await.out;
    assert!(held.contains("alba has put its principal on hold since 20"), "{held}");
    assert!(held.contains("incident 12"), "{held}");
    assert!(held.contains("It is not revoked: its principal is on hold"), "{held}");

    asked.place.order(&["release", "group:Developers", "--by", "alba"]).await;
    let pause = asked.place.order(&["pause", "--by", "alba", "--reason", "red button"]).await;
    assert_eq!(pause.ending, Ending::Good, "{pause:?}");
    let paused =
        asked.place.usher("explain", &rules, &["group:Developers", DEV, "PowerUserAccess"]).await.out;
    assert!(paused.contains("alba has paused Usher since 20"), "{paused}");
    assert!(paused.contains("Way out: `usher resume --ledger "), "{paused}");
    asked.place.order(&["resume", "--by", "alba"]).await;
    let goes = asked.place.usher("explain", &rules, &["group:Developers", DEV, "PowerUserAccess"]).await.out;
    assert!(
        goes.contains("No rule wants it any more: the next run revokes it, within its budget."),
        "{goes}"
    );
}

#[tokio::test]
async fn suspended_accounts_failed_look_ups_and_refusals_are_told_in_words() {
    let asked = Asked::new().await;
    let words = ["alice@example.com", DEV, "PowerUserAccess"];
    asked.place.world().fail_next("ListGroupMemberships", Fault::AccessDenied, 20);
    let frozen = asked.explain(&words).await.out;
    assert!(frozen.contains("members_of Emergency: could not be looked up"), "{frozen}");
    assert!(frozen.contains("it can't be told whether it gives it; what it gave stays"), "{frozen}");
    // The other rule is not touched by it.
    assert!(frozen.contains("gives it to group Developers"), "{frozen}");

    let asked = Asked::new().await;
    asked.place.world().fail_next("CreateAccountAssignment", Fault::AccessDenied, 20);
    asked.place.usher("apply", &asked.rules, &["--yes"]).await;
    let blocked = asked.in_force(&words).await.out;
    assert!(blocked.contains("AWS refused the grant on 20"), "{blocked}");

    let asked = Asked::applied().await;
    let now = asked.place.world().now();
    asked.place.world().set_account_state(now, &DEV.parse().unwrap(), AccountState::Suspended);
    let asleep = asked.in_force(&words).await.out;
    assert!(asleep.contains("the account is suspended: nothing is written to it"), "{asleep}");
    assert!(asleep.contains("not known whether they have it"), "{asleep}");
    let nobody = asked.in_force(&["group:twin", DEV]).await.out;
    assert!(nobody.contains("What they have was not read"), "{nobody}");
    let members = asked.in_force(&["Emergency", DEV]).await.out;
    assert!(members.contains("it gives to each member of the group"), "{members}");
}

#[tokio::test]
async fn names_that_nothing_bears_are_told_with_those_like_them_and_ambiguous_ones_with_all() {
    let asked = Asked::new().await;
    for (words, told) in [
        (&["alice@example.co", "shop-dev"][..], "perhaps user:alice@example.com is meant"),
        (&["group:Developer", "shop-dev"], "perhaps group:Developers or group:shop-developers is meant"),
        (&["user:Developers", "shop-dev"], "no user and no group is called `user:Developers`"),
        (&["twin", "shop-dev"], "a user and a group are called `twin`: user:twin, group:twin"),
        (&["group:Developers", "shop-dve"], "perhaps shop-dev (200000000001)"),
        (
            &["group:Developers", "twin"],
            "accounts are called `twin`: 200000000004 (twin), 200000000005 (twin)",
        ),
        (&["group:Developers", "200000000002"], "the organization has no account `200000000002`"),
        (&["group:Developers", "shop-dev", "PowerUserAcess"], "perhaps PowerUserAccess is meant"),
        (
            &["group:9067642ac1-f10fac16-ab5b-45c3-86c1-0123456789ab", "shop-dev"],
            "no user and no group is called",
        ),
    ] {
        let ran = asked.explain(words).await;
        assert_eq!(ran.ending, Ending::Bad, "{words:?}");
        let err = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(err.contains(told), "{words:?}: {err}");
        assert_eq!(ran.out, "");
    }
    // An id says who it is by itself, and so does a name that is one's alone.
    let by_name = asked.explain(&["alice@example.com", DEV, "--json"]).await.json();
    let id = by_name["principal"]["id"].as_str().unwrap().to_owned();
    let by_id = asked.explain(&[&id, DEV, "--json"]).await.json();
    assert_eq!(by_id["permission_sets"], by_name["permission_sets"]);
    assert_eq!(asked.explain(&["user:twin", DEV]).await.ending, Ending::Good);
}

#[tokio::test]
async fn what_was_revoked_is_remembered_and_an_account_that_has_departed_is_told_as_such() {
    let asked = Asked::applied().await;
    let fewer = asked.place.file("fewer.yaml", &RULES.replace("group: Developers", "group: twin"));
    let apply = asked.place.usher("apply", &fewer, &["--yes"]).await;
    assert_eq!(apply.ending, Ending::Good, "{apply:?}");
    let revoked = asked.in_force(&["group:Developers", DEV, "PowerUserAccess"]).await.out;
    assert!(revoked.contains("PowerUserAccess: no access"), "{revoked}");
    assert!(revoked.contains("Usher revoked it on 20"), "{revoked}");
    assert!(revoked.contains("under rules version"), "{revoked}");
    assert!(revoked.contains("group twin: it is another group"), "{revoked}");

    let now = asked.place.world().now();
    asked.place.world().depart(now, &DEV.parse().unwrap());
    let gone = asked.in_force(&["group:Developers", DEV]).await;
    assert_eq!(gone.ending, Ending::Bad);
    let err = gone.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(err.contains("is not in the organization any more; the ledger still has"), "{err}");
}
