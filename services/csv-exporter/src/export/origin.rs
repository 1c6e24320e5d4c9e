//! What the report and the readme say of an export's origin.

use jiff::tz::TimeZone;
use storage::smd::export::Export;
use storage::smd::reading::StoredSeries;

use super::convert::series;
use crate::companion::Origin;
use crate::config::Config;
use crate::table::Selection;

pub(super) fn of(
    config: &Config,
    known: &Export,
    stored: &[StoredSeries],
    selection: &Selection,
) -> Origin {
    let names: Vec<String> = stored.iter().map(|one| series(one).name()).collect();
    let (zone, zone_name) = zone(config, known);
    let subscription = known.subscription_id.clone().unwrap_or_default();
    let authorized = report::moment(known.authorized_at, &zone);
    Origin {
        name: known.customer_name.clone(),
        facts: vec![
            ("Subscription".to_owned(), subscription),
            ("Authorized".to_owned(), authorized),
        ],
        zone,
        zone_name,
        asked: known.history,
        left_out: left_out(&names, selection),
        series: names,
        columns: config.output.csv_columns,
    }
}

/// The meter's, as the custodian tells it, else the configured one.
fn zone(config: &Config, known: &Export) -> (TimeZone, String) {
    let stored = known.time_zone.as_deref().and_then(|name| {
        let zone = TimeZone::posix(name).or_else(|_| TimeZone::get(name));
        Some((zone.ok()?, name.to_owned()))
    });
    stored.unwrap_or_else(|| match config.history.zone() {
        Ok(zone) => (zone, config.history.time_zone.clone()),
        Err(_) => (TimeZone::UTC, "UTC".to_owned()),
    })
}

fn left_out(names: &[String], selection: &Selection) -> Vec<String> {
    let sentence = |left_out: &crate::table::LeftOut| {
        let name = names.get(left_out.series);
        let name = name.map_or("an unknown usage point", String::as_str);
        format!("A series of {name} is in no table: {}.", left_out.reason)
    };
    selection.left_out().iter().map(sentence).collect()
}
