//! The table: what comes of each fault at each step, or why it cannot be.

use home::{Fault, Step};

use crate::expect::{Effect, Expect, Said};

/// An entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row {
    Plays(Expect),
    /// There is no such thing, for this reason.
    Impossible(&'static str),
}

const SENT: &[&str] = &["SENT_TO_PERMISSION_ADMINISTRATOR"];
const ACCEPTED: &[&str] = &["ACCEPTED"];
const REVOKED: &[&str] = &["REVOKED"];
const FULFILLED: &[&str] = &["FULFILLED"];
const CONFIRMED: &[&str] = &["EXTERNALLY_TERMINATED"];
const WAITING: &[&str] = &["REQUIRES_EXTERNAL_TERMINATION"];

/// The entry of a pair.
pub(crate) fn row(step: Step, fault: Fault) -> Option<Row> {
    match step {
        Step::Details => details(fault),
        Step::Answer => answer(fault),
        Step::Connect => connect(fault),
        Step::Subscribe => subscribe(fault),
        Step::Data | Step::Acknowledgement => message(step, fault),
        Step::Command => Some(command(fault)),
        Step::Status | Step::Termination => status(step, fault),
        // Whatever it tries: it does not come in, and nothing is handed out again.
        Step::Ended => Some(plays(Said::Whatever, Effect::Nothing, REVOKED)),
    }
}

const fn plays(said: Said, effect: Effect, status: &'static [&'static str]) -> Row {
    Row::Plays(Expect {
        said,
        effect,
        status,
    })
}

/// Before the broker nothing is stored, and nothing counted among messages.
const fn asks(said: Said, status: &'static [&'static str]) -> Row {
    plays(said, Effect::Nothing, status)
}

fn details(fault: Fault) -> Option<Row> {
    use Fault as F;
    Some(match fault {
        F::NeverAnswers => asks(Said::Nothing, SENT),
        F::Duplicate | F::Parallel => asks(Said::Http(&[200, 200]), ACCEPTED),
        F::UnknownKeys | F::Late => asks(Said::Http(&[200]), ACCEPTED),
        F::LostAnswer | F::Flood => asks(Said::Whatever, ACCEPTED),
        F::ForeignPermission | F::OtherToken => asks(Said::Http(&[403]), ACCEPTED),
        F::ForgedToken => asks(Said::Http(&[401]), ACCEPTED),
        _ => Row::Impossible(no_message(fault)?),
    })
}

fn answer(fault: Fault) -> Option<Row> {
    use Fault as F;
    Some(match fault {
        F::NeverAnswers => asks(Said::Nothing, SENT),
        F::Duplicate | F::Contradictory => asks(Said::Http(&[409, 409]), ACCEPTED),
        F::UnknownKeys => asks(Said::Http(&[409]), ACCEPTED),
        F::Parallel | F::Flood => asks(Said::OneOfThem, ACCEPTED),
        F::LostAnswer => asks(Said::Whatever, ACCEPTED),
        F::OutOfOrder => asks(Said::Http(&[200]), ACCEPTED),
        F::ForeignPermission | F::OtherToken => asks(Said::Http(&[403]), ACCEPTED),
        F::ForgedToken => asks(Said::Http(&[401]), ACCEPTED),
        F::Oversized | F::BeyondBroker => asks(Said::Http(&[413]), ACCEPTED),
        F::Truncated
        | F::WrongTypes
        | F::HugeNumbers
        | F::NotANumber
        | F::DeepNesting
        | F::InvalidUtf8
        | F::Empty => asks(Said::Http(&[400]), ACCEPTED),
        F::Late => Row::Impossible("a code that nobody answers runs out: details/never-answers"),
        _ => Row::Impossible(no_message(fault)?),
    })
}

/// Faults that need a broker, or a body, where there is a request only.
fn no_message(fault: Fault) -> Option<&'static str> {
    use Fault as F;
    Some(match fault {
        F::Oversized
        | F::BeyondBroker
        | F::Truncated
        | F::WrongTypes
        | F::HugeNumbers
        | F::NotANumber
        | F::DeepNesting
        | F::InvalidUtf8
        | F::Empty => "asking for the details has no body",
        F::ForeignTopic | F::EmptyTopic | F::TopicAlias | F::RetainFlip => {
            "topics are for messages at the broker"
        }
        F::ForeignConnection | F::ForeignDataNeed => "the request names neither",
        F::ClockPast | F::ClockFuture | F::Year9999 => "the request says no time",
        F::Redelivery | F::QosZero | F::QosTwo => "HTTP knows no quality of service",
        F::OutOfOrder | F::Contradictory => "there is one way to ask for the details",
        F::AnotherClientId
        | F::WrongPassword
        | F::HugeClientId
        | F::SessionExpiry
        | F::ForeignWill => "there is no session at the broker yet",
        F::HalfOpen | F::MidMessage => {
            "nginx keeps slow and broken requests to itself: nginx test program"
        }
        F::Wildcard | F::SharedSubscription | F::SystemTopics => {
            "nothing is subscribed to before the broker"
        }
        _ => return None,
    })
}

