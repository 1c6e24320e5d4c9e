//! Publishing: records, acknowledgements, status messages.

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};

use super::message::{Message, good, status};
use super::spoil::{in_the_name_of, spoil};
use super::{Fault, Step, Victim};
use crate::rogue::{Publish, Rogue};
use crate::stream::Shared;
use crate::{Answer, HomeStatus};

/// What an alias must not be: nobody has offered one.
const ALIAS: u16 = u16::MAX;

/// Does one thing wrong; the broker's answers.
pub(super) async fn carry_out(shared: &Shared, step: Step, fault: Fault) -> Vec<Answer> {
    let done = match fault {
        Fault::NeverAnswers => return Vec::new(),
        Fault::Parallel => parallel(shared, step).await,
        Fault::Redelivery => redelivered(shared, step).await,
        Fault::Flood => flood(shared, step).await,
        Fault::HalfOpen => silent(shared, step).await,
        Fault::MidMessage => broken_off(shared, step).await,
        _ => one_by_one(shared, &wrong(shared, step, fault), fault).await,
    };
    done.unwrap_or_else(|answer| vec![answer])
}

/// The messages that are wrong in what they say or where they go.
fn wrong(shared: &Shared, step: Step, fault: Fault) -> Vec<Message> {
    let now = shared.clock.now();
    let at = match fault {
        Fault::ClockPast => now - SignedDuration::from_hours(24 * 400),
        Fault::ClockFuture => now + SignedDuration::from_hours(24),
        Fault::Year9999 => "9999-12-30T00:00:00Z".parse().unwrap_or(Timestamp::MAX),
        _ => now,
    };
    let messages = good(shared, step, at);
    let (own, other) = (shared.own(), shared.mischief.victim());
    let spoiled = |message: &Message| {
        let payload = spoil(fault, &message.payload)
            .or_else(|| in_the_name_of(fault, &message.payload, &own, &other));
        Message {
            payload: payload.unwrap_or_else(|| message.payload.clone()),
            ..message.clone()
        }
    };
    match fault {
        Fault::ForeignTopic => {
            let (own, other) = (own.permission.to_string(), other.permission.to_string());
            let aside = |message: Message| Message {
                topic: message.topic.replace(&own, &other),
                ..message
            };
            messages.into_iter().map(aside).collect()
        }
        Fault::Duplicate => messages.iter().chain(&messages).cloned().collect(),
        Fault::OutOfOrder | Fault::Contradictory => disordered(shared, step, fault, now),
        _ => messages.iter().map(spoiled).collect(),
    }
}

/// In another order than things happen, or against each other.
fn disordered(shared: &Shared, step: Step, fault: Fault, now: Timestamp) -> Vec<Message> {
    use HomeStatus::{Accepted, ExternallyTerminated, Fulfilled, Revoked};
    let told = |statuses: &[HomeStatus]| {
        let told = statuses.iter();
        told.filter_map(|one| status(shared, *one, now)).collect()
    };
    match (step, fault) {
        (Step::Status, Fault::OutOfOrder) => told(&[ExternallyTerminated]),
        (Step::Status, _) => told(&[Fulfilled, Revoked, ExternallyTerminated]),
        (Step::Termination, Fault::OutOfOrder) => told(&[Accepted, Revoked]),
        (Step::Termination, _) => told(&[ExternallyTerminated, Accepted, Revoked]),
        (_, Fault::OutOfOrder) => {
            let before = now - SignedDuration::from_millis(1);
            let mut both = good(shared, step, now);
            both.extend(good(shared, step, before));
            both
        }
        // Of the same moment, with other values.
        _ => {
            let mut both = good(shared, step, now);
            both.extend(good(shared, step, now).into_iter().map(otherwise));
            both
        }
    }
}

/// The message with another value.
fn otherwise(mut message: Message) -> Message {
    for key in ["\"value\":\"", "\"quantity\":"] {
        let text = String::from_utf8_lossy(&message.payload);
        message.payload = text.replace(key, &format!("{key}1")).into_bytes();
    }
    message
}

