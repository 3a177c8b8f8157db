//! The promises of [`Ledger`].

mod campaigns;
pub(crate) mod fixtures;
mod guards;
mod lease;
mod memory;
mod orders;
mod outbox;
mod round;
mod rows;
mod work;

use std::future::ready;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::{
    aws::{DynamoDbLedger, create_table},
    local::SqliteLedger,
    ports::{Ledger, LedgerReader as _, SeenKind},
};

use crate::lambda::moto::Moto;

/// A ledger under test, and what has to live as long as it does.
struct Opened {
    ledger: Box<dyn Ledger>,
    _kept: Kept,
}

/// Held for its end.
#[expect(dead_code, reason = "what is kept does its work by being dropped")]
enum Kept {
    Nothing,
    Folder(tempfile::TempDir),
    Server(Box<Moto>),
}

/// Runs every promise over one adapter: `ledger_contract!(name, expression)`, see the module above.
macro_rules! ledger_contract {
    ($adapter:ident, $open:expr) => {
        ledger_contract! { @each $adapter, $open,
            rows::rows_come_back_as_written_in_every_state
            rows::the_version_counts_the_writes
            rows::a_row_that_nobody_wrote_is_not_there
            rows::the_rows_of_an_account_are_its_own_by_key
            rows::a_row_made_twice_is_in_conflict_and_nothing_of_the_call_is_written
            rows::a_stale_row_is_in_conflict_and_nothing_of_the_call_is_written
            rows::a_row_that_was_never_there_cannot_be_updated
            rows::of_many_writers_that_have_read_the_same_row_the_first_wins
            rows::ninety_rows_are_written_at_once
            rows::ninety_rows_with_one_conflict_are_not_written
            guards::a_write_under_other_rules_is_refused_and_nothing_is_written
            guards::a_write_under_rules_is_refused_while_there_are_none
            guards::a_write_under_an_old_fence_is_refused_and_nothing_is_written
            guards::a_write_under_a_lease_given_back_is_refused
            guards::a_write_of_no_rows_still_checks_its_guard
            guards::budgets_are_charged_exactly_and_several_at_once
            guards::a_budget_over_its_limit_is_refused_and_nothing_is_written_or_charged
            guards::a_first_charge_over_the_limit_is_refused
            guards::a_write_that_fails_charges_nothing
            guards::the_limit_is_the_charges_own
            lease::only_one_holds_the_lease
            lease::an_expired_lease_goes_to_the_next_with_a_higher_fence
            lease::a_renewed_lease_lasts_longer
            lease::a_lease_that_passed_to_another_cannot_be_renewed
            lease::a_lease_given_back_lets_the_next_in_with_a_higher_fence
            lease::giving_back_a_lost_lease_is_harmless
            orders::orders_come_back_as_they_were_given
            orders::orders_are_given_only_after_the_ones_that_were_read
            orders::a_write_under_other_orders_is_refused_and_nothing_is_written
            orders::of_many_that_give_orders_at_once_exactly_one_wins
            round::a_round_comes_back_as_it_was_kept_last
            round::a_round_is_kept_only_after_the_one_that_was_read
            round::of_many_that_keep_a_round_at_once_exactly_one_does
            campaigns::a_campaign_comes_back_as_it_was_kept_last
            campaigns::a_campaign_is_kept_only_after_the_one_that_was_read
            campaigns::a_campaign_that_is_over_is_gone_and_its_writers_do_not_write_over_the_next
            campaigns::a_campaign_is_kept_under_its_guard_or_not_at_all
            campaigns::rounds_and_what_is_remembered_are_no_campaigns
            outbox::an_outcome_is_kept_with_its_row_or_not_at_all
            outbox::outcomes_come_back_the_oldest_first_until_they_are_told
            outbox::many_outcomes_are_kept_and_told
            outbox::rows_and_their_outcomes_count_together
            outbox::an_outcome_of_every_kind_comes_back_as_it_was_kept
            outbox::one_is_recalled_by_its_id_and_several_by_how_their_ids_begin
            work::work_is_revokes_first_then_the_oldest_decision
            work::work_stops_at_the_limit
            work::work_that_was_decided_lately_is_found_behind_any_number_of_old_decisions
            work::rows_without_work_are_not_in_it_and_claimed_ones_are
            work::work_follows_the_row
            rows::all_rows_come_by_pages_exactly_once
            rows::only_closed_rows_at_that_version_are_forgotten
            rows::a_forgotten_row_can_be_made_again
            memory::rules_come_into_force_only_after_the_ones_expected
            memory::what_is_remembered_comes_back_by_id_and_can_be_replaced
            memory::what_is_older_never_takes_the_place_of_what_is_newer
            memory::of_equal_times_the_later_call_stays
            memory::what_was_seen_first_stays_until_it_is_replaced_on_purpose
            memory::kinds_are_remembered_apart
            memory::what_is_unlearned_is_gone_and_the_rest_stays
        }
    };
    (@each $adapter:ident, $open:expr, $($file:ident::$promise:ident)*) => {
        mod $adapter {
            use super::*;

            $(
                #[tokio::test]
                async fn $promise() {
                    if let Some(opened) = $open.await {
                        super::$file::$promise(opened.ledger.as_ref()).await;
                    }
                }
            )*
        }
    };
}

