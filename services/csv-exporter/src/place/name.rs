//! Names of output files, safe on every system a customer may unpack them on.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Longest customer part of a name, in bytes.
const CUSTOMER: usize = 60;
/// Longest subscription id.
const SUBSCRIPTION: usize = 64;
/// Longest stem, in bytes: customer, subscription, time and the hyphens fit.
const STEM: usize = 160;
/// Longest whole name, in bytes; file systems allow 255.
const NAME: usize = 200;
/// A time in a name: UTC, to the second.
const TIME: &str = "%Y%m%dT%H%M%SZ";
/// Stands for a customer whose name has no letter that ASCII can hold.
const NAMELESS: &str = "customer";

/// Why a text is no name for an output file. The text is not repeated: it may
/// be a customer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a subscription id.
    #[error(
        "the subscription id is not 1 to {SUBSCRIPTION} letters, digits, hyphens or underscores"
    )]
    Subscription,
    /// Not something [`Stem`] or [`FileName`] would have made.
    #[error("the stored file name is not one that this program makes")]
    Foreign,
}

/// The part of a name that all files of one authorization share:
/// `Jane-Example-1234567-20261121T200500Z`.
///
/// ASCII letters, digits, `-` and `_` only, so it has no separator, no leading
/// dot and nothing that needs quoting in a shell, a URL or Windows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stem(String);

impl Stem {
    /// Customer name, subscription id, and UTC time of the authorization to
    /// the second. The name is reduced to ASCII: accents are dropped, anything
    /// else becomes a hyphen, at most 60 bytes stay.
    pub fn new(
        customer: &str,
        subscription: &str,
        authorized: Timestamp,
    ) -> Result<Self, NameError> {
        // The custodian's ids may have dots; a stem has none.
        let subscription = subscription.replace('.', "-");
        let fits = (1..=SUBSCRIPTION).contains(&subscription.len());
        if !fits || !subscription.bytes().all(is_safe) {
            return Err(NameError::Subscription);
        }
        let time = Offset::UTC.to_datetime(authorized).strftime(TIME);
        Ok(Self(format!("{}-{subscription}-{time}", tidy(customer))))
    }

    /// A stem made from a name alone, for files that belong to no authorization.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self(tidy(name))
    }

    /// A file of this stem: `{stem}-{part}.{extension}`, for example
    /// `electricity` and `csv`. Both are reduced like a customer's name.
    #[must_use]
    pub fn file(&self, part: &str, extension: &str) -> FileName {
        FileName(format!("{}-{}.{}", self.0, tidy(part), tidy(extension)))
    }

    /// The time of the authorization, as [`Stem::new`] writes it at the end; `None` for a name that has none.
    #[must_use]
    pub fn authorized(&self) -> Option<Timestamp> {
        let (_, time) = self.0.rsplit_once('-')?;
        // The parser takes numbers with fewer digits, too.
        if time.len() != "20261121T200500Z".len() {
            return None;
        }
        let time = DateTime::strptime(TIME, time).ok()?;
        Offset::UTC.to_timestamp(time).ok()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Stem {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let sound = (1..=STEM).contains(&text.len()) && text.bytes().all(is_safe);
        if sound && !text.starts_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Foreign)
        }
    }
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a file in the output folder: a [`Stem`], one dot, an extension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

impl FileName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FileName {
    /// The stem that all files of an authorization share, and what this one is: `electricity`, `gas`, `report`, `readme`.
    #[must_use]
    pub fn stem_and_part(&self) -> Option<(Stem, &str)> {
        let (name, _) = self.0.rsplit_once('.')?;
        let (stem, part) = name.rsplit_once('-')?;
        Some((stem.parse().ok()?, part))
    }

    /// What follows the dot.
    #[must_use]
    pub fn extension(&self) -> &str {
        self.0
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }
}

impl FromStr for FileName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (stem, extension) = text.rsplit_once('.').ok_or(NameError::Foreign)?;
        let sound = text.len() <= NAME
            && !stem.is_empty()
            && !stem.starts_with('-')
            && stem.bytes().all(is_safe)
            && !extension.is_empty()
            && extension.bytes().all(is_safe);
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Foreign)
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// ASCII letters and digits with single hyphens between, never empty.
fn tidy(text: &str) -> String {
    let mut tidied = String::new();
    for letter in text.chars() {
        if tidied.len() >= CUSTOMER {
            break;
        }
        if letter.is_ascii_alphanumeric() {
            tidied.push(letter);
        } else if let Some(plain) = without_accent(letter) {
            tidied.push_str(plain);
        } else if !tidied.is_empty() && !tidied.ends_with('-') {
            tidied.push('-');
        }
    }
    // A two-letter replacement may have gone one over; everything is ASCII here.
    tidied.truncate(CUSTOMER);
    let kept = tidied.trim_end_matches('-');
    if kept.is_empty() {
        NAMELESS.to_owned()
    } else {
        kept.to_owned()
    }
}

