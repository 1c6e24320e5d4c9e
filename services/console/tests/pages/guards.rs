//! Who is served, and whose forms are taken.

use crate::site::{CUSTOMER, PERMISSION, Site};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const OPERATOR: (&str, &str) = ("X-Metergate-Operator", "alice");

#[tokio::test(flavor = "multi_thread")]
async fn whom_nginx_does_not_name_is_not_served() {
    let site = Site::inhabited().await;
    let reader = ("X-Metergate-Reader", "analyst");
    for path in [
        "/console/",
        "/console/customers",
        &format!("/console/permissions/{PERMISSION}"),
        "/console/audit",
    ] {
        for headers in [&[][..], &[reader], &[("X-Metergate-Operator", "")]] {
            let page = site.send("GET", path, headers, "").await;
            assert_eq!(page.status, 403, "{path} {headers:?}");
            assert!(!page.body.contains("Example"), "{}", page.body);
        }
    }
    // nginx has let these in: whoever they are learns what to do.
    for name in ["jörg", "a b", &"a".repeat(65)] {
        let page = site
            .send("GET", "/console/", &[("X-Metergate-Operator", name)], "")
            .await;
        assert_eq!(page.status, 403, "{name}");
        assert!(
            page.text().contains("1 to 64 plain letters"),
            "{name}: {}",
            page.text()
        );
    }
    assert_eq!(
        site.send("GET", "/output/", &[OPERATOR], "").await.status,
        403
    );
    assert_eq!(
        site.send("GET", "/output/", &[reader], "").await.status,
        200
    );
}

/// A password that the browser remembers goes along with any form: where it was sent from decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_elsewhere_does_nothing() {
    let site = Site::inhabited().await;
    let authority = site.base.strip_prefix("http://").unwrap();
    let evil = ("Origin", "https://evil.example");
    let null = ("Origin", "null");
    let own = format!("https://{authority}");
    let cross = ("Sec-Fetch-Site", "cross-site");
    let same = ("Sec-Fetch-Site", "same-origin");
    let sibling = ("Sec-Fetch-Site", "same-site");
    let discarded = site
        .job("smd.fetch", "discarded", "{}", "nobody-is-meant")
        .await;
    let books = "SELECT count(*) FROM audit.event WHERE action <> 'smd.exported'";
    for path in [
        format!("/console/jobs/{discarded}/retry"),
        format!("/console/customers/{CUSTOMER}/erase"),
        format!("/console/customers/{CUSTOMER}/release"),
        format!("/console/permissions/{PERMISSION}/terminate"),
        "/console/customers".to_owned(),
    ] {
        for headers in [
            &[][..],
            &[evil],
            &[null],
            &[cross],
            &[cross, null],
            &[sibling, ("Origin", own.as_str())],
            &[same, evil],
        ] {
            let headers: Vec<_> = [OPERATOR, FORM].iter().chain(headers).copied().collect();
            let page = site.send("POST", &path, &headers, "sure=yes&q=Jane").await;
            assert_eq!(page.status, 403, "{path} {headers:?}: {}", page.body);
            assert!(!page.body.contains("Jane"), "{}", page.body);
        }
    }
    assert_eq!(site.number(books).await, 0);
    assert_eq!(
        site.number("SELECT count(*) FROM aiida.permission").await,
        1
    );
    // And nothing is done by looking.
    site.get(&format!("/console/customers/{CUSTOMER}/erase"))
        .await;
    site.get(&format!("/console/jobs/{discarded}/retry?sure=yes"))
        .await;
    assert_eq!(site.number(books).await, 0);
    let headers = [OPERATOR, FORM, ("Origin", own.as_str())];
    let retry = format!("/console/jobs/{discarded}/retry");
    assert_eq!(site.send("POST", &retry, &headers, "").await.status, 303);
}

/// Each page has the policy, and no page has anything that the policy would have to refuse.
#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_a_script_or_a_style_of_its_own() {
    let site = Site::inhabited().await;
    for path in crate::views::PAGES {
        let page = site
            .get(
                &path
                    .replace("{customer}", CUSTOMER)
                    .replace("{permission}", PERMISSION),
            )
            .await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.headers.get("set-cookie"), None);
        for bad in [" style=", "onclick", "javascript:", "<iframe"] {
            assert!(!page.body.contains(bad), "{path}: {bad}");
        }
        assert_eq!(page.select("script:not([src])").len(), 0, "{path}");
    }
}
