//! The texts of a set of pages in all its languages (Project Fluent), one file per language.
//!
//! A language brings everything that is written differently in it: words, plurals, dates, numbers. What all pages say
//! (`texts/en.ftl` and its like beside this crate) comes along for the languages that are there; a service that adds
//! another language puts those messages into its own file as well.

mod check;
mod numbers;

use std::fmt;
use std::sync::Arc;

use actix_web::HttpRequest;
pub use fluent_bundle::FluentValue as Value;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use crate::language;

/// What all pages say.
const COMMON: [(&str, &str); 3] = [
    ("de", include_str!("../../texts/de.ftl")),
    ("en", include_str!("../../texts/en.ftl")),
    ("es", include_str!("../../texts/es.ftl")),
];

/// Why texts are not usable: a mistake in a file, found by a test.
#[derive(Debug, thiserror::Error)]
pub enum TextsError {
    /// There is not one language.
    #[error("a set of texts has at least one language")]
    Empty,
    /// Not a code.
    #[error("{0:?} is not the code of a language: write en, de, …")]
    Code(String),
    /// Not Fluent.
    #[error("the texts in {language:?} are not well formed: {mistake}")]
    Syntax {
        /// The code.
        language: String,
        /// What the parser says.
        mistake: String,
    },
    /// A message is in one language and not in another.
    #[error("the texts in {language:?} have no message {key:?}, or an empty one")]
    Missing {
        /// The code.
        language: String,
        /// The message.
        key: String,
    },
    /// A message says something else in another language.
    #[error("the message {key:?} in {language:?} uses {these:?}, in {first:?} {those:?}")]
    Variables {
        /// The code.
        language: String,
        /// The first language.
        first: String,
        /// The message.
        key: String,
        /// Its variables.
        these: Vec<String>,
        /// Those in the first language.
        those: Vec<String>,
    },
}

/// Texts in all their languages; cheap to clone.
#[derive(Debug, Clone)]
pub struct Texts(Arc<[Words]>);

/// The texts in one language; cheap to clone.
#[derive(Clone)]
pub struct Words(Arc<Language>);

struct Language {
    code: String,
    bundle: FluentBundle<FluentResource>,
}

impl Texts {
    /// Texts in these languages, each as its code and the text of its file; the first is for readers who ask for none
    /// of them. All must have the same messages with the same variables.
    pub fn new(files: &[(&str, &str)]) -> Result<Self, TextsError> {
        let parsed: Vec<(&str, FluentResource)> = files
            .iter()
            .map(|(code, text)| Ok((*code, parse(code, text)?)))
            .collect::<Result<_, TextsError>>()?;
        check::same_messages(&parsed)?;
        let languages: Vec<Words> = parsed
            .into_iter()
            .map(|(code, own)| Words::new(code, own))
            .collect::<Result<_, _>>()?;
        if languages.is_empty() {
            return Err(TextsError::Empty);
        }
        let texts = Self(languages.into());
        texts.check_common()?;
        Ok(texts)
    }

    /// In the language of this reader: the parameter `lang` of the address, the cookie `lang`, what the browser asks
    /// for, the first one.
    #[must_use]
    pub fn of(&self, request: &HttpRequest) -> Words {
        language::wanted(request)
            .find_map(|code| self.in_language(&code))
            .unwrap_or_else(|| self.first())
    }

    /// In the language with this code; `None` where there is none.
    #[must_use]
    pub fn in_language(&self, code: &str) -> Option<Words> {
        self.0
            .iter()
            .find(|words| words.language() == code)
            .cloned()
    }

    /// In the first language.
    #[must_use]
    pub fn first(&self) -> Words {
        // `new` admits no empty list.
        #[expect(clippy::indexing_slicing, reason = "checked when made")]
        self.0[0].clone()
    }

    /// All languages, the first one first.
    #[must_use]
    pub fn languages(&self) -> &[Words] {
        &self.0
    }

    fn check_common(&self) -> Result<(), TextsError> {
        let (_, common) = COMMON[1];
        let keys = check::variables(&parse("en", common)?);
        for words in self.languages() {
            if let Some(key) = keys.keys().find(|key| !words.has(key)) {
                return Err(TextsError::Missing {
                    language: words.language().to_owned(),
                    key: key.clone(),
                });
            }
        }
        Ok(())
    }
}

fn parse(code: &str, text: &str) -> Result<FluentResource, TextsError> {
    FluentResource::try_new(text.to_owned()).map_err(|(_, mistakes)| TextsError::Syntax {
        language: code.to_owned(),
        mistake: mistakes
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    })
}

impl Words {
    fn new(code: &str, own: FluentResource) -> Result<Self, TextsError> {
        let id: LanguageIdentifier = code
            .parse()
            .map_err(|_| TextsError::Code(code.to_owned()))?;
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Marks of direction around every value: nothing of ours is written from right to left.
        bundle.set_use_isolating(false);
        if let Some((_, common)) = COMMON.iter().find(|(common, _)| *common == code) {
            bundle.add_resource_overriding(parse(code, common)?);
        }
        bundle.add_resource_overriding(own);
        Ok(Self(Arc::new(Language {
            code: code.to_owned(),
            bundle,
        })))
    }

    /// The code of the language, for `<html lang>`.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.0.code
    }

    /// Whether there is such a message.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0
            .bundle
            .get_message(key)
            .is_some_and(|message| message.value().is_some())
    }

    /// A message without variables.
    #[must_use]
    pub fn say(&self, key: &str) -> String {
        self.say_with(key, &[])
    }

    /// A message with its variables, which stay text whatever they hold: `("operator", name.into())`.
    #[must_use]
    pub fn say_with(&self, key: &str, variables: &[(&str, Value<'_>)]) -> String {
        let Some(pattern) = self.0.bundle.get_message(key).and_then(|m| m.value()) else {
            tracing::error!(key, language = self.language(), "a page lacks a text");
            return key.to_owned();
        };
        let arguments: FluentArgs<'_> = variables
            .iter()
            .map(|(name, value)| (*name, value.clone()))
            .collect();
        let mut mistakes = Vec::new();
        let text = self
            .0
            .bundle
            .format_pattern(pattern, Some(&arguments), &mut mistakes);
        if let Some(mistake) = mistakes.first() {
            tracing::error!(key, %mistake, "a text of a page lacks a variable");
        }
        text.into_owned()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Words").field(&self.0.code).finish()
    }
}

#[cfg(test)]
mod tests;
