//! Windows in tables: openings, zones, daylight saving, and who wins.

use super::*;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_second()
}

fn window(kind: &str, schedule: &str, duration: &str, zone: &str) -> SyncWindow {
    SyncWindow {
        kind: kind.into(),
        schedule: schedule.into(),
        duration: duration.into(),
        time_zone: zone.into(),
        applications: vec!["*".into()],
        ..SyncWindow::default()
    }
}

#[test]
fn open_and_closed() {
    for (schedule, duration, zone, time, open) in [
        ("0 22 * * *", "2h", "", "2026-03-02T21:59:59Z", false),
        ("0 22 * * *", "2h", "", "2026-03-02T22:00:00Z", false),
        ("0 22 * * *", "2h", "", "2026-03-02T22:00:01Z", true),
        ("0 22 * * *", "2h", "", "2026-03-02T23:59:59Z", true),
        ("0 22 * * *", "2h", "", "2026-03-03T00:00:00Z", false),
        ("* * * * *", "1h", "", "2026-03-03T00:00:00Z", true),
        ("0 0 * * 0", "168h", "", "2026-03-03T00:00:00Z", true),
        ("0 0 30 2 *", "1h", "", "2026-03-03T00:00:00Z", false),
        // Berlin: CET is UTC+1, CEST UTC+2; the clock goes forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00.
        ("0 9 * * *", "8h", "Europe/Berlin", "2026-01-15T08:30:00Z", true),
        ("0 9 * * *", "8h", "Europe/Berlin", "2026-01-15T07:30:00Z", false),
        ("0 9 * * *", "8h", "Europe/Berlin", "2026-07-15T07:30:00Z", true),
        ("0 9 * * *", "8h", "Europe/Berlin", "2026-07-15T15:30:00Z", false),
        ("30 2 * * *", "1h", "Europe/Berlin", "2026-03-29T01:10:00Z", true),
        ("30 1 * * *", "2h", "Europe/Berlin", "2026-03-29T01:10:00Z", true),
        ("30 1 * * *", "2h", "Europe/Berlin", "2026-03-29T01:40:00Z", false),
        ("30 2 * * *", "1h", "Europe/Berlin", "2026-10-25T00:45:00Z", true),
        ("30 2 * * *", "1h", "Europe/Berlin", "2026-10-25T01:15:00Z", false),
        ("30 2 * * *", "1h", "Europe/Berlin", "2026-10-25T01:45:00Z", true),
        ("0 9 * * *", "1h", "Asia/Kolkata", "2026-01-15T03:45:00Z", true),
        ("0 9 * * *", "1h", "No/Where", "2026-01-15T09:45:00Z", true),
        ("TZ=Asia/Tokyo 0 9 * * *", "1h", "", "2026-01-15T00:45:00Z", true),
    ] {
        let clock = window("deny", schedule, duration, zone).clock().expect("reads");
        assert_eq!(clock.is_active(at(time)), open, "{schedule} {duration} {zone} {time}");
    }
}

#[test]
fn when_to_look_again() {
    for (schedule, duration, zone, time, change) in [
        ("0 22 * * *", "2h", "", "2026-03-02T21:00:00Z", Some("2026-03-02T22:00:01Z")),
        ("0 22 * * *", "2h", "", "2026-03-02T22:00:00Z", Some("2026-03-02T22:00:01Z")),
        ("0 22 * * *", "2h", "", "2026-03-02T23:00:00Z", Some("2026-03-03T00:00:00Z")),
        ("0 22 * * *", "90m", "Europe/Berlin", "2026-07-02T12:00:00Z", Some("2026-07-02T20:00:01Z")),
        ("30 1 * * *", "2h", "Europe/Berlin", "2026-03-29T00:45:00Z", Some("2026-03-29T01:30:00Z")),
        ("30 2 * * *", "1h", "Europe/Berlin", "2026-03-29T00:45:00Z", Some("2026-03-29T01:00:00Z")),
        ("30 2 * * *", "1h", "Europe/Berlin", "2026-10-25T00:45:00Z", Some("2026-10-25T01:00:00Z")),
        ("0,30 * * * *", "30m1s", "", "2026-03-02T12:00:00Z", None),
        ("0 0 30 2 *", "1h", "", "2026-03-02T12:00:00Z", None),
        ("0 0 29 2 *", "1h", "", "2026-03-02T12:00:00Z", Some("2028-02-29T00:00:01Z")),
    ] {
        let clock = window("deny", schedule, duration, zone).clock().expect("reads");
        let found = clock.next_change(at(time)).and_then(|s| Timestamp::from_second(s).ok());
        assert_eq!(found.map(|t| t.to_string()).as_deref(), change, "{schedule} {duration} {zone} {time}");
    }
}

