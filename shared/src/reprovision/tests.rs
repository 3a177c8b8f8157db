//! What a campaign does, step by step.

mod hanging;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    domain::{PermissionSetArn, ProvisioningTarget},
    ledger::{Campaign, CampaignEnd, CampaignRecord, Edit, LeftOut, Order, Stage},
    rules::{AccountSelector, Calendar, Freeze, Wave, WrittenAt},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_793_610_000 + seconds).unwrap()
}

fn set() -> PermissionSetArn {
    "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef".parse().unwrap()
}

fn account(number: usize) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

fn accounts(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<AccountId> {
    numbers.into_iter().map(account).collect()
}

fn one(number: usize) -> ProvisioningTarget {
    ProvisioningTarget::Account(account(number))
}

fn edit(event: &str, seconds: i64) -> Edit {
    Edit {
        event: event.to_owned(),
        name: "UpdatePermissionSet".to_owned(),
        by: String::new(),
        role: String::new(),
        at: at(seconds),
    }
}

fn edited(campaign: Option<Campaign>, event: &str, seconds: i64) -> Campaign {
    Campaign::edited(campaign, &set(), edit(event, seconds), at(seconds)).unwrap()
}

fn order() -> Order {
    Order { by: "alba".to_owned(), at: at(0), reason: String::new() }
}

fn written() -> WrittenAt {
    WrittenAt { file: "rules.yaml".into(), line: 1 }
}

/// Two waves, an hour apart.
fn waves() -> Reprovision {
    let wave = |after| Wave { accounts: AccountSelector::Everywhere, after, written_at: written() };
    Reprovision {
        waves: vec![wave(SignedDuration::ZERO), wave(SignedDuration::from_hours(1))],
        ..Reprovision::default()
    }
}

fn policy<'a>(rules: &'a Reprovision, orders: &'a Orders) -> Policy<'a> {
    Policy {
        rules,
        mode: Mode::Sync,
        orders,
        management: ManagementWrites::Withheld,
        settle_after: SignedDuration::from_mins(1),
    }
}

/// Outdated accounts with their waves; `also` has the newest version.
fn found(outdated: &[(usize, usize)], also: &[usize]) -> Found {
    let standing = |wave| Standing { active: true, is_management: false, wave };
    let outdated: BTreeMap<AccountId, Standing> =
        outdated.iter().map(|(number, wave)| (account(*number), standing(*wave))).collect();
    let ids: BTreeSet<AccountId> = outdated.keys().cloned().collect();
    let provisioned = ids.iter().cloned().chain(accounts(also.iter().copied())).collect();
    Found { outdated: ids, provisioned, standing: outdated }
}

fn goes_on(looked: Looked) -> Campaign {
    match looked {
        Looked::GoesOn(campaign) => *campaign,
        Looked::Over(record) => panic!("{record:?}"),
    }
}

fn over(looked: Looked) -> CampaignRecord {
    match looked {
        Looked::Over(record) => *record,
        Looked::GoesOn(campaign) => panic!("{campaign:?}"),
    }
}

fn send(next: Next) -> Vec<ProvisioningTarget> {
    match next {
        Next::Send(targets) => targets,
        Next::Wait(_) | Next::Look | Next::Tell => panic!("{next:?}"),
    }
}

fn waits(next: Next) -> (Why, Option<Timestamp>) {
    match next {
        Next::Wait(Waiting { why, until }) => (why, until),
        Next::Send(_) | Next::Look | Next::Tell => panic!("{next:?}"),
    }
}

/// Everything that may be sent now is sent, and ends so.
fn done(campaign: &mut Campaign, policy: &Policy<'_>, seconds: i64, ended: impl Fn() -> Ended) {
    for target in send(campaign.next(policy, at(seconds))) {
        campaign.claim(target.clone(), at(seconds));
        assert!(campaign.ended(&target, at(seconds), ended(), at(seconds + 5)));
    }
}

#[test]
fn edits_within_the_quiet_period_are_one_and_endless_ones_do_not_put_it_off_for_ever() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let mut campaign = edited(None, "e-0", 0);
    assert_eq!(waits(campaign.next(&policy, at(10))), (Why::Quiet, Some(at(300))));
    campaign = edited(Some(campaign), "e-1", 200);
    assert_eq!(waits(campaign.next(&policy, at(499))), (Why::Quiet, Some(at(500))));
    assert_eq!(campaign.next(&policy, at(500)), Next::Look);
    assert_eq!(Campaign::edited(Some(campaign.clone()), &set(), edit("e-1", 200), at(450)), None);
    for minute in 4..59 {
        campaign = edited(Some(campaign), &format!("m-{minute}"), minute * 60);
    }
    assert_eq!(waits(campaign.next(&policy, at(3599))).1, Some(at(3600)));
    assert_eq!(campaign.next(&policy, at(3600)), Next::Look);
    assert_eq!((campaign.edits.len(), campaign.more_edits), (40, 17));
}

