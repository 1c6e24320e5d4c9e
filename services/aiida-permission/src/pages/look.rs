//! How a page is looked at: in which language, and whether in a frame of the eligible party's own site.
//!
//! A frame is another site's (`?embed=1`), so no cookie is relied upon there: what the first address says is carried
//! from page to page.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use pages::{Page, Words, redirect};
use url::form_urlencoded::{Serializer, parse};

use super::{SCRIPT_PATH, STYLE};
use crate::Service;

/// The parameter that asks for the code of older homes.
const OLDER: &str = "older";

pub(super) struct Look<'a> {
    pub(super) service: &'a Service,
    pub(super) request: &'a HttpRequest,
    pub(super) words: Words,
    pub(super) is_framed: bool,
}

impl<'a> Look<'a> {
    pub(super) fn of(service: &'a Service, request: &'a HttpRequest) -> Self {
        Self {
            words: service.texts.of(request),
            is_framed: parameter(request, "embed").as_deref() == Some("1"),
            service,
            request,
        }
    }

    pub(super) fn operator(&self) -> &str {
        &self.service.operator.name
    }

    /// A message that may name who asks.
    pub(super) fn say(&self, key: &str) -> String {
        self.words
            .say_with(key, &[("operator", self.operator().into())])
    }

    /// What addresses that this page leads to must say again: `?embed=1&lang=de`, or nothing.
    pub(super) fn carried(&self) -> String {
        match self.query(None) {
            query if query.is_empty() => query,
            query => format!("?{query}"),
        }
    }

    /// This page with the code for older homes of one of its permissions, or with the usual one.
    pub(super) fn with_older(&self, number: Option<usize>) -> String {
        format!("?{}", self.query(number))
    }

    /// Which older code is asked for.
    pub(super) fn older(&self) -> Option<usize> {
        parameter(self.request, OLDER)?.parse().ok()
    }

    fn query(&self, older: Option<usize>) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(number) = older {
            query.append_pair(OLDER, &number.to_string());
        }
        if self.is_framed {
            query.append_pair("embed", "1");
        }
        let asked_for = parameter(self.request, "lang");
        if asked_for.as_deref() == Some(self.words.language()) {
            query.append_pair("lang", self.words.language());
        }
        query.finish()
    }

    /// The sites that may hold the frame, for the script that speaks with them.
    pub(super) fn hosts(&self) -> Option<String> {
        self.is_framed
            .then(|| self.service.config.facade.aiida_origins.join(" "))
    }

    /// The page around what there is to say.
    pub(super) fn page(&self, title: &str) -> Page<'_> {
        let mut page = Page::new(&self.words, title)
            .operator(&self.service.operator)
            .style(&STYLE);
        if matches!(*self.request.method(), Method::GET | Method::HEAD) {
            page = page.languages(&self.service.texts, self.request);
        }
        if self.is_framed {
            page = page
                .framed_by(&self.service.config.facade.aiida_origins)
                .script(SCRIPT_PATH);
        }
        page
    }

    /// Sends the browser on with `GET`; in a frame, those that may hold the page may hold the way to it.
    pub(super) fn redirect(&self, path: &str) -> HttpResponse {
        let mut response = redirect(&format!("{path}{}", self.carried()), &[]);
        let origins = &self.service.config.facade.aiida_origins;
        let policy = format!(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors {}",
            origins.join(" ")
        );
        if self.is_framed
            && !origins.is_empty()
            && let Ok(policy) = HeaderValue::try_from(policy)
        {
            let headers = response.headers_mut();
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    pub(super) fn respond(
        &self,
        title: &str,
        status: StatusCode,
        main: &impl Template,
    ) -> HttpResponse {
        self.page(title).respond(status, main)
    }
}

fn parameter(request: &HttpRequest, wanted: &str) -> Option<String> {
    parse(request.query_string().as_bytes())
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned())
}
