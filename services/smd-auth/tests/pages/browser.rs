//! A browser that stops at every redirect, so that a test can do with an address what an attacker
//! would; and what every page must be.

use std::collections::BTreeMap;

use base64::Engine as _;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method};
use scraper::{Html, Selector};
use sha2::Digest as _;
use url::Url;

use crate::site::Site;

/// Cookies of our site by name.
type Cookies = BTreeMap<String, String>;

pub(crate) struct Browser<'a> {
    site: &'a Site,
    http: Client,
    pub(crate) cookies: Cookies,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(site: &'a Site) -> Self {
        service_kit::http::install_tls_provider();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self {
            site,
            http,
            cookies: Cookies::new(),
        }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Answer {
        self.ask(Method::GET, url).await
    }

    pub(crate) async fn ask(&mut self, method: Method, url: &str) -> Answer {
        let is_ours = url.starts_with(&self.site.base);
        let mut request = self.http.request(method, url);
        if is_ours && !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let answer = read(request.send().await.unwrap()).await;
        if is_ours {
            self.obey(&answer.headers);
        }
        answer
    }

    fn obey(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let (pair, attributes) = header.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                // A language is nobody's secret.
                if name != "lang" {
                    self.site.keep_private(value);
                }
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The cookies that belong to states.
    pub(crate) fn states(&self) -> Cookies {
        let mut cookies = self.cookies.clone();
        cookies.retain(|name, _| name.starts_with("__Host-metergate-"));
        cookies
    }

    /// Presses the button of the consent page: answers where the custodian's page is, and the state in
    /// that address.
    pub(crate) async fn start(&mut self) -> (String, String) {
        let answer = self.get(&self.site.url("/start")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let authorize = answer.location();
        let state = parameter(&authorize, "state").unwrap();
        self.site.keep_private(&state);
        (authorize, state)
    }

    /// Logs in at the custodian, shares everything, and answers the address of the way back.
    pub(crate) async fn authorize(&mut self, authorize: &str, key: &str) -> String {
        let choose = self.log_in(authorize, key).await;
        let mut form = fields(&choose.body);
        form.push(("decision".to_owned(), "authorize".to_owned()));
        self.decide(&form).await
    }

    /// Logs in at the custodian and cancels there.
    pub(crate) async fn cancel(&mut self, authorize: &str) -> String {
        let choose = self.log_in(authorize, "fable").await;
        let mut form = fields(&choose.body);
        form.retain(|(name, _)| name == "session");
        form.push(("decision".to_owned(), "cancel".to_owned()));
        self.decide(&form).await
    }

    pub(crate) async fn walk_to_callback(&mut self, key: &str) -> String {
        let (authorize, _) = self.start().await;
        self.authorize(&authorize, key).await
    }

    async fn log_in(&mut self, authorize: &str, key: &str) -> Answer {
        let login = self.get(authorize).await;
        assert_eq!(login.status, 200, "{}", login.body);
        let customer = self.site.customer(key);
        let form = [
            ("session".to_owned(), session(&login.body)),
            ("name".to_owned(), customer.name),
            ("account".to_owned(), customer.account),
        ];
        let choose = self.post("/myAuthorization/login", &form).await;
        assert_eq!(choose.status, 200, "{}", choose.body);
        choose
    }

    async fn decide(&mut self, form: &[(String, String)]) -> String {
        let back = self.post("/myAuthorization/decide", form).await.location();
        if let Some(code) = parameter(&back, "code") {
            self.site.keep_private(&code);
        }
        back
    }

    async fn post(&self, path: &str, form: &[(String, String)]) -> Answer {
        let url = format!("{}{path}", self.site.custodian.pages_base);
        read(self.http.post(url).form(form).send().await.unwrap()).await
    }

    /// Posts a notification, as anybody can.
    pub(crate) async fn notify(&self, body: impl Into<reqwest::Body>) -> Answer {
        let url = self.site.url("/espi/notification");
        read(self.http.post(url).body(body).send().await.unwrap()).await
    }
}

impl Answer {
    pub(crate) fn location(&self) -> String {
        let location = self.headers.get(LOCATION);
        let location = location.unwrap_or_else(|| panic!("{}: {}", self.status, self.body));
        location.to_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn title(&self) -> String {
        self.texts("title").concat()
    }

    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        html.select(&Selector::parse(selector).unwrap())
            .map(|element| element.text().collect::<String>())
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The text of the page as a reader sees it, one line per block.
    pub(crate) fn text(&self) -> String {
        self.texts("h1, h2, main p, label, dt, dd, main li")
            .join("\n")
    }

    /// The page as it was sent, without its stylesheet: that is looked at elsewhere and changes for other reasons.
    pub(crate) fn markup(&self) -> String {
        let (before, behind) = self.body.split_once("<style>").unwrap();
        let (_, behind) = behind.split_once("</style>").unwrap();
        format!("{before}<style></style>{behind}")
    }

    /// Correct HTML with nothing active in it, private, and silent about its address.
    pub(crate) fn assert_is_a_page(&self) {
        self.assert_is_a_page_in("en");
    }

    /// The same in another language.
    pub(crate) fn assert_is_a_page_in(&self, language: &str) {
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("referrer-policy"), "no-referrer");
        self.assert_policy();
        assert!(self.body.len() < 60_000, "{} bytes", self.body.len());
        let start = format!("<!DOCTYPE html>\n<html lang=\"{language}\">\n");
        assert!(self.body.starts_with(&start), "{}", self.body);
        let html = Html::parse_document(&self.body);
        assert!(
            html.errors.is_empty(),
            "{:?} in\n{}",
            html.errors,
            self.body
        );
        let count = |selector| html.select(&Selector::parse(selector).unwrap()).count();
        assert_eq!(count("head > meta[charset=utf-8]"), 1);
        assert_eq!(count("head > meta[name=viewport]"), 1);
        assert_eq!(count("body > main"), 1);
        assert_eq!((count("title"), count("h1")), (1, 1));
        assert_eq!(self.texts("title"), self.texts("h1"), "a page has one name");
        assert!(!self.title().is_empty());
        for active in [
            "iframe",
            "form",
            "object",
            "[style]",
            "base",
            "script:not([src='/status/live.js'])",
            "img:not([src^='data:image/'])",
        ] {
            assert_eq!(count(active), 0, "{active} in\n{}", self.body);
        }
        assert_eq!(self.texts("script").concat(), "", "nothing inside a script");
        let elements = Selector::parse("*").unwrap();
        let mut ids: Vec<&str> = Vec::new();
        for element in html.select(&elements) {
            for (name, value) in element.value().attrs() {
                assert!(!name.starts_with("on"), "{name} in\n{}", self.body);
                assert!(!value.contains("javascript:"), "{value}");
            }
            if let Some(id) = element.attr("id") {
                assert!(!ids.contains(&id), "{id} twice");
                ids.push(id);
            }
        }
        for bar in html.select(&Selector::parse("progress").unwrap()) {
            let id = bar.attr("id").unwrap();
            assert_eq!(count_labels(&html, id), 1, "the label of {id}");
        }
    }
}

impl Answer {
    /// Nothing is loaded, run or sent that is not in the page, and its style is allowed by its hash.
    fn assert_policy(&self) {
        let (_, behind) = self.body.split_once("<style>").unwrap();
        let (css, _) = behind.split_once("</style>").unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(css));
        let script = if self.body.contains("<script") {
            " script-src 'self'; connect-src 'self';"
        } else {
            ""
        };
        assert_eq!(
            self.header("content-security-policy"),
            format!(
                "default-src 'none';{script} style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        );
    }
}

fn count_labels(html: &Html, id: &str) -> usize {
    let selector = Selector::parse(&format!("label[for={id}]")).unwrap();
    html.select(&selector).count()
}

async fn read(response: reqwest::Response) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

/// The first value of a parameter in an address.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn session(html: &str) -> String {
    fields(html)
        .into_iter()
        .find_map(|(name, value)| (name == "session").then_some(value))
        .unwrap()
}

/// What the forms of a page would send as they stand, without their buttons.
fn fields(html: &str) -> Vec<(String, String)> {
    let html = Html::parse_document(html);
    let selector = "input[type=hidden], input[type=checkbox][checked], input[type=radio][checked]";
    let inputs = Selector::parse(selector).unwrap();
    let selects = Selector::parse("select").unwrap();
    let first = Selector::parse("option").unwrap();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut fields: Vec<(String, String)> = html
        .select(&inputs)
        .map(|input| (text(input.attr("name")), text(input.attr("value"))))
        .collect();
    for select in html.select(&selects) {
        let option = select.select(&first).next().unwrap();
        fields.push((text(select.attr("name")), text(option.attr("value"))));
    }
    fields
}
