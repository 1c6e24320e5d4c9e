//! What the progress page says at each stage, in the language of the page.

mod facts;

use pages::Words;
use pages::operator::Contact;
use storage::digest;
use storage::smd::authorization::Stage;
use storage::smd::progress::Progress;

use crate::Service;
use crate::failure::{self, Sentence};

/// What the page says.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) title: String,
    pub(super) text: Sentence,
    /// What to do, where there is anything.
    pub(super) next: Option<String>,
    /// Why it is not going on just now.
    pub(super) delay: Option<Sentence>,
    pub(super) bar: Option<Bar>,
    pub(super) steps: Vec<Step>,
    pub(super) facts: Vec<Fact<'a>>,
    pub(super) state: String,
    pub(super) is_final: bool,
    pub(super) offers_start: bool,
}

/// How much is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) value: i64,
    pub(super) max: i64,
    pub(super) text: String,
}

/// One line of the list of what is done and what is not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The message.
    pub(super) what: &'static str,
    pub(super) how: Stand,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Done,
    Now,
    Later,
}

/// One line of what a customer may want to know at the end.
#[derive(Debug)]
pub(super) struct Fact<'a> {
    pub(super) name: String,
    pub(super) text: String,
    /// The receipt number.
    pub(super) number: Option<String>,
    pub(super) contact: Option<&'a Contact>,
}

impl<'a> View<'a> {
    pub(super) fn of(service: &'a Service, words: &Words, progress: &Progress) -> Self {
        let (name, stored) = (name(progress), progress.failure.as_deref());
        let stored = stored.filter(|stored| !stored.is_empty());
        let said = stored.map(|stored| failure::sentence(&service.texts, words, stored));
        let variables = [
            ("operator", service.operator.name.as_str().into()),
            ("meters", progress.usage_points.into()),
        ];
        let text = words.say_with(&format!("{name}-text"), &variables).into();
        let is_failed = progress.stage == Stage::Failed;
        Self {
            title: words.say(&format!("{name}-title")),
            // While fetching it is no failure, only a delay.
            delay: said.clone().filter(|_| progress.stage == Stage::Fetching),
            text: said.filter(|_| is_failed).unwrap_or(text),
            next: next(progress).map(|key| words.say(key)),
            bar: Bar::of(words, progress),
            steps: steps(progress),
            facts: facts::of(service, words, progress),
            state: state(progress),
            is_final: progress.is_final(),
            offers_start: matches!(progress.stage, Stage::Failed | Stage::Withdrawn),
        }
    }
}

/// The first part of the names of a stage's messages.
fn name(progress: &Progress) -> &'static str {
    match progress.stage {
        Stage::Fetching if progress.windows == 0 => "progress-looking",
        Stage::Fetching => "progress-fetching",
        Stage::Fetched if progress.is_delivered() => "done",
        Stage::Fetched => "progress-finishing",
        Stage::Failed => "failed",
        Stage::Withdrawn => "withdrawn",
        Stage::Superseded => "superseded",
        Stage::Erased => "erased",
    }
}

fn next(progress: &Progress) -> Option<&'static str> {
    match progress.stage {
        Stage::Fetching | Stage::Fetched => None,
        Stage::Failed if progress.released => Some("failed-next-ended"),
        Stage::Failed => Some("failed-next-ending"),
        Stage::Withdrawn => Some("withdrawn-next"),
        Stage::Superseded => Some("superseded-next"),
        Stage::Erased => Some("erased-next"),
    }
}

/// Changes whenever the page says something else than how much is in.
pub(super) fn state(progress: &Progress) -> String {
    let delay = progress.failure.as_deref().map(digest).unwrap_or_default();
    let delay = delay
        .iter()
        .take(4)
        .fold(0, |number: u32, byte| (number << 8) | u32::from(*byte));
    let (released, exported) = (progress.released, progress.exported);
    let flag = |is_set: bool| if is_set { "1" } else { "0" };
    [
        progress.stage.as_str(),
        flag(progress.windows > 0),
        flag(released),
        flag(exported),
        &format!("{delay:08x}"),
    ]
    .join("-")
}

impl Bar {
    /// Only while it says something: not before the windows are fixed, nor at an end.
    pub(super) fn of(words: &Words, progress: &Progress) -> Option<Self> {
        let says_something = match progress.stage {
            Stage::Fetching => true,
            Stage::Fetched => !progress.is_delivered(),
            Stage::Failed | Stage::Withdrawn | Stage::Superseded | Stage::Erased => false,
        };
        (says_something && progress.windows > 0).then(|| Self {
            value: progress.received,
            max: progress.windows,
            text: words.say_with(
                "progress-bar",
                &[
                    ("received", progress.received.into()),
                    ("windows", progress.windows.into()),
                ],
            ),
        })
    }
}

impl Stand {
    /// Its message.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Done => "progress-step-done",
            Self::Now => "progress-step-now",
            Self::Later => "progress-step-later",
        }
    }

    const fn at(is_done: bool, is_under_way: bool) -> Self {
        match (is_done, is_under_way) {
            (true, _) => Self::Done,
            (false, true) => Self::Now,
            (false, false) => Self::Later,
        }
    }
}

fn steps(progress: &Progress) -> Vec<Step> {
    let is_fetched = progress.stage == Stage::Fetched;
    let is_ending = is_fetched || progress.stage == Stage::Failed;
    let step = |what, how| Step { what, how };
    let ended = step(
        "progress-step-ended",
        Stand::at(progress.released, is_ending),
    );
    match progress.stage {
        Stage::Fetching | Stage::Fetched => vec![
            step("progress-step-authorized", Stand::Done),
            step("progress-step-fetched", Stand::at(is_fetched, true)),
            step(
                "progress-step-delivered",
                Stand::at(progress.exported, is_fetched),
            ),
            ended,
        ],
        Stage::Failed => vec![ended],
        Stage::Withdrawn | Stage::Superseded | Stage::Erased => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
