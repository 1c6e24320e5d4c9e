//! What a customer can choose: which agreements, which data, how far back, until when.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::Fields;
use super::session::Flow;
use crate::grants::{Choice, DataGroups};
use crate::model::{Calendar, Customer};

/// The histories on offer, in months; PG&E gives 24 or more.
pub(super) const HISTORIES: [i32; 3] = [12, 24, 36];

/// An end on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) value: &'static str,
    pub(super) label: String,
    pub(super) at: Option<Timestamp>,
}

/// The ends on offer: what the third party would like first, none before what it needs.
pub(super) fn ends(calendar: &Calendar, flow: &Flow, now: Timestamp) -> Vec<End> {
    let label = |at: Timestamp| format!("until {}", calendar.day_of(at));
    let hours = |hours: i64| now.checked_add(hours.hours()).unwrap_or(Timestamp::MAX);
    let preferred = flow.preferred_end.map(|at| End {
        value: "preferred",
        label: label(at),
        at: Some(at),
    });
    let fixed = [
        End {
            value: "open",
            label: "I end it".to_owned(),
            at: None,
        },
        End {
            value: "week",
            label: "a week from now".to_owned(),
            at: Some(hours(7 * 24)),
        },
        End {
            value: "year",
            label: "a year from now".to_owned(),
            at: Some(hours(365 * 24)),
        },
    ];
    let allowed = |end: &End| match (end.at, flow.earliest_end) {
        (Some(at), Some(earliest)) => at >= earliest,
        _ => true,
    };
    preferred.into_iter().chain(fixed).filter(allowed).collect()
}

/// Reads the customer's choice; the error is a sentence for the page.
pub(super) fn read(
    customer: &Customer,
    fields: &Fields,
    ends: &[End],
    today: Date,
) -> Result<Choice, &'static str> {
    let usage_points: Vec<String> = fields
        .all("usage_point")
        .map(|id| customer.usage_point(id).map(|point| point.id.clone()))
        .collect::<Option<_>>()
        .ok_or("That service agreement is not one of yours.")?;
    if usage_points.is_empty() {
        return Err("Choose at least one service agreement.");
    }
    let chosen = |group: &str| fields.all("data").any(|value| value == group);
    let data = DataGroups {
        usage: chosen("usage"),
        billing: chosen("billing"),
        account: chosen("account"),
    };
    if !(data.usage || data.billing || data.account) {
        return Err("Choose at least one kind of data.");
    }
    let months = fields
        .get("history")
        .and_then(|text| text.parse::<i32>().ok());
    let months = months
        .filter(|months| HISTORIES.contains(months))
        .ok_or("Choose a history.")?;
    let history_from = today
        .checked_sub(months.months())
        .map_err(|_| "Choose a shorter history.")?;
    let until = fields.get("until").unwrap_or("open");
    let end = ends
        .iter()
        .find(|end| end.value == until)
        .ok_or("Choose until when to share.")?;
    Ok(Choice {
        customer: customer.key.clone(),
        usage_points,
        data,
        history_from,
        history_seconds: i64::from(months / 12) * 365 * 86_400,
        until: end.at,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Model;

    fn flow(earliest: Option<&str>, preferred: Option<&str>) -> Flow {
        Flow {
            client_id: String::new(),
            redirect_uri: String::new(),
            state: None,
            earliest_end: earliest.map(|text| text.parse().unwrap()),
            preferred_end: preferred.map(|text| text.parse().unwrap()),
            customer: None,
        }
    }

    #[test]
    fn ends_before_what_the_third_party_needs_are_not_on_offer() {
        let calendar = Calendar::pacific().unwrap();
        let now: Timestamp = "2026-11-20T18:00:00Z".parse().unwrap();
        let values = |flow: &Flow| {
            ends(&calendar, flow, now)
                .into_iter()
                .map(|end| end.value)
                .collect::<Vec<_>>()
        };
        assert_eq!(values(&flow(None, None)), ["open", "week", "year"]);
        assert_eq!(
            values(&flow(
                Some("2026-12-20T18:00:00Z"),
                Some("2027-01-01T08:00:00Z")
            )),
            ["preferred", "open", "year"]
        );
    }

    #[test]
    fn choices_are_checked() {
        let today = date(2026, 11, 20);
        let model = Model::new(1, today).unwrap();
        let customer = &model.customers()[0];
        let offered = ends(
            model.calendar(),
            &flow(None, None),
            "2026-11-20T18:00:00Z".parse().unwrap(),
        );
        let read = |text: String| read(customer, &Fields::parse(text.as_bytes()), &offered, today);
        let point = &customer.usage_points[1].id;
        let choice = read(format!(
            "usage_point={point}&data=usage&history=12&until=week"
        ))
        .unwrap();
        assert_eq!(choice.usage_points, std::slice::from_ref(point));
        assert_eq!(choice.history_from, date(2025, 11, 20));
        assert_eq!(choice.history_seconds, 31_536_000);
        assert!(choice.until.is_some() && choice.data.usage && !choice.data.billing);
        for wrong in [
            "data=usage&history=12".to_owned(),
            "usage_point=1&data=usage&history=12".to_owned(),
            format!("usage_point={point}&history=12"),
            format!("usage_point={point}&data=usage&history=13"),
            format!("usage_point={point}&data=usage&history=12&until=never"),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