fn in_memory() -> Opened {
    Opened { ledger: Box::new(SqliteLedger::in_memory().unwrap()), _kept: Kept::Nothing }
}

fn in_a_file() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    Opened { ledger: Box::new(ledger), _kept: Kept::Folder(folder) }
}

async fn in_dynamodb() -> Option<Opened> {
    let moto = Moto::start().await;
    create_table(&moto.dynamodb(), "usher-ledger").await.unwrap();
    let ledger = DynamoDbLedger::new(moto.dynamodb(), "usher-ledger");
    Some(Opened { ledger: Box::new(ledger), _kept: Kept::Server(Box::new(moto)) })
}

ledger_contract!(sqlite_in_memory, ready(Some(in_memory())));
ledger_contract!(sqlite_file, ready(Some(in_a_file())));
ledger_contract!(moto_dynamodb, in_dynamodb());

/// Not against moto: a transaction that fails there puts back a copy of the whole table that was made when it began, and with it undoes
/// another that has succeeded meanwhile.
#[tokio::test]
async fn of_many_concurrent_writers_of_one_row_exactly_one_wins() {
    for opened in [in_memory(), in_a_file()] {
        rows::of_many_concurrent_writers_of_one_row_exactly_one_wins(opened.ledger.as_ref()).await;
    }
}

#[tokio::test]
async fn a_time_in_dynamodb_from_before_times_were_compared_gives_way() {
    let moto = Moto::start().await;
    create_table(&moto.dynamodb(), "usher-ledger").await.unwrap();
    let ledger = DynamoDbLedger::new(moto.dynamodb(), "usher-ledger");
    let of = |name: &str| fixtures::seen("ou", serde_json::json!(name), 0);
    ledger.remember(SeenKind::OrganizationalUnit, &[of("Development")]).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = moto.dynamodb().update_item().table_name("usher-ledger");
    let update = update.key("pk", text("seen#organizational-unit")).key("sk", text("id#ou"));
    let update = update.update_expression("SET seen_at = :at");
    update.expression_attribute_values(":at", text("2026-11-02T09:00:00.5Z")).send().await.unwrap();
    let recalled = ledger.recall(SeenKind::OrganizationalUnit).await.unwrap();
    assert_eq!(recalled[0].at.to_string(), "2026-11-02T09:00:00.5Z");

    ledger.remember(SeenKind::OrganizationalUnit, &[of("Labs")]).await.unwrap();

    assert_eq!(ledger.recall(SeenKind::OrganizationalUnit).await, Ok(vec![of("Labs")]));
}
