//! One field of a cron expression as the set of its values.

use std::collections::BTreeSet;

/// The values that a field selects.
pub(super) type Set = BTreeSet<u8>;

/// Which field.
pub(super) struct Field {
    least: u8,
    most: u8,
    /// Names from the least value on.
    names: &'static [&'static str],
}

/// Seconds and minutes.
pub(super) const SIXTY: Field = Field::numbers(0, 59);
pub(super) const HOUR: Field = Field::numbers(0, 23);
pub(super) const DAY: Field = Field::numbers(1, 31);
pub(super) const MONTH: Field = Field {
    least: 1,
    most: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
/// Sunday is 0 and 7.
pub(super) const WEEKDAY: Field = Field {
    least: 0,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

impl Field {
    const fn numbers(least: u8, most: u8) -> Self {
        Self {
            least,
            most,
            names: &[],
        }
    }

    /// How many values there are.
    pub(super) const fn count(&self) -> u8 {
        self.most - self.least + 1
    }

    /// The set, or nothing where the field says more than a set can (`MON#2`).
    pub(super) fn values(&self, text: &str) -> Option<Set> {
        let mut values = Set::new();
        for part in text.split(',') {
            values.extend(self.part(part)?);
        }
        Some(values)
    }

    fn part(&self, text: &str) -> Option<Vec<u8>> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|it| *it > 0)?)),
            None => (text, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None if is_any(range) => (self.least, self.most),
            // A step from a single value on is nothing that a schedule may say.
            None if step.is_some() => return None,
            None => {
                let value = self.value(range)?;
                (value, value)
            }
        };
        (first <= last).then(|| {
            (first..=last)
                .step_by(usize::from(step.unwrap_or(1)))
                .collect()
        })
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(place) => self.least.checked_add(u8::try_from(place).ok()?)?,
            None => text.parse().ok()?,
        };
        (self.least..=self.most).contains(&value).then_some(value)
    }
}

/// Whether a field leaves everything open.
pub(super) fn is_any(text: &str) -> bool {
    matches!(text, "*" | "?")
}
