//! Topics, and what the broker's rows let through.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod support;

use permission::acl::{self, Action, Kind, Row};
use permission::topic::{
    ACKNOWLEDGEMENT_FILTER, Channel, DATA_FILTER, STATUS_FILTER, Topic, TopicError, Topics,
};
use permission::{CommandKind, DataNeed, Direction, Schema};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use support::{OTHER, PERMISSION, inbound, need, other, outbound, permission};

fn channels() -> Vec<Channel> {
    let mut channels = vec![Channel::Status, Channel::Termination];
    channels.extend(CommandKind::ALL.map(Channel::Command));
    channels.push(Channel::Acknowledgement(Schema::AcknowledgementCimV112));
    for schema in Schema::ALL {
        if schema.flows(Direction::Outbound) {
            channels.push(Channel::DataOutbound(schema));
        }
        if schema.flows(Direction::Inbound) {
            channels.push(Channel::DataInbound(schema));
        }
    }
    channels
}

#[test]
fn every_topic_reads_back_as_itself() {
    let channels = channels();
    assert_eq!(channels.len(), 6 + 5 + 2);
    for channel in channels {
        let topic = Topics::of(permission()).topic(channel);
        assert_eq!(Topic::parse(&topic.to_string()), Ok(topic), "{topic}");
    }
}

#[test]
fn the_schema_of_older_homes_is_that_of_version_1_04() {
    let text = format!("aiida/v1/{PERMISSION}/data/outbound/smart-meter-p1-cim");
    assert_eq!(
        Topic::parse(&text).unwrap().channel,
        Channel::DataOutbound(Schema::SmartMeterP1CimV104)
    );
}

#[test]
fn what_is_not_exactly_a_topic_is_refused_and_says_whose_it_would_be() {
    let id = PERMISSION;
    let whose = Some(permission());
    let upper = id.to_uppercase();
    let simple = id.replace('-', "");
    let long = "a".repeat(200);
    let cases = [
        (String::new(), None),
        ("aiida/v1".into(), None),
        (format!("aiida/v1/{id}"), None),
        (format!("aiida/v1/{upper}/status"), None),
        (format!("aiida/v1/{simple}/status"), None),
        (format!("aiida/v1/{{{id}}}/status"), None),
        (format!("aiida/v1/urn:uuid:{id}/status"), None),
        (format!("/aiida/v1/{id}/status"), None),
        (format!("AIIDA/v1/{id}/status"), None),
        (format!("aiida/v2/{id}/status"), None),
        ("aiida/v1/+/status".into(), None),
        (format!("aiida/v1/{id}/status/{long}"), None),
        (format!("$share/g/aiida/v1/{id}/status"), None),
        (format!("aiida/v1/{id}/status/"), whose),
        (format!("aiida/v1/{id}/Status"), whose),
        (format!("aiida/v1/{id}/#"), whose),
        (format!("aiida/v1/{id}/command/terminate"), whose),
        (format!("aiida/v1/{id}/command/+"), whose),
        (format!("aiida/v1/{id}/command/TERMINATE/x"), whose),
        (format!("aiida/v1/{id}/data/outbound"), whose),
        (format!("aiida/v1/{id}/data/outbound/"), whose),
        (format!("aiida/v1/{id}/data/outbound/OPAQUE"), whose),
        (format!("aiida/v1/{id}/data/outbound/opaque/x"), whose),
        (
            format!("aiida/v1/{id}/data/outbound/acknowledgement-cim-v1-12"),
            whose,
        ),
        (
            format!("aiida/v1/{id}/data/inbound/smart-meter-p1-raw"),
            whose,
        ),
        (format!("aiida/v1/{id}/acknowledgement/opaque"), whose),
    ];
    for (text, named) in cases {
        let error = Topic::parse(&text).expect_err(&text);
        assert_eq!(error.permission(), named, "{text}");
    }
    assert_eq!(Topic::parse(&"ä".repeat(65)), Err(TopicError::Long));
}

proptest! {
    #[test]
    fn junk_never_parses_to_another_text(
        id in select(vec![PERMISSION.to_owned(), PERMISSION.to_uppercase(), "x".into(), "+".into()]),
        rest in "(status|termination|command|data|outbound|inbound|opaque|acknowledgement|TERMINATE|[a-z+#/ä\\x00-]{0,9}|/){0,7}",
        junk in "\\PC{0,150}",
    ) {
        for text in [format!("aiida/v1/{id}/{rest}"), format!("aiida/v1/{rest}"), junk] {
            if let Ok(topic) = Topic::parse(&text) {
                prop_assert_eq!(topic.to_string(), text);
            }
        }
    }
}

fn text_of(rows: &[Row]) -> Vec<String> {
    rows.iter()
        .map(|row| format!("{} {} {}", row.kind.name(), row.action.name(), row.topic))
        .collect()
}