/// The ASCII spelling of a Latin letter with an accent (Latin-1 and Latin
/// Extended-A); empty for a combining accent and for an apostrophe, which
/// belong to the letter before.
fn without_accent(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\u{300}'..='\u{36f}' | '\'' | '\u{2019}' | '\u{2bc}' => "",
        'À'..='Å' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'Æ' => "AE",
        'æ' => "ae",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'Ð' | 'Ď' | 'Đ' => "D",
        'ð' | 'ď' | 'đ' => "d",
        'È'..='Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'Ĥ' | 'Ħ' => "H",
        'ĥ' | 'ħ' => "h",
        'Ì'..='Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'Ĵ' => "J",
        'ĵ' => "j",
        'Ķ' => "K",
        'ķ' | 'ĸ' => "k",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' | 'Ŋ' => "N",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' => "n",
        'Ò'..='Ö' | 'Ø' | 'Ō' | 'Ŏ' | 'Ő' => "O",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'Œ' => "OE",
        'œ' => "oe",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' => "T",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'Þ' => "Th",
        'þ' => "th",
        'Ù'..='Ü' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'Ŵ' => "W",
        'ŵ' => "w",
        'Ý' | 'Ŷ' | 'Ÿ' => "Y",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem(customer: &str) -> String {
        let at: Timestamp = "2026-11-21T20:05:00.25Z".parse().unwrap();
        Stem::new(customer, "1234567", at).unwrap().to_string()
    }

    #[test]
    fn names_read_as_documented() {
        let at: Timestamp = "2026-11-21T20:05:00Z".parse().unwrap();
        let stem = Stem::new("Jane Example", "1234567", at).unwrap();
        assert_eq!(
            stem.file("electricity", "csv").as_str(),
            "Jane-Example-1234567-20261121T200500Z-electricity.csv"
        );
    }

    #[test]
    fn letters_are_folded_and_the_rest_becomes_hyphens() {
        let tail = "-1234567-20261121T200500Z";
        for (customer, expected) in [
            ("José Ñandú-O'Brien", "Jose-Nandu-OBrien"),
            ("Jose\u{301} Straße", "Jose-Strasse"),
            ("../../etc/passwd", "etc-passwd"),
            ("..\\..\\con:aux?*", "con-aux"),
            (".hidden", "hidden"),
            ("  spaced   out  ", "spaced-out"),
            ("=cmd|'/c calc'!A1", "cmd-c-calc-A1"),
            ("line\nbreak\0nul\ttab", "line-break-nul-tab"),
            ("王小明", "customer"),
            ("", "customer"),
            ("---", "customer"),
            ("\u{202e}gnp.exe", "gnp-exe"),
        ] {
            assert_eq!(stem(customer), format!("{expected}{tail}"), "{customer:?}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let long = stem(&"ß".repeat(10_000));
        assert!(long.len() <= STEM);
        assert!(long.parse::<Stem>().is_ok());
        let name = Stem::plain(&"x".repeat(500)).file("electricity", "csv");
        assert!(name.as_str().len() <= NAME);
    }

    #[test]
    fn subscription_ids_that_could_leave_the_folder_are_refused() {
        let at = Timestamp::UNIX_EPOCH;
        for id in ["", "../1", "1/2", "a b", "é", &"1".repeat(65)] {
            assert_eq!(
                Stem::new("x", id, at),
                Err(NameError::Subscription),
                "{id:?}"
            );
        }
    }

    #[test]
    fn a_dot_in_a_subscription_id_is_no_dot_in_the_name() {
        let stem = Stem::new("x", "12.34", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(stem.as_str(), "x-12-34-19700101T000000Z");
    }

    #[test]
    fn a_name_tells_its_stem_and_part() {
        let name: FileName = "Jane-Example-1234567-20261121T200500Z-gas.csv"
            .parse()
            .unwrap();
        let (stem, part) = name.stem_and_part().unwrap();
        assert_eq!(
            (stem.as_str(), part),
            ("Jane-Example-1234567-20261121T200500Z", "gas")
        );
        assert_eq!(stem.file("gas", "csv"), name);
        assert_eq!(name.extension(), "csv");
        assert_eq!(
            stem.authorized(),
            Some("2026-11-21T20:05:00Z".parse().unwrap())
        );
        for other in [
            "a-2026Z",
            "20261121T200500Z",
            "a-20261321T200500Z",
            "a-20261121T200500",
            "a-20261121T2005001",
            "a-2026112T1200500Z",
        ] {
            let stem: Stem = other.parse().unwrap();
            assert_eq!(stem.authorized(), None, "{other}");
        }
        assert_eq!(
            "notes.txt".parse::<FileName>().unwrap().stem_and_part(),
            None
        );
    }

    #[test]
    fn stored_names_are_checked_when_read_back() {
        let good = "Jane-Example-1234567-20261121T200500Z-gas.csv";
        assert_eq!(good.parse::<FileName>().unwrap().as_str(), good);
        for bad in [
            "", "x", ".csv", "a/b.csv", "..", "a..csv", "-a.csv", "a.c sv", "a.", "ä.csv",
        ] {
            assert_eq!(bad.parse::<FileName>(), Err(NameError::Foreign), "{bad:?}");
        }
        for bad in ["", ".a", "-a", "a.b", "a/b"] {
            assert_eq!(bad.parse::<Stem>(), Err(NameError::Foreign), "{bad:?}");
        }
    }
}
