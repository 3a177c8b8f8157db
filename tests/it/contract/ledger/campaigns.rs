//! Campaigns: whoever writes one must have read it as it is.

use shared::{
    domain::{PermissionSetArn, ProvisioningTarget},
    ledger::{Campaign, CampaignEnd, CampaignRecord, Conflict, Edit, LeftOut, Sent, Stage, Tried},
    ports::LedgerReader,
};

use super::fixtures::*;

fn set(last: usize) -> PermissionSetArn {
    format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-{last:016}").parse().unwrap()
}

/// A campaign that has everything that one can have.
fn campaign(last: usize) -> Campaign {
    let request = Some("f10fac16-ab5b-45c3-86c1-0123456789ab".parse().unwrap());
    let tried = Tried {
        attempts: 2,
        reason: "größer".to_owned(),
        lasting: false,
        not_before: at(9),
        conflict: Some(Conflict { since: at(3), times: 2 }),
    };
    let edit = Edit {
        event: "e-1".to_owned(),
        name: "UpdatePermissionSet".to_owned(),
        by: "AssumedRole".to_owned(),
        role: "arn:aws:iam::123456789012:role/Editors".to_owned(),
        at: at(1),
    };
    Campaign {
        version: 0,
        permission_set: set(last),
        began: at(0) + SignedDuration::from_nanos(123_456_789),
        edits: [edit].into(),
        more_edits: 3,
        pushed: Some(Order { by: "alba".to_owned(), at: at(2), reason: String::new() }),
        pushed_before: Some(Order { by: "alba".to_owned(), at: at(1), reason: String::new() }),
        stage: Stage::Quiet { since: at(1), last: at(4) },
        under_way_since: Some(at(5)),
        sent: vec![
            Sent {
                target: ProvisioningTarget::Account(account(1)),
                at: at(6),
                request,
                followed_at: None,
                overtaken: true,
            },
            Sent {
                target: ProvisioningTarget::AllProvisionedAccounts,
                at: at(6),
                request: None,
                followed_at: Some(at(7)),
                overtaken: false,
            },
        ],
        todo: [account(2)].into(),
        all_at_once: true,
        one_by_one: true,
        tried: [(account(3), tried)].into(),
        updated: [account(4)].into(),
        settling: [(at(8), [account(8)].into())].into(),
        presumed: [account(7)].into(),
        left_out: [(account(5), LeftOut::Management)].into(),
        looked_at: Some(at(11)),
        later: [account(6)].into(),
        empty_waves: [1, 3].into(),
        left_out_waves: [2].into(),
        last_claim: Some(at(6)),
        not_before: Some(at(10)),
        turned_away: 1,
        conflicts: 1,
        trouble: Some("throttled".to_owned()),
    }
}

async fn kept(ledger: &dyn Ledger, last: usize) -> Option<Campaign> {
    ledger.campaign(&set(last)).await.unwrap()
}

fn conflict(last: usize) -> Result<(), LedgerError> {
    Err(LedgerError::CampaignChanged(set(last)))
}

pub(super) async fn a_campaign_comes_back_as_it_was_kept_last(ledger: &dyn Ledger) {
    assert_eq!(kept(ledger, 1).await, None);
    assert_eq!(ledger.campaigns().await, Ok(Vec::new()));
    for last in [2, 1] {
        ledger.keep_campaign(&campaign(last), &Guard::default()).await.unwrap();
    }
    let first = Campaign { version: 1, ..campaign(1) };
    assert_eq!(kept(ledger, 1).await, Some(first.clone()));
    let further = Campaign { stage: Stage::Wave { number: 1, from: at(20) }, pushed: None, ..first };
    ledger.keep_campaign(&further, &Guard::default()).await.unwrap();
    let expected = [Campaign { version: 2, ..further }, Campaign { version: 1, ..campaign(2) }];
    assert_eq!(ledger.campaigns().await, Ok(expected.to_vec()));
}

