//! Each state of a permission as its household reads it, in both languages; what its home sends, and what others wrote.

use serde_json::json;
use test_support::browser::{Page, Visitor};

use crate::page::{accepted, assert_is_a_page_in, current, new, said, shown};
use crate::site::{DEADLINE, FULL, INBOUND, Options, RAW, Site};

/// Puts a permission into a state that time and homes bring about.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) need: &'static str,
    /// What is changed in the row.
    pub(crate) change: &'static str,
    pub(crate) has_readings: bool,
}

const fn way(name: &'static str, change: &'static str) -> Way {
    Way {
        name,
        need: FULL,
        change,
        has_readings: false,
    }
}

const ACCEPTED: &str = "status = 'ACCEPTED', accepted_at = now(), granted_at = now()";

/// Eleven minutes ago, of a permission that began the day before: today's has just begun, shortly after midnight.
pub(crate) const ACCEPTED_A_WHILE_AGO: &str = "status = 'ACCEPTED', starts_on = current_date - 1,
    accepted_at = now() - interval '11 minutes'";

/// Every state.
pub(crate) const WAYS: [Way; 18] = [
    way("asked", "status = status"),
    way("overdue", "sent_at = now() - interval '11 minutes'"),
    way("seen", "code = 'bundle', starts_on = current_date"),
    way("expired", "sent_at = now() - interval '169 hours'"),
    way("awaited", ACCEPTED),
    way(
        "planned",
        "status = 'ACCEPTED', accepted_at = now(), starts_on = '2099-03-01'",
    ),
    way("silent", ACCEPTED_A_WHILE_AGO),
    Way {
        need: INBOUND,
        ..way("unseen", ACCEPTED_A_WHILE_AGO)
    },
    way(
        "active",
        "status = 'ACCEPTED', accepted_at = now(), first_message_at = now(), last_message_at = now()",
    ),
    Way {
        has_readings: true,
        ..way(
            "reading",
            "status = 'ACCEPTED', accepted_at = now(), first_message_at = now(), last_message_at = now()",
        )
    },
    Way {
        has_readings: true,
        ..way(
            "quiet",
            "status = 'ACCEPTED', accepted_at = now() - interval '2 hours',
             first_message_at = now() - interval '2 hours', last_message_at = now() - interval '1 hour'",
        )
    },
    way("rejected", "status = 'REJECTED'"),
    way("unfulfillable", "status = 'UNFULFILLABLE'"),
    way("revoked", "status = 'REVOKED'"),
    way("fulfilled", "status = 'FULFILLED'"),
    way("ended", "status = 'REQUIRES_EXTERNAL_TERMINATION'"),
    way("closed", "status = 'INVALID'"),
    way("closed", "status = 'MALFORMED'"),
];

/// A record of now with these values: code, value, unit.
pub(crate) async fn send(site: &Site, permission: &str, values: &[(&str, &str, &str)]) {
    site.sql(
        "SELECT aiida.make_partitions(ARRAY[current_date - 1, current_date, current_date + 1])",
    )
    .await;
    let rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(nr, (code, value, unit))| {
            let quoted = |text: &str| text.replace('\'', "''");
            format!("({nr}, '{}', {value}, '{}')", quoted(code), quoted(unit))
        })
        .collect();
    site.sql(&format!(
        "WITH record AS MATERIALIZED (SELECT now() AS at, decode(md5(random()::text), 'hex') AS digest)
         INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
         SELECT '{permission}', record.at, record.digest, v.nr, record.at, v.obis, v.value, v.unit
         FROM record, (VALUES {}) AS v (nr, obis, value, unit)",
        rows.join(", ")
    ))
    .await;
    site.sql(&format!(
        "UPDATE aiida.permission SET first_message_at = coalesce(first_message_at, now()) WHERE id = '{permission}'"
    ))
    .await;
}

pub(crate) const VALUES: [(&str, &str, &str); 3] = [
    ("1-0:1.7.0", "1.234", "kW"),
    ("1-0:1.8.0", "12345.678", "kWh"),
    ("1-0:32.7.0", "231.1", "V"),
];

impl Way {
    /// A page in this state: where it is.
    pub(crate) async fn take(&self, site: &Site) -> String {
        let (_, page) = shown(site, &[self.need]).await;
        let id = current(&page).permission_ids[0].to_string();
        if self.has_readings {
            send(site, &id, &VALUES).await;
        }
        site.sql(&format!(
            "UPDATE aiida.permission SET {} WHERE id = '{id}'",
            self.change
        ))
        .await;
        page.url.path().to_owned()
    }
}

