//! RFC 9700's attacks on a client that gets a code, as far as they go through the whole: what an address may say, where
//! browsers are sent, who may frame a page and who learns its address. States, cookies and codes are tested in smd-auth.

use reqwest::Url;

use crate::http::Answer;
use crate::world::World;

/// The custodian's page is one, whatever the address says: nobody else is sent a customer (open redirector), told of
/// as the issuer (mix-up), or given the code.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_custodian_cannot_be_bent() {
    let world = World::shared().await;
    let custodian = world.stack.site().custodian.clone().unwrap();
    let back = format!("{}/OAuthCallback", world.stack.site().url);
    for query in [
        "",
        "?redirect_uri=https://evil.example/",
        "?next=//evil.example&return_to=https://evil.example&url=https://evil.example",
        "?iss=https://evil.example&issuer=https://evil.example",
        "?client_id=evil&response_type=token&response_mode=fragment&state=chosen&scope=all",
        "?code_challenge=x&code_challenge_method=plain",
        "?%0d%0aLocation:%20https://evil.example",
    ] {
        let forwarded = [
            ("X-Forwarded-Host", "evil.example"),
            ("Forwarded", "host=evil.example"),
            ("Referer", "https://evil.example/"),
            ("X-Original-URL", "https://evil.example/"),
        ];
        let answer = world.send("GET", &format!("/start{query}"), &forwarded, "");
        // 303: a browser that sent a form would not send it again to the next, as with 307.
        assert_eq!(answer.status, 303, "{query}");
        let location = answer.header("location").unwrap();
        assert!(
            location.starts_with(&format!("{custodian}/")),
            "{query}: {location}"
        );
        assert!(
            !location.contains("evil") && !location.contains("chosen"),
            "{query}: {location}"
        );
        let url = Url::parse(location).unwrap();
        let values = |wanted: &str| -> Vec<String> {
            let pairs = url.query_pairs().filter(|(name, _)| name == wanted);
            pairs.map(|(_, value)| value.into_owned()).collect()
        };
        assert_eq!(values("redirect_uri"), [back.as_str()], "{location}");
        assert_eq!(values("response_type"), ["code"], "{location}");
        assert_eq!(values("state")[0].len(), 43, "{location}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// An answer of another server, or one made up: the state decides, before anything else of the address counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_answer_of_a_custodian_changes_nothing() {
    let world = World::shared().await;
    let stored = "SELECT count(*) FROM smd.authorization";
    let before = world.count(stored).await;
    for query in [
        "code=c&state=s&iss=https://evil.example",
        "code=c&state=s&token_endpoint=https://evil.example/token",
        "code=c&state=s#access_token=x",
        "access_token=x&token_type=bearer&state=s",
        "id_token=x&state=s",
        "response=eyJhbGciOiJub25lIn0.e30.&state=s",
        "error=access_denied&error_uri=https://evil.example&state=s",
        "error=login_required&error_description=%3Ca%20href=https://evil.example%3Ego%3C/a%3E&state=s",
        "code[]=c&state[]=s",
        "code=c&code=d&state=s&state=t",
        "state=s&code=%E2%80%A8%0d%0aSet-Cookie:%20a=b",
    ] {
        for method in ["GET", "POST"] {
            let answer = world.send(method, &format!("/OAuthCallback?{query}"), &[], "");
            let expected = if method == "GET" { 400 } else { 405 };
            assert_eq!(answer.status, expected, "{method} {query}: {}", answer.body);
            assert_eq!(answer.header("set-cookie"), None, "{query}");
            assert_eq!(answer.header("location"), None, "{query}");
            assert!(!answer.body.contains("evil"), "{query}: {}", answer.body);
            guards(&answer, query);
        }
    }
    assert_eq!(world.count(stored).await, before);
}

/// No other site shows our pages in its own (clickjacking), learns their addresses, or brings its scripts along; and
/// what shows a ticket is kept nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_in_nobodys_frame_and_tell_nobody_their_address() {
    let world = World::shared().await;
    let status = format!("/status/{}", world.ticket);
    let permission = format!("/permissions/{}", world.own.ticket);
    for (target, expected, is_personal) in [
        ("/", 200, true),
        ("/OAuthCallback", 400, true),
        (status.as_str(), 200, true),
        ("/status/unknown", 404, true),
        (permission.as_str(), 200, true),
        ("/permissions/unknown", 404, true),
        ("/permissions/new", 400, true),
        ("/api/docs/", 200, false),
        ("/api/v1/permissions", 401, false),
        ("/nowhere", 404, false),
        ("/output/", 401, false),
    ] {
        let answer = world.send("GET", target, &[], "");
        assert_eq!(answer.status, expected, "{target}");
        guards(&answer, target);
        if is_personal {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
        }
        // Nothing is loaded from elsewhere: whoever serves it would learn the address, or run here.
        for loaded in ["src=\"http", "src=\"//", "href=\"//", "url(http", "@import"] {
            assert!(
                !answer.body.contains(loaded),
                "{target} loads something: {loaded}"
            );
        }
    }
}

#[track_caller]
fn guards(answer: &Answer, what: &str) {
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{what}");
    assert_eq!(
        answer.header("referrer-policy"),
        Some("no-referrer"),
        "{what}"
    );
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{what}"
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
    for word in ["'unsafe-eval'", "*", "http:", "script-src 'unsafe-inline'"] {
        assert!(
            !policy.split([' ', ';']).any(|it| it == word),
            "{what}: {policy}"
        );
    }
}
