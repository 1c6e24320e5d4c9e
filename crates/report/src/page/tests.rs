use jiff::SignedDuration;
use rust_decimal::Decimal;
use scraper::{Html, Selector};

use super::*;
use crate::{Amount, Collector, Row, Service};

const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=\"a\">'&amp;\u{202e}";

fn zone() -> TimeZone {
    TimeZone::get("America/Los_Angeles").unwrap()
}

fn about() -> About {
    About {
        name: Some("Ada Example".to_owned()),
        facts: vec![("Subscription".to_owned(), "7".to_owned())],
        zone: "America/Los_Angeles".to_owned(),
        asked: None,
        left_out: Vec::new(),
        quality: |code| (format!("code-{code}").into(), "A meaning."),
    }
}

/// Hourly readings of some days, one of them missing.
fn points(days: i64, usage_point: &str, service: Service, unit: &str) -> Vec<Point> {
    let mut collector = Collector::new(service, zone());
    let start: Timestamp = "2025-11-18T08:00:00Z".parse().unwrap();
    for nr in (0..days * 24).filter(|nr| nr / 24 != 5) {
        let amount = |value: i64| Amount {
            value: Decimal::from(value),
            unit,
            net: false,
            quality: if nr % 100 == 7 { &[8] } else { &[17] },
            cost: None,
            currency: None,
        };
        collector.take(&Row {
            usage_point,
            start: start + SignedDuration::from_hours(nr),
            duration: 3_600,
            delivered: Some(amount(200 + nr % 24 * 10)),
            received: (service == Service::Electricity).then(|| amount(nr % 7)),
        });
    }
    collector.finish()
}

fn page(about: About, points: Vec<Point>) -> String {
    Report {
        about,
        zone: zone(),
        points,
    }
    .html()
}

fn texts(html: &str, selector: &str) -> Vec<String> {
    let document = Html::parse_document(html);
    let selector = Selector::parse(selector).unwrap();
    let found = document.select(&selector);
    found.map(|one| one.text().collect()).collect()
}

#[test]
fn a_year_is_one_page_with_every_part() {
    let html = page(
        about(),
        points(365, "1000000001", Service::Electricity, "Wh"),
    );
    assert!(html.len() < 300_000, "{} bytes", html.len());
    assert_eq!(texts(&html, "h1"), ["Energy report: Ada Example"]);
    assert_eq!(
        texts(&html, "h3"),
        [
            "Months",
            "The average day of each month",
            "Days and hours",
            "Missing intervals",
            "Estimated values"
        ]
    );
    let tiles = texts(&html, ".tiles dt");
    assert_eq!(
        tiles,
        [
            "Period",
            "From the grid",
            "To the grid",
            "Base load",
            "Peak",
            "Missing",
            "Estimated"
        ]
    );
    let values = texts(&html, ".tiles strong");
    assert_eq!(values[0], "18 Nov 2025 to 17 Nov 2026");
    // Of the hours in which nothing was fed in.
    assert_eq!(values[3], "0.23 kW");
    assert_eq!(values[4], "0.43 kW");
    assert_eq!(values[5], "0.2 %");
    let missing = texts(&html, ".stretches tbody tr");
    assert!(
        missing[0].contains("Sun 23 Nov 2025, 00:00 -08:00"),
        "{}",
        missing[0]
    );
    assert!(missing[0].contains("24"));
    assert!(html.contains("8 Mar 2026 has 23 hours"));
    assert!(html.contains("1 Nov 2026 has 25 hours"));
    // Thirteen small pictures, bars, two heat maps.
    assert_eq!(texts(&html, "svg[role=img]").len(), 16);
}

/// Hourly readings from the grid, without those that begin at `skipped`.
fn hours(from: &str, until: &str, skipped: &[&str]) -> Vec<Point> {
    let moment = |text: &str| text.parse::<Timestamp>().unwrap();
    let skipped: Vec<Timestamp> = skipped.iter().map(|text| moment(text)).collect();
    let mut collector = Collector::new(Service::Electricity, zone());
    let mut start = moment(from);
    while start < moment(until) {
        if !skipped.contains(&start) {
            collector.take(&Row {
                usage_point: "1",
                start,
                duration: 3_600,
                delivered: Some(Amount {
                    value: Decimal::from(200),
                    unit: "Wh",
                    net: false,
                    quality: &[17],
                    cost: None,
                    currency: None,
                }),
                received: None,
            });
        }
        start += SignedDuration::from_hours(1);
    }
    collector.finish()
}

/// What the table beside the picture of days and hours says is missing on a day.
fn hours_without(html: &str, day: &str) -> Vec<String> {
    let document = Html::parse_document(html);
    let (rows, cells) = (Selector::parse("tr"), Selector::parse("th, td"));
    let (rows, cells) = (rows.unwrap(), cells.unwrap());
    let row = |row: scraper::ElementRef<'_>| {
        let texts = row.select(&cells).map(|cell| cell.text().collect());
        let texts: Vec<String> = texts.collect();
        (texts.first()? == day).then(|| texts.last().unwrap().clone())
    };
    document.select(&rows).filter_map(row).collect()
}