fn connect(fault: Fault) -> Option<Row> {
    use Fault as F;
    Some(match fault {
        F::NeverAnswers => asks(Said::Nothing, ACCEPTED),
        F::Late => asks(Said::Nothing, FULFILLED),
        F::AnotherClientId => asks(Said::No(&[133]), ACCEPTED),
        F::WrongPassword | F::ForeignPermission => asks(Said::No(&[134]), ACCEPTED),
        F::SessionExpiry | F::ForeignWill | F::Flood => asks(Said::Yes, ACCEPTED),
        F::HugeClientId | F::Empty | F::Parallel | F::MidMessage => asks(Said::Whatever, ACCEPTED),
        F::Duplicate => asks(Said::TakenThenDropped, ACCEPTED),
        F::HalfOpen | F::Truncated => asks(Said::Dropped, ACCEPTED),
        _ => Row::Impossible(no_login(fault)?),
    })
}

/// Faults of what comes after the login.
fn no_login(fault: Fault) -> Option<&'static str> {
    use Fault as F;
    Some(match fault {
        F::ForeignTopic
        | F::EmptyTopic
        | F::TopicAlias
        | F::RetainFlip
        | F::QosZero
        | F::QosTwo
        | F::Redelivery => "a login has no topic: data/*",
        F::Wildcard | F::SharedSubscription | F::SystemTopics => "subscribing comes next",
        F::ForeignConnection | F::ForeignDataNeed | F::UnknownKeys => {
            "a login names the user and the client only"
        }
        F::Oversized | F::BeyondBroker => "its longest field is a client id: huge-client-id",
        F::WrongTypes | F::HugeNumbers | F::NotANumber | F::DeepNesting | F::InvalidUtf8 => {
            "a login is no JSON: truncated says something else altogether"
        }
        F::ClockPast | F::ClockFuture | F::Year9999 => "a login says no time",
        F::OutOfOrder | F::Contradictory => "before the login there is nothing: mid-message",
        F::ForgedToken | F::OtherToken | F::LostAnswer => "tokens are for the facade",
        _ => return None,
    })
}

fn subscribe(fault: Fault) -> Option<Row> {
    use Fault as F;
    Some(match fault {
        F::ForeignTopic | F::Wildcard | F::SharedSubscription | F::SystemTopics => {
            asks(Said::Dropped, ACCEPTED)
        }
        F::EmptyTopic => asks(Said::NotTaken, ACCEPTED),
        F::Duplicate => asks(Said::Yes, ACCEPTED),
        F::RetainFlip
        | F::TopicAlias
        | F::QosZero
        | F::QosTwo
        | F::Redelivery
        | F::Flood
        | F::Parallel
        | F::MidMessage
        | F::HalfOpen => Row::Impossible("a subscription is no message: data/*"),
        F::NeverAnswers | F::Late | F::OutOfOrder | F::Contradictory | F::LostAnswer => {
            Row::Impossible("who does not listen hears nothing: command/never-answers")
        }
        F::AnotherClientId
        | F::WrongPassword
        | F::HugeClientId
        | F::SessionExpiry
        | F::ForeignWill
        | F::ForgedToken
        | F::OtherToken => Row::Impossible("it has logged in already: connect/*"),
        _ => Row::Impossible(no_payload(fault)?),
    })
}

fn no_payload(fault: Fault) -> Option<&'static str> {
    use Fault as F;
    Some(match fault {
        F::ForeignPermission
        | F::ForeignConnection
        | F::ForeignDataNeed
        | F::Oversized
        | F::BeyondBroker
        | F::Truncated
        | F::WrongTypes
        | F::HugeNumbers
        | F::NotANumber
        | F::DeepNesting
        | F::InvalidUtf8
        | F::Empty
        | F::UnknownKeys
        | F::ClockPast
        | F::ClockFuture
        | F::Year9999 => "there is no payload of the home's own",
        _ => return None,
    })
}

/// A home only hears commands: it can ignore them.
const fn command(fault: Fault) -> Row {
    match fault {
        Fault::NeverAnswers => asks(Said::Nothing, ACCEPTED),
        _ => Row::Impossible("a home says nothing to a command"),
    }
}

