//! What a home may do at the broker, as rows of `aiida.aiida_mqtt_acl`. Rows are tried in order, the first match
//! decides, and what no row matches is denied (`no_match = deny`).
//!
//! EMQX compares a *subscription filter* with a row word by word and takes a `+` in the row for any one word. Read in
//! its source (5.8) for a row that ends in `x/+`, that lets through exactly:
//!
//! | asked for | let through | wanted |
//! |---|---|---|
//! | `x/word`, also the empty word | yes | yes |
//! | `x/+` | yes | yes: delivers what `x/word` would |
//! | `x/#` | **yes**: `#` is one word | no: delivers `x` and everything below it |
//! | `x/+/#`, `x/word/#`, `x/+/+`, `+/…`, `#` | no: another number of words, or a wildcard where the row has a word | no |
//!
//! So there is one hole for each row with a trailing `+`, and it is closed by a deny row `eq x/#` before it (`eq`: the
//! very same text). `$share/{group}/f`, `$queue/f` and `$exclusive/f` are compared as `f`, so the deny rows hold for
//! them too; but no row can forbid a share of a topic that is allowed: the broker's configuration has to. A row that
//! ends in a word has no hole, and published topics have no wildcards.

use crate::data_need::{DataNeed, Direction};
use crate::ids::PermissionId;
use crate::topic::Topics;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sending to a topic.
    Publish,
    /// Receiving from a topic.
    Subscribe,
    /// Both.
    All,
}

impl Action {
    /// The word in column `action`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "PUBLISH",
            Self::Subscribe => "SUBSCRIBE",
            Self::All => "ALL",
        }
    }

    const fn covers(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::All, _) | (Self::Publish, Self::Publish) | (Self::Subscribe, Self::Subscribe)
        )
    }
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

impl Kind {
    /// The word in column `acl_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
        }
    }
}

/// A row for one permission's user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    /// What it is about.
    pub action: Action,
    /// What it says.
    pub kind: Kind,
    /// A filter, or `eq ` and the very text of one.
    pub topic: String,
}

/// The rows of a permission, in the order in which they have to be tried.
#[must_use]
pub fn rows(permission: PermissionId, need: &DataNeed) -> Vec<Row> {
    let topics = Topics::of(permission);
    let mut rows = Vec::new();
    subscribe_below(&mut rows, topics.command());
    allow(&mut rows, Action::Subscribe, topics.termination());
    allow(&mut rows, Action::Publish, topics.status());
    let data = topics.data(need.direction);
    match need.direction {
        Direction::Outbound => allow(&mut rows, Action::Publish, format!("{data}/+")),
        Direction::Inbound => subscribe_below(&mut rows, data),
    }
    if need.acknowledgement_required {
        let topic = format!("{}/+", topics.acknowledgement());
        allow(&mut rows, Action::Publish, topic);
    }
    // Deny rows first; the sort is stable.
    rows.sort_by_key(|row| row.kind == Kind::Allow);
    rows
}

fn allow(rows: &mut Vec<Row>, action: Action, topic: String) {
    rows.push(Row {
        action,
        kind: Kind::Allow,
        topic,
    });
}

/// Allows a filter that ends in `+`, and closes the hole that comes with it.
fn subscribe_below(rows: &mut Vec<Row>, filter: String) {
    if let Some(base) = filter.strip_suffix('+') {
        rows.push(Row {
            action: Action::Subscribe,
            kind: Kind::Deny,
            topic: format!("eq {base}#"),
        });
    }
    allow(rows, Action::Subscribe, filter);
}

/// What EMQX decides for one user's rows: the first match, otherwise no. `topic` is the topic of a publication, or
/// the filter of a subscription as asked for.
#[must_use]
pub fn decide(rows: &[Row], action: Action, topic: &str) -> Kind {
    let topic = if action == Action::Subscribe {
        real_filter(topic)
    } else {
        topic
    };
    rows.iter()
        .find(|row| row.action.covers(action) && matches(&row.topic, topic))
        .map_or(Kind::Deny, |row| row.kind)
}

/// The filter without `$share/{group}/`, `$queue/` and `$exclusive/`, as EMQX takes them off before it looks at rows.
fn real_filter(filter: &str) -> &str {
    if let Some(rest) = filter.strip_prefix("$share/") {
        return rest.split_once('/').map_or(filter, |(_, real)| real);
    }
    filter
        .strip_prefix("$queue/")
        .or_else(|| filter.strip_prefix("$exclusive/"))
        .unwrap_or(filter)
}

/// Whether a row's topic matches a topic or filter in EMQX: with `eq ` the same text, otherwise word by word, where a
/// wildcard of the row takes a wildcard of the other side for a word.
#[must_use]
pub fn matches(row: &str, topic: &str) -> bool {
    if let Some(exact) = row.strip_prefix("eq ") {
        return exact == topic;
    }
    let (mut row, mut topic) = (row.split('/'), topic.split('/'));
    loop {
        match (row.next(), topic.next()) {
            (None, None) => return true,
            // `x/#` matches `x` as well.
            (Some("#"), _) => return row.next().is_none(),
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(word)) if wanted == word => {}
            _ => return false,
        }
    }
}
