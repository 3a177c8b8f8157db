//! What is told of declared permission sets: what was done to them, and why it was not, once each.

use std::collections::BTreeSet;

use super::{
    declared::{DEVELOPERS, declaring},
    reprovisioning::MINUTE,
    service::Service,
};
use shared::{
    engine::SetStanding,
    outcome::{Happened, Outcome},
    ports::{Ledger as _, LedgerReader as _},
};

impl Service {
    /// What is told of permission sets, each once, and then forgotten.
    pub(super) async fn told_of_sets(&self) -> Vec<String> {
        let outcomes = self.ledger.untold(500).await.unwrap();
        self.ledger.told(&outcomes).await.unwrap();
        let mut ids = BTreeSet::new();
        outcomes.iter().filter(|outcome| ids.insert(&outcome.id)).filter_map(in_words).collect()
    }
}

fn in_words(Outcome { happened, cause, rules_version, .. }: &Outcome) -> Option<String> {
    let told = if let Happened::SetMade(set) | Happened::SetEdited(set) | Happened::SetDeleted(set) = happened
    {
        assert!(set.permission_set.is_some());
        set.name.clone()
    } else if let Happened::SetBlocked { set, reason } = happened {
        format!("{} {}", set.name, reason.split(':').next().unwrap())
    } else if let Happened::SetWithheld { set, reason } = happened {
        format!("{} {reason}", set.name)
    } else {
        return None;
    };
    assert!(cause.as_str().starts_with("declaration:") && rules_version.is_some(), "{cause:?}");
    Some(format!("{} {told}", happened.word()))
}

#[tokio::test(start_paused = true)]
async fn what_is_done_to_a_set_is_told_and_what_keeps_it_from_being_done_when_that_begins() {
    let service = Service::new();
    service.publish(&declaring(&format!("[{DEVELOPERS}]"))).await;
    service.fails("CreatePermissionSet");
    service.keep().await;
    assert_eq!(service.told_of_sets().await, ["set_blocked Developers CreatePermissionSet"]);
    let standing = SetStanding::read(&*service.ledger).await.unwrap();
    assert!(standing.waits["Developers"].has_failed() && standing.begun.contains_key("Developers"));
    service.pass(MINUTE * 3).await;
    assert_eq!(service.keep().await.failed, 1);
    assert_eq!(service.told_of_sets().await, [""; 0], "it is the same still");
    service.world().faults.clear_all();
    service.pass(MINUTE * 5).await;
    service.keep().await;
    assert_eq!(service.told_of_sets().await, ["set_made Developers"]);
    assert_eq!(SetStanding::read(&*service.ledger).await.unwrap(), SetStanding::default());

    let more = DEVELOPERS.replace("Team: shop", "Team: web");
    service.publish(&declaring(&format!("[{more}, {{ name: ReadOnlyAccess, tags: {{ A: b }} }}]"))).await;
    service.keep().await;
    assert_eq!(
        service.told_of_sets().await.into_iter().collect::<BTreeSet<_>>(),
        ["set_edited Developers", "set_withheld ReadOnlyAccess not_ours"].map(str::to_owned).into()
    );
    service.pass(MINUTE * 16).await;
    service.keep().await;
    assert_eq!(service.told_of_sets().await, [""; 0]);
    let waits = SetStanding::read(&*service.ledger).await.unwrap().waits;
    assert_eq!(waits.into_keys().collect::<Vec<_>>(), ["ReadOnlyAccess"]);

    // What is not declared any more waits for nothing; and what others give is deleted once nobody has it.
    service.publish(&declaring(&format!("[{more}, {{ name: Spare }}]"))).await;
    service.keep().await;
    service.publish(&declaring(&format!("[{more}, {{ name: Spare, delete: true }}]"))).await;
    service.keep().await;
    assert_eq!(service.told_of_sets().await, ["set_made Spare", "set_deleted Spare"]);
    assert_eq!(SetStanding::read(&*service.ledger).await.unwrap(), SetStanding::default());
}
