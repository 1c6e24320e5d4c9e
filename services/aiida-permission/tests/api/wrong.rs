//! What is asked wrongly is refused by name, and nothing of it is stored.

use reqwest::Method;
use serde_json::json;

use crate::site::{Site, inbound};

/// Path and words of the refusal. `OUT` and `IN` are permissions of either direction.
const QUERIES: &[(&str, &str)] = &[
    ("permissions?limit=0", "limit is a number from 1 to 1000"),
    ("permissions?limit=1001", "limit is a number from 1 to 1000"),
    ("permissions?limit=-1", "invalid digit"),
    ("permissions?cursor=x", "cursor is not one"),
    (
        "permissions?cursor=-99999999999999999.6f1f4b4c-4f09-4e51-8a5c-6a3f3f6d7b11",
        "cursor is not one",
    ),
    ("permissions?status=GONE", "unknown variant `GONE`"),
    ("permissions?dataNeedId=1", "The query"),
    (
        "permissions?connection=1",
        "unknown field `connection`, expected",
    ),
    ("permissions?connectionId=a%00b", "zero character"),
    ("events?after=-1", "after is 0"),
    ("events?wait=31", "up to 30"),
    ("permissions/OUT/readings?from=yesterday", "The query"),
    ("permissions/OUT/readings?obis=%00", "zero character"),
    (
        "permissions/OUT/readings?until=-005000-01-01T00:00:00Z",
        "before the year 1",
    ),
    (
        "permissions/OUT/readings?format=xml",
        "unknown variant `xml`",
    ),
    ("permissions/OUT/readings?limit=10001", "from 1 to 10000"),
    (
        "permissions/OUT/readings?cursor=1.zz.3",
        "cursor is not one",
    ),
    ("permissions/OUT/messages?cursor=1", "cursor is not one"),
    (
        "permissions/OUT/refused?cursor=x",
        "cursor is the nextCursor",
    ),
    (
        "permissions/OUT/outgoing?offset=1",
        "unknown field `offset`",
    ),
];

const ASK: &str = "permissions";
const TELL: &str = "permissions/OUT/commands";
const NEED: &str = "data-needs";
const DATA: &str = "permissions/IN/inbound/OPAQUE";

const BODIES: &[(&str, &str, u16, &str)] = &[
    (ASK, "", 400, "is not JSON"),
    (ASK, "[]", 400, "not of the kind"),
    (
        ASK,
        r#"{"connectionId":"c"}"#,
        400,
        "missing field `dataNeedIds`",
    ),
    (
        ASK,
        r#"{"connectionId":"c","dataNeedIds":[],"extra":1}"#,
        400,
        "unknown field `extra`",
    ),
    (
        ASK,
        r#"{"connectionId":" ","dataNeedIds":[]}"#,
        422,
        "connectionId: must not be blank",
    ),
    (
        ASK,
        r#"{"connectionId":"c","dataNeedIds":["x"]}"#,
        422,
        "dataNeedIds: must be UUIDs",
    ),
    (
        ASK,
        r#"{"connectionId":"a\u0000","dataNeedIds":[]}"#,
        422,
        "none that control a device",
    ),
    (TELL, "{}", 400, "missing field `action`"),
    (
        TELL,
        r#"{"action":"SELF_DESTRUCT"}"#,
        400,
        "not of the kind",
    ),
    (TELL, r#"{"action":"TERMINATE"}"#, 422, "/terminate"),
    (
        TELL,
        r#"{"action":"SET_TRANSMISSION_ENABLED"}"#,
        422,
        "needs the key enabled",
    ),
    (
        TELL,
        r#"{"action":"SET_TRANSMISSION_ENABLED","enabled":true}"#,
        409,
        "does not grant",
    ),
    (
        TELL,
        r#"{"action":"SET_TRANSMISSION_ENABLED","enabled":true,"x":1}"#,
        400,
        "unknown field `x`",
    ),
    (
        TELL,
        r#"{"action":"UPDATE_TRANSMISSION_SCHEDULE","transmissionSchedule":"often"}"#,
        422,
        "six fields",
    ),
    (
        NEED,
        r#"{"type":"outbound-aiida"}"#,
        422,
        "`name` is missing",
    ),
    (NEED, r#"{"name":"a\u0000"}"#, 422, "zero character"),
    (NEED, "[]", 422, "must be a JSON object"),
    (DATA, "", 422, "empty"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_said_by_name() {
    let site = Site::start().await;
    let (outbound, inbound) = (site.need(json!({})).await, site.need(inbound()).await);
    let (from, to) = (
        site.accepted(&outbound).await,
        site.accepted(&inbound).await,
    );
    let path = |path: &str| {
        let path = path.replace("OUT", &from.to_string());
        format!("/api/v1/{}", path.replace("IN", &to.to_string()))
    };
    let audited = site.count("audit.event").await;
    let bearer = site.bearer();
    for (query, words) in QUERIES {
        let detail = site.get(&path(query)).await.refused(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
    for (place, body, status, words) in BODIES {
        let answer = site
            .ask(Method::POST, &path(place), Some(&bearer), *body)
            .await;
        let detail = answer.refused(*status);
        assert!(detail.contains(words), "{place} {body}: {detail}");
    }
    let large = format!("{{\"connectionId\":\"{}\"}}", "x".repeat(70_000));
    for place in [ASK, TELL, NEED] {
        let answer = site
            .ask(Method::POST, &path(place), Some(&bearer), large.clone())
            .await;
        assert!(answer.refused(413).contains("65536"), "{place}");
    }
    let data = path(DATA);
    let most = site
        .ask(Method::PUT, &data, Some(&bearer), vec![b'x'; 262_144])
        .await;
    most.ok(202);
    let too_large = site
        .ask(Method::PUT, &data, Some(&bearer), vec![b'x'; 262_145])
        .await;
    assert!(too_large.refused(413).contains("262144"));
    assert_eq!(site.count("audit.event").await, audited + 1);
    assert_eq!(site.count("aiida.outgoing").await, 1);
    assert_eq!(site.count("aiida.permission").await, 2);
    assert_eq!(site.count("aiida.data_need").await, 2);
}
