//! Links of notifications, which nobody signs and anybody may send: which are ours, and what they point to. What is
//! right is told here by hand, without the reader of addresses that the client uses.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use smd_client::{Client, Link};
use url::Url;

use crate::server::{Custodian, RESOURCES, Reply};

const ORIGIN: &str = "https://api.pge.com";

/// A client of PG&E's own address. It asks nobody here.
fn client() -> Client {
    let custodian = Custodian::start(|_| Reply::status(500));
    custodian.client_with(|config| ORIGIN.clone_into(&mut config.api_base_url))
}

/// A part of a link, mostly right, and whether it is.
fn part(
    right: &'static [&'static str],
    wrong: &'static [&'static str],
) -> impl Strategy<Value = (&'static str, bool)> {
    let marked = |texts: &[&'static str], is_right: bool| {
        select(texts.to_vec()).prop_map(move |text| (text, is_right))
    };
    prop_oneof![6 => marked(right, true), 1 => marked(wrong, false)]
}

#[test]
fn a_link_is_ours_when_all_its_parts_are() {
    let client = client();
    let scheme = part(
        &["https://", "HTTPS://"],
        &["http://", "ftp://", "file://", "wss://", "//", ""],
    );
    let user = part(
        &[""],
        &[
            "somebody@",
            ":secret@",
            "somebody:secret@",
            "api.pge.com:443@",
        ],
    );
    let host = part(
        &["api.pge.com", "API.PGE.com"],
        &[
            "api.pge.com.",
            "api-pge.com",
            "api.pge.com.evil.example",
            "evil.example",
            "evil.example/api.pge.com",
            "evil.example?api.pge.com",
            "evil.example#api.pge.com",
            "evil.example\\api.pge.com",
            "localhost",
            "127.0.0.1",
            "0x7f000001",
            "[::1]",
            "169.254.169.254",
            "\u{430}pi.pge.com",
            "",
        ],
    );
    let port = part(
        &["", ":443"],
        &[":80", ":8443", ":4430", ":0", ":65979", ":443x"],
    );
    let root = part(
        &[RESOURCES],
        &[
            "",
            "/GreenButtonConnect/espi/1_1",
            "/GreenButtonConnect/espi/1_1/resourceful",
            "/greenbuttonconnect/espi/1_1/resource",
            "/x/GreenButtonConnect/espi/1_1/resource",
            "/GreenButtonConnect/espi/1_1/resource/..",
            "/datacustodian/oauth/v2/token",
        ],
    );
    let rest = part(
        &[
            "",
            "/",
            "/Batch/Bulk/50916?correlationID=1",
            "/ReadingType/pDwBygAR3L8fGZCq==#top",
            "/a%20b?x=/../..",
            "/x/./y/../z",
        ],
        &[
            "/../admin",
            "/x/../../admin",
            "/%2e%2e/admin",
            "/.%2E/admin",
            "/..\\admin",
            "/..%2fadmin",
            "/..%5Cadmin",
            "/%252e%252e/admin",
            "/..;/admin",
            "/..%3B/admin",
        ],
    );
    proptest!(|(parts in [scheme, user, host, port, root, rest])| {
        let link = parts.map(|(text, _)| text).concat();
        let is_ours = parts.iter().all(|(_, is_right)| *is_right);
        prop_assert_eq!(client.own_link(&link).is_ok(), is_ours, "{}", link);
        let target = link.parse::<Url>().ok().and_then(|url| client.target_of(&url));
        prop_assert_eq!(target.is_some(), is_ours, "{}", link);
    });
}

/// What links are made of, and what a server may read in another way than we do.
const PIECES: &str = "/ // \\ . .. /.. /../ %2e %2E%2e %2f %5C %25 %252e %3b ; % %00 %ff %09 ? # @ : :443 \
                      api.pge.com evil.example Batch Bulk resource 1 \u{430}";

fn texts() -> impl Strategy<Value = String> {
    let starts = vec![
        String::new(),
        "https:".to_owned(),
        ORIGIN.to_owned(),
        format!("{ORIGIN}{RESOURCES}"),
        format!("{ORIGIN}{RESOURCES}/Batch"),
    ];
    let pieces: Vec<&str> = PIECES.split(' ').chain(["\t", "\n", " "]).collect();
    prop_oneof![
        4 => (select(starts), vec(select(pieces), 0..9))
            .prop_map(|(start, pieces)| start + pieces.concat().as_str()),
        1 => any::<String>(),
    ]
}

/// A text without its escapes, however often they are escaped.
fn unescaped(text: &str) -> String {
    let once = test_support::percent::unescaped(text);
    if once == text { once } else { unescaped(&once) }
}

/// Whether what is asked for is below our resources, also at a server that resolves what was escaped.
fn stays_below(link: &str) -> bool {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let below = path
        .strip_prefix(ORIGIN)
        .and_then(|path| path.strip_prefix(RESOURCES));
    below.is_some_and(|below| {
        let plain = unescaped(below);
        let mut segments = plain.split(['/', '\\']);
        (below.is_empty() || below.starts_with('/'))
            && segments.all(|segment| !matches!(segment.split(';').next(), Some("." | "..")))
    })
}

#[test]
fn no_text_leads_anywhere_else() {
    let client = client();
    proptest!(|(text in texts())| {
        if let Ok(link) = client.own_link(&text) {
            prop_assert!(stays_below(link.as_str()), "{:?}: {}", text, link);
        }
    });
}

#[test]
fn a_link_points_to_what_its_segments_name() {
    let client = client();
    proptest!(|(
        id in "[0-9A-Za-z_-][0-9A-Za-z._-]{0,63}",
        point in "[0-9A-Za-z][0-9A-Za-z._~=+:-]{0,63}",
        end in select(vec!["", "/", "?correlationID=1", "#top"]),
    )| {
        let points_to = |path: &str| {
            let link = client.own_link(&format!("{ORIGIN}{RESOURCES}{path}{end}"));
            link.ok().and_then(|link| client.target_of(&link))
        };
        let readings = |usage_point| Link::Readings {
            subscription: id.parse().unwrap(),
            usage_point,
        };
        for (path, target) in [
            (format!("/Authorization/{id}"), Link::Authorization(id.parse().unwrap())),
            (format!("/Batch/Bulk/{id}"), Link::Bulk),
            (format!("/Batch/Subscription/{id}"), readings(None)),
            (
                format!("/Batch/Subscription/{id}/UsagePoint/{point}"),
                readings(Some(point.parse().unwrap())),
            ),
            (format!("/Subscription/{id}/UsagePoint/{point}"), Link::Other),
            (format!("/Batch/Subscription/{id}/{point}"), Link::Other),
        ] {
            prop_assert_eq!(points_to(&path), Some(target), "{}", path);
        }
    });
}
