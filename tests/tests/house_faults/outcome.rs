//! What came of all cases, held against the table: all at once, because looking costs more than playing.

use std::collections::BTreeMap;
use std::time::Instant;

use end_to_end::houses::World;
use home::{Answer, Generation, Step};
use serde_json::Value;

use crate::SETTLING;
use crate::case::{Case, FLOOD};
use crate::expect::Effect;

/// What the database knows of a permission.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Known {
    status: String,
    stored: usize,
    refused: BTreeMap<String, usize>,
}

/// Waits until the database says of every case what the table does.
pub(crate) async fn check(world: &World, played: &[Case]) {
    let unsaid: Vec<String> = played.iter().filter_map(wrongly_said).collect();
    let started = Instant::now();
    let unmet = loop {
        let known = known(world).await;
        let unmet: Vec<String> = played
            .iter()
            .filter_map(|case| unmet(case, &known[&case.house.permission.to_string()]))
            .collect();
        if unmet.is_empty() || started.elapsed() > SETTLING {
            break unmet;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(
        unsaid.is_empty() && unmet.is_empty(),
        "{} of {} cases came out otherwise:\n{}\n{}",
        unsaid.len() + unmet.len(),
        played.len(),
        unsaid.join("\n"),
        unmet.join("\n"),
    );
    visible(world, played).await;
}

/// What was said, when it was not as expected.
fn wrongly_said(case: &Case) -> Option<String> {
    let answers = case.answers();
    let said = |(misdeed, answers): &(home::Misdeed, Vec<Answer>)| {
        let fine = if misdeed.step == Step::Ended {
            matches!(answers[..], [Answer::Refused(134 | 135), Answer::Http(409)])
        } else {
            case.expect.said.is(answers)
        };
        (!fine).then(|| format!("{misdeed}: {answers:?}"))
    };
    let wrong: Vec<String> = answers.iter().filter_map(said).collect();
    if answers.is_empty() {
        return Some(format!("{}: not done: {:?}", case.name(), case.scanned));
    }
    (!wrong.is_empty()).then(|| {
        format!(
            "{}: expected {:?}, said {wrong:?}",
            case.name(),
            case.expect.said
        )
    })
}

fn unmet(case: &Case, known: &Known) -> Option<String> {
    let schemas = match (case.misdeed.step, case.generation) {
        (Step::Data, Generation::November2025) => 2,
        (Step::Data, _) => 5,
        _ => 1,
    };
    // What only the two sides understand: the last of the five.
    let opaque = usize::from(schemas == 5);
    let (stored, refused) = match case.expect.effect {
        Effect::Nothing => (0, None),
        Effect::Stored(times) => (schemas * times, None),
        Effect::Flooded => (FLOOD, None),
        Effect::StoredOne => (1, None),
        Effect::Refused(reason) => (0, Some((reason, schemas))),
        Effect::RefusedInTime(reason) => {
            let counted = known.refused.contains_key(reason);
            (0, counted.then_some((reason, schemas)))
        }
        Effect::Unreadable(reason) => (opaque, Some((reason, schemas - opaque))),
    };
    let refused: BTreeMap<String, usize> = refused
        .into_iter()
        .map(|(reason, messages)| (reason.to_owned(), messages))
        .collect();
    let fine = case.expect.status.contains(&known.status.as_str())
        && (known.stored, &known.refused) == (stored, &refused);
    (!fine).then(|| {
        format!(
            "{}: expected {:?}, {stored} stored, {refused:?} refused; found {known:?}; answers {:?}",
            case.name(),
            case.expect.status,
            case.answers()
        )
    })
}

async fn known(world: &World) -> BTreeMap<String, Known> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let number = |row: &Value| usize::try_from(row["n"].as_u64().unwrap()).unwrap();
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for row in world.rows("SELECT id, status FROM aiida.permission").await {
        known.entry(text(&row, "id")).or_default().status = text(&row, "status");
    }
    let stored = "SELECT permission_id AS id, count(*) AS n FROM aiida.message GROUP BY 1";
    for row in world.rows(stored).await {
        known.entry(text(&row, "id")).or_default().stored = number(&row);
    }
    let refused = "SELECT coalesce(permission_id::text, 'nobody') AS id, reason, messages AS n FROM aiida.refusal";
    for row in world.rows(refused).await {
        let refused = &mut known.entry(text(&row, "id")).or_default().refused;
        refused.insert(text(&row, "reason"), number(&row));
    }
    assert!(
        !known.contains_key("nobody"),
        "refused, and nobody's: {known:?}"
    );
    known
}

/// What was refused is there for the eligible party to see, and counted for the operator.
async fn visible(world: &World, played: &[Case]) {
    let mut refused = 0;
    for case in played {
        let (Effect::Refused(reason) | Effect::Unreadable(reason)) = case.expect.effect else {
            continue;
        };
        let state = world.party.permission(case.house.permission).await.unwrap();
        let told: Vec<&str> = state.refusals.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(told, [reason], "{}", case.name());
        refused += state.refusals.iter().map(|it| it.messages).sum::<u64>();
    }
    let metrics = world.stack.metrics().unwrap();
    let counted = metrics
        .lines()
        .filter(|line| line.starts_with("aiida_stream_refused_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum::<u64>();
    // A status that is kept comes again with each connection of ours, and is counted again.
    assert!(
        counted >= refused && refused > 0,
        "{counted} counted, {refused} refused"
    );
}
