//! What the eligible party hands over: data needs, and requests for permissions.

use jiff::civil::date;
use permission::{DataNeed, Generation};
use serde_json::Value;

/// The file of data needs.
pub fn check_data_needs(bytes: &[u8]) {
    let needs = match DataNeed::parse_array(bytes) {
        Ok(needs) => needs,
        Err(error) => {
            let words = error.to_string();
            assert!(!words.is_empty() && words.len() < 1000, "{words}");
            return;
        }
    };
    for (index, need) in needs.iter().enumerate() {
        assert!(needs[..index].iter().all(|other| other.id != need.id));
        check_need(need);
    }
}

/// It is written and read back as it is, a home is told no null, and its days are in order.
fn check_need(need: &DataNeed) {
    let written = need.to_value();
    assert_eq!(&DataNeed::from_value(written.clone()).unwrap(), need);
    assert_eq!(
        &DataNeed::parse(written.to_string().as_bytes()).unwrap(),
        need
    );
    assert!(!need.schemas.is_empty());
    assert!(
        need.schemas
            .iter()
            .all(|schema| schema.flows(need.direction))
    );
    for generation in Generation::ALL {
        assert!(!has_null(&need.details_for(generation)));
    }
    for today in [date(2026, 2, 28), date(2028, 2, 29), date(9999, 12, 31)] {
        if let Ok(frame) = need.resolve(today) {
            assert!(frame.start >= today && frame.end.is_none_or(|end| end >= frame.start));
            assert!(frame.contains(frame.start) && !frame.is_over(today));
        }
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(all) => all.iter().any(has_null),
        Value::Object(map) => map.values().any(has_null),
        _ => false,
    }
}

/// The body with which anybody may ask for permissions.
pub fn check_request(body: &[u8]) {
    if let Err(mistakes) = aiida_permission::fuzzing::asked(body) {
        assert!(!mistakes.is_empty() && mistakes.len() <= 5, "{mistakes:?}");
        assert!(mistakes.iter().all(|words| !words.is_empty()));
    }
}
