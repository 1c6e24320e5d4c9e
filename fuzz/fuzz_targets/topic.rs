//! A topic as the broker delivers it, and who may use it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use permission::acl;
use permission::topic::{ACKNOWLEDGEMENT_FILTER, Channel, DATA_FILTER, STATUS_FILTER, Topic};

fuzz_target!(|text: &str| {
    let topic = match Topic::parse(text) {
        Ok(topic) => topic,
        Err(error) => {
            let named = error.permission().map(|id| id.to_string());
            assert!(named.is_none_or(|id| text.contains(&id)));
            assert!(error.to_string().len() < 200);
            return;
        }
    };
    let legacy = text.replace("/smart-meter-p1-cim", "/smart-meter-p1-cim-v1-04");
    assert!(
        topic.to_string() == text || topic.to_string() == legacy,
        "{text}"
    );
    assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
    let from_the_home = [DATA_FILTER, ACKNOWLEDGEMENT_FILTER, STATUS_FILTER]
        .map(|filter| acl::matches(filter, text));
    let expected = match topic.channel {
        Channel::DataOutbound(_) => [true, false, false],
        Channel::Acknowledgement(_) => [false, true, false],
        Channel::Status => [false, false, true],
        Channel::DataInbound(_) | Channel::Command(_) | Channel::Termination => [false; 3],
    };
    assert_eq!(from_the_home, expected, "{text}");
});
