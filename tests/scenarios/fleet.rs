//! An organization of many accounts that are alike, for what shows only in numbers.

use std::fmt::Write as _;

use simulator::Settings;

/// So many accounts `unit-00`, `unit-01`, … in the OU `Fleet`, an empty OU `Yard`, and so many permission sets `Set0`, …
pub(super) fn fleet(accounts: usize, sets: usize) -> String {
    let mut text = String::from(
        "organization: o-exampleorg1\nroot: r-ab12\n\
         management_account: { name: management, id: \"111122223333\" }\n\
         organizational_units:\n  - name: Yard\n  - name: Fleet\n    accounts:\n",
    );
    for n in 0..accounts {
        let id = 200_000_000_000_u64 + u64::try_from(n).unwrap();
        writeln!(text, "      - {{ name: unit-{n:02}, id: \"{id}\", tags: {{ Kind: unit }} }}").unwrap();
    }
    text.push_str(
        "instance: { arn: \"arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6\", identity_store: d-9067642ac1 }\n\
         groups: [{ name: Developers }, { name: Support }, { name: Auditors }]\npermission_sets:\n",
    );
    for n in 0..sets {
        writeln!(text, "  - {{ name: Set{n} }}").unwrap();
    }
    text
}

/// No limit on the rate of calls: scenarios in which several functions read at once are not about that.
pub(super) fn calm() -> Settings {
    let mut settings = Settings::default();
    settings.quotas.sso_admin = None;
    settings.quotas.identity_store = None;
    settings
}