pub(super) async fn a_campaign_is_kept_only_after_the_one_that_was_read(ledger: &dyn Ledger) {
    let keep = async |campaign: Campaign| ledger.keep_campaign(&campaign, &Guard::default()).await;
    assert_eq!(keep(Campaign { version: 1, ..campaign(1) }).await, conflict(1), "there is none yet");
    keep(campaign(1)).await.unwrap();
    assert_eq!(keep(campaign(1)).await, conflict(1), "there is one already");
    keep(Campaign { version: 1, more_edits: 4, ..campaign(1) }).await.unwrap();
    assert_eq!(keep(Campaign { version: 1, more_edits: 5, ..campaign(1) }).await, conflict(1));
    assert_eq!(kept(ledger, 1).await.unwrap().more_edits, 4);
    let (a, b, c) = tokio::join!(
        keep(Campaign { version: 2, ..campaign(1) }),
        keep(Campaign { version: 2, ..campaign(1) }),
        keep(Campaign { version: 2, ..campaign(1) })
    );
    assert_eq!([a, b, c].into_iter().flatten().count(), 1);
}

pub(super) async fn a_campaign_that_is_over_is_gone_and_its_writers_do_not_write_over_the_next(
    ledger: &dyn Ledger,
) {
    ledger.keep_campaign(&campaign(1), &Guard::default()).await.unwrap();
    let read = kept(ledger, 1).await.unwrap();
    assert_eq!(ledger.end_campaign(&campaign(1)).await, conflict(1), "as it was before it was kept");
    ledger.end_campaign(&read).await.unwrap();
    assert_eq!(kept(ledger, 1).await, None);
    assert_eq!(ledger.end_campaign(&read).await, conflict(1));

    let next = Campaign { began: at(900), ..campaign(1) };
    ledger.keep_campaign(&next, &Guard::default()).await.unwrap();
    assert_eq!(ledger.keep_campaign(&read, &Guard::default()).await, conflict(1), "the same version");
    assert_eq!(ledger.end_campaign(&read).await, conflict(1));
    assert_eq!(kept(ledger, 1).await, Some(Campaign { version: 1, ..next }));
}

pub(super) async fn a_campaign_is_kept_under_its_guard_or_not_at_all(ledger: &dyn Ledger) {
    let lost = ledger.acquire_lease("first", at(0), TTL).await.unwrap().unwrap();
    ledger.release_lease(&lost).await.unwrap();
    let outcome = ledger.keep_campaign(&campaign(1), &under_lease(lost.fence)).await;
    assert_eq!(outcome, Err(LedgerError::LeaseLost));
    let orders = Guard { orders: Some(1), ..Guard::default() };
    assert_eq!(ledger.keep_campaign(&campaign(1), &orders).await, Err(LedgerError::OrdersChanged));
    assert_eq!(ledger.keep_campaign(&campaign(1), &under_rules('a')).await, Err(LedgerError::RulesChanged));
    assert_eq!(kept(ledger, 1).await, None);

    let lease = ledger.acquire_lease("second", at(1), TTL).await.unwrap().unwrap();
    let guard = Guard { orders: Some(0), ..under_lease(lease.fence) };
    ledger.keep_campaign(&campaign(1), &guard).await.unwrap();
    assert!(kept(ledger, 1).await.is_some());
}

pub(super) async fn rounds_and_what_is_remembered_are_no_campaigns(ledger: &dyn Ledger) {
    let record = CampaignRecord {
        permission_set: set(1),
        began: at(0),
        ended: at(60),
        end: CampaignEnd::Stopped { wave: 1 },
        edits: campaign(1).edits,
        more_edits: 0,
        pushed: None,
        updated: [account(1)].into(),
        failed: [(account(2), "refused".to_owned())].into(),
        left_out: [(account(3), LeftOut::NotActive)].into(),
        not_begun: [account(4)].into(),
        empty_waves: BTreeSet::new(),
        left_out_waves: [1].into(),
    };
    let value = serde_json::to_value(&record).unwrap();
    let seen = Seen { id: record.id(), value, at: record.ended };
    ledger.remember(SeenKind::Reprovisioned, std::slice::from_ref(&seen)).await.unwrap();
    assert_eq!(ledger.campaigns().await, Ok(Vec::new()));
    let recalled = LedgerReader::recall(ledger, SeenKind::Reprovisioned).await.unwrap();
    assert_eq!(recalled, [seen]);
    let read: CampaignRecord = serde_json::from_value(recalled[0].value.clone()).unwrap();
    assert_eq!(read, record);
    ledger.keep_campaign(&campaign(1), &Guard::default()).await.unwrap();
    assert_eq!(ledger.round().await, Ok(None));
    assert_eq!(LedgerReader::recall(ledger, SeenKind::Reprovisioned).await.unwrap().len(), 1);
}
