//! What is in the way of a campaign, and what comes in between.

use super::*;

#[test]
fn an_account_in_conflict_holds_up_no_other_and_is_given_up_after_hours() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[3]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let conflict = |campaign: &mut Campaign, target: ProvisioningTarget, seconds| {
        campaign.claim(target.clone(), at(seconds));
        campaign.refused(&target, at(seconds), Refusal::Conflict("busy".to_owned()), at(seconds));
    };
    conflict(&mut campaign, one(1), 300);
    assert_eq!(send(campaign.next(&policy, at(301))), [one(2)]);
    assert_eq!(send(campaign.next(&policy, at(316))), [one(1), one(2)]);
    // It counts as no failure, however often it comes.
    for times in 1..20 {
        conflict(&mut campaign, one(1), 300 + 300 * times);
    }
    assert!(!campaign.tried[&account(1)].lasting, "{campaign:?}");
    assert_eq!(campaign.tried[&account(1)].attempts, 0);
    conflict(&mut campaign, one(1), 300 + 6 * 3600);
    assert!(campaign.tried[&account(1)].lasting);
}

#[test]
fn a_request_for_all_that_is_in_conflict_gives_way_to_one_for_each() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let all = ProvisioningTarget::AllProvisionedAccounts;
    for seconds in [300, 320, 340] {
        assert_eq!(send(campaign.next(&policy, at(seconds))), std::slice::from_ref(&all));
        campaign.claim(all.clone(), at(seconds));
        campaign.refused(&all, at(seconds), Refusal::Conflict("busy".to_owned()), at(seconds));
        assert!(matches!(campaign.next(&policy, at(seconds)), Next::Wait(_)));
    }
    assert_eq!(campaign.next(&policy, at(360)), Next::Look);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(360), at(360)));
    assert_eq!(send(campaign.next(&policy, at(360))), [one(1), one(2)]);
}

#[test]
fn nothing_is_sent_by_an_old_look() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let begin = |found: &Found| goes_on(edited(None, "e", 0).looked(Some(found), &policy, at(300), at(300)));
    let mut some = begin(&found(&[(1, 0), (2, 0)], &[3]));
    assert_eq!(send(some.next(&policy, at(300 + 900))), [one(1), one(2)]);
    assert_eq!(some.next(&policy, at(300 + 901)), Next::Look);
    // What is under way is found outdated still, and not begun again.
    some.claim(one(1), at(400));
    assert_eq!(some.next(&policy, at(300 + 901)), Next::Look);
    let look = found(&[(1, 0), (2, 0)], &[3]);
    let some = goes_on(some.looked(Some(&look), &policy, at(1201), at(1201)));
    assert_eq!(send(some.next(&policy, at(1201))), [one(2)]);
    let all = begin(&found(&[(1, 0), (2, 0)], &[]));
    assert!(matches!(all.next(&policy, at(420)), Next::Send(_)));
    assert_eq!(all.next(&policy, at(421)), Next::Look);
    // One that is suspended meanwhile is not done, and it is said why.
    let mut some = begin(&found(&[(1, 0), (2, 0)], &[3]));
    some.not_active(&account(1), LeftOut::NotActive);
    assert_eq!(send(some.next(&policy, at(300))), [one(2)]);
    assert_eq!(some.left_out, [(account(1), LeftOut::NotActive)].into());
}

/// What `DynamoDB` takes as one item.
const MOST_BYTES: usize = 400 * 1024;

#[test]
fn a_campaign_over_thousands_of_accounts_stays_one_that_the_ledger_takes() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let size = |campaign: &Campaign| serde_json::to_string(campaign).unwrap().len();
    let many: Vec<(usize, usize)> = (0..10_000).map(|number| (number, 0)).collect();
    let all = found(many.get(..3500).unwrap(), &[]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&all), &policy, at(300), at(300)));
    done(&mut campaign, &policy, 300, || Ended::Succeeded);
    assert!(size(&campaign) < MOST_BYTES);
    for seconds in [306, 370] {
        campaign = goes_on(campaign.looked(Some(&all), &policy, at(seconds), at(seconds)));
        assert!(size(&campaign) < MOST_BYTES, "{seconds}: {}", size(&campaign));
    }
    assert_eq!((campaign.todo.len(), campaign.tried.len()), (3500, 0));
    // One by one, without a look in between.
    let some = found(&many, &[10_001]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&some), &policy, at(300), at(300)));
    for number in 0..10_000 {
        let seconds = 300 + i64::try_from(number).unwrap() * 3;
        campaign.claim(one(number), at(seconds));
        campaign.ended(&one(number), at(seconds), Ended::Succeeded, at(seconds + 2));
    }
    assert!(size(&campaign) < MOST_BYTES, "{}", size(&campaign));
    assert_eq!(campaign.done(), 10_000);
}

