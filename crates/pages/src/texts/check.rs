//! Whether all languages have the same messages with the same variables.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement,
};

use super::TextsError;

/// The variables of each message.
pub(super) fn variables(file: &FluentResource) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for entry in file.entries() {
        if let Entry::Message(message) = entry
            && let Some(pattern) = &message.value
        {
            let mut found = BTreeSet::new();
            of_pattern(pattern, &mut found);
            all.insert(message.id.name.to_owned(), found);
        }
    }
    all
}

pub(super) fn same_messages(files: &[(&str, FluentResource)]) -> Result<(), TextsError> {
    let all: Vec<_> = files
        .iter()
        .map(|(code, file)| (*code, variables(file)))
        .collect();
    for (code, these) in &all {
        for (other, those) in &all {
            if let Some(key) = those.keys().find(|key| !these.contains_key(*key))
                // What all pages say may stand in the file of a language that this crate does not know.
                && !super::COMMON.iter().any(|(common, _)| common == code)
            {
                return Err(missing(code, key));
            }
            for (key, found) in these {
                match those.get(key) {
                    Some(others) if others != found && !is_free(key) => {
                        return Err(TextsError::Variables {
                            language: (*code).to_owned(),
                            first: (*other).to_owned(),
                            key: key.clone(),
                            these: found.iter().cloned().collect(),
                            those: others.iter().cloned().collect(),
                        });
                    }
                    None if !is_common(key) => return Err(missing(other, key)),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// How a language writes a date or a time is its own affair.
fn is_free(key: &str) -> bool {
    matches!(key, "date-pattern" | "time-pattern")
}

fn is_common(key: &str) -> bool {
    super::COMMON.iter().any(|(_, text)| {
        text.lines()
            .any(|line| line.split(" =").next() == Some(key))
    })
}

fn missing(language: &str, key: &str) -> TextsError {
    TextsError::Missing {
        language: language.to_owned(),
        key: key.to_owned(),
    }
}

fn of_pattern(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            of_expression(expression, found);
        }
    }
}

fn of_expression(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => of_inline(inline, found),
        Expression::Select { selector, variants } => {
            of_inline(selector, found);
            for variant in variants {
                of_pattern(&variant.value, found);
            }
        }
    }
}

fn of_inline(inline: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            found.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression } => of_expression(expression, found),
        InlineExpression::FunctionReference { arguments, .. }
        | InlineExpression::TermReference {
            arguments: Some(arguments),
            ..
        } => of_call(arguments, found),
        _ => {}
    }
}

fn of_call(arguments: &CallArguments<&str>, found: &mut BTreeSet<String>) {
    for argument in &arguments.positional {
        of_inline(argument, found);
    }
    for argument in &arguments.named {
        of_inline(&argument.value, found);
    }
}
