//! Pages: how many rows one has, where the next begins, and how that is said. A cursor is the key of the
//! last row that was shown, so rows that come or go meanwhile neither repeat nor hide others.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use actix_web::HttpRequest;
use jiff::Timestamp;
use permission::PermissionId;
use service_kit::problem::Problem;
use storage::aiida::reading::{ReadingKey, RecordKey};
use url::form_urlencoded::Serializer;

use super::input::EARLIEST;
use super::refused::Refused;

/// Rows of a page when the caller does not say.
pub(crate) const USUAL: u32 = 100;
/// Most rows of a page.
pub(crate) const MOST: u32 = 1_000;
/// Most readings of a page: they are short.
pub(crate) const MOST_READINGS: u32 = 10_000;

/// How many rows the caller wants.
pub(crate) fn limit(asked: Option<u32>, usual: u32, most: u32) -> Result<usize, Refused> {
    let limit = asked.unwrap_or(usual);
    match NonZeroU32::new(limit).filter(|limit| limit.get() <= most) {
        Some(limit) => usize::try_from(limit.get()).map_err(|error| Refused::ours(&error)),
        None => Err(Problem::bad_request(format!(
            "The query of the address: limit is a number from 1 to {most}."
        ))
        .into()),
    }
}

/// Rows to ask the database for: one more than are shown tells whether there is a next page.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// Cuts the rows to the page; answers the cursor of the next one, if there is one.
pub(crate) fn cut<Row>(
    rows: &mut Vec<Row>,
    limit: usize,
    cursor: impl Fn(&Row) -> String,
) -> Option<String> {
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(cursor)
}

/// The value of `Link` that leads to the next page: this request's address with another cursor (RFC 8288).
pub(crate) fn next_link(request: &HttpRequest, cursor: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (key, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        if key != "cursor" {
            query.append_pair(&key, &value);
        }
    }
    let query = query.append_pair("cursor", cursor).finish();
    format!("<{}?{query}>; rel=\"next\"", request.path())
}

/// The key of a permission in a list: when it was asked for, and its id.
pub(crate) fn permission_cursor(created_at: Timestamp, id: PermissionId) -> String {
    format!("{}.{id}", created_at.as_microsecond())
}

/// The same read back.
pub(crate) fn permission_key(cursor: &str) -> Result<(Timestamp, PermissionId), Refused> {
    let read = || {
        let (time, id) = cursor.split_once('.')?;
        Some((moment(time)?, id.parse().ok()?))
    };
    read().ok_or_else(unknown_cursor)
}

/// The key of a record.
pub(crate) fn record_cursor(key: &RecordKey) -> String {
    let mut cursor = format!("{}.", key.sent_at.as_microsecond());
    for byte in &key.digest {
        // Writing to a text cannot fail.
        let _written = write!(cursor, "{byte:02x}");
    }
    cursor
}

/// The same read back.
pub(crate) fn record_key(cursor: &str) -> Result<RecordKey, Refused> {
    record(cursor).ok_or_else(unknown_cursor)
}

/// The key of a reading.
pub(crate) fn reading_cursor(key: &ReadingKey) -> String {
    format!("{}.{}", record_cursor(&key.record), key.nr)
}

/// The same read back.
pub(crate) fn reading_key(cursor: &str) -> Result<ReadingKey, Refused> {
    let read = || {
        let (start, nr) = cursor.rsplit_once('.')?;
        Some(ReadingKey {
            record: record(start)?,
            nr: nr.parse().ok()?,
        })
    };
    read().ok_or_else(unknown_cursor)
}

