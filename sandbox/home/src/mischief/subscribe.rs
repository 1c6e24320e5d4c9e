//! Listening to what is not for this home.

use super::Fault;
use crate::Answer;
use crate::stream::Shared;

/// Each filter on a connection of its own: the broker may end it over one.
pub(super) async fn carry_out(shared: &Shared, fault: Fault) -> Vec<Answer> {
    let (own, foreign) = (shared.permission, shared.mischief.victim().permission);
    let filters: Vec<String> = match fault {
        Fault::ForeignTopic => vec![
            format!("aiida/v1/{foreign}/command/+"),
            format!("aiida/v1/{foreign}/data/outbound/+"),
        ],
        Fault::Wildcard => [
            "#",
            "+/#",
            "aiida/v1/+/data/outbound/+",
            "aiida/v1/+/command/+",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([
            format!("aiida/v1/{own}/#"),
            format!("aiida/v1/{own}/command/#"),
        ])
        .collect(),
        Fault::SharedSubscription => vec![
            "$share/metergate/aiida/v1/+/data/outbound/+".to_owned(),
            format!("$share/group/aiida/v1/{own}/command/+"),
        ],
        Fault::SystemTopics => vec!["$SYS/#".to_owned(), "$SYS/brokers".to_owned()],
        Fault::EmptyTopic => vec![String::new()],
        Fault::Duplicate => vec![shared.credentials.control_topic.clone(); 2],
        _ => Vec::new(),
    };
    let mut answers = Vec::new();
    for filter in filters {
        let mut rogue = match shared.rogue(&shared.login()).await {
            Ok(rogue) => rogue,
            Err(answer) => {
                answers.push(answer);
                continue;
            }
        };
        let answer = rogue.subscribe(&filter).await;
        answers.push(answer);
        match answer {
            // Not authorized: that is to be the end.
            Answer::Refused(135) => answers.push(rogue.ended().await),
            Answer::Refused(_) => answers.push(rogue.ping().await),
            _ => {}
        }
    }
    answers
}
