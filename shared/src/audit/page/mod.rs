//! The report as one page that opens in any browser and asks nothing of any network.
//!
//! The page is made of its own files beside this one: `page.html` with the style, the script and the report's data put in. What the report
//! holds comes from people and is never trusted: it goes into the page escaped as HTML, or as JSON without a character that could end
//! its element, and the script makes text of it, never markup. A content security policy allows this one script and this one style, by
//! their hashes, and nothing else: no request to anywhere, no form, no frame, no markup made from text.

mod compact;
mod summary;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Audit, Scope, Standing};
use crate::domain::{AccountId, PermissionSetArn, UserId};

const SHELL: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// The script is one module of the browser's; its files are put together in this order.
const SCRIPT: &str = concat!(
    include_str!("script/dom.js"),
    include_str!("script/data.js"),
    include_str!("script/state.js"),
    include_str!("script/filter.js"),
    include_str!("script/table.js"),
    include_str!("script/overview.js"),
    include_str!("script/grid.js"),
    include_str!("script/matrix.js"),
    include_str!("script/lists.js"),
    include_str!("script/pages.js"),
    include_str!("script/changes.js"),
    include_str!("script/search.js"),
    include_str!("script/main.js"),
);

/// What the page shows first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start<'a> {
    Overview,
    /// Assignments that have one of these standings; all, if none is named.
    Matrix(&'a [Standing]),
    Changes,
    Account(&'a AccountId),
    Person(&'a UserId),
    PermissionSet(&'a PermissionSetArn),
}

impl Start<'_> {
    /// The address inside the page, as `state.js` reads it.
    fn address(&self) -> String {
        match self {
            Self::Overview => "#/".to_owned(),
            Self::Matrix([]) => "#/matrix".to_owned(),
            Self::Matrix(standings) => {
                let words: Vec<&str> = standings.iter().map(|standing| standing.as_str()).collect();
                format!("#/matrix?standing={}", words.join(","))
            }
            Self::Changes => "#/changes".to_owned(),
            Self::Account(id) => format!("#/account/{id}"),
            Self::Person(id) => format!("#/person/{id}"),
            Self::PermissionSet(arn) => format!("#/set/{arn}"),
        }
    }
}

/// Whether it is unread who has access: 1 at a place, 2 wherever that may be.
fn access(scope: &Scope) -> u8 {
    match scope {
        Scope::Assignments { .. } => 1,
        Scope::Provisioned { .. } | Scope::AssignmentsOf { .. } | Scope::People | Scope::Groups => 2,
        Scope::Account { .. }
        | Scope::Departed { .. }
        | Scope::PermissionSet { .. }
        | Scope::Rule { .. }
        | Scope::Never { .. }
        | Scope::Members { .. }
        | Scope::Principal { .. } => 0,
    }
}

/// The report as an HTML document. The same report gives the same bytes.
#[must_use]
pub fn html(audit: &Audit) -> String {
    html_at(audit, &Start::Overview)
}

/// The same, opening at what somebody has asked.
#[must_use]
pub fn html_at(audit: &Audit, start: &Start<'_>) -> String {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        source(SCRIPT),
        source(STYLE)
    );
    let summary = summary::html(audit);
    let taken = summary::taken(audit);
    let data = data(audit);
    let start = if *start == Start::Overview {
        String::new()
    } else {
        format!(" data-start=\"{}\"", escape(&start.address()))
    };
    fill(SHELL, |place| match place {
        "start" => &start,
        "policy" => &policy,
        "style" => STYLE,
        "script" => SCRIPT,
        "summary" => &summary,
        "taken" => &taken,
        "data" => &data,
        _ => "",
    })
}

/// The text with each `{{place}}` filled. Goes through it once: what is put in is not looked at again, whatever it holds.
fn fill<'a>(shell: &'a str, filling: impl Fn(&str) -> &'a str) -> String {
    let mut page = String::new();
    let mut rest = shell;
    while let Some((before, (place, after))) =
        rest.split_once("{{").and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        page.push_str(before);
        page.push_str(filling(place));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// The report as JSON that can stand in an element: every character that means something to a parser of HTML, and the two line ends that
/// older scripts don't take inside texts, are written as escapes. In JSON they stand only inside texts, where that is the same.
fn data(audit: &Audit) -> String {
    // Texts, numbers and lists of them: there is nothing in it that can't be written.
    let json = serde_json::to_string(&compact::compact(audit)).unwrap_or_default();
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a text can't fail.
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Text as HTML, inside an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

/// What a policy names an inline element by.
fn source(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS.get(bits >> (18 - 6 * place) & 63).filter(|_| place <= three.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::Standing;

    const HOSTILE: &str =
        "</script><script>alert(1)</script><!-- \u{2028}\u{2029} \" ' & {{data}} {{script}}";
    const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
    const OTHER_SET: &str = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-abcdef1234567890";

    fn report(change: impl FnOnce(&mut Value)) -> Audit {
        let group = "b0000000-0000-4000-8000-000000000001";
        let user = "a0000000-0000-4000-8000-000000000001";
        let mut json = json!({
            "format": 1,
            "taken": {
                "began": "2026-11-30T06:13:00Z", "ended": "2026-11-30T06:15:00Z",
                "instance": "arn:aws:sso:::instance/ssoins-1234567890abcdef", "identity_store": "d-9067642ac1", "region": "eu-central-1",
                "management_account": "111122223333", "rules": null, "mode": null, "since": null, "way": "by_account",
            },
            "unread": [], "changed_meanwhile": [],
            "organizational_units": [{ "path": "Workloads", "id": "ou-ab12-00000001" }],
            "accounts": [
                { "id": "111122223333", "name": "management", "ou": "", "state": "ACTIVE", "management": true },
                { "id": "444455556666", "name": "payments", "ou": "Workloads", "state": "ACTIVE", "tags": { "Team": "payments" } },
            ],
            "permission_sets": [{ "arn": SET, "name": "Developer", "provisioned": ["444455556666"], "outdated": ["444455556666"] }],
            "groups": [{ "id": group, "name": "Developers", "members": [user] }],
            "people": [{ "id": user, "user_name": "alice" }],
            "assignments": [
                { "account": "444455556666", "permission_set": SET, "principal": { "user": user }, "present": true, "standing": "foreign" },
                { "account": "444455556666", "permission_set": SET, "principal": { "group": group }, "present": true, "standing": "ours",
                  "rules": ["developers"], "since": "2026-11-01T00:00:00Z", "until": "2026-12-24T00:00:00Z" },
            ],
            "changes": [],
        });
        change(&mut json);
        serde_json::from_value(json).unwrap()
    }

    fn data_of(page: &str) -> &str {
        let (_, rest) = page.split_once("id=\"data\">").unwrap();
        rest.split_once("</script>").unwrap().0
    }

    /// What the page carries, read as the script reads it.
    fn carried(page: &str) -> Value {
        serde_json::from_str(data_of(page)).unwrap()
    }

    #[test]
    fn the_page_has_nothing_that_a_browser_would_ask_for() {
        let page = html(&report(|_| {}));
        for asking in
            ["http://", "https://", "src=", "url(", "@import", "<link", "<iframe", "fetch(", "XMLHttpRequest"]
        {
            assert_eq!(
                page.matches(asking).count(),
                page.matches("http://www.w3.org/2000/svg").count() * usize::from(asking == "http://"),
                "{asking}"
            );
        }
    }

    #[test]
    fn the_policy_names_the_one_script_and_the_one_style() {
        let page = html(&report(|_| {}));
        assert!(page.contains(&format!("script-src '{}'; style-src '{}'", source(SCRIPT), source(STYLE))));
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains(&format!("<style>{STYLE}</style>")));
        assert!(page.contains(&format!("<script type=\"module\">{SCRIPT}</script>")));
        // Whatever would end the element too early would be neither the script nor the style of these hashes.
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--") && !STYLE.contains("</style"));
    }

    #[test]
    fn no_name_breaks_out_of_its_place() {
        let quiet = html(&report(|_| {}));
        let page = html(&report(|json| {
            json["accounts"][1]["name"] = HOSTILE.into();
            json["accounts"][1]["tags"] = json!({ HOSTILE: HOSTILE });
            json["permission_sets"][0]["name"] = HOSTILE.into();
            json["permission_sets"][0]["description"] = HOSTILE.into();
            json["permission_sets"][0]["inline_policy"] = json!({ HOSTILE: HOSTILE });
            json["groups"][0]["name"] = HOSTILE.into();
            json["people"][0]["display_name"] = HOSTILE.into();
            json["assignments"][0]["note"] = HOSTILE.into();
            json["changed_meanwhile"] = json!([HOSTILE]);
            json["unread"] = json!([{ "what": HOSTILE, "why": HOSTILE, "scope": { "of": "people" } }]);
        }));
        for tag in ["<script", "</script", "<!--"] {
            assert_eq!(page.matches(tag).count(), quiet.matches(tag).count(), "{tag}");
        }
        assert!(!data_of(&page).contains(['\u{2028}', '\u{2029}', '<', '>', '&']));
        let data = carried(&page);
        assert_eq!(data["accounts"][1][1], HOSTILE, "and it arrives as it was");
        assert_eq!(data["people"][0][2], HOSTILE);
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "the summary has it as text");
    }

    #[test]
    fn the_columns_are_in_the_order_that_the_script_counts_on() {
        let data = carried(&html(&report(|json| {
            let mut earlier = json["assignments"][1].clone();
            earlier["account"] = "111122223333".into();
            json["assignments"].as_array_mut().unwrap().push(earlier);
        })));
        let columns = &data["assignments"];
        assert_eq!(
            columns["account"],
            json!([0, 1, 0]),
            "differences: the management account, then payments twice"
        );
        assert_eq!(columns["principal"], json!([0, 0, 1]), "the group before the person");
        assert_eq!(columns["standing"], json!([0, 0, 1]));
        assert_eq!(data["rule_lists"][1], json!([]), "what no rule wants has an empty list of its own");
        assert_eq!(data["sets"][0]["outdated"], json!([1]));
    }

    #[test]
    fn what_is_in_no_list_keeps_its_id() {
        let gone = "b0000000-0000-4000-8000-00000000000f";
        let data = carried(&html(&report(|json| {
            json["assignments"][1]["principal"] = json!({ "group": gone });
            json["changes"] = json!([{ "at": null, "change": "set_deleted", "permission_set": OTHER_SET }]);
        })));
        assert_eq!(data["groups"][1], json!([gone, gone, [], false, 2]));
        assert_eq!(data["assignments"]["principal"], json!([1, 2]), "people are counted after all groups");
        assert_eq!(data["sets"][1]["arn"], OTHER_SET);
        assert_eq!(data["changes"]["set"], json!([1]));
        assert_eq!(data["changes"]["at"], json!([-1]));
    }

    #[test]
    fn a_page_opens_at_what_was_asked() {
        let audit = report(|_| {});
        assert!(html(&audit).contains("<html lang=\"en\">"));
        let set = audit.permission_sets[0].arn.clone();
        for (start, address) in [
            (Start::Account(&audit.accounts[1].id), "#/account/444455556666".to_owned()),
            (
                Start::Matrix(&[Standing::Foreign, Standing::Drifted]),
                "#/matrix?standing=foreign,drifted".to_owned(),
            ),
            (Start::PermissionSet(&set), format!("#/set/{SET}")),
            (Start::Changes, "#/changes".to_owned()),
        ] {
            assert!(
                html_at(&audit, &start).contains(&format!("<html lang=\"en\" data-start=\"{address}\">")),
                "{address}"
            );
        }
    }

    #[test]
    fn a_report_of_a_part_says_so() {
        let page = html(&report(|json| json["taken"]["only"] = json!({ "account": "444455556666" })));
        assert!(page.contains("This report is only of what there is in account payments (444455556666)"));
        assert!(!html(&report(|_| {})).contains("This report is only"));
    }

    #[test]
    fn the_same_report_gives_the_same_page() {
        assert_eq!(html(&report(|_| {})), html(&report(|_| {})));
    }

    #[test]
    fn the_summary_says_what_it_is_without_a_script() {
        let page = html(&report(|json| {
            json["unread"] = json!([{ "what": "the people", "why": "denied", "scope": { "of": "people" } }]);
        }));
        for said in [
            "<strong>the people</strong>: denied",
            "<span class=\"figure\">2</span> <span class=\"of\">accounts</span>",
            "<span class=\"figure\">1</span> <span class=\"of\">ends within 30 days</span>",
            "<span class=\"figure\">1</span> <span class=\"of\">permission set is outdated somewhere</span>",
            "first report",
            "<noscript>",
        ] {
            assert!(page.contains(said), "{said}");
        }
        let nothing = html(&report(|json| json["assignments"] = json!([])));
        assert!(nothing.contains("There are no assignments"));
    }

    #[test]
    fn what_is_not_there_is_counted_apart() {
        let page = html(&report(|json| {
            json["assignments"][1]["present"] = json!(false);
            json["assignments"][1]["standing"] = json!("drifted");
        }));
        for said in [
            "<span class=\"figure\">1</span> <span class=\"of\">assignment</span>",
            "<span class=\"figure\">0</span> <span class=\"of\">end within 30 days</span>",
            "no longer wanted; 1 not there</span>",
        ] {
            assert!(page.contains(said), "{said}");
        }
    }

    #[test]
    fn script_and_summary_use_the_same_words() {
        for standing in Standing::ALL {
            let words = format!("{standing}: \"{}\"", summary::meaning(standing));
            assert!(SCRIPT.contains(&words), "{words}");
        }
        assert!(SCRIPT.contains(&format!("SOON = {} * DAY", summary::SOON)));
        for kind in crate::audit::ChangeKind::ALL {
            assert!(
                SCRIPT.contains(&format!("\n  {}: [", kind.as_str())),
                "the timeline has a sentence for {kind:?}"
            );
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("no", "bm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
