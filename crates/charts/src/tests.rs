//! What every chart's markup has to be.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::*;

const HOSTILE: &str = "</title><script>alert('x')</script>\"&\u{1b}";

fn labels(text: &str) -> Labels {
    Labels {
        id: Id::numbered("chart", 1),
        title: text.to_owned(),
        description: text.to_owned(),
        x: text.to_owned(),
        y: text.to_owned(),
        unit: text.to_owned(),
    }
}

fn bars(text: &str) -> Bars {
    let group = |nr: i64| Group {
        label: text.to_owned(),
        name: text.to_owned(),
        values: vec![
            Some(Decimal::from(nr * 10)),
            (nr != 2).then(|| Decimal::from(-nr)),
        ],
    };
    Bars {
        labels: labels(text),
        group: text.to_owned(),
        series: vec![text.to_owned(), text.to_owned()],
        groups: (0..12).map(group).collect(),
    }
}

fn lines(text: &str) -> Lines {
    let from: Timestamp = "2026-06-01T07:00:00Z".parse().unwrap();
    let at = |minutes: i64| from + SignedDuration::from_mins(minutes);
    let point = |minutes: i64| {
        (
            at(minutes),
            (minutes != 4).then(|| Decimal::from(minutes % 7)),
        )
    };
    Lines {
        labels: labels(text),
        zone: TimeZone::get("America/Los_Angeles").unwrap(),
        from,
        until: at(60),
        gap: SignedDuration::from_mins(2),
        lines: vec![Line {
            name: text.to_owned(),
            points: (-5..30).chain(40..90).map(point).collect(),
            area: true,
        }],
    }
}

fn heat(text: &str) -> HeatMap {
    let column = |day: i64| {
        let mut hours = [Cell::Value(Decimal::from(day % 9)); 24];
        hours[3] = Cell::Missing;
        hours[4] = Cell::Outside;
        Column {
            name: text.to_owned(),
            label: (day % 30 == 0).then(|| text.to_owned()),
            hours,
        }
    };
    HeatMap {
        labels: labels(text),
        levels: Levels::of((0..9).map(Decimal::from)),
        columns: (0..365).map(column).collect(),
        missing: text.to_owned(),
    }
}

fn profile(text: &str) -> DayProfile {
    let mut hours = [Some(Decimal::ONE); 24];
    hours[9] = None;
    DayProfile {
        labels: labels(text),
        curves: vec![
            Curve {
                name: text.to_owned(),
                hours,
            },
            Curve {
                name: text.to_owned(),
                hours,
            },
        ],
        cover: (Decimal::ZERO, Decimal::TWO),
    }
}

fn all(text: &str) -> Vec<String> {
    vec![
        figure(&bars(text), text),
        figure(&lines(text), text),
        figure(&heat(text), text),
        figure(&profile(text), text),
    ]
}

#[test]
fn each_says_what_it_shows_and_has_its_data_as_a_table() {
    for html in all("Words") {
        for part in [
            "role=\"img\" aria-labelledby=\"chart-1-t chart-1-d\"",
            "<title id=\"chart-1-t\">Words</title><desc id=\"chart-1-d\">Words</desc>",
            "<table><caption>Words</caption>",
            "<summary>Words",
        ] {
            let part = part.replace("chart-1", "cchart-1");
            assert!(html.contains(&part), "{part}: {}", &html[..400]);
        }
        assert!(!html.contains("style=") && !html.contains("<script"));
        // No colour in the markup: the style sheet decides.
        assert!(!html.contains("fill=\"#") && !html.contains("stroke=\"#"));
    }
}

#[test]
fn words_from_outside_stay_words() {
    for html in all(HOSTILE) {
        assert!(!html.contains("<script") && !html.contains('\u{1b}'));
        assert_eq!(html.matches("</title>").count(), 1);
    }
}

