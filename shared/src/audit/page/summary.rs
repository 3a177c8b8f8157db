//! What the page says before its script has run, and where no script runs: what was taken, what could not be read, and how much there is.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::{
    super::{Assignment, Audit, Only, Standing, Way},
    escape,
};

/// Ends within so many days are told as expiring; `data.js` has the same number.
pub(super) const SOON: i64 = 30;
/// So many things that could not be read are in sight; the others are folded away.
const UNREAD_IN_SIGHT: usize = 5;

/// The first part of the overview. The script keeps it and puts more below it.
pub(super) fn html(audit: &Audit) -> String {
    let mut page = String::from("<div id=\"summary\">");
    lead(audit, &mut page);
    part(audit, &mut page);
    unread(audit, &mut page);
    figures(audit, &mut page);
    standings(audit, &mut page);
    page.push_str("</div>");
    page
}

/// Where the report comes from, for the foot of the page.
pub(super) fn taken(audit: &Audit) -> String {
    let taken = &audit.taken;
    let mut facts = vec![
        ("Taken", format!("{} to {}", shown(taken.began), shown(taken.ended))),
        ("Instance", taken.instance.to_string()),
        ("Identity store", taken.identity_store.to_string()),
        ("Management account", taken.management_account.to_string()),
    ];
    facts.extend(taken.region.clone().map(|region| ("Region", region)));
    facts.extend(taken.rules.as_ref().map(|rules| ("Rules", rules.to_string())));
    facts.extend(taken.mode.map(|mode| ("Mode", mode.to_string())));
    let mut page = String::from("<dl>");
    for (name, value) in facts {
        // Writing to a text can't fail, here and below.
        let _ = write!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    page.push_str("</dl><p>Made by Usher. This page asks nothing of any network; it names people, so keep it where they are safe.</p>");
    page
}

fn lead(audit: &Audit, page: &mut String) {
    let taken = &audit.taken;
    let _ = write!(page, "<p class=\"lead\">As of <strong>{}</strong>", moment(taken.ended));
    match (&taken.rules, taken.mode) {
        (Some(rules), Some(mode)) => {
            let _ = write!(
                page,
                ", held against rules <code>{}</code> in mode <code>{mode}</code>",
                rules.short()
            );
        }
        (Some(rules), None) => {
            let _ = write!(page, ", held against rules <code>{}</code>", rules.short());
        }
        (None, _) => page.push_str(", held against no rules"),
    }
    match taken.since {
        Some(since) => {
            let _ = write!(page, ". Changes are told since the report of {}.</p>", moment(since));
        }
        None => page.push_str(". It is the first report, so it tells no changes.</p>"),
    }
}

/// What the report is of, if it is not of everything: what it doesn't have was not looked for.
fn part(audit: &Audit, page: &mut String) {
    let named = |name: Option<&str>, id: &str| match name {
        Some(name) if name != id => format!("{} ({})", escape(name), escape(id)),
        Some(_) | None => escape(id),
    };
    let what = match &audit.taken.only {
        Only::Everything => return,
        Only::Account(id) => {
            let account = audit.accounts.iter().find(|account| account.id == *id);
            format!("what there is in account {}", named(account.map(|account| &*account.name), id.as_str()))
        }
        Only::PermissionSet(arn) => {
            let set = audit.permission_sets.iter().find(|set| set.arn == *arn);
            format!("what there is of permission set {}", named(set.map(|set| &*set.name), arn.as_str()))
        }
        Only::Person(id) => {
            let person = audit.people.iter().find(|person| person.id == *id);
            format!(
                "what {} has, by themselves and through groups",
                named(person.map(|person| &*person.user_name), id.as_str())
            )
        }
    };
    let _ = write!(
        page,
        "<p class=\"notice\">This report is only of {what}. Of everything else it says nothing.</p>"
    );
}

/// What is missing comes first: a report must not look whole when it is not.
fn unread(audit: &Audit, page: &mut String) {
    if !audit.unread.is_empty() {
        let _ = write!(
            page,
            "<section class=\"notice warning\" aria-labelledby=\"unread\"><h2 id=\"unread\">{}<span>{} could not be read</span></h2>\
             <p>What is missing for it is not said to be absent: there may be access that this report does not show.</p>",
            symbol("warning"),
            counted(audit.unread.len(), "thing", "things")
        );
        let items: Vec<String> = audit
            .unread
            .iter()
            .map(|unread| {
                format!("<li><strong>{}</strong>: {}</li>", escape(&unread.what), escape(&unread.why))
            })
            .collect();
        let (first, others) = items.split_at(items.len().min(UNREAD_IN_SIGHT));
        let _ = write!(page, "<ul>{}</ul>", first.concat());
        if !others.is_empty() {
            let _ = write!(
                page,
                "<details><summary>{} more</summary><ul>{}</ul></details>",
                grouped(others.len()),
                others.concat()
            );
        }
        page.push_str("</section>");
    }
    if !audit.changed_meanwhile.is_empty() {
        page.push_str("<section class=\"notice\" aria-labelledby=\"meanwhile\"><h2 id=\"meanwhile\">Changed while the report was taken</h2><p>These may be shown as they were before, or after.</p><ul>");
        for change in &audit.changed_meanwhile {
            let _ = write!(page, "<li>{}</li>", escape(change));
        }
        page.push_str("</ul></section>");
    }
    if audit.taken.way == Way::ByPrincipal {
        page.push_str("<p class=\"aside\">Assignments were asked for person by person and group by group. One that others made, and whose principal has been deleted, is not found where somebody else has the same permission set.</p>");
    }
}

fn figures(audit: &Audit, page: &mut String) {
    let there = audit.assignments.iter().filter(|one| one.present).count();
    let soon =
        audit.taken.ended.saturating_add(SignedDuration::from_hours(24 * SOON)).unwrap_or(Timestamp::MAX);
    let ends_soon = |one: &&Assignment| one.present && one.until.is_some_and(|until| until <= soon);
    let ending = audit.assignments.iter().filter(ends_soon).count();
    let outdated = audit.permission_sets.iter().filter(|set| !set.outdated.is_empty()).count();
    let differing = audit.permission_sets.iter().filter(|set| set.differs).count();
    let people = audit.people.iter().filter(|person| !person.gone).count();
    let tiles = [
        ("#/accounts", audit.accounts.len(), ["account", "accounts"], false),
        ("#/people", people, ["person", "people"], false),
        ("#/sets", audit.permission_sets.len(), ["permission set", "permission sets"], false),
        ("#/matrix", there, ["assignment", "assignments"], false),
        ("#/matrix?expiring=1", ending, ["ends within 30 days", "end within 30 days"], true),
        (
            "#/sets?outdated=1",
            outdated,
            ["permission set is outdated somewhere", "permission sets are outdated somewhere"],
            true,
        ),
        (
            "#/sets?differs=1",
            differing,
            ["permission set is not as declared", "permission sets are not as declared"],
            true,
        ),
    ];
    page.push_str("<section aria-labelledby=\"figures\"><h2 id=\"figures\" class=\"visually-hidden\">Key figures</h2><ul class=\"tiles\" role=\"list\">");
    for (link, count, words, is_finding) in tiles {
        let class = match (is_finding, count) {
            (false, _) => "tile",
            (true, 0) => "tile finding none",
            (true, _) => "tile finding",
        };
        let [one, many] = words;
        let word = if count == 1 { one } else { many };
        let _ = write!(
            page,
            "<li><a class=\"{class}\" href=\"{link}\"><span class=\"figure\">{}</span> <span class=\"of\">{word}</span></a></li>",
            grouped(count)
        );
    }
    page.push_str("</ul></section>");
}

/// How many assignments of each standing there are, as a bar and in words.
fn standings(audit: &Audit, page: &mut String) {
    let counts = Standing::ALL
        .map(|standing| (standing, audit.assignments.iter().filter(|one| one.standing == standing).count()));
    let total = audit.assignments.len();
    page.push_str(
        "<section aria-labelledby=\"standings\"><h2 id=\"standings\">What the assignments are to Usher</h2>",
    );
    if total == 0 {
        page.push_str("<div class=\"empty\"><p class=\"empty-title\">There are no assignments</p><p>Nobody can reach an account through Identity Center, as far as this report could see.</p></div></section>");
        return;
    }
    page.push_str(
        "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
    );
    // Few must be seen among many: whatever there is has its 6 of the 1,000, and the most give way.
    let least: usize = 6;
    let widths = counts.map(|(_, count)| if count == 0 { 0 } else { (count * 1000 / total).max(least) });
    let sum: usize = widths.iter().sum();
    let widest = widths.iter().copied().max().unwrap_or_default();
    let mut at = 0;
    for ((standing, _), width) in counts.iter().zip(widths) {
        let width = if width == widest { (width + 1000).saturating_sub(sum).min(1000 - at) } else { width };
        if width > 0 {
            let _ = write!(
                page,
                "<rect class=\"s-{standing}\" x=\"{at}\" width=\"{}\" height=\"10\"/>",
                width.saturating_sub(2)
            );
        }
        at += width;
    }
    page.push_str("</svg><ul class=\"standings\" role=\"list\">");
    for (standing, count) in counts {
        let absent = audit.assignments.iter().filter(|one| one.standing == standing && !one.present).count();
        let absent = if absent == 0 { String::new() } else { format!("; {} not there", grouped(absent)) };
        let none = if count == 0 { " none" } else { "" };
        let _ = write!(
            page,
            "<li><a class=\"standing s-{standing}{none}\" href=\"#/matrix?standing={standing}\">{}<span class=\"count\">{}</span> \
             <span class=\"word\">{standing}</span> <span class=\"meaning\">{}{absent}</span></a></li>",
            symbol(standing.as_str()),
            grouped(count),
            meaning(standing)
        );
    }
    page.push_str("</ul></section>");
}

/// What a standing means; `data.js` has the same words.
pub(super) fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Ours => "there, and made or adopted by Usher",
        Standing::Foreign => "there, and made by others: Usher leaves it alone",
        Standing::Uncertain => "perhaps Usher’s, not settled yet",
        Standing::Pending => "on its way, or wanted and withheld",
        Standing::Drifted => "gone by another’s hand, or there and no longer wanted",
        Standing::Orphaned => "there, but its group or user is deleted",
    }
}

fn symbol(name: &str) -> String {
    format!("<svg class=\"shape shape-{name}\" aria-hidden=\"true\"><use href=\"#shape-{name}\"></use></svg>")
}

/// To the minute, in UTC: whoever compares two reports must read the same hour.
fn moment(time: Timestamp) -> String {
    format!("<time datetime=\"{time}\">{}</time>", shown(time))
}

fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// `12,345`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
