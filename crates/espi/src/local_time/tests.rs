//! Rules as custodians write them, checked against the zone database.

use super::*;

fn seconds_at(parameters: &LocalTimeParameters, instant: &str) -> Option<i32> {
    let offset = parameters.offset_at(instant.parse().unwrap())?;
    Some(offset.seconds())
}

#[test]
fn pacific_changes_at_two_in_the_morning() {
    let pacific = LocalTimeParameters::PACIFIC;
    for (instant, hours) in [
        ("2024-03-10T09:59:59Z", -8),
        ("2024-03-10T10:00:00Z", -7),
        ("2024-11-03T08:59:59Z", -7),
        ("2024-11-03T09:00:00Z", -8),
        ("2024-01-01T00:00:00Z", -8),
        ("2024-07-01T00:00:00Z", -7),
        ("2024-12-31T23:59:59Z", -8),
    ] {
        assert_eq!(
            seconds_at(&pacific, instant),
            Some(hours * 3600),
            "{instant}"
        );
    }
}

#[test]
fn our_offsets_agree_with_the_zone_database_hour_by_hour() {
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    let posix = LocalTimeParameters::PACIFIC.time_zone().unwrap();
    let mut instant: Timestamp = "2019-01-01T00:00:00Z".parse().unwrap();
    for _ in 0..(3 * 366 * 24) {
        let expected = zone.to_offset(instant);
        assert_eq!(
            LocalTimeParameters::PACIFIC.offset_at(instant),
            Some(expected)
        );
        assert_eq!(posix.to_offset(instant), expected);
        instant = instant
            .checked_add(SignedDuration::from_secs(3600))
            .unwrap();
    }
}

#[test]
fn posix_text_of_the_pacific() {
    assert_eq!(
        LocalTimeParameters::PACIFIC.posix_tz().as_deref(),
        Some("<-0800>+8:00:00<-0700>+7:00:00,M3.2.0/2:00:00,M11.1.0/2:00:00")
    );
}

fn with_rules(start: &str, end: &str) -> LocalTimeParameters {
    LocalTimeParameters {
        dst_start_rule: DstRule::from_hex(start),
        dst_end_rule: DstRule::from_hex(end),
        ..LocalTimeParameters::PACIFIC
    }
}

#[test]
fn nonsense_of_other_custodians_is_none() {
    // Ontario wrote epochs in hexadecimal, SCE half of a rule, others words.
    for (start, end) in [
        ("65ED5A70", "67271F70"),
        ("B60E", "B40E"),
        ("", ""),
        ("never", "ever"),
        ("360E2000", "FFFFFFFF"),
        ("E60E2000", "B40E2000"),
        ("360E2000", "360E2000"),
        ("360E200000", "B40E2000"),
    ] {
        let parameters = with_rules(start, end);
        assert_eq!(seconds_at(&parameters, "2024-07-01T00:00:00Z"), None);
        assert_eq!(parameters.posix_tz(), None, "{start} {end}");
    }
    assert_eq!(LocalTimeParameters::default().posix_tz(), None);
}

#[test]
fn rules_can_be_off() {
    let arizona = LocalTimeParameters {
        tz_offset: Some(-25_200),
        ..with_rules("FFFFFFFF", "FFFFFFFF")
    };
    assert_eq!(seconds_at(&arizona, "2024-07-01T00:00:00Z"), Some(-25_200));
    assert_eq!(arizona.posix_tz().as_deref(), Some("<-0700>+7:00:00"));
    assert!(arizona.time_zone().is_some());
}

/// Packs a rule the way the schema's table says.
fn packed(month: u32, operator: u32, day: u32, weekday: u32, hour: u32, seconds: u32) -> u32 {
    (month << 28) | (operator << 25) | (day << 20) | (weekday << 17) | (hour << 12) | seconds
}

#[test]
fn the_schemas_own_example_is_the_third_friday_of_march_at_a_quarter_to_two() {
    let moment = DstRule::from_raw(packed(3, 4, 0, 5, 1, 2700))
        .moment()
        .unwrap();
    let instant = moment.instant(2024, 0).unwrap();
    assert_eq!(instant.to_string(), "2024-03-15T01:45:00Z");
    assert_eq!(moment.posix().as_deref(), Some("M3.3.5/1:45:00"));
}

#[test]
fn every_operator_finds_its_day() {
    for (raw, expected) in [
        (packed(4, 0, 6, 0, 2, 0), "2024-04-06T02:00:00Z"),
        (packed(4, 1, 6, 7, 2, 0), "2024-04-07T02:00:00Z"),
        (packed(4, 1, 7, 7, 2, 0), "2024-04-07T02:00:00Z"),
        (packed(4, 1, 8, 7, 2, 0), "2024-04-14T02:00:00Z"),
        (packed(9, 2, 0, 1, 2, 0), "2024-09-02T02:00:00Z"),
        (packed(9, 6, 0, 1, 2, 0), "2024-09-30T02:00:00Z"),
        (packed(10, 6, 0, 1, 2, 0), "2024-10-28T02:00:00Z"),
        (packed(10, 7, 0, 7, 2, 0), "2024-10-27T02:00:00Z"),
    ] {
        let moment = DstRule::from_raw(raw).moment().unwrap();
        assert_eq!(
            moment.instant(2024, 0).unwrap().to_string(),
            expected,
            "{raw:08X}"
        );
    }
}

#[test]
fn south_of_the_equator_saving_spans_the_new_year() {
    let sydney = LocalTimeParameters {
        tz_offset: Some(36_000),
        dst_offset: Some(3600),
        dst_start_rule: Some(DstRule::from_raw(packed(10, 2, 0, 7, 2, 0))),
        dst_end_rule: Some(DstRule::from_raw(packed(4, 2, 0, 7, 3, 0))),
    };
    let zone = sydney.time_zone().unwrap();
    for instant in [
        "2024-01-01T00:00:00Z",
        "2024-04-06T15:59:59Z",
        "2024-04-06T16:00:00Z",
        "2024-10-05T15:59:59Z",
        "2024-10-05T16:00:00Z",
        "2024-12-31T23:00:00Z",
    ] {
        let instant: Timestamp = instant.parse().unwrap();
        assert_eq!(sydney.offset_at(instant), Some(zone.to_offset(instant)));
    }
    assert_eq!(seconds_at(&sydney, "2024-01-01T00:00:00Z"), Some(39_600));
}

#[test]
fn no_packed_number_panics_and_posix_agrees_where_both_speak() {
    let mut raw: u32 = 1;
    for _ in 0..20_000 {
        // A plain linear congruence is enough to wander over the bit patterns.
        raw = raw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let parameters = LocalTimeParameters {
            dst_start_rule: Some(DstRule::from_raw(raw)),
            ..LocalTimeParameters::PACIFIC
        };
        let instant: Timestamp = "2024-06-15T12:00:00Z".parse().unwrap();
        let offset = parameters.offset_at(instant);
        if let Some(zone) = parameters.time_zone() {
            assert_eq!(offset, Some(zone.to_offset(instant)), "{raw:08X}");
        }
    }
}