#[test]
fn all_are_done_by_one_request_only_where_that_does_exactly_these() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = |found: &Found| goes_on(edited(None, "e", 0).looked(Some(found), &policy, at(300), at(300)));
    let all = vec![ProvisioningTarget::AllProvisionedAccounts];
    assert_eq!(send(look(&found(&[(1, 0), (2, 0)], &[])).next(&policy, at(300))), all);
    // One has the newest version; there is only one; one is not active; one is the management account.
    assert_eq!(send(look(&found(&[(1, 0), (2, 0)], &[3])).next(&policy, at(300))), [one(1), one(2)]);
    assert_eq!(send(look(&found(&[(1, 0)], &[])).next(&policy, at(300))), [one(1)]);
    let mut inactive = found(&[(1, 0), (2, 0), (3, 0)], &[]);
    inactive.standing.get_mut(&account(2)).unwrap().active = false;
    inactive.standing.remove(&account(3));
    let campaign = look(&inactive);
    assert_eq!(send(campaign.next(&policy, at(300))), [one(1)]);
    let left: Vec<_> = campaign.left_out.into_values().collect();
    assert_eq!(left, [LeftOut::NotActive, LeftOut::Departed]);
    let mut management = found(&[(1, 0), (2, 0)], &[]);
    management.standing.get_mut(&account(1)).unwrap().is_management = true;
    let campaign = look(&management);
    assert_eq!(campaign.left_out, [(account(1), LeftOut::Management)].into());
    let direct = Policy { management: ManagementWrites::Direct, ..policy };
    let campaign = goes_on(edited(None, "e", 0).looked(Some(&management), &direct, at(300), at(300)));
    assert_eq!(send(campaign.next(&direct, at(300))), [one(1), one(2)]);
}

#[test]
fn a_wave_is_begun_after_its_pause_and_only_if_none_failed() {
    let (rules, orders) = (waves(), Orders::default());
    let policy = policy(&rules, &orders);
    let both = found(&[(1, 0), (2, 1), (3, 2)], &[]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&both), &policy, at(300), at(300)));
    assert_eq!((campaign.todo.clone(), campaign.later.clone()), (accounts([1]), accounts([2, 3])));
    assert!(campaign.empty_waves.is_empty());
    let mut failed = campaign.clone();
    done(&mut campaign, &policy, 300, || Ended::Succeeded);
    let rest = found(&[(2, 1), (3, 2)], &[1]);
    campaign = goes_on(campaign.looked(Some(&rest), &policy, at(310), at(310)));
    assert_eq!(waits(campaign.next(&policy, at(311))), (Why::Pause(2), Some(at(3910))));
    campaign = goes_on(campaign.looked(Some(&rest), &policy, at(3910), at(3910)));
    assert_eq!(send(campaign.next(&policy, at(3910))), [one(2)]);
    done(&mut campaign, &policy, 3910, || Ended::Succeeded);
    // What no wave selects comes last, without a pause of its own.
    campaign = goes_on(campaign.looked(Some(&found(&[(3, 2)], &[1, 2])), &policy, at(3920), at(3920)));
    assert_eq!(send(campaign.next(&policy, at(3920))), [one(3)]);
    done(&mut campaign, &policy, 3920, || Ended::Succeeded);
    let record = over(campaign.looked(Some(&found(&[], &[])), &policy, at(3930), at(3930)));
    assert_eq!((record.end, record.updated), (CampaignEnd::Done, accounts([1, 2, 3])));

    done(&mut failed, &policy, 300, || Ended::Failed("Not supported policy".to_owned()));
    let record = over(failed.looked(Some(&both), &policy, at(310), at(310)));
    assert_eq!(record.end, CampaignEnd::Stopped { wave: 1 });
    assert_eq!(record.failed, [(account(1), "Not supported policy".to_owned())].into());
    assert_eq!(record.not_begun, accounts([2, 3]));
}

