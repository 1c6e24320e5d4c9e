//! The manual's words.

use std::fmt::Write as _;

use crate::setting::Setting;

/// Characters of a line.
const WIDTH: usize = 120;
const SERVICES: usize = 6;

const HEAD: &str = "\
# Configuration

Written from the code: `UPDATE_DOCS=1 cargo test -p metergate --test reference`. A test compares.

Every setting is an environment variable, and a flag of the same meaning (`metergate serve --help`). With Docker they
stand in `.env` ([.env.example](../.env.example)), which knows more: ports, and what belongs to nginx, Postgres and
EMQX. A variable that begins with `METERGATE_` and that nothing reads is an error, with the closest known name. An empty
`…_FILE` counts as not set.

In brackets: the default, whether it is a secret, and which services read it. A secret may stand in a file instead,
where there is a setting that ends in `_FILE`.
";

pub(crate) fn reference(settings: &[Setting]) -> String {
    let mut text = HEAD.to_owned();
    let mut titles: Vec<&str> = Vec::new();
    for setting in settings {
        if !titles.contains(&setting.title.as_str()) {
            titles.push(&setting.title);
        }
    }
    for title in titles {
        write!(text, "\n## {title}\n\n").unwrap();
        for setting in settings.iter().filter(|setting| setting.title == title) {
            entry(&mut text, setting);
        }
    }
    text
}

fn entry(text: &mut String, setting: &Setting) {
    let mut facts = Vec::new();
    facts.push(match &setting.default {
        Some(default) => format!("default `{default}`"),
        None if setting.is_required => "required".to_owned(),
        None => "no default".to_owned(),
    });
    facts.extend(setting.is_secret.then(|| "secret".to_owned()));
    facts.push(if setting.readers.len() == SERVICES {
        "every service".to_owned()
    } else {
        setting.readers.join(", ")
    });
    let head = format!("**`{}`** ({})", setting.name, facts.join("; "));
    item(text, "- ", &head);
    for paragraph in setting.help.split("\n\n") {
        // Line breaks inside are where the source's lines end.
        item(
            text,
            "  ",
            &format!("{}.", paragraph.trim().trim_end_matches('.')),
        );
    }
    for (value, help) in &setting.values {
        let meaning = help.trim().trim_end_matches('.');
        let line = if meaning.is_empty() {
            format!("`{value}`")
        } else {
            format!("`{value}`: {meaning}")
        };
        item(text, "  - ", &line);
    }
}

/// Words in lines of at most [`WIDTH`]; the first begins with `mark`, the others under its text.
fn item(text: &mut String, mark: &str, words: &str) {
    let mut line = mark.to_owned();
    let mut is_empty = true;
    for word in words.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(text, "{line}").unwrap();
            line = " ".repeat(mark.len());
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(text, "{line}").unwrap();
}