#[test]
fn rows_of_an_outbound_an_inbound_and_an_acknowledging_permission() {
    let base = format!("aiida/v1/{PERMISSION}");
    assert_eq!(
        text_of(&acl::rows(permission(), &outbound())),
        [
            format!("DENY SUBSCRIBE eq {base}/command/#"),
            format!("ALLOW SUBSCRIBE {base}/command/+"),
            format!("ALLOW SUBSCRIBE {base}/termination"),
            format!("ALLOW PUBLISH {base}/status"),
            format!("ALLOW PUBLISH {base}/data/outbound/+"),
        ]
    );
    let inbound = need(json!({"type": "inbound-aiida", "schemas": ["OPAQUE"]}));
    assert_eq!(
        text_of(&acl::rows(permission(), &inbound)),
        [
            format!("DENY SUBSCRIBE eq {base}/command/#"),
            format!("DENY SUBSCRIBE eq {base}/data/inbound/#"),
            format!("ALLOW SUBSCRIBE {base}/command/+"),
            format!("ALLOW SUBSCRIBE {base}/termination"),
            format!("ALLOW PUBLISH {base}/status"),
            format!("ALLOW SUBSCRIBE {base}/data/inbound/+"),
        ]
    );
    let acknowledging = need(json!({"acknowledgementRequired": true}));
    assert_eq!(
        text_of(&acl::rows(permission(), &acknowledging))[5],
        format!("ALLOW PUBLISH {base}/acknowledgement/+")
    );
}

/// The words that topics and filters are made of, some of them wrong.
const WORDS: [&str; 17] = [
    "aiida",
    "v1",
    PERMISSION,
    OTHER,
    "data",
    "outbound",
    "inbound",
    "command",
    "termination",
    "status",
    "acknowledgement",
    "TERMINATE",
    "opaque",
    "",
    "+",
    "#",
    "x",
];

/// Every filter of up to four words under a permission and above it.
fn filters() -> Vec<String> {
    let mut filters = vec!["#".to_owned(), "+/#".to_owned(), "$SYS/#".to_owned()];
    for base in [
        String::new(),
        "aiida/v1/".to_owned(),
        "aiida/v1/+/".to_owned(),
        "aiida/+/+/".to_owned(),
        "+/+/+/".to_owned(),
        format!("aiida/v1/{PERMISSION}/"),
        format!("aiida/v1/{OTHER}/"),
    ] {
        for one in WORDS {
            filters.push(format!("{base}{one}"));
            for two in WORDS {
                filters.push(format!("{base}{one}/{two}"));
                for three in WORDS {
                    filters.push(format!("{base}{one}/{two}/{three}"));
                    filters.push(format!("{base}{one}/{two}/{three}/+"));
                    filters.push(format!("{base}{one}/{two}/{three}/#"));
                }
            }
        }
    }
    // `#` only at the end: the broker takes no other.
    filters.retain(|filter| !filter.trim_end_matches('#').contains('#'));
    filters
}

/// Whether a subscription delivers a topic, as MQTT defines it.
fn delivers(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(word)) if wanted == word => {}
            _ => return false,
        }
    }
}

/// Every topic on which something may be said to anyone, and some that are none.
fn all_topics() -> Vec<String> {
    let mut topics = vec!["aiida".to_owned(), "aiida/v1".to_owned(), "x".to_owned()];
    for id in [permission(), other()] {
        let base = format!("aiida/v1/{id}");
        topics.extend(
            channels()
                .into_iter()
                .map(|c| Topics::of(id).topic(c).to_string()),
        );
        for rest in [
            "",
            "/command",
            "/command/",
            "/command/a/b",
            "/data",
            "/data/inbound",
        ] {
            topics.push(format!("{base}{rest}"));
        }
        for rest in [
            "/data/inbound/a/b",
            "/data/inbound/a/",
            "/x/y/z",
            "/status/x",
        ] {
            topics.push(format!("{base}{rest}"));
        }
    }
    topics
}

/// Filters that a home is allowed to subscribe to.
fn allowed(need: &DataNeed) -> Vec<String> {
    let rows = acl::rows(permission(), need);
    let mut filters = filters();
    filters.retain(|filter| acl::decide(&rows, Action::Subscribe, filter) == Kind::Allow);
    filters
}

#[test]
fn no_subscription_delivers_a_topic_that_the_home_may_not_read() {
    let topics = all_topics();
    for need in [outbound(), inbound()] {
        let rows = acl::rows(permission(), &need);
        let filters = allowed(&need);
        assert!(filters.len() > 10, "the table is empty: {filters:?}");
        for filter in filters {
            for topic in topics.iter().filter(|topic| delivers(&filter, topic)) {
                let verdict = acl::decide(&rows, Action::Subscribe, topic);
                assert_eq!(verdict, Kind::Allow, "{filter} delivers {topic}");
                assert!(!topic.contains(OTHER));
            }
        }
    }
}

