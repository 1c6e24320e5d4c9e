//! Numbers, dates and times as a language writes them; how is in its file.

use jiff::Zoned;
use jiff::civil::Date;

use super::Words;

impl Words {
    /// A whole number: `1,234`.
    #[must_use]
    pub fn number(&self, number: i64) -> String {
        self.decimal(&number.to_string())
    }

    /// A number in plain notation (`-1234.5`, as decimals are displayed): `-1,234.5`. Anything else stays as it is.
    #[must_use]
    pub fn decimal(&self, plain: &str) -> String {
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => ("\u{2212}", digits),
            None => ("", plain),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !fraction.is_none_or(is_number) {
            return plain.to_owned();
        }
        let mut text = sign.to_owned();
        let group = self.say("number-group");
        for (nr, digit) in whole.chars().enumerate() {
            if nr > 0 && (whole.len() - nr).is_multiple_of(3) {
                text.push_str(&group);
            }
            text.push(digit);
        }
        if let Some(fraction) = fraction {
            text.push_str(&self.say("number-decimal"));
            text.push_str(fraction);
        }
        text
    }

    /// A day: `March 8, 2026`.
    #[must_use]
    pub fn date(&self, date: Date) -> String {
        self.say_with(
            "date-pattern",
            &[
                ("day", date.day().to_string().into()),
                ("month", self.say(&format!("month-{}", date.month())).into()),
                ("year", date.year().to_string().into()),
            ],
        )
    }

    /// A day and a time with its zone: `March 8, 2026, 3:05 PM PDT`.
    #[must_use]
    pub fn time(&self, time: &Zoned) -> String {
        let half = if time.hour() < 12 { "am" } else { "pm" };
        let twelve = match time.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        self.say_with(
            "time-pattern",
            &[
                ("date", self.date(time.date()).into()),
                ("hour", format!("{:02}", time.hour()).into()),
                ("twelve", twelve.to_string().into()),
                ("half", half.into()),
                ("minute", format!("{:02}", time.minute()).into()),
                ("zone", time.strftime("%Z").to_string().into()),
            ],
        )
    }
}
