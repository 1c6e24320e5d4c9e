//! What happened to a customer's authorization, in the order of time.

use jiff::Timestamp;
use storage::console::records::Line;
use storage::smd::overview::Customer;

use crate::view::several;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Option<Timestamp>,
    pub(super) what: String,
    /// More about it.
    pub(super) note: Option<String>,
    /// `bad`, `next` for what is still to come, or nothing.
    pub(super) tone: &'static str,
}

impl Moment {
    fn new(at: Timestamp, what: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            what: what.into(),
            note: None,
            tone: "",
        }
    }
}

/// Oldest first; what is still to come last.
pub(super) fn of(customer: &Customer, lines: &[Line]) -> Vec<Moment> {
    let mut moments = vec![Moment::new(
        customer.authorized_at,
        "The customer authorized us at PG&E",
    )];
    let mut add = |at: Option<Timestamp>, what: String| {
        moments.extend(at.map(|at| Moment::new(at, what)));
    };
    add(
        customer.planned_at,
        format!(
            "{} found; the list of what to fetch is fixed",
            several(customer.usage_points, "usage point")
        ),
    );
    add(customer.fetched_at, "Everything is fetched".to_owned());
    add(
        customer.released_at,
        "The authorization at PG&E is ended, its tokens are erased".to_owned(),
    );
    add(customer.exported_at, "The files are written".to_owned());
    add(
        customer.files_removed_at,
        "The files are removed".to_owned(),
    );
    moments.extend(lines.iter().filter_map(noted));
    moments.sort_by_key(|moment| moment.at);
    moments.extend(failures(customer));
    moments.extend(to_come(customer));
    moments
}

/// What the audit log tells beyond the row itself.
fn noted(line: &Line) -> Option<Moment> {
    let what = match line.entry.action.as_str() {
        "smd.release_requested" => "An operator asked for the end of the authorization",
        "smd.erased" => "Erased by an operator",
        "smd.expired" => "Readings and name are erased: their time was over",
        "customer.exported" => "An access request was answered",
        _ => return None,
    };
    let by = line.entry.detail.get("operator").and_then(|by| by.as_str());
    Some(Moment {
        note: by.map(|by| format!("by {by}")),
        ..Moment::new(line.entry.at, what)
    })
}

fn failures(customer: &Customer) -> Vec<Moment> {
    let what = match customer.stage.as_str() {
        "failed" => "The history could not be fetched",
        "withdrawn" => "The customer has withdrawn the authorization",
        "superseded" => "The customer has authorized again; the newer authorization counts",
        _ => "Delayed",
    };
    let is_told = customer.failure.is_some()
        || matches!(
            customer.stage.as_str(),
            "failed" | "withdrawn" | "superseded"
        );
    let mut found = Vec::new();
    if is_told {
        found.push(Moment {
            at: None,
            what: what.to_owned(),
            note: customer.failure.clone(),
            tone: "bad",
        });
    }
    if let Some(error) = &customer.export_error {
        found.push(Moment {
            at: None,
            what: "The files could not be written".to_owned(),
            note: Some(error.clone()),
            tone: "bad",
        });
    }
    found
}

fn to_come(customer: &Customer) -> Vec<Moment> {
    let mut next = Vec::new();
    if customer.stage == "fetching" {
        next.push(format!(
            "Fetching: {} of {} windows are in",
            customer.received, customer.windows
        ));
    }
    let is_wanted = matches!(customer.stage.as_str(), "fetching" | "fetched");
    if is_wanted && customer.exported_at.is_none() {
        next.push("Writing the files".to_owned());
    }
    if customer.released_at.is_none() {
        next.push("Ending the authorization at PG&E".to_owned());
    }
    next.into_iter()
        .map(|what| Moment {
            at: None,
            what,
            note: None,
            tone: "next",
        })
        .collect()
}
