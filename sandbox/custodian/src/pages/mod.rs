//! The customer's side: pages that work without JavaScript. A page's forms carry a session token
//! in a hidden field and nothing is kept in cookies, so that no other site can make a browser act
//! for its customer.

mod authorize;
mod choice;
mod manage;
mod session;

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use askama::Template;
use url::{Url, form_urlencoded};

pub(crate) use session::Sessions;

use crate::model::{Customer, Model};
use crate::world::World;

/// Registers the pages.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(home))
        .route("/style.css", web::get().to(style))
        .route("/myAuthorization", web::get().to(authorize::start))
        .route("/myAuthorization/login", web::post().to(authorize::login))
        .route("/myAuthorization/decide", web::post().to(authorize::decide))
        .route("/myAuthorization/manage", web::get().to(manage::login_page))
        .route("/myAuthorization/manage", web::post().to(manage::login))
        .route(
            "/myAuthorization/manage/revoke",
            web::post().to(manage::revoke),
        )
        .default_service(web::to(not_found));
}

/// The fields of a form or the parameters of a query, in order, repeated ones included.
#[derive(Debug)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    fn repeats(&self, name: &str) -> bool {
        self.all(name).count() > 1
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    offers: Vec<Offer>,
}

struct Offer {
    name: String,
    url: Option<Url>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    message: &'a str,
}

/// The guest's login, for an authorization or to manage what is shared.
#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    action: &'a str,
    session: &'a str,
    party: Option<&'a str>,
    problem: Option<&'a str>,
    cancellable: bool,
    customers: &'a [Customer],
}

/// Offers every third party that takes customers who start here.
async fn home(world: web::Data<World>) -> HttpResponse {
    let offers = world.clients.all().iter().map(|client| {
        let url = client.portal_uri.clone().map(|mut url| {
            url.query_pairs_mut()
                .append_pair(
                    "scope",
                    "FB=1_3_4_5_8_10_13_14_15_16_18_19_31_32_35_37_38_39_40_46_47",
                )
                .append_pair("ThirdPartyID", &client.id);
            url
        });
        Offer {
            name: client.name.clone(),
            url,
        }
    });
    page(
        HttpResponse::Ok(),
        &Home {
            offers: offers.collect(),
        },
    )
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(include_str!("../../templates/style.css"))
}

async fn not_found() -> HttpResponse {
    problem(
        HttpResponse::NotFound(),
        "Not found",
        "There is no such page.",
    )
}

/// The customer with this name and account; the name is compared without regard to case.
fn customer<'m>(model: &'m Model, fields: &Fields) -> Option<&'m Customer> {
    let (name, account) = (fields.get("name")?.trim(), fields.get("account")?.trim());
    let same = |customer: &&Customer| {
        customer.account == account && customer.name.to_lowercase() == name.to_lowercase()
    };
    model.customers().iter().find(same)
}

/// A page that says what went wrong.
fn problem(builder: HttpResponseBuilder, title: &str, message: &str) -> HttpResponse {
    page(builder, &ErrorPage { title, message })
}

fn expired() -> HttpResponse {
    problem(
        HttpResponse::BadRequest(),
        "This page has expired",
        "Go back to the company that you want to share with and start again.",
    )
}

fn page(mut builder: HttpResponseBuilder, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(text) => builder
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
            ))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Sends the browser back to a registered URI with more parameters.
pub(crate) fn redirect_with<'a>(
    uri: &str,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) -> HttpResponse {
    match Url::parse(uri) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(parameters);
            HttpResponse::Found()
                .insert_header((header::LOCATION, url.to_string()))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::REFERRER_POLICY, "no-referrer"))
                .finish()
        }
        // Registered URIs were parsed when they were registered.
        Err(_) => problem(
            HttpResponse::BadRequest(),
            "Wrong address",
            "The redirect_uri is no address.",
        ),
    }
}
