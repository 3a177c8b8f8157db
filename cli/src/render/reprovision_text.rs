//! `usher reprovision` as text.

use std::fmt::Write as _;

use jiff::Timestamp;
use shared::{
    domain::PermissionSetArn,
    ledger::{Campaign, CampaignEnd, CampaignRecord, Stage},
    reprovision::Why,
};

use super::minute;
use crate::{
    Paint, Style,
    report::{CampaignStatus, OutlookReport, RecordStatus, ReprovisionReport},
    screen::{count, line},
};

/// Records that are told; the JSON document has all.
const TOLD: usize = 20;

/// Everything that waits, is under way, or is over.
pub(crate) fn list(report: &ReprovisionReport, style: Style) -> String {
    let ReprovisionReport { format: _, at: _, campaigns, records } = report;
    let mut text = String::new();
    let heading = count(campaigns.len(), "permission set", "permission sets");
    let _ = writeln!(text, "{}", style.paint(Paint::Heading, format!("{heading} on the way.")));
    for campaign in campaigns {
        let _ = writeln!(text, "  {}", campaign_line(campaign));
        if let Some(why) = &campaign.waits_for {
            let _ = writeln!(text, "      {}", style.paint(Paint::Faint, waits(why, campaign.until)));
        }
    }
    if !records.is_empty() {
        let _ = writeln!(text, "{}", style.paint(Paint::Heading, "Lately:"));
        for record in records.iter().skip(records.len().saturating_sub(TOLD)) {
            text.push_str(&self::record(record, style));
        }
    }
    text
}

fn title(name: Option<&String>, arn: &PermissionSetArn) -> String {
    name.map_or_else(|| arn.to_string(), |name| line(name))
}

fn campaign_line(CampaignStatus { name, campaign, under_way, .. }: &CampaignStatus) -> String {
    let Campaign { permission_set, edits, more_edits, pushed, stage, trouble, .. } = campaign;
    let mut text = title(name.as_ref(), permission_set);
    let edits = edits.len() + usize::try_from(*more_edits).unwrap_or(usize::MAX);
    let _ = match edits {
        0 => write!(text, ": outdated, by no edit that was heard of"),
        _ => write!(text, ": {}", count(edits, "edit", "edits")),
    };
    if let Some(order) = pushed {
        let _ = write!(text, ", pushed by {} at {}", line(&order.by), minute(order.at));
    }
    let _ = match stage {
        Stage::Quiet { last, .. } => write!(text, ", the last at {}", minute(*last)),
        Stage::Wave { number, from } => write!(
            text,
            ", wave {} from {}: {} done, {under_way} under way, {} to do",
            number + 1,
            minute(*from),
            campaign.done(),
            campaign.todo.len() + campaign.later.len()
        ),
        Stage::Over { .. } => write!(text, ", over: its record is being kept"),
    };
    if let Some(trouble) = trouble {
        let _ = write!(text, " ({})", line(trouble));
    }
    text
}

/// What a campaign came to.
pub(crate) fn record(RecordStatus { name, record }: &RecordStatus, style: Style) -> String {
    let CampaignRecord {
        permission_set,
        ended,
        end,
        edits,
        more_edits,
        pushed,
        updated,
        failed,
        left_out,
        not_begun,
        empty_waves,
        left_out_waves,
        began: _,
    } = record;
    let (how, paint) = match end {
        CampaignEnd::Done => ("done".to_owned(), Paint::Good),
        CampaignEnd::Failed => ("some accounts failed".to_owned(), Paint::Bad),
        CampaignEnd::Stopped { wave } => {
            (format!("stopped: some accounts of wave {wave} failed"), Paint::Bad)
        }
        CampaignEnd::TooManyFailures => ("stopped: too many accounts failed".to_owned(), Paint::Bad),
        CampaignEnd::Gone => ("the permission set is gone".to_owned(), Paint::Faint),
    };
    let mut text = format!(
        "  {}  {}: {}, newest version in {}\n",
        minute(*ended),
        title(name.as_ref(), permission_set),
        style.paint(paint, how),
        count(updated.len(), "account", "accounts")
    );
    for edit in edits {
        let by = [&edit.by, &edit.role].into_iter().filter(|by| !by.is_empty());
        let by: Vec<String> = by.map(|by| format!(" by {}", line(by))).collect();
        let by = by.concat();
        let _ = writeln!(
            text,
            "      {}  {}{by}, event {}",
            minute(edit.at),
            line(&edit.name),
            line(&edit.event)
        );
    }
    if *more_edits > 0 {
        let _ = writeln!(text, "      and {more_edits} more edits");
    }
    if let Some(order) = pushed {
        let why = if order.reason.is_empty() { String::new() } else { format!(": {}", line(&order.reason)) };
        let _ = writeln!(text, "      pushed by {} at {}{why}", line(&order.by), minute(order.at));
    }
    for (account, why) in failed {
        let _ = writeln!(text, "      {account} failed: {}", line(why));
    }
    for (account, why) in left_out {
        let _ = writeln!(text, "      {account} left out: {}", why.in_words());
    }
    if !not_begun.is_empty() {
        let _ = writeln!(text, "      {} not begun", count(not_begun.len(), "account", "accounts"));
    }
    for wave in empty_waves {
        let _ = writeln!(text, "      wave {wave} had no account to do");
    }
    for wave in left_out_waves {
        let _ = writeln!(
            text,
            "      wave {wave}: all its accounts were left out, so nothing was tried there first"
        );
    }
    text
}

