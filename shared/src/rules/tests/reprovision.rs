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
fn waves_windows_and_freezes_are_read_as_they_are_written() {
    let said = said(
        "{ quiet: 1h 30m, waves: [{ accounts: { tagged: { Ring: canary } } }, { after: 2h, accounts: everywhere }], \
         windows: [{ days: [fri, mon], from: \"22:00\", to: \"06:00\", time_zone: America/New_York }, { from: 08:00, to: \"24:00\", time_zone: UTC }], \
         freezes: [{ from: 2026-12-18T00:00:00Z, until: 2027-01-04T00:00:00+01:00, reason: holidays }] }",
    );
    assert_eq!(said.quiet, SignedDuration::from_mins(90));
    let pauses: Vec<_> = said.waves.iter().map(|wave| wave.after).collect();
    assert_eq!(pauses, [SignedDuration::ZERO, SignedDuration::from_hours(2)]);
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
        "{ windows: [{ days: [monday], from: \"08:00\", to: \"25:00\", time_zone: Europe/Berln }] }",
        "{ windows: [{ days: [], from: \"8\", to: \"09:00\" }] }",
        "{ freezes: [{ from: 2027-01-04T00:00:00Z, until: 2026-12-18T00:00:00Z }] }",
        "{ freezes: [{ from: 2026-12-18T00:00:00Z, until: 9999-01-01T00:00:00Z }] }",
        "{ freezes: [{ from: 2026-12-18, reason: holidays }] }",
    ] {
        writeln!(all, "{reprovision}\n{}", listed(&with_reprovision(reprovision))).unwrap();
    }
    insta::assert_snapshot!(all, @"");
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