#[test]
fn a_wave_with_nothing_to_do_is_told_and_costs_no_pause() {
    let (rules, orders) = (waves(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(2, 1)], &[]);
    let campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    assert_eq!(campaign.empty_waves, [1].into());
    assert_eq!(send(campaign.next(&policy, at(300))), [one(2)]);
}

#[test]
fn a_push_waits_for_nothing_but_a_pause_of_everything() {
    let freeze =
        Freeze { from: at(-9), until: at(9_000), reason: Some("fair".to_owned()), written_at: written() };
    let calendar = Calendar { windows: Vec::new(), freezes: vec![freeze] };
    let (rules, orders) = (Reprovision { calendar, ..waves() }, Orders::default());
    let policy = policy(&rules, &orders);
    let campaign = edited(None, "e", 0);
    // Told is the freeze even while more edits may come: they hold it up no longer than that.
    for now in [10, 300] {
        let frozen = (Why::Frozen(Some("fair".to_owned())), Some(at(9_000)));
        assert_eq!(waits(campaign.next(&policy, at(now))), frozen);
    }
    let campaign = Campaign::pushed(Some(campaign), &set(), order(), at(5));
    assert_eq!(campaign.next(&policy, at(5)), Next::Look);
    let both = found(&[(1, 0), (2, 1)], &[]);
    let campaign = goes_on(campaign.looked(Some(&both), &policy, at(5), at(5)));
    assert_eq!(send(campaign.next(&policy, at(5))), [ProvisioningTarget::AllProvisionedAccounts]);
    let paused = Orders { pause: Some(order()), ..Orders::default() };
    assert_eq!(waits(campaign.next(&Policy { orders: &paused, ..policy }, at(5))), (Why::Paused, None));
    assert_eq!(waits(campaign.next(&Policy { mode: Mode::Observe, ..policy }, at(5))), (Why::Observed, None));
}

#[test]
fn an_edit_under_way_turns_it_back_unless_it_was_made_before() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[3]);
    let mut campaign = goes_on(edited(None, "e-0", 0).looked(Some(&look), &policy, at(300), at(300)));
    campaign.claim(one(1), at(300));
    let late = Campaign::edited(Some(campaign.clone()), &set(), edit("e-1", 299), at(310)).unwrap();
    assert_eq!((late.todo.clone(), late.stage.clone()), (campaign.todo.clone(), campaign.stage.clone()));
    let mut again = edited(Some(late), "e-2", 305);
    assert_eq!(again.stage, Stage::Quiet { since: at(305), last: at(305) });
    assert_eq!((again.edits.len(), again.sent.len(), again.began), (3, 1, at(0)));
    assert_eq!(again.next(&policy, at(605)), Next::Look);
    // What it sent before says nothing of the new version, whether it ends before the look or after it.
    let mut looked = goes_on(again.clone().looked(Some(&look), &policy, at(605), at(605)));
    assert_eq!(send(looked.next(&policy, at(605))), [one(2)]);
    for campaign in [&mut again, &mut looked] {
        assert!(campaign.ended(&one(1), at(300), Ended::Succeeded, at(606)));
        assert_eq!(campaign.done(), 0);
    }
    assert_eq!(again.next(&policy, at(606)), Next::Look);
}