#[test]
fn an_hour_that_the_clock_skips_is_not_missing() {
    let whole = page(
        about(),
        hours("2026-03-01T08:00:00Z", "2026-11-08T08:00:00Z", &[]),
    );
    for day in ["2026-03-07", "2026-03-08", "2026-11-01"] {
        assert_eq!(hours_without(&whole, day), ["0"], "{day}");
    }
    // Of the hour that comes twice one is enough for the picture; the list of gaps has the other.
    let skipped = [
        "2026-03-08T20:00:00Z",
        "2026-11-01T08:00:00Z",
        "2026-11-01T20:00:00Z",
    ];
    let html = page(
        about(),
        hours("2026-03-01T08:00:00Z", "2026-11-08T08:00:00Z", &skipped),
    );
    for (day, missing) in [("2026-03-08", "1"), ("2026-11-01", "1")] {
        assert_eq!(hours_without(&html, day), [missing], "{day}");
    }
    assert!(html.contains("2 hours without readings are hatched"));
}

#[test]
fn hours_before_the_first_reading_and_after_the_last_are_not_missing() {
    let html = page(
        about(),
        hours(
            "2026-01-01T18:00:00Z",
            "2026-01-04T01:00:00Z",
            &["2026-01-01T20:00:00Z"],
        ),
    );
    for (day, missing) in [
        ("2026-01-01", "1"),
        ("2026-01-02", "0"),
        ("2026-01-03", "0"),
    ] {
        assert_eq!(hours_without(&html, day), [missing], "{day}");
    }
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let mut about = about();
    about.name = Some(HOSTILE.to_owned());
    about.facts = vec![(HOSTILE.to_owned(), HOSTILE.to_owned())];
    about.zone = HOSTILE.to_owned();
    about.left_out = vec![HOSTILE.to_owned()];
    about.quality = |_| (HOSTILE.into(), HOSTILE);
    for service in [Service::Electricity, Service::Gas] {
        let html = page(about.clone(), points(40, HOSTILE, service, HOSTILE));
        let document = Html::parse_document(&html);
        for element in [
            "script",
            "img",
            "a[href^=javascript]",
            "[onerror]",
            "[style]",
        ] {
            let found = document.select(&Selector::parse(element).unwrap()).count();
            assert_eq!(found, 0, "{element}");
        }
        assert_eq!(
            texts(&html, "title").first().map(String::as_str),
            Some(format!("Energy report: {HOSTILE}").as_str())
        );
        assert!(texts(&html, "h2")[0].contains("<script>"));
    }
}

#[test]
fn the_pages_own_policy_is_of_its_own_style() {
    let html = page(about(), points(2, "1", Service::Electricity, "Wh"));
    let styles = texts(&html, "style");
    assert_eq!(styles.len(), 1);
    let hash = STANDARD.encode(Sha256::digest(styles[0].as_bytes()));
    assert!(
        html.contains(&format!("style-src &#39;sha256-{hash}&#39;"))
            || html.contains(&format!("style-src 'sha256-{hash}'")),
        "{}",
        &html[..400]
    );
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url(h"));
}

#[test]
fn what_was_asked_for_and_not_delivered_is_said() {
    let mut about = about();
    about.asked = Some((
        "2025-08-01T07:00:00Z".parse().unwrap(),
        "2026-11-18T08:00:00Z".parse().unwrap(),
    ));
    about.left_out = vec!["A register.".to_owned()];
    let html = page(about, points(30, "1", Service::Electricity, "Wh"));
    assert!(
        html.contains("30 days; asked for 1 Aug 2025 to 17 Nov 2026"),
        "{html}"
    );
    assert!(html.contains("A register."));
}

#[test]
fn ids_are_there_once() {
    let mut all = points(400, "1", Service::Electricity, "Wh");
    all.extend(points(800, "2", Service::Electricity, "Wh"));
    all.extend(points(30, "3", Service::Gas, "therm"));
    let html = page(about(), all);
    let document = Html::parse_document(&html);
    let ids: Vec<&str> = document
        .select(&Selector::parse("[id]").unwrap())
        .filter_map(|one| one.attr("id"))
        .collect();
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(ids.len(), distinct.len());
    for reference in document.select(&Selector::parse("[aria-labelledby]").unwrap()) {
        for id in reference.attr("aria-labelledby").unwrap().split(' ') {
            assert!(distinct.contains(&id), "{id}");
        }
    }
}

#[test]
fn odd_readings_make_a_page() {
    let extremes = [
        ("1970-01-01T00:00:00Z", 3_600_u32, Decimal::MAX),
        ("2026-01-01T00:00:00Z", 0, Decimal::MIN),
        ("2026-01-01T01:00:00Z", 900, Decimal::new(-5, 0)),
        ("9999-12-30T21:00:00Z", u32::MAX, Decimal::new(1, 28)),
    ];
    let mut collector = Collector::new(Service::Electricity, zone());
    for (start, duration, value) in extremes {
        collector.take(&Row {
            usage_point: "1",
            start: start.parse().unwrap(),
            duration,
            delivered: Some(Amount {
                value,
                unit: "Wh",
                net: false,
                quality: &[],
                cost: None,
                currency: None,
            }),
            received: None,
        });
    }
    let html = page(about(), collector.finish());
    assert!(
        html.ends_with("</html>\n") || html.ends_with("</html>"),
        "{}",
        &html[html.len() - 100..]
    );
    assert!(page(about(), Vec::new()).contains("What is not here"));
}
