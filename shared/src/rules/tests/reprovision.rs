//! What a document says of reprovisioning, and what is said of every mistake in it.

use jiff::SignedDuration;

use super::*;

pub(super) fn with_reprovision(reprovision: &str) -> String {
    format!(
        "version: 1\nsettings: {{ mode: sync }}\nreprovision: {reprovision}\nrules:\n- {{ id: a, principals: [{{ group: G }}], permission_sets: [P], accounts: everywhere }}\n"
    )
}

fn said(reprovision: &str) -> Reprovision {
    let rules = read(&bundle(&with_reprovision(reprovision)));
    rules.unwrap_or_else(|error| panic!("{}", rendered(&error))).reprovision
}

#[test]
fn what_is_left_out_has_its_default() {
    let plain = read(&bundle(&with_settings("{ mode: sync }"))).unwrap().reprovision;
    assert_eq!(plain, Reprovision::default());
    assert_eq!(plain.quiet, SignedDuration::from_mins(5));
    assert_eq!(said("{}"), plain);
}

#[test]
fn waves_go_by_tags_only_where_one_selects_by_them() {
    for (waves, by_tags) in [
        ("[{ accounts: everywhere }]", false),
        ("[{ accounts: { named: a, in_ou: Workloads, except: [{ id: \"111122223333\" }] } }]", false),
        ("[{ accounts: everywhere }, { accounts: { tagged: { Ring: canary } } }]", true),
        ("[{ accounts: { in_ou: Workloads, tagged: { Ring: canary } } }]", true),
        ("[{ accounts: { in_ou: Workloads, except: [{ tagged: { Ring: { present: true } } }] } }]", true),
    ] {
        assert_eq!(said(&format!("{{ waves: {waves} }}")).goes_by_tags(), by_tags, "{waves}");
    }
    assert!(!said("{}").goes_by_tags());
}

#[test]
fn waves_windows_and_freezes_are_read_as_they_are_written() {
    let said = said(
        "{ quiet: 1h 30m, waves: [{ accounts: { tagged: { Ring: canary } } }, { after: 2h, accounts: everywhere }, { after: 7d, accounts: everywhere }], \
         windows: [{ days: [fri, mon], from: \"22:00\", to: \"06:00\", time_zone: America/New_York }, { from: 08:00, to: \"24:00\", time_zone: UTC }], \
         freezes: [{ from: 2026-12-18T00:00:00Z, until: 2027-01-04T00:00:00+01:00, reason: holidays }] }",
    );
    assert_eq!(said.quiet, SignedDuration::from_mins(90));
    let pauses: Vec<_> = said.waves.iter().map(|wave| wave.after).collect();
    let hours = SignedDuration::from_hours;
    assert_eq!(pauses, [SignedDuration::ZERO, hours(2), hours(7 * 24)]);
    let [night, day] = said.calendar.windows.as_slice() else { panic!("{said:?}") };
    assert_eq!((night.days.len(), night.zone.name()), (2, "America/New_York"));
    assert_eq!((day.days.len(), day.zone.name()), (7, "UTC"));
    assert_eq!(said.calendar.freezes[0].reason.as_deref(), Some("holidays"));
}

