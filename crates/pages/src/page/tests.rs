use actix_web::body::MessageBody as _;
use actix_web::test::TestRequest;

use super::*;

#[derive(Template)]
#[template(source = "<h1>{{ heading }}</h1>", ext = "html")]
struct Main<'a> {
    heading: &'a str,
}

fn operator() -> Operator {
    Operator {
        name: "Sunny <Side>".to_owned(),
        logo: Some("data:image/png;base64,AA==".to_owned()),
        privacy: Some("https://example.org/?a=\"b".to_owned()),
        contact: None,
    }
}

fn body(response: HttpResponse) -> String {
    let bytes = response.into_body().try_into_bytes().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_comes_from_outside_stays_text() {
    let texts = Texts::new(&[("en", ""), ("es", "")]).unwrap();
    let request = TestRequest::default()
        .uri("/?a=%22%3E%3Cscript%3E&lang=es")
        .to_http_request();
    let (words, operator) = (texts.of(&request), operator());
    let response = Page::new(&words, "A <title> & more")
        .operator(&operator)
        .languages(&texts, &request)
        .respond(StatusCode::OK, &Main { heading: "<b>" });
    let cookie = response.cookies().next().unwrap();
    assert_eq!((cookie.name(), cookie.value()), ("lang", "es"));
    let html = body(response);
    assert!(
        html.starts_with("<!DOCTYPE html>\n<html lang=\"es\">"),
        "{html}"
    );
    for bad in ["<title> &", "<b>", "<Side>", "\"b\"", "<script"] {
        assert!(!html.contains(bad), "{bad} in {html}");
    }
    assert!(html.contains("Sunny &#60;Side&#62;"));
    assert!(html.contains("lang=\"en\" hreflang=\"en\""), "{html}");
}

#[test]
fn the_policy_names_what_the_page_has_and_no_more() {
    let texts = Texts::new(&[("en", "")]).unwrap();
    let words = texts.first();
    let policy = |page: Page<'_>| {
        let response = page.respond(StatusCode::OK, &Main { heading: "x" });
        let header = response.headers().get(CONTENT_SECURITY_POLICY).unwrap();
        header.to_str().unwrap().to_owned()
    };
    let style = SHARED.source();
    assert_eq!(
        policy(Page::new(&words, "x")),
        format!(
            "default-src 'none'; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    );
    let all = policy(
        Page::new(&words, "x")
            .script("/live.js")
            .forms()
            .framed_by(&["https://example.org".to_owned()]),
    );
    assert!(
        all.contains("; script-src 'self'; connect-src 'self'; style-src 'sha256-"),
        "{all}"
    );
    assert!(
        all.ends_with("form-action 'self'; frame-ancestors https://example.org"),
        "{all}"
    );
    assert!(!all.contains("unsafe"), "{all}");
}

#[test]
fn the_hash_is_of_the_text_that_stands_in_the_page() {
    use base64::Engine as _;
    use sha2::Digest as _;

    let texts = Texts::new(&[("en", "")]).unwrap();
    let words = texts.first();
    let style = Style::with(".own { color: red; }");
    let page = Page::new(&words, "x")
        .style(&style)
        .refresh(3)
        .script("/live.js");
    let html = body(page.respond(StatusCode::OK, &Main { heading: "x" }));
    let (_, behind) = html.split_once("<style>").unwrap();
    let (css, _) = behind.split_once("</style>").unwrap();
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(css));
    assert_eq!(style.source(), format!("'sha256-{digest}'"));
    assert!(html.contains("<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>"));
}
