//! A page around what a service has to say: header, footer, language switch, and the headers that guard it.
//!
//! A service renders what stands in `<main>` with a template of its own, which escapes everything that comes from
//! outside; the rest is made here. No page has a script or style in it that its policy does not name, none is kept in
//! a cache, and none tells another site its address, which may hold a ticket.

mod policy;

use std::sync::LazyLock;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;

use crate::language::{self, Choice};
use crate::operator::Operator;
use crate::style::Style;
use crate::texts::{Texts, Words};
use policy::Policy;

static SHARED: LazyLock<Style> = LazyLock::new(Style::shared);

#[derive(Template)]
#[template(path = "page.html")]
struct Frame<'a> {
    page: &'a Page<'a>,
    main: &'a str,
    css: &'a str,
}

/// A page, to be put together and answered.
#[derive(Debug)]
#[must_use = "a page is answered with `respond`"]
pub struct Page<'a> {
    words: &'a Words,
    title: String,
    operator: Option<&'a Operator>,
    choices: Vec<Choice>,
    cookie: Option<Cookie<'static>>,
    style: &'a Style,
    script: Option<&'a str>,
    refresh: Option<u32>,
    is_wide: bool,
    is_framed: bool,
    nav: Vec<Tab>,
    policy: Policy,
}

/// One place of a page's navigation.
#[derive(Debug, Clone)]
pub struct Tab {
    /// What is read.
    pub name: String,
    /// Where it leads.
    pub link: String,
    /// Whether this page is there.
    pub is_current: bool,
}

impl<'a> Page<'a> {
    /// A page in the language of these words. The title is text.
    pub fn new(words: &'a Words, title: impl Into<String>) -> Self {
        Self {
            words,
            title: title.into(),
            operator: None,
            choices: Vec::new(),
            cookie: None,
            style: &SHARED,
            script: None,
            refresh: None,
            is_wide: false,
            is_framed: false,
            nav: Vec::new(),
            policy: Policy::default(),
        }
    }

    /// Name and logo above, the privacy link below.
    pub const fn operator(mut self, operator: &'a Operator) -> Self {
        self.operator = Some(operator);
        self
    }

    /// Offers the page in its other languages, and remembers the one that this address asks for. For pages that may
    /// be loaded again.
    pub fn languages(mut self, texts: &Texts, request: &HttpRequest) -> Self {
        self.choices = language::choices(texts, request, self.words.language());
        self.cookie = language::remember(texts, request);
        self
    }

    /// The same for a page that needs nothing of its query, whoever wrote that: the switch leaves it out.
    pub fn languages_without_query(self, texts: &Texts, request: &HttpRequest) -> Self {
        let mut page = self.languages(texts, request);
        for choice in &mut page.choices {
            choice.link = format!("?lang={}", choice.code);
        }
        page
    }

    /// The shared rules with the page's own.
    pub const fn style(mut self, style: &'a Style) -> Self {
        self.style = style;
        self
    }

    /// A script of this site, carried out when the page is there; it may fetch from this site and listen to it.
    pub const fn script(mut self, path: &'a str) -> Self {
        self.script = Some(path);
        self.policy.has_script = true;
        self
    }

    /// Loads itself again after so many seconds; where the page has a script, only without JavaScript.
    pub const fn refresh(mut self, seconds: u32) -> Self {
        self.refresh = Some(seconds);
        self
    }

    /// The page has a form that is sent to this site.
    pub const fn forms(mut self) -> Self {
        self.policy.has_forms = true;
        self
    }

    /// As wide as tables and charts need.
    pub const fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }

    /// Links to the sections of a site, above the page.
    pub fn nav(mut self, tabs: Vec<Tab>) -> Self {
        self.nav = tabs;
        self
    }

    /// May stand in frames of these origins (`https://example.org`), without header and footer; nobody else's.
    pub fn framed_by(mut self, origins: &[String]) -> Self {
        self.is_framed = true;
        self.policy.framed_by = origins.to_vec();
        self
    }

    /// There is something to say at the foot.
    fn has_footer(&self) -> bool {
        self.choices.len() > 1 || self.operator.is_some_and(|it| it.privacy.is_some())
    }

    /// The answer; `main` is what stands between `<main>` and `</main>`, its first heading included.
    pub fn respond(self, status: StatusCode, main: &impl Template) -> HttpResponse {
        let rendered = main.render().and_then(|main| {
            Frame {
                page: &self,
                main: &main,
                css: self.style.css(),
            }
            .render()
        });
        match rendered {
            Ok(html) => {
                let mut builder = guarded(status, &self.policy.text(self.style.source()));
                if let Some(cookie) = self.cookie {
                    builder.cookie(cookie);
                }
                builder.content_type(ContentType::html()).body(html)
            }
            Err(error) => {
                tracing::error!(%error, "a page cannot be rendered");
                guarded(StatusCode::INTERNAL_SERVER_ERROR, policy::NOTHING).finish()
            }
        }
    }
}

fn guarded(status: StatusCode, policy: &str) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder
}

/// Sends the browser on with `GET`.
#[must_use]
pub fn redirect(target: &str, cookies: &[Cookie<'_>]) -> HttpResponse {
    let mut builder = guarded(StatusCode::SEE_OTHER, policy::NOTHING);
    for cookie in cookies {
        builder.cookie(cookie.clone());
    }
    builder.insert_header((LOCATION, target)).finish()
}

/// A script of ours.
#[must_use]
pub fn script(text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text)
}

#[cfg(test)]
mod tests;
