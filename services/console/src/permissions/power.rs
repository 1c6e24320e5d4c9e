//! A home's power as a chart: means of short stretches of time, so that the picture is as large for a home that sends
//! every second as for one that sends every minute.

use std::collections::BTreeMap;

use charts::{Id, Labels, Line, Lines, figure};
use diesel_async::AsyncPgConnection;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use permission::PermissionId;
use rust_decimal::Decimal;
use storage::aiida::newest;
use storage::aiida::reading::Measured;
use storage::console::power::{self, CODES, Mean};

use crate::error::Trouble;

/// Stretches of a chart.
const STEPS: u32 = 90;
/// Times further apart than this are not joined, at least: many homes send once a minute.
const GAP_SECONDS: i64 = 150;
/// Fewest seconds between two looks of a page that is open.
const SHORTEST: u32 = 5;
/// How far back the newest values are looked for.
const NEWEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Values of one record that are shown.
const MOST_VALUES: i64 = 40;

/// How much time a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) minutes: u32,
    pub(super) name: &'static str,
}

const SPANS: [Span; 3] = [
    Span {
        minutes: 15,
        name: "15 minutes",
    },
    Span {
        minutes: 60,
        name: "1 hour",
    },
    Span {
        minutes: 360,
        name: "6 hours",
    },
];

impl Span {
    /// As the address has it; the first for anything else.
    pub(super) fn of(minutes: &str) -> Self {
        let [first, ..] = SPANS;
        let wanted = minutes.parse().unwrap_or(first.minutes);
        let mut spans = SPANS.into_iter();
        spans.find(|span| span.minutes == wanted).unwrap_or(first)
    }

    const fn step_seconds(self) -> u32 {
        self.minutes * 60 / STEPS
    }

    /// Seconds between two looks of a page that is open: nothing new is drawn sooner than after a step, and a long
    /// chart is made of very many readings.
    pub(super) const fn every_seconds(self) -> u32 {
        let step = self.step_seconds();
        if step < SHORTEST { SHORTEST } else { step }
    }
}

/// All spans, and the one that is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spans {
    pub(super) all: [Span; 3],
    pub(super) shown: Span,
}

impl Spans {
    pub(super) const fn around(shown: Span) -> Self {
        Self { all: SPANS, shown }
    }
}

/// The chart, where there is power to show, and the values of the newest record.
pub(super) async fn of(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    span: Span,
    now: Timestamp,
) -> Result<(Option<String>, Vec<Measured>), Trouble> {
    let step = i64::from(span.step_seconds());
    // To whole steps: each stretch stays the same from one picture to the next.
    let end = now.as_second().div_euclid(step).saturating_add(1) * step;
    let until = Timestamp::from_second(end).unwrap_or(now);
    let from = until - SignedDuration::from_secs(i64::from(span.minutes) * 60);
    let means = power::means(conn, id, from, until, span.step_seconds()).await?;
    let since = now.checked_sub(NEWEST).unwrap_or(Timestamp::MIN);
    let mut newest = newest::values(conn, &[(id, since)], MOST_VALUES).await?;
    let values = newest.remove(&id).unwrap_or_default();
    Ok((draw(&means, span, from, until), values))
}

fn draw(means: &[Mean], span: Span, from: Timestamp, until: Timestamp) -> Option<String> {
    if means.is_empty() {
        return None;
    }
    let mut points: BTreeMap<usize, Vec<(Timestamp, Option<Decimal>)>> = BTreeMap::new();
    for mean in means {
        let Some(place) = CODES.iter().position(|code| *code == mean.obis) else {
            continue;
        };
        points
            .entry(place)
            .or_default()
            .push((mean.at, in_kilowatts(mean)));
    }
    let name = |place: usize| match place {
        0 => "From the grid",
        1 => "Into the grid",
        _ => "Balance with the grid",
    };
    let lines: Vec<Line> = points
        .into_iter()
        .map(|(place, points)| Line {
            name: name(place).to_owned(),
            points,
            area: place == 0,
        })
        .collect();
    let highest = lines
        .iter()
        .flat_map(|line| &line.points)
        .filter_map(|point| point.1)
        .max()?;
    let gap = GAP_SECONDS.max(3 * i64::from(span.step_seconds()));
    let chart = Lines {
        labels: Labels {
            id: Id::numbered("power", 0),
            title: format!("Power of the last {}", span.name),
            description: format!("Highest mean {} kW.", charts::rounded(highest, 2)),
            x: "Time (UTC)".to_owned(),
            y: "Power".to_owned(),
            unit: "kW".to_owned(),
        },
        zone: TimeZone::UTC,
        from,
        until,
        gap: SignedDuration::from_secs(gap),
        lines,
    };
    Some(figure(&chart, "Show as a table"))
}

/// Homes send kilowatts or watts; what is in another unit is not drawn.
fn in_kilowatts(mean: &Mean) -> Option<Decimal> {
    let value: Decimal = mean.value.parse().ok()?;
    match mean.unit.as_str() {
        "kW" => Some(value.round_dp(3)),
        "W" => Some((value / Decimal::ONE_THOUSAND).round_dp(3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(obis: &str, at: &str, value: &str, unit: &str) -> Mean {
        Mean {
            obis: obis.to_owned(),
            unit: unit.to_owned(),
            at: at.parse().unwrap(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn watts_and_kilowatts_are_one_chart() {
        let (from, until) = ("2026-11-22T09:00:00Z", "2026-11-22T09:15:00Z");
        let means = [
            mean("1-0:1.7.0", from, "1500.0000", "W"),
            mean("1-0:1.7.0", "2026-11-22T09:00:10Z", "1.2500", "kW"),
            mean("1-0:2.7.0", from, "0.0000", "<b>"),
        ];
        let span = Span::of("15");
        let drawn = draw(&means, span, from.parse().unwrap(), until.parse().unwrap()).unwrap();
        assert!(drawn.contains("Highest mean 1.5 kW"), "{drawn}");
        assert!(!drawn.contains("<b>"), "{drawn}");
        assert!(drawn.len() < 30_000, "{}", drawn.len());
        assert!(draw(&[], span, from.parse().unwrap(), until.parse().unwrap()).is_none());
    }

    #[test]
    fn a_long_chart_is_looked_at_rarely() {
        let every = SPANS.map(Span::every_seconds);
        assert_eq!(every, [10, 40, 240]);
        let short = Span {
            minutes: 5,
            name: "5 minutes",
        };
        assert_eq!(short.every_seconds(), 5);
    }

    #[test]
    fn a_span_is_one_of_these() {
        assert_eq!(Span::of("60").minutes, 60);
        for other in ["", "7", "-1", "x", "99999999999"] {
            assert_eq!(Span::of(other).minutes, 15, "{other}");
        }
    }
}
