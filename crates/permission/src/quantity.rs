//! CIM's types of quantities in the words of the meter: OBIS codes and units.

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quantity {
    /// The OBIS code, or `quantity:<type>` where none is agreed on.
    pub(crate) obis: String,
    /// The unit; empty where it has none or none is known.
    pub(crate) unit: &'static str,
}

/// OBIS code and unit of a type. From the table of types and the list of OBIS codes that homes use; an empty code
/// means that none of the list is the same thing (reactive power has five types and two codes; voltage and current
/// of no phase, and maxima, have no code).
const TYPES: [(&str, &str); 36] = [
    ("1-0:1.8.0", "kWh"),
    ("1-0:2.8.0", "kWh"),
    ("1-0:1.7.0", "kW"),
    ("1-0:2.7.0", "kW"),
    ("1-0:32.7.0", "V"),
    ("1-0:52.7.0", "V"),
    ("1-0:72.7.0", "V"),
    ("1-0:31.7.0", "A"),
    ("1-0:51.7.0", "A"),
    ("1-0:71.7.0", "A"),
    ("1-0:13.7.0", ""),
    ("1-0:21.8.0", "kWh"),
    ("1-0:41.8.0", "kWh"),
    ("1-0:61.8.0", "kWh"),
    ("1-0:22.8.0", "kWh"),
    ("1-0:42.8.0", "kWh"),
    ("1-0:62.8.0", "kWh"),
    ("1-0:21.7.0", "kW"),
    ("1-0:41.7.0", "kW"),
    ("1-0:61.7.0", "kW"),
    ("", ""),
    ("", ""),
    ("", ""),
    ("", ""),
    ("", ""),
    ("", "V"),
    ("", "A"),
    ("", "A"),
    ("", "A"),
    ("", "A"),
    ("", "A"),
    ("", "A"),
    ("", ""),
    ("", ""),
    ("", ""),
    ("1-0:14.7.0", "Hz"),
];

/// What a value of this type is: a number, as it stands in the document. None when it is something else.
pub(crate) fn of_type(kind: &str) -> Option<Quantity> {
    let number: u16 = kind.parse().ok()?;
    let (obis, unit) = TYPES.get(usize::from(number)).copied().unwrap_or_default();
    let obis = if obis.is_empty() {
        format!("quantity:{number}")
    } else {
        obis.to_owned()
    };
    Some(Quantity { obis, unit })
}

/// The name of a quality, which documents write as a name or as its code. Other words stay as they are.
pub(crate) fn quality(word: &str) -> &str {
    match word {
        "A01" => "ADJUSTED",
        "A02" => "NOT_AVAILABLE",
        "A03" => "ESTIMATED",
        "A04" => "AS_PROVIDED",
        "A05" => "INCOMPLETE",
        "A06" => "CALCULATED",
        other => other,
    }
}
