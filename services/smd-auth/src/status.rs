//! The customer's progress page. The ticket in its address is all that opens it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use storage::DatabaseError;
use storage::smd::authorization::Stage;
use storage::smd::progress::{self, Progress};

use crate::Service;
use crate::pages::{message, page, trouble};

/// Tickets have 32 characters; nothing longer is looked up.
const LONGEST_TICKET: usize = 64;

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
    /// Why it is not going on just now.
    delay: Option<String>,
    steps: Vec<Step>,
    received: i64,
    /// 0 where they say nothing: not fixed yet, or what they brought has been erased.
    windows: i64,
    is_final: bool,
    refresh_seconds: u32,
    offer_start: bool,
}

/// One line of the list of what is done and what is not.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    what: &'static str,
    done: bool,
}

/// `GET /status/{ticket}`.
pub(crate) async fn status(service: Data<Service>, request: HttpRequest) -> HttpResponse {
    let ticket = request.match_info().get("ticket").unwrap_or_default();
    let found = async {
        if ticket.len() > LONGEST_TICKET {
            return Ok(None);
        }
        let mut conn = service.database.get().await?;
        Ok::<_, DatabaseError>(progress::of_ticket(&mut conn, ticket).await?)
    };
    match found.await {
        Ok(Some(progress)) => page(
            StatusCode::OK,
            &StatusPage {
                view: view(progress, &service.config.operator.operator_name),
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

fn view(progress: Progress, operator: &str) -> View {
    let (title, text) = words(&progress, operator);
    let is_under_way_or_was = matches!(
        progress.stage,
        Stage::Fetching | Stage::Fetched | Stage::Failed
    );
    View {
        title,
        text,
        steps: steps(&progress),
        received: progress.received,
        windows: if is_under_way_or_was {
            progress.windows
        } else {
            0
        },
        is_final: progress.is_final(),
        refresh_seconds: 3,
        offer_start: matches!(progress.stage, Stage::Failed | Stage::Withdrawn),
        // While fetching it is no failure, only a delay.
        delay: progress
            .failure
            .filter(|words| progress.stage == Stage::Fetching && !words.is_empty()),
    }
}

fn words(progress: &Progress, operator: &str) -> (&'static str, String) {
    match progress.stage {
        Stage::Fetching if progress.windows == 0 => (
            "Thank you",
            "You have authorized us. We are looking at what you have shared.".to_owned(),
        ),
        Stage::Fetching => (
            "Fetching your usage",
            match progress.usage_points {
                1 => "One meter is being read, one period after the other.".to_owned(),
                meters => format!("{meters} meters are being read, one period after the other."),
            },
        ),
        Stage::Fetched if progress.is_delivered() => (
            "Done",
            format!("Your usage was delivered to {operator}, and the authorization at PG&E is ended."),
        ),
        Stage::Fetched => (
            "Almost done",
            "Everything is fetched; we are finishing.".to_owned(),
        ),
        Stage::Failed => (
            "Your usage could not be fetched",
            progress
                .failure
                .clone()
                .filter(|words| !words.is_empty())
                .unwrap_or_else(|| "Please start again.".to_owned()),
        ),
        Stage::Withdrawn => (
            "The authorization has ended",
            "PG&E tells us that you withdrew your consent or authorized again. We have stopped and erased what we had fetched here."
                .to_owned(),
        ),
        Stage::Superseded => (
            "You have authorized again",
            "Your newer authorization replaced this one; its own page shows how far it is.".to_owned(),
        ),
        Stage::Erased => (
            "Erased",
            "The data of this authorization has been erased.".to_owned(),
        ),
    }
}

fn steps(progress: &Progress) -> Vec<Step> {
    let ended = Step {
        what: "Authorization at PG&E ended",
        done: progress.released,
    };
    match progress.stage {
        Stage::Fetching | Stage::Fetched => vec![
            Step {
                what: "Authorization received",
                done: true,
            },
            Step {
                what: "Usage fetched",
                done: progress.stage == Stage::Fetched,
            },
            Step {
                what: "File delivered",
                done: progress.exported,
            },
            ended,
        ],
        Stage::Failed => vec![ended],
        Stage::Withdrawn | Stage::Superseded | Stage::Erased => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(stage: Stage) -> Progress {
        Progress {
            stage,
            received: 7,
            windows: 39,
            usage_points: 3,
            released: false,
            exported: false,
            failure: None,
        }
    }

    fn html(progress: Progress) -> String {
        let view = view(progress, "Sunny Side <b>Solar</b>");
        StatusPage { view }.render().unwrap()
    }

    #[test]
    fn a_delay_is_shown_while_fetching_and_only_then() {
        let delayed = |stage| Progress {
            failure: Some("PG&E asks us to <slow down>.".to_owned()),
            ..progress(stage)
        };
        let fetching = html(delayed(Stage::Fetching));
        assert!(
            fetching.contains("PG&#38;E asks us to &#60;slow down&#62;."),
            "{fetching}"
        );
        assert!(fetching.contains("7 of 39 windows"), "{fetching}");
        assert!(fetching.contains("http-equiv=\"refresh\""));
        assert_eq!(view(delayed(Stage::Fetched), "x").delay, None);
        let failed = view(delayed(Stage::Failed), "x");
        assert_eq!(failed.delay, None);
        assert_eq!(failed.text, "PG&E asks us to <slow down>.");
    }

    #[test]
    fn done_is_said_only_when_delivered_and_ended() {
        let at = |released, exported| {
            let progress = Progress {
                released,
                exported,
                ..progress(Stage::Fetched)
            };
            let view = view(progress, "x");
            let done: Vec<bool> = view.steps.iter().map(|step| step.done).collect();
            (view.title, view.is_final, done)
        };
        assert_eq!(
            at(false, false),
            ("Almost done", false, vec![true, true, false, false])
        );
        assert_eq!(
            at(true, false),
            ("Almost done", false, vec![true, true, false, true])
        );
        assert_eq!(
            at(false, true),
            ("Almost done", false, vec![true, true, true, false])
        );
        assert_eq!(at(true, true), ("Done", true, vec![true; 4]));
    }

    #[test]
    fn an_end_without_data_offers_a_new_start() {
        for (stage, offers) in [
            (Stage::Failed, true),
            (Stage::Withdrawn, true),
            (Stage::Superseded, false),
            (Stage::Erased, false),
            (Stage::Fetching, false),
        ] {
            assert_eq!(view(progress(stage), "x").offer_start, offers, "{stage}");
        }
        assert!(!html(progress(Stage::Withdrawn)).contains("http-equiv"));
        // The end at the custodian is still to come.
        assert!(html(progress(Stage::Failed)).contains("http-equiv"));
    }

    #[test]
    fn the_operators_name_is_escaped() {
        let delivered = Progress {
            released: true,
            exported: true,
            ..progress(Stage::Fetched)
        };
        let html = html(delivered);
        assert!(html.contains("Sunny Side &#60;b&#62;Solar"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }
}
