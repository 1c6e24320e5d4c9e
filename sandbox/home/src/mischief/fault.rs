//! What a home does wrong.

use serde::{Serialize, Serializer};

/// A kind of misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A topic of somebody else.
    ForeignTopic,
    /// Somebody else's permission id inside the payload, or in the address.
    ForeignPermission,
    /// Somebody else's connection id inside the payload.
    ForeignConnection,
    /// Another data need's id inside the payload.
    ForeignDataNeed,
    /// More bytes than are taken, and fewer than the broker lets through.
    Oversized,
    /// More bytes than the broker lets through.
    BeyondBroker,
    /// The first half of the payload.
    Truncated,
    /// Lists where texts and numbers belong.
    WrongTypes,
    /// Numbers beyond every range.
    HugeNumbers,
    /// `NaN` where values belong.
    NotANumber,
    /// Thousands of lists in each other.
    DeepNesting,
    /// Bytes that are no text.
    InvalidUtf8,
    /// No payload.
    Empty,
    /// Keys that nobody knows.
    UnknownKeys,
    /// A clock that is years behind.
    ClockPast,
    /// A clock that is a day ahead.
    ClockFuture,
    /// A clock at the end of time.
    Year9999,
    /// The same once more.
    Duplicate,
    /// The same once more, marked as sent before, on a connection that knows no session.
    Redelivery,
    /// The same twice at the same moment.
    Parallel,
    /// Hundreds of them as fast as they are taken.
    Flood,
    /// Not in the order of things.
    OutOfOrder,
    /// One thing and its opposite.
    Contradictory,
    /// It does nothing.
    NeverAnswers,
    /// Long after its time.
    Late,
    /// A token that nobody has signed.
    ForgedToken,
    /// The token of another code.
    OtherToken,
    /// It does not get the answer, and asks again.
    LostAnswer,
    /// The client id of somebody else.
    AnotherClientId,
    /// A wrong password.
    WrongPassword,
    /// The longest client id there can be.
    HugeClientId,
    /// A session that is never to end.
    SessionExpiry,
    /// A last will on a topic of somebody else.
    ForeignWill,
    /// It goes silent and keeps the connection.
    HalfOpen,
    /// It is cut off in the middle of a message.
    MidMessage,
    /// Sent at most once.
    QosZero,
    /// Sent exactly once.
    QosTwo,
    /// Kept by the broker where it should not be, or the other way round.
    RetainFlip,
    /// No topic.
    EmptyTopic,
    /// A topic alias beyond what the broker allows.
    TopicAlias,
    /// It listens to everything.
    Wildcard,
    /// It joins the eligible party's group.
    SharedSubscription,
    /// It listens to the broker's own topics.
    SystemTopics,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 43] = [
        Self::ForeignTopic,
        Self::ForeignPermission,
        Self::ForeignConnection,
        Self::ForeignDataNeed,
        Self::Oversized,
        Self::BeyondBroker,
        Self::Truncated,
        Self::WrongTypes,
        Self::HugeNumbers,
        Self::NotANumber,
        Self::DeepNesting,
        Self::InvalidUtf8,
        Self::Empty,
        Self::UnknownKeys,
        Self::ClockPast,
        Self::ClockFuture,
        Self::Year9999,
        Self::Duplicate,
        Self::Redelivery,
        Self::Parallel,
        Self::Flood,
        Self::OutOfOrder,
        Self::Contradictory,
        Self::NeverAnswers,
        Self::Late,
        Self::ForgedToken,
        Self::OtherToken,
        Self::LostAnswer,
        Self::AnotherClientId,
        Self::WrongPassword,
        Self::HugeClientId,
        Self::SessionExpiry,
        Self::ForeignWill,
        Self::HalfOpen,
        Self::MidMessage,
        Self::QosZero,
        Self::QosTwo,
        Self::RetainFlip,
        Self::EmptyTopic,
        Self::TopicAlias,
        Self::Wildcard,
        Self::SharedSubscription,
        Self::SystemTopics,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForeignTopic => "foreign-topic",
            Self::ForeignPermission => "foreign-permission",
            Self::ForeignConnection => "foreign-connection",
            Self::ForeignDataNeed => "foreign-data-need",
            Self::Oversized => "oversized",
            Self::BeyondBroker => "beyond-broker",
            Self::Truncated => "truncated",
            Self::WrongTypes => "wrong-types",
            Self::HugeNumbers => "huge-numbers",
            Self::NotANumber => "not-a-number",
            Self::DeepNesting => "deep-nesting",
            Self::InvalidUtf8 => "invalid-utf-8",
            Self::Empty => "empty",
            Self::UnknownKeys => "unknown-keys",
            Self::ClockPast => "clock-past",
            Self::ClockFuture => "clock-future",
            Self::Year9999 => "year-9999",
            Self::Duplicate => "duplicate",
            Self::Redelivery => "redelivery",
            Self::Parallel => "parallel",
            Self::Flood => "flood",
            Self::OutOfOrder => "out-of-order",
            Self::Contradictory => "contradictory",
            Self::NeverAnswers => "never-answers",
            Self::Late => "late",
            Self::ForgedToken => "forged-token",
            Self::OtherToken => "other-token",
            Self::LostAnswer => "lost-answer",
            Self::AnotherClientId => "another-client-id",
            Self::WrongPassword => "wrong-password",
            Self::HugeClientId => "huge-client-id",
            Self::SessionExpiry => "session-expiry",
            Self::ForeignWill => "foreign-will",
            Self::HalfOpen => "half-open",
            Self::MidMessage => "mid-message",
            Self::QosZero => "qos-zero",
            Self::QosTwo => "qos-two",
            Self::RetainFlip => "retain-flip",
            Self::EmptyTopic => "empty-topic",
            Self::TopicAlias => "topic-alias",
            Self::Wildcard => "wildcard",
            Self::SharedSubscription => "shared-subscription",
            Self::SystemTopics => "system-topics",
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
