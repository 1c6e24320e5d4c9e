//! Small things that templates show alike everywhere.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment in UTC, to the second.
pub(crate) fn at(at: &Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// The same where there may be none.
#[expect(clippy::ref_option, reason = "templates hand over fields as they are")]
pub(crate) fn maybe_at(moment: &Option<Timestamp>) -> String {
    moment.as_ref().map_or_else(|| "–".to_owned(), at)
}

/// How long, in the two largest units that matter.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand over references"
)]
pub(crate) fn duration(milliseconds: &i64) -> String {
    let seconds = (*milliseconds).max(0) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// How a stage, a status or a state of a job looks: as it should be, waiting for somebody, wrong, or over.
pub(crate) fn tone(word: &str) -> &'static str {
    match word {
        "fetched" | "ACCEPTED" | "FULFILLED" | "completed" | "delivered" => "good",
        "fetching"
        | "running"
        | "available"
        | "SENT_TO_PERMISSION_ADMINISTRATOR"
        | "VALIDATED"
        | "CREATED" => "info",
        "failed"
        | "discarded"
        | "MALFORMED"
        | "INVALID"
        | "FAILED_TO_TERMINATE"
        | "UNFULFILLABLE" => "bad",
        "withdrawn" | "UNABLE_TO_SEND" | "REQUIRES_EXTERNAL_TERMINATION" => "warn",
        _ => "",
    }
}

/// `SENT_TO_PERMISSION_ADMINISTRATOR` as people say it.
pub(crate) fn words(status: &str) -> String {
    match status {
        "SENT_TO_PERMISSION_ADMINISTRATOR" => "waiting for the home".to_owned(),
        "REQUIRES_EXTERNAL_TERMINATION" => "ending, the home is told".to_owned(),
        "available" => "waiting".to_owned(),
        other => other.to_lowercase().replace('_', " "),
    }
}

/// `1 job`, `2 jobs`.
pub(crate) fn several<T: Copy + std::fmt::Display + PartialEq + From<u8>>(
    number: T,
    thing: &str,
) -> String {
    let ending = if number == T::from(1) { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// Bytes as people say them.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand over references"
)]
pub(crate) fn size(bytes: &u64) -> String {
    const STEP: u64 = 1000;
    match *bytes {
        bytes if bytes < STEP => format!("{bytes} B"),
        bytes if bytes < STEP * STEP => format!("{} kB", bytes.div_ceil(STEP)),
        bytes => {
            let tenths = bytes.div_ceil(STEP * STEP / 10);
            format!("{}.{} MB", tenths / 10, tenths % 10)
        }
    }
}

/// Bytes from outside as one text: what is no letter is shown as its escape, so that nothing is hidden.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for letter in String::from_utf8_lossy(bytes).chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else if is_turning(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Letters that turn the direction of others, or are nothing to be seen.
const fn is_turning(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_said_as_many() {
        assert_eq!(several(1, "usage point"), "1 usage point");
        assert_eq!(several(0, "job") + &several(12, " day"), "0 jobs12  days");
    }

    #[test]
    fn sizes_and_durations_read_as_people_say_them() {
        assert_eq!(size(&999), "999 B");
        assert_eq!(size(&1_001), "2 kB");
        assert_eq!(size(&1_234_567), "1.3 MB");
        assert_eq!(duration(&-5), "0 s");
        assert_eq!(duration(&61_000), "1 min 1 s");
        assert_eq!(duration(&3_600_000), "1 h 0 min");
        assert_eq!(duration(&90_000_000), "1 d 1 h");
    }

    #[test]
    fn nothing_is_hidden_in_bytes_from_outside() {
        assert_eq!(
            readable(b"a\x1b[31m\n\x00\xff<b>"),
            "a\\u{1b}[31m\n\\u{0}\u{fffd}<b>"
        );
        assert_eq!(readable("\u{202e}x".as_bytes()), "\\u{202e}x");
    }
}