#[test]
fn what_is_free_goes_to_whoever_has_the_least_and_looks_come_last() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0), (3, 0)], &[4]);
    let begun = |seconds| {
        let first = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
        Campaign { began: at(seconds), ..first }
    };
    let (mut old, mut young) = (begun(0), begun(100));
    assert!(old.turn() < young.turn());
    old.claim(one(1), at(300));
    assert!(young.turn() < old.turn());
    young.claim(one(1), at(301));
    assert!(old.turn() < young.turn(), "it has waited for longer");
    old.ended(&one(1), at(300), Ended::Succeeded, at(302));
    old.claim(one(2), at(303));
    assert!(young.turn() < old.turn());
    let due = edited(None, "e", 0);
    let pushed = Campaign::pushed(Some(due.clone()), &set(), order(), at(303));
    assert!(pushed.turn() < young.turn());
    assert_eq!(due.rank(&policy, at(303)), Rank::Looks);
    assert_eq!(old.rank(&policy, at(303)), Rank::Ready);
    assert_eq!(pushed.rank(&policy, at(303)), Rank::Pushed);
}

#[test]
fn a_wave_whose_accounts_are_all_left_out_keeps_the_pause_and_is_told() {
    let (rules, free) = (waves(), Orders::default());
    let holds = [(HoldScope::Account(account(1)), order())].into();
    let held = Orders { holds, ..Orders::default() };
    let free = policy(&rules, &free);
    let policy = Policy { orders: &held, ..free };
    let look = found(&[(1, 0), (2, 1), (3, 1)], &[]);
    let campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    assert_eq!((campaign.empty_waves.clone(), campaign.left_out_waves.clone()), ([].into(), [1].into()));
    assert_eq!(waits(campaign.next(&policy, at(301))), (Why::Pause(2), Some(at(3900))));
    let mut campaign = goes_on(campaign.looked(Some(&look), &policy, at(3900), at(3900)));
    assert_eq!(send(campaign.next(&policy, at(3900))), [one(2), one(3)]);
    done(&mut campaign, &policy, 3900, || Ended::Succeeded);
    let record = over(campaign.looked(Some(&found(&[(1, 0)], &[2, 3])), &policy, at(3910), at(3910)));
    assert_eq!((record.end, record.left_out_waves), (CampaignEnd::Done, [1].into()));
    // Once the hold is gone it is no such wave.
    let campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let campaign = goes_on(campaign.looked(Some(&look), &free, at(3900), at(3900)));
    assert_eq!(campaign.left_out_waves, [].into());
}

#[test]
fn a_campaign_that_is_over_is_neither_turned_back_nor_pushed() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let campaign = Campaign { version: 7, ..edited(None, "e", 0) };
    let record = over(campaign.clone().looked(Some(&found(&[], &[1])), &policy, at(300), at(300)));
    let marked = campaign.over_by(Box::new(record.clone()));
    assert_eq!((marked.version, marked.began), (7, at(0)));
    assert_eq!(marked.next(&policy, at(300)), Next::Tell);
    let paused = Orders { pause: Some(order()), ..Orders::default() };
    assert_eq!(marked.next(&Policy { orders: &paused, ..policy }, at(300)), Next::Tell);
    // The ledger takes no first one where one is.
    assert_eq!(edited(Some(marked.clone()), "f", 301).version, 0);
    assert_eq!(Campaign::pushed(Some(marked), &set(), order(), at(301)).version, 0);
}

#[test]
fn a_push_while_all_are_under_way_loses_nothing_of_what_is_done() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[]);
    let mut campaign = goes_on(edited(None, "e", 0).looked(Some(&look), &policy, at(300), at(300)));
    let all = ProvisioningTarget::AllProvisionedAccounts;
    campaign.claim(all.clone(), at(300));
    for ended in [Ended::Succeeded, Ended::Failed("no".to_owned()), Ended::Unknown] {
        let mut campaign = Campaign::pushed(Some(campaign.clone()), &set(), order(), at(301));
        assert_eq!(waits(campaign.next(&policy, at(301))).0, Why::UnderWay);
        assert!(campaign.ended(&all, at(300), ended, at(310)));
        let record = over(campaign.looked(Some(&found(&[], &[1, 2])), &policy, at(311), at(311)));
        assert_eq!(record.updated, accounts([1, 2]));
    }
}

#[test]
fn a_push_that_is_followed_by_an_edit_stays_in_the_record_and_pushes_nothing_more() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let campaign = Campaign::pushed(Some(edited(None, "e", 0)), &set(), order(), at(1));
    let campaign = goes_on(campaign.looked(Some(&found(&[(1, 0)], &[])), &policy, at(1), at(1)));
    let campaign = edited(Some(campaign), "f", 10);
    assert_eq!(waits(campaign.next(&policy, at(11))), (Why::Quiet, Some(at(310))));
    let record = over(campaign.looked(Some(&found(&[], &[1])), &policy, at(310), at(310)));
    assert_eq!(record.pushed, Some(order()));
}

#[test]
fn an_old_event_that_comes_late_cuts_no_quiet_period() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let campaign = edited(None, "e-0", 9000);
    let campaign = Campaign::edited(Some(campaign), &set(), edit("old", 0), at(9010)).unwrap();
    assert_eq!(waits(campaign.next(&policy, at(9011))), (Why::Quiet, Some(at(9300))));
    assert_eq!(campaign.edits.len(), 2);
}
