//! Requests that do not come to their end: what else is to be done goes on beside them.

use super::*;

const ALL: ProvisioningTarget = ProvisioningTarget::AllProvisionedAccounts;

/// An edit, looked at when it is quiet.
fn begun(found: &Found, policy: &Policy<'_>) -> Campaign {
    goes_on(edited(None, "e", 0).looked(Some(found), policy, at(300), at(300)))
}

/// The first account hangs, since just after the look.
fn hanging(found: &Found, policy: &Policy<'_>) -> Campaign {
    let mut campaign = begun(found, policy);
    campaign.claim(one(1), at(301));
    campaign
}

#[test]
fn a_push_goes_to_all_but_the_account_that_hangs_and_ends_after_it() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0)], &[3]);
    let campaign = hanging(&look, &policy);
    let campaign = Campaign::pushed(Some(campaign), &set(), order(), at(400));
    assert_eq!(campaign.next(&policy, at(400)), Next::Look);
    let mut campaign = goes_on(campaign.looked(Some(&look), &policy, at(400), at(400)));
    assert_eq!(send(campaign.next(&policy, at(400))), [one(2)]);
    done(&mut campaign, &policy, 400, || Ended::Succeeded);
    assert_eq!(waits(campaign.next(&policy, at(405))), (Why::UnderWay, None));
    // Whatever a look finds, it is not over.
    let campaign = goes_on(campaign.looked(Some(&found(&[], &[])), &policy, at(500), at(500)));
    assert_eq!(waits(campaign.next(&policy, at(500))), (Why::UnderWay, None));
    let mut campaign = goes_on(campaign.looked(None, &policy, at(501), at(501)));
    assert_eq!(waits(campaign.next(&policy, at(501))), (Why::UnderWay, None));
    // No edit has come since: it is of this version.
    campaign.ended(&one(1), at(301), Ended::Succeeded, at(600));
    assert_eq!(campaign.next(&policy, at(600)), Next::Look);
    let record = over(campaign.looked(Some(&found(&[], &[1, 2])), &policy, at(600), at(600)));
    assert_eq!((record.end, record.updated), (CampaignEnd::Done, accounts([1, 2])));
}

#[test]
fn the_next_wave_waits_for_the_account_that_hangs_and_the_waves_of_a_newer_edit_do_not() {
    let (rules, orders) = (waves(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0), (3, 1)], &[]);
    let mut campaign = hanging(&look, &policy);
    done(&mut campaign, &policy, 301, || Ended::Succeeded);
    let left = found(&[(3, 1)], &[1, 2]);
    let campaign = goes_on(campaign.looked(Some(&left), &policy, at(400), at(400)));
    assert_eq!(waits(campaign.next(&policy, at(9_000))).0, Why::UnderWay);
    // It is in the second wave of the next edit: the first is done, and told as what it is.
    let mut campaign = hanging(&found(&[(1, 0)], &[2]), &policy);
    campaign = edited(Some(campaign), "f", 1000);
    let look = found(&[(1, 1), (2, 0)], &[]);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(1300), at(1300)));
    assert_eq!((campaign.empty_waves.clone(), campaign.later.clone()), ([].into(), accounts([1])));
    assert_eq!(send(campaign.next(&policy, at(1300))), [one(2)]);
    // There is nothing in the first one: the second is begun at once, as it would be without it.
    let mut campaign = hanging(&found(&[(1, 0)], &[2]), &policy);
    campaign = edited(Some(campaign), "f", 1000);
    let look = found(&[(1, 1), (2, 1)], &[]);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(1300), at(1300)));
    assert_eq!(campaign.empty_waves, [1].into());
    assert_eq!(send(campaign.next(&policy, at(1300))), [one(2)]);
}

#[test]
fn the_pause_before_a_wave_is_followed_by_a_look_whatever_hangs() {
    let (rules, free) = (waves(), Orders::default());
    let holds = [(HoldScope::Account(account(4)), order())].into();
    let held = Orders { holds, ..Orders::default() };
    let policy = Policy { orders: &held, ..policy(&rules, &free) };
    let mut campaign = hanging(&found(&[(1, 0)], &[2, 4]), &policy);
    campaign = edited(Some(campaign), "f", 1000);
    // The first wave is left out, so its pause is kept.
    let look = found(&[(1, 1), (2, 1), (4, 0)], &[]);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(1300), at(1301)));
    assert_eq!(waits(campaign.next(&policy, at(1302))), (Why::Pause(2), Some(at(1301 + 3600))));
    assert_eq!(campaign.next(&policy, at(4901)), Next::Look);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(4901), at(4902)));
    assert_eq!(send(campaign.next(&policy, at(4902))), [one(2)]);
}