fn record(cursor: &str) -> Option<RecordKey> {
    let (time, digest) = cursor.split_once('.')?;
    let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digest.len().is_multiple_of(2) || digest.len() > 128 || !is_hex {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(digest.get(at..at + 2)?, 16).ok();
    Some(RecordKey {
        sent_at: moment(time)?,
        digest: (0..digest.len())
            .step_by(2)
            .map(byte)
            .collect::<Option<_>>()?,
    })
}

fn moment(microseconds: &str) -> Option<Timestamp> {
    let moment = Timestamp::from_microsecond(microseconds.parse().ok()?).ok()?;
    (moment >= EARLIEST).then_some(moment)
}

fn unknown_cursor() -> Refused {
    Problem::bad_request(
        "The query of the address: cursor is not one that a page here has given; leave it out to begin again.",
    )
    .into()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use uuid::Uuid;

    use super::*;

    const ID: &str = "6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11";
    /// Parts of cursors, and what is nearly one.
    const PARTS: &str = "0 -1 +1 00 fF +f 0g 32767 32768 -32768 -32769 1767323045678901 -62135596800000000 \
                         -62135596800000001 253402207200000000 253402207201000000 99999999999999999999 \u{e9} % x";

    fn reading() -> ReadingKey {
        ReadingKey {
            record: RecordKey {
                sent_at: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
                digest: vec![0, 15, 255],
            },
            nr: 7,
        }
    }

    #[test]
    fn cursors_are_read_back() {
        let key = reading();
        assert_eq!(reading_cursor(&key), "1767323045678901.000fff.7");
        assert_eq!(reading_key(&reading_cursor(&key)).unwrap(), key);
        assert_eq!(record_key(&record_cursor(&key.record)).unwrap(), key.record);
        let id: PermissionId = ID.parse().unwrap();
        let at = key.record.sent_at;
        assert_eq!(
            permission_key(&permission_cursor(at, id)).unwrap(),
            (at, id)
        );
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for wrong in [
            "",
            ".",
            "1.",
            "1.0",
            "1.0g.1",
            "1.00.x",
            "x.00.1",
            "99999999999999999999.00.1",
            "1.\u{e9}\u{e9}.1",
        ] {
            assert!(reading_key(wrong).is_err(), "{wrong}");
            assert!(permission_key(wrong).is_err(), "{wrong}");
        }
        assert!(record_key("1.0").is_err());
    }

    fn cursors() -> impl Strategy<Value = String> {
        let mut parts: Vec<String> = PARTS.split(' ').map(str::to_owned).collect();
        parts.extend([
            String::new(),
            ID.to_owned(),
            "0f".repeat(64),
            "0f".repeat(65),
        ]);
        prop_oneof![
            4 => vec(select(parts), 1..5).prop_map(|parts| parts.join(".")),
            1 => any::<String>(),
        ]
    }

    fn is_between(text: &str, least: i128, most: i128) -> bool {
        let number = text.parse::<i128>();
        number.is_ok_and(|number| (least..=most).contains(&number))
    }

    /// Microseconds from the beginning of the year 1 to the last second that there is.
    fn is_moment(text: &str) -> bool {
        is_between(text, -62_135_596_800_000_000, 253_402_207_200_000_000)
    }

    /// Up to 64 bytes, whole, in hexadecimal.
    fn is_digest(text: &str) -> bool {
        text.len() <= 128
            && text.len().is_multiple_of(2)
            && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    proptest! {
        #[test]
        fn a_cursor_is_taken_when_each_of_its_parts_is_one(cursor in cursors()) {
            let parts: Vec<&str> = cursor.split('.').collect();
            let of_a_record = matches!(parts[..], [time, digest] if is_moment(time) && is_digest(digest));
            let of_a_reading = matches!(parts[..], [time, digest, nr]
                if is_moment(time) && is_digest(digest) && is_between(nr, -32_768, 32_767));
            let of_a_permission = matches!(parts[..], [time, id] if is_moment(time) && id == ID);
            prop_assert_eq!(record_key(&cursor).is_ok(), of_a_record);
            prop_assert_eq!(reading_key(&cursor).is_ok(), of_a_reading);
            prop_assert_eq!(permission_key(&cursor).is_ok(), of_a_permission);
        }

        #[test]
        fn every_cursor_is_read_back(
            microsecond in -62_135_596_800_000_000_i64..253_402_207_200_000_000,
            digest in vec(any::<u8>(), 0..65), nr in any::<i16>(), id in any::<u128>(),
        ) {
            let sent_at = Timestamp::from_microsecond(microsecond).unwrap();
            let id = PermissionId::from(Uuid::from_u128(id));
            prop_assert_eq!(permission_key(&permission_cursor(sent_at, id)).unwrap(), (sent_at, id));
            let record = RecordKey { sent_at, digest };
            prop_assert_eq!(record_key(&record_cursor(&record)).unwrap(), record.clone());
            let key = ReadingKey { record, nr };
            prop_assert_eq!(reading_key(&reading_cursor(&key)).unwrap(), key);
        }
    }

    #[test]
    fn the_next_page_keeps_the_rest_of_the_query() {
        let request = TestRequest::get()
            .uri("/api/v1/things?limit=2&cursor=old&obis=1-0%3A1.8.0")
            .to_http_request();
        assert_eq!(
            next_link(&request, "1.2"),
            "</api/v1/things?limit=2&obis=1-0%3A1.8.0&cursor=1.2>; rel=\"next\""
        );
    }

    #[test]
    fn a_page_has_a_next_one_only_when_there_are_more_rows() {
        let show = |row: &i32| row.to_string();
        assert_eq!(cut(&mut vec![1, 2], 2, show), None);
        let mut rows = vec![1, 2, 3];
        assert_eq!(cut(&mut rows, 2, show), Some("2".to_owned()));
        assert_eq!(rows, [1, 2]);
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!(limit(None, 5, 10).unwrap(), 5);
        assert_eq!(limit(Some(10), 5, 10).unwrap(), 10);
        assert!(limit(Some(0), 5, 10).is_err());
        assert!(limit(Some(11), 5, 10).is_err());
    }
}