/// One permission set.
pub(crate) fn outlook(report: &OutlookReport, style: Style) -> String {
    let name = title(report.name.as_ref(), &report.permission_set);
    let mut text = String::new();
    if report.gone {
        let _ = writeln!(text, "{name} does not exist any more.");
        return text;
    }
    let open: usize = report.waves.values().map(Vec::len).sum();
    let heading =
        format!("{name} is outdated in {}.", count(open + report.left_out.len(), "account", "accounts"));
    let _ = writeln!(text, "{}", style.paint(Paint::Heading, heading));
    for wave in 1..=report.named_waves {
        if !report.waves.contains_key(&wave) {
            let why = if report.left_out_waves.contains(&wave) {
                "all its outdated accounts are left out"
            } else {
                "no outdated account is in it"
            };
            let _ = writeln!(text, "  wave {wave}: {why}");
        }
    }
    for (wave, accounts) in &report.waves {
        let which = match report.named_waves {
            0 => String::new(),
            named if *wave > named => "after all waves: ".to_owned(),
            _ => format!("wave {wave}: "),
        };
        let ids: Vec<&str> = accounts.iter().map(shared::domain::AccountId::as_str).collect();
        let _ = writeln!(text, "  {which}{}", ids.join(", "));
    }
    for (account, why) in &report.left_out {
        let _ = writeln!(text, "  {account} is left out: {}", why.in_words());
    }
    let when = match (&report.campaign, &report.waits_for) {
        (None, _) if open == 0 => "There is nothing to do.".to_owned(),
        (None, _) => match report.last.as_ref().map(|last| last.record.end) {
            Some(CampaignEnd::Failed | CampaignEnd::Stopped { .. } | CampaignEnd::TooManyFailures) => {
                "The last time has not reached them all: it is tried again once it is edited, after a day, or with `--now`.".to_owned()
            }
            Some(CampaignEnd::Done | CampaignEnd::Gone) | None => {
                "No edit of it was heard of: the schedule finds it, or `--now` pushes it.".to_owned()
            }
        },
        (Some(_), None) => "It is sent at the next minute.".to_owned(),
        (Some(_), Some(why)) => waits(why, report.until),
    };
    let _ = writeln!(text, "{when}");
    if let Some(campaign) = &report.campaign {
        let _ = writeln!(text, "  {}", campaign_line(campaign));
    }
    if let Some(last) = &report.last {
        let _ = writeln!(text, "{}", style.paint(Paint::Heading, "The last time:"));
        text.push_str(&record(last, style));
    }
    text
}

fn waits(why: &Why, until: Option<Timestamp>) -> String {
    let until = until.map_or_else(String::new, |at| format!(" until {}", minute(at)));
    format!("It waits{until}: {}.", why_in_words(why))
}

fn why_in_words(why: &Why) -> String {
    match why {
        Why::Quiet => "more edits may come".to_owned(),
        Why::NoWindow => "no window is open".to_owned(),
        Why::Frozen(Some(reason)) => format!("it is frozen ({})", line(reason)),
        Why::Frozen(None) => "it is frozen".to_owned(),
        Why::Pause(wave) => format!("the pause before wave {wave}"),
        Why::Observed => "the rules only observe".to_owned(),
        Why::Paused => {
            "Usher is paused, or its ledger is in doubt; `usher status` tells the way out".to_owned()
        }
        Why::UnderWay => "requests are under way".to_owned(),
        Why::Again => "what was turned away or has failed is tried again".to_owned(),
    }
}