#[test]
fn what_passes_is_tried_again_with_growing_pauses_and_not_for_ever() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0)], &[2]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let mut now = 300;
    let mut pauses = Vec::new();
    while let Next::Send(_) = campaign.next(&policy, at(now)) {
        done(&mut campaign, &policy, now, || Ended::Failed("Rate exceeded".to_owned()));
        if campaign.next(&policy, at(now + 5)) == Next::Look {
            break;
        }
        let (why, until) = waits(campaign.next(&policy, at(now + 5)));
        assert_eq!(why, Why::Again);
        pauses.push(until.unwrap().as_second() - at(now + 5).as_second());
        now = until.unwrap().as_second() - at(0).as_second();
    }
    assert_eq!(pauses, [16, 32, 64, 128, 256]);
    let record = over(campaign.looked(Some(&look), &policy, at(now + 5), at(now + 5)));
    assert_eq!(record.end, CampaignEnd::Failed);
    assert_eq!(record.failed, [(account(1), "Rate exceeded".to_owned())].into());
}

#[test]
fn a_request_for_all_that_failed_is_followed_by_one_for_each_that_is_still_outdated() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0), (3, 0)], &[]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    done(&mut campaign, &policy, 300, || Ended::Failed("Not supported policy".to_owned()));
    assert_eq!(campaign.next(&policy, at(305)), Next::Look);
    let left = found(&[(2, 0)], &[1, 3]);
    campaign = goes_on(campaign.looked(Some(&left), &policy, at(305), at(305)));
    assert_eq!(campaign.updated, accounts([1, 3]));
    assert_eq!(send(campaign.next(&policy, at(305))), [one(2)]);
}

#[test]
fn success_that_does_not_show_is_waited_for_and_then_tried_again() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    done(&mut campaign, &policy, 300, || Ended::Succeeded);
    let left = found(&[(2, 0)], &[1]);
    campaign = goes_on(campaign.looked(Some(&left), &policy, at(306), at(306)));
    // Times are kept in steps of ten seconds.
    assert_eq!(waits(campaign.next(&policy, at(306))), (Why::Again, Some(at(370))));
    campaign = goes_on(campaign.looked(Some(&left), &policy, at(370), at(370)));
    assert_eq!((campaign.updated.clone(), campaign.tried.len()), (accounts([1]), 0));
    done(&mut campaign, &policy, 370, || Ended::Succeeded);
    campaign = goes_on(campaign.looked(Some(&left), &policy, at(440), at(440)));
    // The request was for this one, so it counts.
    assert_eq!(waits(campaign.next(&policy, at(440))), (Why::Again, Some(at(456))));
    assert_eq!(send(campaign.next(&policy, at(456))), [one(2)]);
    assert_eq!(campaign.updated, accounts([1]));
    // It is not done for ever.
    let mut now = 456;
    let record = loop {
        done(&mut campaign, &policy, now, || Ended::Succeeded);
        now += 80;
        campaign = match campaign.looked(Some(&left), &policy, at(now), at(now)) {
            Looked::GoesOn(campaign) => *campaign,
            Looked::Over(record) => break record,
        };
        now = waits(campaign.next(&policy, at(now))).1.unwrap().duration_since(at(0)).as_secs();
        assert!(now < 3600, "{campaign:?}");
    };
    assert_eq!((record.end, record.updated), (CampaignEnd::Failed, accounts([1])));
    let why = "AWS says that it is done, and lists the old version";
    assert_eq!(record.failed, [(account(2), why.to_owned())].into());
}

