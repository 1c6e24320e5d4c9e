//! From sums to the page.

mod average;
mod heat;
mod lists;
mod months;
mod section;
mod tiles;
mod years;

use std::borrow::Cow;
use std::sync::LazyLock;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::collect::Point;
use crate::collect::calendar::day_seconds;
use crate::words;
use section::Section;

/// Usage points whose hours are drawn; of further ones there are totals, months and gaps, so that the page stays one
/// that a browser can open.
const DRAWN: usize = 12;

static STYLE: LazyLock<String> =
    LazyLock::new(|| format!("{}{}", include_str!("style.css"), charts::STYLE));

/// The page's own policy, also when it is opened from a disk: nothing is fetched, and only the page's style applies.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
});

/// What the page says besides the readings.
#[derive(Debug, Clone)]
pub struct About {
    /// Whose readings these are, for the heading.
    pub name: Option<String>,
    /// More about their origin: what it is, and the fact.
    pub facts: Vec<(String, String)>,
    /// What the zone is called.
    pub zone: String,
    /// The period that was asked for; the end is exclusive.
    pub asked: Option<(Timestamp, Timestamp)>,
    /// What came and is not in the tables, in sentences.
    pub left_out: Vec<String>,
    /// Word and meaning of an ESPI quality code, as in the tables.
    pub quality: fn(u16) -> (Cow<'static, str>, &'static str),
}

/// Everything on the page.
#[derive(Debug)]
pub struct Report {
    /// Whose, from when, what not.
    pub about: About,
    /// Local time.
    pub zone: TimeZone,
    /// Electricity first.
    pub points: Vec<Point>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    policy: &'static str,
    style: &'static str,
    title: String,
    about: About,
    lead: Option<String>,
    sections: Vec<Section>,
    clock_changes: Vec<String>,
}

impl Report {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let title = match &self.about.name {
            Some(name) => format!("Energy report: {name}"),
            None => "Energy report".to_owned(),
        };
        let section = |(place, point)| Section::of(self, place, point, place < DRAWN);
        let page = Page {
            policy: &POLICY,
            style: &STYLE,
            title,
            about: self.about.clone(),
            lead: self.lead(),
            sections: self.points.iter().enumerate().map(section).collect(),
            clock_changes: self.clock_changes(),
        };
        // Writing to a string does not fail, and the template has nothing else that could.
        page.render().unwrap_or_default()
    }

    fn ends(&self) -> Option<(Timestamp, Timestamp)> {
        let spans = || self.points.iter().filter_map(Point::span);
        let from = spans().map(|span| span.from).min()?;
        let until = spans().map(|span| span.until).max()?;
        Some((from, until))
    }

    fn lead(&self) -> Option<String> {
        let (from, until) = self.ends()?;
        Some(words::range(
            &words::day(words::day_of(from, &self.zone)),
            &words::day(words::last_day(until, &self.zone)),
        ))
    }

    /// Days of another length than 24 hours, of the last three years.
    fn clock_changes(&self) -> Vec<String> {
        let Some((from, until)) = self.ends() else {
            return Vec::new();
        };
        let last = words::last_day(until, &self.zone);
        let oldest = last
            .checked_sub(jiff::Span::new().years(years::MOST))
            .unwrap_or(last);
        let mut day = words::day_of(from, &self.zone).max(oldest);
        let mut changes = Vec::new();
        while day <= last {
            match day_seconds(day, &self.zone) {
                Some(86_400) | None => {}
                Some(seconds) => {
                    changes.push(format!(
                        "{} has {}",
                        words::day(day),
                        words::length(seconds)
                    ));
                }
            }
            let Ok(next) = day.tomorrow() else {
                break;
            };
            day = next;
        }
        changes
    }
}

#[cfg(test)]
mod tests;