#[test]
fn a_line_is_broken_where_nothing_is_known() {
    let svg = lines("x").svg().unwrap();
    let line = svg.split("class=\"s0 line\" d=\"").nth(1).unwrap();
    let line = line.split('"').next().unwrap();
    // Before and after minute 4, and after the ten minutes without readings.
    assert_eq!(line.matches('M').count(), 3, "{line}");
    let table = lines("x").table();
    assert_eq!(table.rows.len(), 30 + 21);
    assert_eq!(table.rows[4], ["2026-06-01 00:04:00 -07:00", "–"]);
}

/// Else it would fill the page, and its labels with it.
#[test]
fn a_heat_map_of_one_day_is_drawn_like_one_of_a_month() {
    let drawn = |days: usize| {
        let mut chart = heat("x");
        chart.columns.truncate(days);
        let svg = chart.svg().unwrap();
        let (_, behind) = svg.split_once("viewBox=\"").unwrap();
        behind.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(drawn(1), drawn(30));
    assert_eq!(drawn(1), "0 0 776 310");
}

#[test]
fn a_heat_map_is_small_and_tells_missing_from_not_there() {
    let chart = heat("x");
    let svg = chart.svg().unwrap();
    assert!(svg.len() < 120_000, "{}", svg.len());
    assert_eq!(svg.matches("class=\"missing\"").count(), 1);
    assert!(svg.contains("<pattern id=\"cchart-1-m\""));
    // A run of a year in the row of three o'clock, nothing in the next.
    let missing = svg
        .split("class=\"missing\"")
        .nth(1)
        .unwrap()
        .split("/>")
        .next()
        .unwrap();
    assert_eq!(missing.matches('M').count(), 1, "{missing}");
    assert_eq!(chart.legend().len(), usize::from(Ink::LEVELS) + 1);
}

#[test]
fn a_value_that_is_not_known_is_no_bar() {
    let svg = bars("x").svg().unwrap();
    let second = svg
        .split("class=\"s1\" d=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    // Of twelve one is unknown and one is 0.
    assert_eq!(second.matches('M').count(), 10, "{second}");
    assert_eq!(bars("x").table().rows[2][2], "–");
}

#[test]
fn what_cannot_be_drawn_leaves_its_table_open() {
    let mut chart = bars("x");
    chart.groups[1].values.pop();
    assert!(matches!(chart.svg(), Err(ChartError::Shape(_, 1, 2))));
    let html = figure(&chart, "Show");
    assert!(html.contains("<details open>") && !html.contains("<svg class"));
}

/// Graphics need 3:1 against what is behind them (WCAG 1.4.11), text 4.5:1, in both schemes.
#[test]
fn colours_can_be_seen_in_both_schemes() {
    let (light, dark) = STYLE.split_once("prefers-color-scheme:dark").unwrap();
    for scheme in [light, dark] {
        let paper = luminance(colour(scheme, "paper"));
        for name in ["s0", "s1", "s2", "s3", "axis"] {
            let seen = contrast(luminance(colour(scheme, name)), paper);
            assert!(seen >= 3.0, "{name}: {seen}");
        }
        assert!(contrast(luminance(colour(scheme, "text")), paper) >= 4.5);
        // The ends of the heat map, and each step from the next.
        let steps: Vec<f64> = (0..Ink::LEVELS)
            .map(|step| luminance(colour(scheme, &format!("h{step}"))))
            .collect();
        assert!(contrast(steps[0], steps[6]) >= 7.0);
        assert!(
            steps
                .windows(2)
                .all(|pair| contrast(pair[0], pair[1]) > 1.15),
            "{steps:?}"
        );
    }
}

fn colour<'a>(scheme: &'a str, name: &str) -> &'a str {
    let found = scheme.split(&format!("--chart-{name}:#")).nth(1).unwrap();
    found.split([';', '}']).next().unwrap()
}

/// Relative luminance as WCAG defines it.
fn luminance(hex: &str) -> f64 {
    let doubled: String = hex.chars().flat_map(|digit| [digit, digit]).collect();
    let hex = if hex.len() == 3 { &doubled } else { hex };
    let channel = |nr: usize| {
        let value = f64::from(u8::from_str_radix(&hex[nr * 2..nr * 2 + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
