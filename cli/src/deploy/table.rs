//! The ledger's table: whether it is one, and has what a ledger lives by. One that was restored from a backup has lost some of that.

use shared::{
    aws::{Connection, TableSeen, TableShape},
    ports::PortError,
};

use crate::{
    doctor::{Findings, way_out},
    screen::line,
};

const WHAT: &str = "table";

/// Before a deployment: whether the name is free where the table will be made, and the table a ledger where it is there already.
pub(super) async fn before(way: &Connection, table: &str, is_new: bool, findings: &mut Findings) {
    let Some(there) = seen(way, table, findings).await else { return };
    let name = line(table);
    match (there, is_new) {
        (None, true) => findings.good(WHAT, format!("{name} is free, and will be made")),
        (None, false) => findings.bad(
            WHAT,
            format!("there is no table {name} in this account and Region"),
            "restore it first, or name it by --table (LedgerTableName); LedgerTableIs=new makes one",
        ),
        (Some(TableSeen { shape: TableShape::Other, .. }), _) => findings.bad(
            WHAT,
            format!("there is a table {name}, which is no ledger of Usher's: its keys are not `pk` and `sk`"),
            "choose another name: --table, and LedgerTableName",
        ),
        (Some(_), true) => findings.bad(
            WHAT,
            format!("there is a table {name} already, and the deployment would fail at it"),
            "if it is the ledger to go on with: --existing table, and LedgerTableIs=existing. Else another name: --table, and LedgerTableName",
        ),
        (Some(seen), false) => whole(way, table, seen, findings).await,
    }
}

/// After one: whether the table still has what a ledger lives by. Whether it can be read is told elsewhere.
pub(super) async fn after(way: &Connection, table: &str, findings: &mut Findings) {
    if let Some(Some(there)) = seen(way, table, findings).await {
        whole(way, table, there, findings).await;
    }
}

/// The table of this name, if there is one; `None` where that can't be told.
async fn seen(way: &Connection, table: &str, findings: &mut Findings) -> Option<Option<TableSeen>> {
    match way.table_seen(table).await {
        Ok(there) => Some(there),
        Err(error) => {
            let found =
                format!("whether {} is there can't be told: {}", line(table), line(&error.to_string()));
            findings.warning(WHAT, found, way_out(&error, "dynamodb:DescribeTable"));
            None
        }
    }
}

async fn whole(way: &Connection, table: &str, seen: TableSeen, findings: &mut Findings) {
    let TableSeen { shape, is_active, is_protected } = seen;
    let name = line(table);
    match shape {
        TableShape::Other => {
            let found = format!("{name} is no ledger of Usher's: its keys are not `pk` and `sk`");
            return findings.bad(WHAT, found, "name the right one by USHER_LEDGER_TABLE");
        }
        TableShape::WithoutWork => findings.bad(
            WHAT,
            format!("{name} has no index `work`, by which the engine finds what to do"),
            format!(
                "restore it with its indexes, or: `aws dynamodb update-table --table-name {name} --attribute-definitions \
                 AttributeName=work,AttributeType=S AttributeName=work_order,AttributeType=S --global-secondary-index-updates \
                 '[{{\"Create\":{{\"IndexName\":\"work\",\"KeySchema\":[{{\"AttributeName\":\"work\",\"KeyType\":\"HASH\"}},\
                 {{\"AttributeName\":\"work_order\",\"KeyType\":\"RANGE\"}}],\"Projection\":{{\"ProjectionType\":\"ALL\"}}}}}}]'`"
            ),
        ),
        TableShape::Ledger if is_active => {
            findings.good(WHAT, format!("{name} is there, with a ledger's keys and its index"));
        }
        TableShape::Ledger => {
            findings.warning(WHAT, format!("{name} is there, and not active yet"), "wait until it is");
        }
    }
    let changed = |options: &str| format!("`aws dynamodb {options}`");
    for (is_so, action, found, way_out) in [
        (
            Ok(is_protected),
            "dynamodb:DescribeTable",
            "can be deleted by mistake",
            changed(&format!("update-table --table-name {name} --deletion-protection-enabled")),
        ),
        (
            way.table_is_recoverable(table).await,
            "dynamodb:DescribeContinuousBackups",
            "can't be restored as it was at a moment",
            changed(&format!(
                "update-continuous-backups --table-name {name} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
            )),
        ),
        (
            way.table_forgets_budgets(table).await,
            "dynamodb:DescribeTimeToLive",
            "keeps budgets for ever",
            changed(&format!(
                "update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName=budget_expires"
            )),
        ),
    ] {
        held(is_so, action, (&format!("{name} {found}"), way_out), findings);
    }
}

/// What should be so, and what to do where it isn't.
fn held(
    is_so: Result<bool, PortError>,
    action: &str,
    (found, to_do): (&str, String),
    findings: &mut Findings,
) {
    match is_so {
        Ok(true) => {}
        Ok(false) => findings.warning(WHAT, found, to_do),
        Err(error) => {
            let told = format!("whether {found} can't be told: {}", line(&error.to_string()));
            findings.warning(WHAT, told, way_out(&error, action));
        }
    }
}