/// What a home may do, written down once more: its own topics, word by word.
fn is_its_own(need: &DataNeed, action: Action, topic: &str) -> bool {
    let words: Vec<&str> = topic.split('/').collect();
    let ["aiida", "v1", PERMISSION, rest @ ..] = &words[..] else {
        return false;
    };
    match (action, rest) {
        (Action::Subscribe, ["termination"] | ["command", _]) | (Action::Publish, ["status"]) => {
            true
        }
        (Action::Subscribe, ["data", "inbound", _]) => need.direction == Direction::Inbound,
        (Action::Publish, ["data", "outbound", _]) => need.direction == Direction::Outbound,
        (Action::Publish, ["acknowledgement", _]) => need.acknowledgement_required,
        _ => false,
    }
}

fn words(most: usize) -> impl Strategy<Value = String> {
    let base = select(vec![
        String::new(),
        "aiida/v1/".to_owned(),
        "aiida/v1/+/".to_owned(),
        format!("aiida/v1/{PERMISSION}/"),
        format!("aiida/v1/{PERMISSION}/"),
        format!("aiida/v1/{OTHER}/"),
    ]);
    let words = prop::collection::vec(select(WORDS.to_vec()), 1..most);
    (base, words).prop_map(|(base, words)| format!("{base}{}", words.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_home_reaches_exactly_its_own_topics(
        is_inbound in any::<bool>(), acknowledges in any::<bool>(),
        filter in words(6), topics in prop::collection::vec(words(5), 20),
        share in select(vec!["", "$share/g/", "$queue/", "$exclusive/"]),
    ) {
        let schemas = json!(["OPAQUE"]);
        let kind = if is_inbound { "inbound-aiida" } else { "outbound-aiida" };
        let need = need(json!({"type": kind, "schemas": schemas, "acknowledgementRequired": acknowledges}));
        let rows = acl::rows(permission(), &need);
        let no_wildcard = |topic: &&String| !topic.contains(['+', '#']);
        let subscribed = acl::decide(&rows, Action::Subscribe, &format!("{share}{filter}"));
        for topic in topics.iter().filter(no_wildcard) {
            let published = acl::decide(&rows, Action::Publish, topic);
            prop_assert_eq!(published == Kind::Allow, is_its_own(&need, Action::Publish, topic), "{}", topic);
            let read = acl::decide(&rows, Action::Subscribe, topic);
            prop_assert_eq!(read == Kind::Allow, is_its_own(&need, Action::Subscribe, topic), "{}", topic);
            if subscribed == Kind::Allow && delivers(&filter, topic) {
                prop_assert!(is_its_own(&need, Action::Subscribe, topic), "{} brings {}", filter, topic);
            }
        }
    }
}

#[test]
fn without_the_deny_rows_the_hole_is_there() {
    let mut rows = acl::rows(permission(), &inbound());
    rows.retain(|row| row.kind == Kind::Allow);
    for base in ["command", "data/inbound"] {
        let filter = format!("aiida/v1/{PERMISSION}/{base}/#");
        assert_eq!(acl::decide(&rows, Action::Subscribe, &filter), Kind::Allow);
        let closed = acl::rows(permission(), &inbound());
        for filter in [
            filter.clone(),
            format!("$share/any/{filter}"),
            format!("$queue/{filter}"),
            format!("$exclusive/{filter}"),
        ] {
            let verdict = acl::decide(&closed, Action::Subscribe, &filter);
            assert_eq!(verdict, Kind::Deny, "{filter}");
        }
    }
}

#[test]
fn a_home_publishes_on_its_own_topics_only() {
    for (need, count) in [(outbound(), 1 + 5), (inbound(), 1 + 1)] {
        let rows = acl::rows(permission(), &need);
        let mut topics = all_topics();
        topics.retain(|topic| acl::decide(&rows, Action::Publish, topic) == Kind::Allow);
        assert_eq!(topics.len(), count, "{topics:?}");
        for topic in &topics {
            let topic = Topic::parse(topic).unwrap();
            assert_eq!(topic.permission, permission());
            let own = match topic.channel {
                Channel::Status | Channel::Acknowledgement(_) => true,
                Channel::DataOutbound(_) => need.direction == Direction::Outbound,
                _ => false,
            };
            assert!(own, "{topic}");
        }
    }
}

#[test]
fn our_filters_deliver_what_homes_send_and_nothing_else() {
    for channel in channels() {
        let topic = Topics::of(permission()).topic(channel).to_string();
        let filters = [DATA_FILTER, ACKNOWLEDGEMENT_FILTER, STATUS_FILTER];
        let matching = filters.map(|filter| delivers(filter, &topic));
        let expected = match channel {
            Channel::DataOutbound(_) => [true, false, false],
            Channel::Acknowledgement(_) => [false, true, false],
            Channel::Status => [false, false, true],
            _ => [false; 3],
        };
        assert_eq!(matching, expected, "{topic}");
    }
}