#[test]
fn every_mistake_says_where_it_is_and_the_way_out() {
    let mut all = String::new();
    for reprovision in [
        "off",
        "{ quite: 5m }",
        "{ quiet: soon }",
        "{ quiet: 25h }",
        "{ quiet: 5 }",
        "{ waves: [] }",
        "{ waves: [{ after: 1h, accounts: everywhere }] }",
        "{ waves: [{ acounts: everywhere }] }",
        "{ waves: [{ accounts: everywhere }, { accounts: everywhere, after: 31 days }] }",
        "{ windows: [{ days: [mon], from: \"08:00\", to: \"08:00\", time_zone: UTC }] }",
        "{ windows: [{ from: \"24:00\", to: \"08:00\", time_zone: UTC }] }",
        "{ windows: [{ days: [monday], from: \"08:00\", to: \"25:00\", time_zone: Europe/Berln }] }",
        "{ windows: [{ days: [], from: \"8\", to: \"09:00\" }] }",
        "{ freezes: [{ from: 2027-01-04T00:00:00Z, until: 2026-12-18T00:00:00Z }] }",
        "{ freezes: [{ from: 2026-12-18T00:00:00Z, until: 9999-01-01T00:00:00Z }] }",
        "{ freezes: [{ from: 2026-12-18, reason: holidays }] }",
    ] {
        writeln!(all, "{reprovision}\n{}", listed(&with_reprovision(reprovision))).unwrap();
    }
    insta::assert_snapshot!(all, @r#"
    off
    3:14+3 expected `reprovision` as a map with `quiet`, `waves`, `windows` or `freezes`, found `off`

    { quite: 5m }
    3:16+5 `reprovision` can't have the key `quite` | did you mean `quiet`?

    { quiet: soon }
    3:23+4 expected a length of time such as `5m`, at most a day, found `soon`

    { quiet: 25h }
    3:23+3 expected a length of time such as `5m`, at most a day, found `25h`

    { quiet: 5 }
    3:23+1 expected a length of time such as `5m`, at most a day, found `5`

    { waves: [] }
    3:23+2 expected a list of waves, such as `[ { accounts: { tagged: { Ring: canary } } }, { after: 2h, accounts: everywhere } ]`, found an empty list | list at least one, or leave the key out if it is optional

    { waves: [{ after: 1h, accounts: everywhere }] }
    3:26+5 the first wave comes after nothing | leave `after` out: `quiet` says how long edits are waited for

    { waves: [{ acounts: everywhere }] }
    3:26+7 a wave can't have the key `acounts` | did you mean `accounts`?

    { waves: [{ accounts: everywhere }, { accounts: everywhere, after: 31 days }] }
    3:81+7 expected a length of time such as `2h`, at most 30 days, found `31 days`

    { windows: [{ days: [mon], from: "08:00", to: "08:00", time_zone: UTC }] }
    3:60+7 a window that never opens: it closes when it opens | the whole day is from "00:00" to "24:00"; a window that ends on the next day closes earlier than it opens

    { windows: [{ from: "24:00", to: "08:00", time_zone: UTC }] }
    3:34+7 a window that opens when the day is over | midnight is "00:00" of the next day; "24:00" is for `to`

    { windows: [{ days: [monday], from: "08:00", to: "25:00", time_zone: Europe/Berln }] }
    3:35+6 expected a day: `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`, found `monday`
    3:63+7 expected a time of the day such as "08:00", at most "24:00", found `25:00`
    3:83+12 there is no time zone `Europe/Berln` | did you mean `Europe/Berlin`?

    { windows: [{ days: [], from: "8", to: "09:00" }] }
    3:26+36 a window needs the key `time_zone` | say whose clock it is, such as `time_zone: Europe/Berlin`
    3:34+2 expected a day or a list of days, such as `[mon, tue]`, found an empty list | list at least one, or leave the key out if it is optional
    3:44+3 expected a time of the day such as "08:00", at most "24:00", found the text "8"

    { freezes: [{ from: 2027-01-04T00:00:00Z, until: 2026-12-18T00:00:00Z }] }
    3:63+20 `until` is not after `from` | a freeze holds at `from` and after it, and no more at `until`; it lasts a year at most

    { freezes: [{ from: 2026-12-18T00:00:00Z, until: 9999-01-01T00:00:00Z }] }
    3:63+20 a freeze of more than a year: no window would open in it | a freeze holds at `from` and after it, and no more at `until`; it lasts a year at most

    { freezes: [{ from: 2026-12-18, reason: holidays }] }
    3:26+38 a freeze needs the key `until` | say when it ends, such as `until: 2027-01-04T00:00:00Z`: a year later at most
    3:34+10 expected a time such as `2027-03-31T00:00:00Z`, found `2026-12-18` | write the date, `T`, the time with its seconds, and `Z` for UTC or an offset such as `+02:00`
    "#);
}

#[test]
fn what_the_schema_says_is_what_the_reader_says() {
    for good in [
        "{}",
        "{ quiet: 0s }",
        "{ windows: [{ days: mon, from: \"00:00\", to: \"24:00\", time_zone: UTC }] }",
    ] {
        said(good);
        assert_eq!(super::schema::refusals(&with_reprovision(good)), [""; 0], "{good}");
    }
    for bad in [
        "off",
        "{ quite: 5m }",
        "{ quiet: 5 }",
        "{ waves: [] }",
        "{ waves: [{ after: 1h }] }",
        "{ windows: [{ days: [monday], from: \"08:00\", to: \"09:00\", time_zone: UTC }] }",
        "{ windows: [{ from: \"8:00\", to: \"09:00\", time_zone: UTC }] }",
        "{ windows: [{ from: \"08:00\", to: \"24:01\", time_zone: UTC }] }",
        "{ freezes: [{ from: 2026-12-18T00:00:00Z }] }",
    ] {
        assert!(read(&bundle(&with_reprovision(bad))).is_err(), "{bad}");
        assert_ne!(super::schema::refusals(&with_reprovision(bad)), [""; 0], "{bad}");
    }
}