/// Records and acknowledgements.
fn message(step: Step, fault: Fault) -> Option<Row> {
    use Fault as F;
    let yes = |effect| plays(Said::Yes, effect, ACCEPTED);
    let unreadable = |reason| {
        if step == Step::Data {
            yes(Effect::Unreadable(reason))
        } else {
            yes(Effect::Refused(reason))
        }
    };
    Some(match fault {
        F::ForeignTopic | F::BeyondBroker | F::EmptyTopic | F::TopicAlias => {
            plays(Said::Dropped, Effect::Nothing, ACCEPTED)
        }
        F::ForeignPermission => yes(Effect::Refused("other-permission")),
        F::ForeignConnection => unreadable("other-connection"),
        F::ForeignDataNeed => unreadable("other-data-need"),
        F::Oversized => yes(Effect::Refused("too-large")),
        F::Truncated
        | F::WrongTypes
        | F::HugeNumbers
        | F::NotANumber
        | F::DeepNesting
        | F::InvalidUtf8
        | F::Empty => unreadable("malformed"),
        F::ClockPast => yes(Effect::Refused("too-old")),
        F::ClockFuture | F::Year9999 => yes(Effect::Refused("future")),
        F::UnknownKeys
        | F::Duplicate
        | F::Redelivery
        | F::Parallel
        | F::QosZero
        | F::QosTwo
        | F::RetainFlip => yes(Effect::Stored(1)),
        F::OutOfOrder | F::Contradictory => yes(Effect::Stored(2)),
        F::Flood => yes(Effect::Flooded),
        F::HalfOpen => plays(Said::TakenThenDropped, Effect::StoredOne, ACCEPTED),
        F::MidMessage => plays(Said::Whatever, Effect::Nothing, ACCEPTED),
        F::NeverAnswers => Row::Impossible("nobody waits for data: connect/never-answers"),
        _ => Row::Impossible(no_publish(fault)?),
    })
}

/// The household withdraws, or the home confirms the end.
fn status(step: Step, fault: Fault) -> Option<Row> {
    use Fault as F;
    let is_end = step == Step::Termination;
    let (told, untold) = if is_end {
        (CONFIRMED, WAITING)
    } else {
        (REVOKED, ACCEPTED)
    };
    let taken = |said| plays(said, Effect::Nothing, told);
    let refused = |reason| plays(Said::Yes, Effect::Refused(reason), untold);
    Some(match fault {
        F::ForeignTopic | F::BeyondBroker | F::EmptyTopic | F::TopicAlias => {
            plays(Said::Dropped, Effect::Nothing, untold)
        }
        F::ForeignPermission => refused("other-permission"),
        F::ForeignConnection => refused("other-connection"),
        F::ForeignDataNeed => refused("other-data-need"),
        F::Oversized => refused("too-large"),
        F::Truncated
        | F::WrongTypes
        | F::HugeNumbers
        | F::NotANumber
        | F::DeepNesting
        | F::InvalidUtf8 => refused("malformed"),
        // It only says that what was kept is gone.
        F::Empty => plays(Said::Yes, Effect::Nothing, untold),
        // A household's word is not refused for the clock of its home.
        F::ClockPast | F::ClockFuture | F::Year9999 | F::UnknownKeys => taken(Said::Yes),
        F::Duplicate | F::Redelivery | F::Parallel | F::Flood | F::QosZero | F::QosTwo => {
            // It may be shut out before it has said it again.
            taken(Said::Whatever)
        }
        F::RetainFlip | F::HalfOpen => taken(Said::Whatever),
        F::MidMessage => plays(Said::Whatever, Effect::Nothing, untold),
        F::OutOfOrder if is_end => plays(Said::Whatever, Effect::Refused("status"), CONFIRMED),
        F::OutOfOrder => plays(Said::Yes, Effect::Nothing, ACCEPTED),
        F::Contradictory if is_end => {
            plays(Said::Whatever, Effect::RefusedInTime("status"), CONFIRMED)
        }
        F::Contradictory => plays(Said::Whatever, Effect::Nothing, &["FULFILLED", "REVOKED"]),
        F::NeverAnswers if is_end => plays(Said::Nothing, Effect::Nothing, WAITING),
        F::NeverAnswers => Row::Impossible("a household that does not withdraw does nothing wrong"),
        _ => Row::Impossible(no_publish(fault)?),
    })
}

/// Faults of a login or a subscription, where something is published.
fn no_publish(fault: Fault) -> Option<&'static str> {
    use Fault as F;
    Some(match fault {
        F::AnotherClientId
        | F::WrongPassword
        | F::HugeClientId
        | F::SessionExpiry
        | F::ForeignWill => "it has logged in already: connect/*",
        F::Wildcard | F::SharedSubscription | F::SystemTopics => "it publishes: subscribe/*",
        F::ForgedToken | F::OtherToken => "tokens are for the facade",
        F::LostAnswer => "whose answer is lost says it again: redelivery",
        F::Late => "late is what an old clock says, and what comes after the end: ended/*",
        _ => return None,
    })
}
