use storage::smd::AuthorizationId;

use super::Stand::{Done, Now};
use super::*;

fn progress(stage: Stage) -> Progress {
    Progress {
        id: AuthorizationId::from(uuid::Uuid::from_u128(7)),
        stage,
        received: 7,
        windows: 39,
        usage_points: 3,
        history: None,
        released: false,
        exported: false,
        failure: None,
    }
}

#[test]
fn done_is_said_only_when_delivered_and_ended() {
    let at = |released, exported| {
        let progress = Progress {
            released,
            exported,
            ..progress(Stage::Fetched)
        };
        let how: Vec<Stand> = steps(&progress).iter().map(|step| step.how).collect();
        (name(&progress), how)
    };
    let finishing = "progress-finishing";
    assert_eq!(at(false, false), (finishing, vec![Done, Done, Now, Now]));
    assert_eq!(at(true, false), (finishing, vec![Done, Done, Now, Done]));
    assert_eq!(at(false, true), (finishing, vec![Done, Done, Done, Now]));
    assert_eq!(at(true, true), ("done", vec![Done; 4]));
}

#[test]
fn the_state_changes_with_what_is_said_and_not_with_the_bar() {
    let one = progress(Stage::Fetching);
    let same = Progress {
        received: 8,
        ..one.clone()
    };
    assert_eq!(state(&one), state(&same));
    let others = [
        Progress {
            windows: 0,
            ..one.clone()
        },
        Progress {
            failure: Some("slow".to_owned()),
            ..one.clone()
        },
        Progress {
            failure: Some("slower".to_owned()),
            ..one.clone()
        },
        progress(Stage::Fetched),
        Progress {
            released: true,
            ..progress(Stage::Fetched)
        },
        Progress {
            exported: true,
            ..progress(Stage::Fetched)
        },
    ];
    let mut seen = vec![state(&one)];
    for other in others {
        let state = state(&other);
        assert!(!seen.contains(&state), "{state}");
        seen.push(state);
    }
}

#[test]
fn the_bar_is_shown_while_it_says_something() {
    let texts = crate::answers::texts().unwrap();
    let words = texts.in_language("es").unwrap();
    let bar = |progress: &Progress| Bar::of(&words, progress).map(|bar| bar.text);
    assert_eq!(
        bar(&progress(Stage::Fetching)).as_deref(),
        Some("7 de 39 partes obtenidas")
    );
    for stage in [
        Stage::Failed,
        Stage::Withdrawn,
        Stage::Superseded,
        Stage::Erased,
    ] {
        assert_eq!(bar(&progress(stage)), None, "{stage}");
    }
    let unplanned = Progress {
        windows: 0,
        ..progress(Stage::Fetching)
    };
    assert_eq!(bar(&unplanned), None);
}
