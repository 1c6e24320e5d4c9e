//! Which row of the access control list decides on a topic, as EMQX 5.8 compares them. No I/O.
//!
//! Rows are tried in their order, the first one that matches wins, and nothing that matches means
//! no. A filter that is subscribed to is compared like a topic, wildcards and all: `+` in a row
//! stands for any one level of what is asked for, **also for a `#`**. So `allow x/+` lets a
//! subscription to `x/#` through, unless a row `deny eq x/#` comes before it.

/// What a client wants to do with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send to it.
    Publish,
    /// Subscribe to it, or to a filter.
    Subscribe,
}

/// A row of `aiida.aiida_mqtt_acl`, as it is in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `PUBLISH`, `SUBSCRIBE` or `ALL`, in any case.
    pub action: String,
    /// `ALLOW` or `DENY`, in any case.
    pub acl_type: String,
    /// A filter, or `eq ` and a text that is compared letter by letter.
    pub topic: String,
}

/// Whether `rows` let a client do `action` with `topic`. A row with an unknown action or type is
/// skipped.
#[must_use]
pub fn allows(rows: &[Row], action: Action, topic: &str) -> bool {
    rows.iter()
        .filter(|row| concerns(&row.action, action) && matches(&row.topic, topic))
        .find_map(|row| verdict(&row.acl_type))
        .unwrap_or(false)
}

fn concerns(column: &str, action: Action) -> bool {
    let name = match action {
        Action::Publish => "publish",
        Action::Subscribe => "subscribe",
    };
    column.eq_ignore_ascii_case(name) || column.eq_ignore_ascii_case("all")
}

fn verdict(acl_type: &str) -> Option<bool> {
    if acl_type.eq_ignore_ascii_case("allow") {
        Some(true)
    } else if acl_type.eq_ignore_ascii_case("deny") {
        Some(false)
    } else {
        None
    }
}

fn matches(pattern: &str, topic: &str) -> bool {
    match pattern.strip_prefix("eq ") {
        Some(exact) => exact == topic,
        None => matches_filter(pattern, topic),
    }
}

fn matches_filter(filter: &str, topic: &str) -> bool {
    // Topics of the broker's own are no business of a wildcard at the beginning.
    if topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')) {
        return false;
    }
    let mut asked = topic.split('/');
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level == "#" && levels.peek().is_none() {
            return true;
        }
        match asked.next() {
            Some(part) if level == "+" || level == part => {}
            _ => return false,
        }
    }
    asked.next().is_none()
}

#[cfg(test)]
mod tests;