/// One after the other; a connection that the broker ends is made anew for the next.
async fn one_by_one(
    shared: &Shared,
    messages: &[Message],
    fault: Fault,
) -> Result<Vec<Answer>, Answer> {
    let mut answers = Vec::new();
    let mut open: Option<Rogue> = None;
    for message in messages {
        let mut rogue = match open.take() {
            Some(rogue) => rogue,
            None => shared.rogue(&shared.login()).await?,
        };
        let answer = rogue.publish(&as_sent(message, fault)).await;
        answers.push(answer);
        match answer {
            Answer::Taken => open = Some(rogue),
            Answer::Refused(_) => answers.push(rogue.ended().await),
            _ => {}
        }
    }
    if let Some(rogue) = open {
        rogue.leave().await;
    }
    Ok(answers)
}

/// The message with the fault of its envelope.
fn as_sent(message: &Message, fault: Fault) -> Publish<'_> {
    let mut publish = Publish::new(&message.topic, &message.payload);
    publish.retain = message.retain;
    match fault {
        Fault::QosZero => publish.qos = 0,
        Fault::QosTwo => publish.qos = 2,
        Fault::RetainFlip => publish.retain = !message.retain,
        Fault::EmptyTopic => publish.topic = "",
        Fault::TopicAlias => {
            publish.topic = "";
            publish.alias = Some(ALIAS);
        }
        _ => {}
    }
    publish
}

/// The same message on two connections at once.
async fn parallel(shared: &Shared, step: Step) -> Result<Vec<Answer>, Answer> {
    let mut one = shared.rogue(&shared.login()).await?;
    let mut two = shared.rogue(&shared.login()).await?;
    let mut answers = Vec::new();
    for message in good(shared, step, shared.clock.now()) {
        let publish = as_sent(&message, Fault::Parallel);
        let (first, second) = join(one.publish(&publish), two.publish(&publish)).await;
        answers.extend([first, second]);
    }
    Ok(answers)
}

/// Sent, cut off before anything could be said, and sent again as if the broker knew it.
async fn redelivered(shared: &Shared, step: Step) -> Result<Vec<Answer>, Answer> {
    let mut answers = Vec::new();
    for message in good(shared, step, shared.clock.now()) {
        let mut publish = as_sent(&message, Fault::Redelivery);
        let login = shared.login();
        let mut rogue = shared.rogue(&login).await?;
        answers.push(rogue.publish_as(&publish, 7).await);
        drop(rogue);
        publish.dup = true;
        let mut rogue = shared.rogue(&login).await?;
        answers.push(rogue.publish_as(&publish, 7).await);
    }
    Ok(answers)
}

/// As many as may be, as fast as the broker takes them.
async fn flood(shared: &Shared, step: Step) -> Result<Vec<Answer>, Answer> {
    let (now, wanted) = (shared.clock.now(), shared.mischief.flood());
    let mut messages = Vec::with_capacity(wanted);
    for number in 0.. {
        // Other records each time; of a status there is one.
        let back = SignedDuration::from_millis(number);
        messages.extend(good(shared, step, now - back));
        if messages.len() >= wanted || messages.is_empty() {
            break;
        }
    }
    messages.truncate(wanted);
    let mut rogue = shared.rogue(&shared.login()).await?;
    let sent: Vec<Publish<'_>> = messages
        .iter()
        .map(|one| as_sent(one, Fault::Flood))
        .collect();
    let taken = rogue.flood(&sent).await;
    Ok(vec![Answer::Taken; taken])
}

/// One message, and then nothing any more: the broker has to notice.
async fn silent(shared: &Shared, step: Step) -> Result<Vec<Answer>, Answer> {
    let mut login = shared.login();
    // Long enough for a broker that is busy to take the message first.
    login.keep_alive = 5;
    let mut rogue = shared.rogue(&login).await?;
    let mut answers = Vec::new();
    if let Some(message) = good(shared, step, shared.clock.now()).first() {
        answers.push(rogue.publish(&as_sent(message, Fault::HalfOpen)).await);
    }
    answers.push(rogue.ended().await);
    Ok(answers)
}

async fn broken_off(shared: &Shared, step: Step) -> Result<Vec<Answer>, Answer> {
    let mut answers = Vec::new();
    for message in good(shared, step, shared.clock.now()) {
        let rogue = shared.rogue(&shared.login()).await?;
        answers.push(rogue.break_off(&as_sent(&message, Fault::MidMessage)).await);
    }
    Ok(answers)
}

impl Shared {
    /// This home, as others see it.
    fn own(&self) -> Victim {
        Victim {
            permission: self.permission,
            connection: self.origin.connection.clone(),
            data_need: self.origin.data_need,
            token: None,
        }
    }
}
