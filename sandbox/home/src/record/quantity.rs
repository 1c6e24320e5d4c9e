//! Quantity types of CIM near-real-time documents and the OBIS codes behind them.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::meter::Reading;

/// One value of a CIM document.
#[derive(Serialize)]
pub(super) struct Quantity {
    #[serde(rename = "quantity")]
    number: Box<RawValue>,
    r#type: &'static str,
    quality: &'static str,
}

/// OBIS codes that CIM 1.04 has a type for.
pub(super) const V1_04: &[(&str, &str)] = &[
    ("1-0:1.8.0", "0"),
    ("1-0:2.8.0", "1"),
    ("1-0:1.7.0", "2"),
    ("1-0:2.7.0", "3"),
    ("1-0:32.7.0", "4"),
    ("1-0:52.7.0", "5"),
    ("1-0:72.7.0", "6"),
    ("1-0:31.7.0", "7"),
    ("1-0:51.7.0", "8"),
    ("1-0:71.7.0", "9"),
    ("1-0:13.7.0", "10"),
];

/// What CIM 1.12 has beyond that, as far as the made-up meter reads it.
pub(super) const V1_12: &[(&str, &str)] = &[
    ("1-0:21.8.0", "11"),
    ("1-0:41.8.0", "12"),
    ("1-0:61.8.0", "13"),
    ("1-0:22.8.0", "14"),
    ("1-0:42.8.0", "15"),
    ("1-0:62.8.0", "16"),
    ("1-0:21.7.0", "17"),
    ("1-0:41.7.0", "18"),
    ("1-0:61.7.0", "19"),
    ("1-0:3.7.0", "20"),
    ("1-0:4.7.0", "24"),
    ("1-0:14.7.0", "35"),
];

/// The values of a reading under `tags` that one of `tables` has a type for, digit by digit.
pub(super) fn quantities(
    reading: &Reading,
    tags: &[String],
    tables: &[&[(&str, &'static str)]],
) -> serde_json::Result<Vec<Quantity>> {
    let type_of = |tag: &str| {
        let mut known = tables.iter().flat_map(|table| table.iter());
        known.find(|(code, _)| *code == tag).map(|(_, kind)| *kind)
    };
    let mut quantities = Vec::new();
    for value in reading.values(tags) {
        if let Some(kind) = type_of(&value.tag) {
            quantities.push(Quantity {
                number: RawValue::from_string(value.number)?,
                r#type: kind,
                quality: "AS_PROVIDED",
            });
        }
    }
    Ok(quantities)
}