#[test]
fn a_request_for_all_that_hangs_gives_way_to_a_newer_edit_after_some_minutes() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0), (3, 0)], &[]);
    let mut campaign = begun(&look, &policy);
    campaign.claim(ALL, at(301));
    assert_eq!(waits(campaign.next(&policy, at(9_000))), (Why::UnderWay, None), "nothing else is to be done");
    campaign = edited(Some(campaign), "f", 302);
    assert_eq!(waits(campaign.next(&policy, at(600))).0, Why::Quiet);
    assert_eq!(waits(campaign.next(&policy, at(602))), (Why::UnderWay, Some(at(1201))));
    assert_eq!(campaign.next(&policy, at(1201)), Next::Look);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(1202), at(1202)));
    assert_eq!(send(campaign.next(&policy, at(1202))), [one(1), one(2), one(3)]);
    // One is in conflict with it, and one is not.
    campaign.claim(one(1), at(1202));
    campaign.refused(&one(1), at(1202), Refusal::Conflict("busy".to_owned()), at(1202));
    campaign.claim(one(2), at(1202));
    campaign.ended(&one(2), at(1202), Ended::Succeeded, at(1220));
    assert_eq!(send(campaign.next(&policy, at(1220))), [one(1), one(3)]);
    // What it was sent for is not what they wait for. What was in conflict with it is so no more.
    assert!(campaign.ended(&ALL, at(301), Ended::Succeeded, at(1221)));
    assert_eq!((campaign.done(), campaign.tried.len()), (1, 0));
    assert_eq!(campaign.next(&policy, at(1221)), Next::Look);
    let look = found(&[(1, 0), (3, 0)], &[2]);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(1221), at(1221)));
    assert_eq!(send(campaign.next(&policy, at(1221))), [one(1), one(3)]);
}

#[test]
fn a_push_waits_some_minutes_for_a_request_for_all() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let look = found(&[(1, 0), (2, 0), (3, 0)], &[]);
    let mut campaign = begun(&look, &policy);
    campaign.claim(ALL, at(301));
    campaign = Campaign::pushed(Some(campaign), &set(), order(), at(310));
    assert_eq!(waits(campaign.next(&policy, at(310))), (Why::UnderWay, Some(at(601))));
    assert_eq!(campaign.next(&policy, at(601)), Next::Look);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(601), at(601)));
    assert_eq!(send(campaign.next(&policy, at(601))), [one(1), one(2), one(3)]);
    // It is of this version.
    campaign.ended(&ALL, at(301), Ended::Succeeded, at(630));
    assert_eq!((campaign.done(), campaign.next(&policy, at(630))), (3, Next::Look));
}

#[test]
fn of_thousands_in_conflict_with_a_request_for_all_a_few_are_tried() {
    let (rules, orders) = (Reprovision::default(), Orders::default());
    let policy = policy(&rules, &orders);
    let many: Vec<(usize, usize)> = (0..3000).map(|number| (number, 0)).collect();
    let look = found(&many, &[]);
    let mut campaign = begun(&look, &policy);
    campaign.claim(ALL, at(301));
    campaign = edited(Some(campaign), "f", 302);
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(1202), at(1202)));
    for seconds in 1202..2000 {
        let Next::Send(targets) = campaign.next(&policy, at(seconds)) else { continue };
        campaign.claim(targets[0].clone(), at(seconds));
        campaign.refused(&targets[0], at(seconds), Refusal::Conflict("busy".to_owned()), at(seconds));
    }
    assert_eq!(campaign.tried.len(), PROBES);
    // One that is taken shows that the others may be.
    campaign = goes_on(campaign.looked(Some(&look), &policy, at(2300), at(2300)));
    let target = send(campaign.next(&policy, at(2300))).remove(0);
    assert!(campaign.tried.keys().any(|account| ProvisioningTarget::Account(account.clone()) == target));
    campaign.claim(target.clone(), at(2300));
    campaign.ended(&target, at(2300), Ended::Succeeded, at(2305));
    assert!(send(campaign.next(&policy, at(2305))).len() > PROBES);
}
