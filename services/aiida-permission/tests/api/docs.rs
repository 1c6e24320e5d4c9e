//! The description: complete, open, and shown by a page that loads nothing from elsewhere.

use reqwest::Method;
use scraper::{Html, Selector};

use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_open_and_names_the_key() {
    let site = Site::start().await;
    let answer = site
        .ask(Method::GET, "/api/v1/openapi.json", None, "")
        .await;
    let document = answer.ok(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(
        document["components"]["securitySchemes"]["key"]["scheme"],
        "bearer"
    );
    assert_eq!(document["security"][0]["key"], serde_json::json!([]));
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(operation["description"].is_string() || operation["summary"].is_string());
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "503"] {
                let problem = &responses[status]["content"]["application/problem+json"];
                assert!(problem["schema"]["$ref"].is_string(), "{operation}");
            }
            assert!(responses.keys().any(|status| status.starts_with('2')));
        }
    }
    // Whatever is referred to is there.
    let text = answer.text();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_from_here_alone() {
    let site = Site::start().await;
    let moved = site.ask(Method::GET, "/api/docs", None, "").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, "/api/docs/")
    );
    let page = site.ask(Method::GET, "/api/docs/", None, "").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    let html = Html::parse_document(&page.text());
    let (mut assets, mut scripts) = (Vec::new(), 0);
    for (selector, attribute) in [("script", "src"), ("link", "href"), ("img", "src")] {
        for element in html.select(&Selector::parse(selector).unwrap()) {
            if selector == "script" {
                scripts += 1;
                assert!(
                    element.inner_html().trim().is_empty(),
                    "the policy stops inline scripts"
                );
            }
            assets.push(element.attr(attribute).unwrap().to_owned());
        }
    }
    assert!(scripts >= 2 && assets.len() > scripts, "{assets:?}");
    for asset in assets {
        assert!(!asset.contains("//"), "{asset} is somebody else's");
        let path = format!("/api/docs/{}", asset.trim_start_matches("./"));
        let loaded = site.ask(Method::GET, &path, None, "").await;
        assert_eq!(loaded.status, 200, "{path}");
        assert!(!loaded.body.is_empty() && !loaded.header("content-type").is_empty());
    }
    let start = site
        .ask(Method::GET, "/api/docs/swagger-initializer.js", None, "")
        .await;
    assert!(start.text().contains("/api/v1/openapi.json"));
    assert!(!start.text().contains("petstore"));
    let nothing = site
        .ask(Method::GET, "/api/docs/..%2fsecret", None, "")
        .await;
    nothing.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_every_operation_under_the_policy() {
    let site = Site::start().await;
    let profile = tempfile::tempdir().unwrap();
    let url = format!("{}/api/docs/", site.base);
    let folder = format!("--user-data-dir={}", profile.path().display());
    let run = move || {
        std::process::Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--no-proxy-server",
                "--enable-logging=stderr",
                "--virtual-time-budget=20000",
                "--dump-dom",
            ])
            .args([folder, url])
            .output()
    };
    let shown = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let (page, log) = (
        String::from_utf8_lossy(&shown.stdout),
        String::from_utf8_lossy(&shown.stderr),
    );
    let html = Html::parse_document(&page);
    let operations = html.select(&Selector::parse(".opblock").unwrap()).count();
    assert_eq!(operations, 18, "{log}");
    assert!(page.contains("API of the eligible party"));
    assert!(!log.contains("Content Security Policy"), "{log}");
}
