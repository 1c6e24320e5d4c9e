//! The pages, and the one policy for what a customer is told: what happened, whether anything was
//! fetched, and the next step; never a cause inside ours or the custodian's systems.

use std::sync::LazyLock;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use pages::operator::Contact;
use pages::texts::TextsError;
use pages::{Page, Style, Texts, Words};

use crate::Service;

/// The shared rules and the few of our own.
pub(crate) static STYLE: LazyLock<Style> = LazyLock::new(|| Style::with(include_str!("own.css")));

/// What the pages say, in each language.
pub(crate) fn texts() -> Result<Texts, TextsError> {
    Texts::new(&[
        ("en", include_str!("../texts/en.ftl")),
        ("es", include_str!("../texts/es.ftl")),
    ])
}

/// A page that says what happened and what to do. `title`, `text` and `next` are messages, which may name the operator
/// and the minutes that a login may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) next: &'static str,
    pub(crate) offer: Offer,
}

/// The button of such a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// To the consent page.
    Start,
    /// The same address once more, or the consent page.
    Again,
    /// To the consent page, or ask the operator.
    StartOrAsk,
    /// Ask the operator: starting again is of little use before something is repaired.
    Ask,
    /// To the consent page, for who has not started anything.
    First,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    words: &'a Words,
    title: &'a str,
    text: String,
    next: String,
    contact: Option<&'a Contact>,
    /// The same address, where it may be tried again.
    again: Option<String>,
    /// The words of the way to the consent page.
    start: &'static str,
    /// Something else is better.
    is_start_plain: bool,
}

impl Said {
    /// The page, in the language of whoever asks.
    pub(crate) fn respond(self, service: &Service, request: &HttpRequest) -> HttpResponse {
        let words = service.texts.of(request);
        let minutes = service.config.pages.login_seconds / 60;
        let say = |key| {
            words.say_with(
                key,
                &[
                    ("operator", service.operator.name.as_str().into()),
                    ("minutes", minutes.into()),
                ],
            )
        };
        let title = say(self.title);
        let main = MessagePage {
            words: &words,
            title: &title,
            text: say(self.text),
            next: say(self.next),
            contact: service
                .operator
                .contact
                .as_ref()
                .filter(|_| matches!(self.offer, Offer::StartOrAsk | Offer::Ask)),
            again: (self.offer == Offer::Again).then(|| request.uri().to_string()),
            start: match self.offer {
                Offer::First => "first-page",
                _ => "start-again",
            },
            is_start_plain: matches!(self.offer, Offer::Again | Offer::Ask),
        };
        let page = Page::new(&words, title.as_str())
            .operator(&service.operator)
            .style(&STYLE);
        let page = if may_be_loaded_again(request) {
            page.languages_without_query(&service.texts, request)
        } else {
            page
        };
        page.respond(self.status, &main)
    }
}

/// The way back from the custodian works once: in another language there is nothing to show.
fn may_be_loaded_again(request: &HttpRequest) -> bool {
    request.method() == Method::GET && request.path() != "/OAuthCallback"
}

/// Our own trouble: logged once, here; the page says only that it is ours. The same address may be
/// tried again.
pub(crate) fn trouble(
    service: &Service,
    request: &HttpRequest,
    error: &(dyn std::error::Error + 'static),
) -> HttpResponse {
    tracing::error!(
        error = service_kit::config::chain(error),
        "a page could not be made"
    );
    Said {
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "trouble-title",
        text: "trouble-text",
        next: "trouble-next",
        offer: Offer::Again,
    }
    .respond(service, request)
}

/// No authorization is shown at this address.
pub(crate) fn unknown(service: &Service, request: &HttpRequest) -> HttpResponse {
    Said {
        status: StatusCode::NOT_FOUND,
        title: "unknown-title",
        text: "unknown-text",
        next: "unknown-next",
        offer: Offer::First,
    }
    .respond(service, request)
}

pub(crate) async fn not_found(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    Said {
        status: StatusCode::NOT_FOUND,
        title: "nowhere-title",
        text: "nowhere-text",
        next: "nowhere-next",
        offer: Offer::First,
    }
    .respond(&service, &request)
}

/// For pages that only `GET` reads: a `HEAD` must not use anything up.
pub(crate) async fn only_get(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    refuse_method(&service, &request, "GET")
}

/// For pages that can also be asked for without their content.
pub(crate) async fn only_get_and_head(
    service: Data<Service>,
    request: HttpRequest,
) -> HttpResponse {
    refuse_method(&service, &request, "GET, HEAD")
}

fn refuse_method(service: &Service, request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let said = Said {
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "method-title",
        text: if request.method() == Method::POST {
            "method-post-text"
        } else {
            "method-other-text"
        },
        next: "method-next",
        offer: Offer::First,
    };
    let mut response = said.respond(service, request);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
