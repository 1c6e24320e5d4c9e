//! What a household sees: the code to scan, what it is asked for, and what has become of it. Works without
//! JavaScript, by loading itself again; with it, by an event stream.
//!
//! - `ask`: asking by a link; `show`: the page behind a ticket; `events` and `open`: how it is kept up to date.
//! - `stand`: where a permission stands; `values`: what its home has sent last; `view`: what the page says of both.
//! - `asked`, `schedule`, `meaning`: data needs, schedules and codes in words. `qr`: a code as a picture.
//! - `look`: language and frame; `answers`: pages that say what happened.
//!
//! What is said stands in `texts/`, a file per language: a file more is a language more. The ticket in a page's
//! address is all that opens it.

mod answers;
mod ask;
mod asked;
mod events;
mod look;
mod meaning;
mod open;
mod qr;
mod schedule;
mod show;
mod stand;
mod values;
mod view;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, ServiceConfig};
pub(crate) use open::OpenPages;
use pages::texts::TextsError;
use pages::{Style, Texts};

/// The shared rules and the few of our own.
static STYLE: LazyLock<Style> = LazyLock::new(|| Style::with(include_str!("own.css")));

/// The script of the pages: what they do, then what keeps them up to date, which the first listens to.
static SCRIPT: LazyLock<String> =
    LazyLock::new(|| format!("{}{}", include_str!("own.js"), pages::live::SCRIPT));

const SCRIPT_PATH: &str = "/permissions/live.js";

/// The script that another site loads to show the page in a frame.
const EMBED: &str = include_str!("embed.js");

/// Lets pages load it that load nothing unless it says so (`Cross-Origin-Embedder-Policy`).
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the pages say, in each language: the files of `texts/`.
pub(crate) fn texts() -> Result<Texts, TextsError> {
    Texts::new(&include!(concat!(env!("OUT_DIR"), "/languages.rs")))
}

/// Under `/permissions`.
pub(crate) fn routes(scope: &mut ServiceConfig) {
    scope
        .service(
            web::resource("/new")
                .route(web::get().to(ask::ask))
                .route(web::post().to(ask::ask_for_it))
                .default_service(web::to(answers::only_get_and_post)),
        )
        .service(
            web::resource("/live.js")
                .route(web::get().to(script))
                .default_service(web::to(answers::only_get)),
        )
        .service(
            web::resource("/embed.js")
                .route(web::get().to(embed))
                .default_service(web::to(answers::only_get)),
        )
        .service(
            web::resource("/{ticket}")
                .route(web::get().to(show::show))
                .route(web::head().to(show::show))
                .default_service(web::to(answers::only_get_and_head)),
        )
        .service(
            web::resource("/{ticket}/events")
                .route(web::get().to(events::events))
                .default_service(web::to(answers::only_get)),
        )
        .service(
            web::resource("/{ticket}/again")
                .route(web::post().to(ask::again))
                .default_service(web::to(answers::only_post)),
        )
        .default_service(web::to(answers::nowhere));
}

async fn script() -> HttpResponse {
    pages::script(SCRIPT.as_str())
}

async fn embed() -> HttpResponse {
    let mut response = pages::script(EMBED);
    let headers = response.headers_mut();
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything() {
        let texts = texts().unwrap();
        let codes: Vec<&str> = texts
            .languages()
            .iter()
            .map(pages::Words::language)
            .collect();
        assert_eq!(
            codes,
            ["en", "de"],
            "the first is for who asks for none of them"
        );
        for words in texts.languages() {
            for stand in stand::ALL {
                for part in ["title", "badge", "lead"] {
                    assert!(
                        words.has(&format!("{part}-{}", stand.name())),
                        "{part} {stand:?}"
                    );
                }
            }
        }
    }
}