#[test]
fn every_change_is_found_where_the_answer_flips() {
    for (schedule, duration, zone) in
        [("30 2 * * *", "3h", "Europe/Berlin"), ("15 */5 * * 1-5", "90m", "America/New_York"), ("0 0 1 * *", "36h", "Australia/Lord_Howe")]
    {
        let clock = window("allow", schedule, duration, zone).clock().expect("reads");
        let (mut now, end) = (at("2026-03-05T00:00:00Z"), at("2026-04-12T00:00:00Z"));
        let mut walked = now;
        while now < end {
            let change = clock.next_change(now).expect("one");
            let before = clock.is_active(now);
            // Each minute up to the change answers the same.
            while walked < change {
                assert_eq!(clock.is_active(walked), before, "{schedule} at {walked}");
                walked += 60;
            }
            assert_eq!(clock.is_active(change - 1), before);
            assert_ne!(clock.is_active(change), before);
            (now, walked) = (change, change);
        }
    }
}

#[test]
fn who_wins() {
    // Open at noon, closed at noon.
    let open = |kind| window(kind, "0 11 * * *", "2h", "");
    let closed = |kind| window(kind, "0 1 * * *", "2h", "");
    let manual = |w: SyncWindow| SyncWindow { manual_sync: true, ..w };
    for (windows, automated, by_hand, why) in [
        (vec![], true, true, "no window"),
        (vec![open("allow")], true, true, "an open allow"),
        (vec![closed("allow")], false, false, "a closed allow"),
        (vec![manual(closed("allow"))], false, true, "a closed allow for automation only"),
        (vec![manual(closed("allow")), closed("allow")], false, false, "one of two forbids manual syncs"),
        (vec![open("allow"), closed("allow")], true, true, "one allow is enough"),
        (vec![closed("deny")], true, true, "a closed deny"),
        (vec![open("deny")], false, false, "an open deny"),
        (vec![manual(open("deny"))], false, true, "an open deny for automation only"),
        (vec![manual(open("deny")), open("deny")], false, false, "one of two forbids manual syncs"),
        (vec![open("allow"), open("deny")], false, false, "deny beats allow"),
        (vec![closed("allow"), manual(open("deny"))], false, true, "only the deny counts"),
        (vec![closed("allow"), closed("deny")], false, false, "a closed allow, whatever the deny"),
    ] {
        let refs: Vec<&SyncWindow> = windows.iter().collect();
        let decision = decide_windows(&refs, at("2026-03-02T12:00:00Z")).expect("reads");
        assert_eq!((decision.automated, decision.manual), (automated, by_hand), "{why}");
        assert_eq!(decision.reason.is_empty(), automated, "{why}");
    }
}

#[test]
fn a_sync_may_end_what_it_was_allowed_to_begin() {
    let deny = SyncWindow { sync_overrun: true, ..window("deny", "0 12 * * *", "1h", "") };
    let strict = window("deny", "0 12 * * *", "1h", "");
    let (before, within) = (at("2026-03-02T11:50:00Z"), at("2026-03-02T12:10:00Z"));
    assert_eq!(may_continue(&[&deny], false, before, within), Ok(true));
    assert_eq!(may_continue(&[&deny], false, within, within), Ok(false));
    assert_eq!(may_continue(&[&strict], false, before, within), Ok(false));
    assert_eq!(may_continue(&[&deny, &strict], false, before, within), Ok(false));
    assert_eq!(may_continue(&[&strict], false, before, before), Ok(true));
}

#[test]
fn selection() {
    let to = Destination { server: "https://prod".into(), name: "prod".into(), namespace: "shop".into() };
    let of = |applications: &[&str], namespaces: &[&str], clusters: &[&str], and_operator| {
        let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        SyncWindow {
            applications: texts(applications),
            namespaces: texts(namespaces),
            clusters: texts(clusters),
            and_operator,
            ..SyncWindow::default()
        }
    };
    for (window, selected) in [
        (of(&["*-prod"], &[], &[], false), true),
        (of(&["*-dev"], &[], &[], false), false),
        (of(&["*-dev"], &["shop"], &[], false), true),
        (of(&["*-dev"], &["shop"], &[], true), false),
        (of(&["*-prod"], &["shop"], &["prod"], true), true),
        (of(&["*-prod"], &["shop"], &["https://*"], true), true),
        (of(&[], &[], &["in-cluster"], false), false),
        (of(&[], &[], &[], true), false),
        (of(&[], &[], &[], false), false),
    ] {
        assert_eq!(window.selects("shop-prod", &to), selected, "{window:?}");
    }
}

#[test]
fn what_does_not_read_is_told() {
    for (window, error) in [
        (window("maybe", "* * * * *", "1h", ""), "kind `maybe` is neither `allow` nor `deny`"),
        (window("deny", "* * * *", "1h", ""), "`* * * *` is not a cron schedule"),
        (window("deny", "* * * * *", "soon", ""), "`soon` is not a duration"),
    ] {
        assert!(window.clock().expect_err("wrong").to_string().contains(error));
        assert!(matches!(decide_windows(&[&window], 0), Err((0, _))));
    }
    let unknown = window("deny", "* * * * *", "1h", "Mars/Olympus");
    assert_eq!(unknown.clock().expect("reads").unknown_zone(), Some("Mars/Olympus"));
    assert!(zone_warning(&unknown, &Location::file("p.yaml")).is_some_and(|w| w.starts_with("p.yaml: time zone `Mars/Olympus`")));
}
