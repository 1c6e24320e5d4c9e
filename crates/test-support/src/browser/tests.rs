use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::*;

/// A site on a free port: a start page, a form, a redirect that sets a cookie, and a loop.
struct Site {
    address: String,
    handle: actix_web::dev::ServerHandle,
}

impl Site {
    fn start() -> Self {
        let server = HttpServer::new(|| {
            App::new()
                .route("/", web::get().to(async || start_page()))
                .route("/login", web::post().to(login))
                .route(
                    "/home",
                    web::get().to(async |request: HttpRequest| home(&request)),
                )
                .route("/loop", web::get().to(async || redirect("/loop")))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

fn start_page() -> HttpResponse {
    html(
        r#"<title>Start</title><form action="/login" method="post">
        <input name="user"><button>Log in</button></form>"#,
    )
}

async fn login(request: HttpRequest, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    log_in(&request, &form)
}

fn log_in(request: &HttpRequest, form: &[(String, String)]) -> HttpResponse {
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    HttpResponse::SeeOther()
        .append_header((header::LOCATION, format!("/home?secret=1&origin={origin}")))
        .append_header((
            header::SET_COOKIE,
            format!("user={}; Path=/; HttpOnly", form[0].1),
        ))
        .finish()
}

fn home(request: &HttpRequest) -> HttpResponse {
    let cookie = request
        .headers()
        .get(header::COOKIE)
        .map_or("", |value| value.to_str().unwrap());
    html(&format!(
        r#"<title>Home</title><p class=who>{cookie}</p><a href="/">  back
           to start</a>"#
    ))
}

fn redirect(target: &'static str) -> HttpResponse {
    HttpResponse::Found()
        .append_header((header::LOCATION, target))
        .finish()
}

fn html(body: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(body.to_owned())
}

#[tokio::test]
async fn a_visitor_logs_in_and_comes_back() {
    let site = Site::start();
    let mut visitor = Visitor::new(None).unwrap();
    assert!(matches!(
        visitor.submit("form", &[]).await,
        Err(VisitorError::NoPage)
    ));

    assert_eq!(
        visitor.visit(&site.url("/")).await.unwrap().title(),
        "Start"
    );
    let page = visitor.submit("form", &[("user", "casey")]).await.unwrap();
    assert_eq!(page.title(), "Home");
    assert_eq!(page.select(".who"), ["user=casey"]);
    assert_eq!(page.content_type(), "text/html; charset=utf-8");
    let origin = page
        .url
        .query_pairs()
        .find(|(name, _)| name == "origin")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(origin, site.address);

    assert_eq!(visitor.page().unwrap().select("a"), ["back to start"]);
    assert_eq!(visitor.click("a").await.unwrap().title(), "Start");
    assert_eq!(visitor.cookie("user"), Some("casey"));
    visitor.forget_cookies();
    visitor.visit(&site.url("/home")).await.unwrap();
    assert_eq!(visitor.reload().await.unwrap().select(".who"), [""]);

    let records: Vec<String> = visitor
        .records()
        .iter()
        .map(|record| {
            let path = record.url.strip_prefix(&site.address).unwrap();
            format!("{} {path} {}", record.method, record.status)
        })
        .collect();
    let expected = [
        "GET / 200",
        "POST /login 303",
        "GET /home 200",
        "GET / 200",
        "GET /home 200",
        "GET /home 200",
    ];
    assert_eq!(records, expected);
    site.handle.stop(false).await;
}

#[tokio::test]
async fn endless_redirects_end() {
    let site = Site::start();
    let mut visitor = Visitor::new(None).unwrap();
    let error = visitor.visit(&site.url("/loop")).await.unwrap_err();
    assert!(matches!(error, VisitorError::Redirects(_)), "{error}");
    site.handle.stop(false).await;
}

#[tokio::test]
async fn errors_name_the_address_without_its_query() {
    let mut visitor = Visitor::new(None).unwrap();
    let url = format!("http://127.0.0.1:{}/page?code=secret", crate::ports::free());
    let error = visitor.visit(&url).await.unwrap_err();
    let line = service_kit::config::chain(&error);
    assert!(
        line.starts_with("no answer from http://127.0.0.1:"),
        "{line}"
    );
    assert!(!line.contains("secret"), "{line}");
    assert!(matches!(
        visitor.visit("nowhere").await,
        Err(VisitorError::Address(..))
    ));
}