#[test]
fn what_has_failed_and_is_done_at_last_has_not_failed() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0)], &[2]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    done(&mut campaign, &policy, 300, || Ended::Failed("Rate exceeded".to_owned()));
    done(&mut campaign, &policy, 330, || Ended::Succeeded);
    for (found, end) in [(Some(found(&[], &[1, 2])), CampaignEnd::Done), (None, CampaignEnd::Gone)] {
        let record = over(campaign.clone().looked(found.as_ref(), &policy, at(340), at(340)));
        assert_eq!((record.end, record.updated, record.failed.len()), (end, accounts([1]), 0));
    }
}

#[test]
fn a_claim_without_an_answer_is_given_up_when_it_would_show_and_aws_is_asked_first() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[3]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    campaign.claim(one(1), at(300));
    assert!(!campaign.settle(policy.settle_after, at(359)));
    assert!(campaign.settle(policy.settle_after, at(360)));
    assert_eq!(campaign.next(&policy, at(360)), Next::Look);
}

#[test]
fn refusals_are_told_apart() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[3]);
    let begun = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let refused = |refusal| {
        let mut campaign = begun.clone();
        campaign.claim(one(1), at(300));
        campaign.refused(&one(1), at(300), refusal, at(301));
        assert!(campaign.sent.is_empty());
        campaign
    };
    let passing = refused(Refusal::Passing("slow down".to_owned()));
    assert_eq!(waits(passing.next(&policy, at(301))), (Why::Again, Some(at(305))));
    assert_eq!(passing.tried, BTreeMap::new(), "it is not the account's fault");
    let lasting = refused(Refusal::Lasting("no".to_owned()));
    assert_eq!(send(lasting.next(&policy, at(301))), [one(2)]);
    assert_eq!(refused(Refusal::NotFound("gone".to_owned())).next(&policy, at(301)), Next::Look);
}

#[test]
fn a_permission_set_that_is_gone_and_too_many_failures_end_it() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let many: Vec<(usize, usize)> = (0..150).map(|number| (number, 0)).collect();
    let look = found(&many, &[999]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let gone = over(campaign.clone().looked(None, &policy, at(300), at(300)));
    assert_eq!((gone.end, gone.not_begun.len()), (CampaignEnd::Gone, 150));
    for number in 0..MOST_FAILURES {
        campaign.claim(one(number), at(300));
        campaign.refused(&one(number), at(300), Refusal::Lasting("no".to_owned()), at(301));
    }
    assert_eq!(campaign.next(&policy, at(301)), Next::Look);
    let record = over(campaign.looked(Some(&look), &policy, at(301), at(301)));
    assert_eq!(
        (record.end, record.failed.len(), record.not_begun.len()),
        (CampaignEnd::TooManyFailures, 100, 50)
    );
}

#[test]
fn an_account_on_hold_is_left_out_whenever_it_is_held() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let free = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[]);
    let campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &free, at(300), at(300)));
    let holds = [(HoldScope::Account(account(1)), order())].into();
    let held = Orders { holds, ..Orders::default() };
    let policy = Policy { orders: &held, ..free };
    // It was put on hold after the look: one request for all would reach it.
    assert_eq!(send(campaign.next(&policy, at(300))), [one(2)]);
    let record = over(campaign.looked(Some(&found(&[(1, 0)], &[2])), &policy, at(310), at(310)));
    assert_eq!(record.left_out, [(account(1), LeftOut::Held)].into());
    assert!(is_news(&accounts([1]), Some(&record), at(311)), "once it may be done, it is news");
    assert!(!is_news(&accounts([]), None, at(311)));
    let failed = CampaignRecord { failed: [(account(1), "no".to_owned())].into(), ..record };
    assert!(!is_news(&accounts([1]), Some(&failed), at(311)));
    assert!(is_news(&accounts([1, 2]), Some(&failed), at(311)));
    assert!(is_news(&accounts([1]), Some(&failed), at(311 + 86_400)));
}
