//! Small Green Button feeds in PG&E's shape, made up for the tests.

use std::fmt::Write;

/// A feed under construction: a usage point, then series of readings.
pub(crate) struct Feed {
    text: String,
    published: &'static str,
}

/// What a reading type states, as XML elements.
pub(crate) const WATT_HOURS: &str = "<uom>72</uom><commodity>1</commodity><accumulationBehaviour>4</accumulationBehaviour><kind>12</kind><powerOfTenMultiplier>-3</powerOfTenMultiplier>";
pub(crate) const WATTS: &str = "<uom>38</uom><commodity>1</commodity><accumulationBehaviour>4</accumulationBehaviour><powerOfTenMultiplier>0</powerOfTenMultiplier>";
pub(crate) const REGISTER: &str = "<uom>72</uom><commodity>1</commodity><accumulationBehaviour>3</accumulationBehaviour><kind>12</kind><powerOfTenMultiplier>0</powerOfTenMultiplier>";
pub(crate) const THERMS: &str = "<uom>169</uom><commodity>7</commodity><accumulationBehaviour>4</accumulationBehaviour><powerOfTenMultiplier>-8</powerOfTenMultiplier>";

/// Start (epoch seconds), duration (seconds), value.
pub(crate) type Interval = (i64, u32, i64);

impl Feed {
    pub(crate) fn new(published: &'static str) -> Self {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?><a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:id>urn:uuid:0</a:id>"#;
        Self {
            text: text.to_owned(),
            published,
        }
    }

    /// PG&E's local time parameters.
    pub(crate) fn pacific(self) -> Self {
        self.entry(
            "/LocalTimeParameters/1",
            &[],
            "<LocalTimeParameters xmlns='http://naesb.org/espi'><dstEndRule>B40E2000</dstEndRule><dstOffset>3600</dstOffset><dstStartRule>360E2000</dstStartRule><tzOffset>-28800</tzOffset></LocalTimeParameters>",
        )
    }

    /// A usage point; kind 0 is electricity, 1 gas.
    pub(crate) fn usage_point(self, id: &str, kind: u8) -> Self {
        let path = format!("/Subscription/1/UsagePoint/{id}");
        self.entry(
            &path,
            &[&format!("{path}/MeterReading")],
            &format!("<UsagePoint xmlns='http://naesb.org/espi'><ServiceCategory><kind>{kind}</kind></ServiceCategory></UsagePoint>"),
        )
    }

    /// A meter reading with its type and one block of readings.
    pub(crate) fn series(
        self,
        usage_point: &str,
        flow: u8,
        kind: &str,
        intervals: &[Interval],
    ) -> Self {
        let name = format!("{flow}-{}", kind.len());
        let path = format!("/Subscription/1/UsagePoint/{usage_point}/MeterReading/{name}");
        let type_path = format!("/ReadingType/{name}");
        let mut block = "<IntervalBlock xmlns='http://naesb.org/espi'>".to_owned();
        for (start, duration, value) in intervals {
            write!(block, "<IntervalReading><ReadingQuality><quality>17</quality></ReadingQuality><timePeriod><duration>{duration}</duration><start>{start}</start></timePeriod><value>{value}</value></IntervalReading>").unwrap();
        }
        block.push_str("</IntervalBlock>");
        self.entry(
            &type_path,
            &[],
            &format!("<ReadingType xmlns='http://naesb.org/espi'><flowDirection>{flow}</flowDirection>{kind}</ReadingType>"),
        )
        .entry(
            &path,
            &[&format!("{path}/IntervalBlock"), &type_path],
            "<MeterReading xmlns='http://naesb.org/espi'/>",
        )
        .entry(&format!("{path}/IntervalBlock/1"), &[], &block)
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</a:feed>");
        self.text
    }

    fn entry(mut self, path: &str, related: &[&str], content: &str) -> Self {
        let base = "https://custodian.example/espi/1_1/resource";
        let (up, _) = path.rsplit_once('/').unwrap();
        write!(self.text, r#"<a:entry><a:id>urn:{path}</a:id><a:link rel="self" href="{base}{path}"/><a:link rel="up" href="{base}{up}"/>"#).unwrap();
        for href in related {
            write!(self.text, r#"<a:link rel="related" href="{base}{href}"/>"#).unwrap();
        }
        let published = self.published;
        write!(self.text, "<a:published>{published}</a:published><a:updated>{published}</a:updated><a:content>{content}</a:content></a:entry>").unwrap();
        self
    }
}

/// Intervals of one length, one after the other, each with its own value.
pub(crate) fn intervals(start: &str, count: i64, seconds: u32) -> Vec<Interval> {
    let start: jiff::Timestamp = start.parse().unwrap();
    let at = |n: i64| start.as_second() + n * i64::from(seconds);
    (0..count).map(|n| (at(n), seconds, 1_000 + n)).collect()
}

/// A home with two electric flows and gas.
pub(crate) fn solar_and_gas() -> String {
    Feed::new("2026-06-03T00:00:00Z")
        .pacific()
        .usage_point("1000000001", 0)
        .series(
            "1000000001",
            1,
            WATT_HOURS,
            &intervals("2026-06-01T07:00:00Z", 3, 900),
        )
        .series(
            "1000000001",
            19,
            WATT_HOURS,
            &intervals("2026-06-01T07:15:00Z", 2, 900),
        )
        .usage_point("1000000002", 1)
        .series(
            "1000000002",
            1,
            THERMS,
            &[(1_780_297_201, 86_400, 103_659_540)],
        )
        .finish()
}
