//! The page in a real browser: light, dark and printed, on a telephone and on a desktop. Pictures are left in
//! `target/tmp/browser`.
#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use report::{About, Amount, Collector, Point, Report, Row, Service};
use rust_decimal::Decimal;
use test_support::chromium::{Chromium, Look, Scheme};

/// A year of quarter hours with gaps, estimates and feed-in.
fn electricity(zone: &TimeZone) -> Vec<Point> {
    let mut collector = Collector::new(Service::Electricity, zone.clone());
    let start: Timestamp = "2025-11-18T08:00:00Z".parse().unwrap();
    // Arbitrary, and the same each time.
    let mut state = 7_u64;
    for quarter in 0..365 * 96_i64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let noise = i64::try_from(state >> 33).unwrap() % 100;
        let (day, hour) = (quarter / 96, quarter % 96 / 4);
        if (95..97).contains(&day) || noise == 0 && hour == 4 {
            continue;
        }
        let sun = if (9..17).contains(&hour) {
            300 - (day - 180).abs() + noise
        } else {
            0
        };
        let evening = if (17..22).contains(&hour) {
            250 + 2 * noise
        } else {
            0
        };
        let net = 60 + noise / 4 + evening - sun;
        let amount = |value: i64| Amount {
            value: value.max(0).into(),
            unit: "Wh",
            net: false,
            quality: if day == 300 && hour < 6 { &[8] } else { &[17] },
            cost: Some(Decimal::new(value.max(0) * 31, 5)),
            currency: Some(840),
        };
        collector.take(&Row {
            usage_point: "1000000001",
            start: start + SignedDuration::from_secs(quarter * 900),
            duration: 900,
            delivered: Some(amount(net)),
            received: Some(amount(-net)),
        });
    }
    collector.finish()
}

fn gas(zone: &TimeZone) -> Vec<Point> {
    let mut collector = Collector::new(Service::Gas, zone.clone());
    let first: jiff::civil::Date = "2025-11-18".parse().unwrap();
    let days = first.series(jiff::Span::new().days(1)).zip(0..365_i64);
    for (day, nr) in days.filter(|(_, nr)| !(150..153).contains(nr)) {
        let start = day.at(0, 0, 1, 0).to_zoned(zone.clone()).unwrap();
        collector.take(&Row {
            usage_point: "1000000002",
            start: start.timestamp(),
            duration: 86_400,
            delivered: Some(Amount {
                value: Decimal::new(40 + (nr - 230).abs(), 2),
                unit: "therm",
                net: false,
                quality: &[19],
                cost: None,
                currency: None,
            }),
            received: None,
        });
    }
    collector.finish()
}

fn page() -> String {
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    let mut points = electricity(&zone);
    points.extend(gas(&zone));
    let stem = "Ada-Example-1234567-20261122T040500Z";
    let facts = [
        ("Subscription", "1234567".to_owned()),
        ("Tables", format!("{stem}-electricity.csv, {stem}-gas.csv")),
    ];
    Report {
        about: About {
            name: Some("Ada <b>Example</b><script>document.title = 'taken'</script>".to_owned()),
            facts: facts.map(|(what, fact)| (what.to_owned(), fact)).into(),
            zone: "America/Los_Angeles".to_owned(),
            asked: None,
            left_out: vec![
                "A series of usage point 1000000001 is in no table: its unit W has no column."
                    .to_owned(),
            ],
            quality: |code| (format!("code-{code}").into(), "A meaning in words."),
        },
        zone,
        points,
    }
    .html()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_reads_well_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let html = page();
    assert!(html.len() < 300_000, "{} bytes", html.len());
    std::fs::write(&path, html).unwrap();

    let browser = Chromium::with(Look::desktop(Scheme::Light, "en")).await;
    browser.open(&format!("file://{}", path.display())).await;
    let title = browser.title().await;
    assert!(title.contains("<b>Example</b><script>"), "{title}");
    assert_eq!(browser.number_of("svg[role=img]").await, 13 + 2 + 2);
    // The page's own policy lets its style through: tiles stand beside each other.
    assert_eq!(
        browser
            .evaluate("getComputedStyle(document.querySelector('.tiles')).display")
            .await,
        "grid"
    );
    let bar = "getComputedStyle(document.querySelector('.bars .s0')).fill";
    let light = browser.evaluate(bar).await;
    browser.prefer(Scheme::Dark).await;
    assert_ne!(
        browser.evaluate(bar).await,
        light,
        "the bars have their own colour in the dark"
    );
    browser.prefer(Scheme::Light).await;

    browser.inspect("report").await;
    for (size, scheme) in [((390, 844), Scheme::Light), ((1280, 900), Scheme::Dark)] {
        browser.resize(size).await;
        browser.prefer(scheme).await;
        browser.assert_accessible("report").await;
    }
    // With everything open that can be opened.
    browser
        .evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        .await;
    browser.resize((390, 844)).await;
    let wide = "document.documentElement.scrollWidth - window.innerWidth";
    assert_eq!(
        browser.evaluate(wide).await,
        "0",
        "open tables scroll in their boxes"
    );
    browser.assert_accessible("report-open").await;

    browser
        .evaluate("document.querySelectorAll('details').forEach(one => { one.open = false })")
        .await;
    browser.prefer(Scheme::Dark).await;
    browser.prefer_print().await;
    browser.resize((718, 1000)).await;
    assert_eq!(
        browser
            .evaluate("document.documentElement.scrollWidth - window.innerWidth")
            .await,
        "0"
    );
    assert_eq!(
        browser.evaluate(bar).await,
        light,
        "on paper as in the light"
    );
    assert_eq!(
        browser
            .evaluate("getComputedStyle(document.body).backgroundColor")
            .await,
        "rgb(255, 255, 255)"
    );
    browser.picture("report-printed").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    browser.close().await;
}