async fn read(site: &Site, path: &str, language: &str) -> Page {
    let mut visitor = Visitor::new(None).unwrap();
    let url = site.url(&format!("{path}?lang={language}"));
    visitor.visit(&url).await.unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_says_what_to_do_in_both_languages() {
    let site = Site::start_with(Options {
        arguments: vec![("--operator-contact", "help@sunny.example".to_owned())],
        ..Options::default()
    })
    .await;
    for language in ["en", "de"] {
        let mut all = Vec::new();
        for way in &WAYS {
            let path = way.take(&site).await;
            let page = read(&site, &path, language).await;
            assert_is_a_page_in(&page, language);
            let text = page.text();
            let is_shown = text.contains(&format!("data-state=\"{}\"", way.name));
            let is_final = !text.contains("data-state");
            assert!(is_shown || is_final, "{}: {text}", way.name);
            let title = page.title();
            let lead = page.select("p.lead").concat();
            let button = page.select("form button").concat();
            all.push(format!("{}: {title}\n  {lead}\n  [{button}]", way.name));
        }
        insta::assert_snapshot!(format!("states_{language}"), all.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_in_german() {
    let site = Site::start().await;
    let path = WAYS[0].take(&site).await;
    let page = read(&site, &path, "de").await;
    insta::assert_snapshot!("page_asked_de", said(&page));
    let path = WAYS[6].take(&site).await;
    let page = read(&site, &path, "de").await;
    insta::assert_snapshot!("page_silent_de", said(&page));
    // Chosen once, the language stays; nonsense changes nothing.
    let mut visitor = Visitor::new(None).unwrap();
    visitor
        .visit(&site.url("/permissions/unknown?lang=de"))
        .await
        .unwrap();
    assert_eq!(visitor.cookie("lang"), Some("de"));
    let page = visitor
        .visit(&site.url("/permissions/unknown?lang=<b>"))
        .await
        .unwrap();
    assert_eq!(page.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_values_are_shown_and_told() {
    let site = Site::start().await;
    let (mut visitor, page) = shown(&site, &[FULL]).await;
    let code = accepted(&site, &page).await;
    let id = code.permission_ids[0].to_string();
    let events = site.url(&format!("{}/events?lang=de", page.url.path()));
    let mut stream = site.http.get(events).send().await.unwrap();
    let mut told = String::new();
    let mut until = async |wanted: &str| {
        while !told.contains(wanted) {
            let chunk = tokio::time::timeout(DEADLINE, stream.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("{wanted} in {told}"));
            told += std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
        }
    };
    until("data: awaited\n").await;
    send(&site, &id, &VALUES).await;
    site.sql("UPDATE aiida.permission SET last_message_at = now()")
        .await;
    until("data: reading\n").await;
    until("[\"Energie, aus dem Netz bezogen\",\"12.345,678\u{a0}kWh\"]").await;
    let page = visitor.reload().await.unwrap().clone();
    assert_eq!(page.title(), "Readings are arriving");
    insta::assert_snapshot!("page_reading", page.select("dl.values div").join("\n"));
    // The next record takes the place of the last.
    send(&site, &id, &[("1-0:1.7.0", "-0.500", "kW")]).await;
    until("\u{2212}0,500\u{a0}kW").await;
    // After the end they are nobody's business.
    site.tell(&id, "REVOKED").await;
    let page = visitor.reload().await.unwrap();
    assert!(page.select("dl.values").is_empty());
}

/// Values, units and codes are the home's, texts the eligible party's, the connection id anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn what_homes_and_strangers_write_stays_text() {
    const NASTY: &str = "<img src=x onerror=alert(1)>\"'&{ $operator }";
    let site = Site::start_with(Options {
        arguments: vec![
            ("--operator-name", NASTY.to_owned()),
            ("--operator-contact", NASTY.to_owned()),
        ],
        ..Options::default()
    })
    .await;
    let mut visitor = Visitor::new(None).unwrap();
    let connection: String = url::form_urlencoded::byte_serialize(NASTY.as_bytes()).collect();
    let link = format!("/permissions/new?dataNeedId={RAW}&connectionId={connection}");
    let page = visitor.visit(&site.url(&link)).await.unwrap().clone();
    assert_eq!(page.status, 200);
    assert_is_a_page_in(&page, "en");
    assert!(!page.text().contains("<img"));
    let id = current(&page).permission_ids[0].to_string();
    let need = json!({ "name": NASTY, "purpose": NASTY, "description": NASTY }).to_string();
    let need = need.replace('\'', "''");
    site.sql(&format!(
        "UPDATE aiida.permission SET data_need = data_need || '{need}', last_message_at = now(), {ACCEPTED}"
    ))
    .await;
    send(&site, &id, &[(NASTY, "1", NASTY)]).await;
    for language in ["en", "de"] {
        let page = read(&site, page.url.path(), language).await;
        assert_is_a_page_in(&page, language);
        assert!(!page.text().contains("<img"), "{}", page.text());
        let shown = page.select("dl.values dt").concat();
        assert!(shown.contains("<img src=x"), "{shown}");
        assert!(
            page.select(".request h2")
                .concat()
                .contains("{ $operator }")
        );
    }
    let page = read(
        &site,
        &new(&["<b>"]).replace('?', "&").replace("/new&", "/new?"),
        "en",
    )
    .await;
    assert_eq!(page.status, 400);
    assert!(!page.text().contains("<b>"));
}
