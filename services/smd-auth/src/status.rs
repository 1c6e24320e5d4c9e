//! The customer's progress page. The ticket in its address is all that opens it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use storage::DatabaseError;
use storage::smd::authorization::Stage;
use storage::smd::progress::{self, Progress};

use crate::Service;
use crate::pages::{message, page, trouble};

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    view: View,
}

/// What the page says.
#[derive(Debug, PartialEq, Eq)]
struct View {
    title: &'static str,
    text: String,
    steps: Vec<&'static str>,
    received: i64,
    windows: i64,
    is_final: bool,
    refresh_seconds: u32,
    offer_start: bool,
}

/// `GET /status/{ticket}`.
pub(crate) async fn status(service: Data<Service>, ticket: Path<String>) -> HttpResponse {
    let found = async {
        let mut conn = service.database.get().await?;
        Ok::<_, DatabaseError>(progress::of_ticket(&mut conn, &ticket).await?)
    };
    match found.await {
        Ok(Some(progress)) => page(
            StatusCode::OK,
            &StatusPage {
                view: view(&progress, &service.config.pages.operator_name),
            },
        ),
        Ok(None) => message(
            StatusCode::NOT_FOUND,
            "No such authorization",
            "The address is mistyped, or what it showed has been erased.",
        ),
        Err(error) => trouble(&error),
    }
}

fn view(progress: &Progress, operator: &str) -> View {
    let (title, text) = words(progress, operator);
    View {
        title,
        text,
        steps: steps(progress),
        received: progress.received,
        windows: progress.windows,
        is_final: progress.is_final(),
        refresh_seconds: 3,
        offer_start: matches!(progress.stage, Stage::Failed | Stage::Withdrawn),
    }
}

fn words(progress: &Progress, operator: &str) -> (&'static str, String) {
    match progress.stage {
        Stage::Fetching if progress.windows == 0 => {
            ("Thank you", "We are looking at what you have shared.".to_owned())
        }
        Stage::Fetching => (
            "Fetching your usage",
            format!("{} of your meters are being read, one period after the other.", progress.usage_points),
        ),
        Stage::Fetched if progress.is_delivered() => (
            "Done",
            format!("Your usage was delivered to {operator}, and the authorization at PG&E is ended."),
        ),
        Stage::Fetched => ("Almost done", "Everything is fetched; we are finishing.".to_owned()),
        Stage::Failed => (
            "Your usage could not be fetched",
            progress.failure.clone().unwrap_or_else(|| "Please start again.".to_owned()),
        ),
        Stage::Withdrawn => (
            "You ended the authorization",
            "PG&E tells us that you withdrew your consent. We have stopped and erased what we had fetched.".to_owned(),
        ),
        Stage::Superseded => (
            "You have authorized again",
            "Your newer authorization replaced this one; its own page shows how far it is.".to_owned(),
        ),
        Stage::Erased => ("Erased", "The data of this authorization has been erased.".to_owned()),
    }
}

fn steps(progress: &Progress) -> Vec<&'static str> {
    let mut steps = Vec::new();
    if progress.stage == Stage::Fetched && progress.exported {
        steps.push("The file is written.");
    }
    if matches!(progress.stage, Stage::Fetched | Stage::Failed) {
        steps.push(if progress.released {
            "The authorization at PG&E is ended."
        } else {
            "We are ending the authorization at PG&E."
        });
    }
    steps
}
