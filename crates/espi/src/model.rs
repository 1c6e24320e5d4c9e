//! What the entries of a feed hold, as ESPI's schema names it. Plain data: the reader fills it,
//! the writer writes it, the binder interprets it.

use crate::authorization::Authorization;
use crate::authorization::Period;
use crate::codes::{
    AccumulationBehaviour, Commodity, FlowDirection, MeasurementKind, ServiceKind, UnitOfMeasure,
};
use crate::local_time::LocalTimeParameters;
use crate::qualities::Qualities;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What stands at the top of a feed, before its entries. All empty for a single entry document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedHeader {
    /// Atom id of the feed.
    pub id: String,
    /// Title, when there is one.
    pub title: Option<String>,
    /// When the feed was made.
    pub updated: Option<Timestamp>,
    /// The feed's own links.
    pub links: Links,
}

/// Links of an entry or a feed, as written (not decoded, not resolved).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// `rel="self"`. May hold thousands commas (`…/UsageSummary/1,436,684,400,000`).
    pub self_href: Option<String>,
    /// Every `rel="up"`, in document order.
    pub up: Vec<String>,
    /// Every `rel="related"`, in document order.
    pub related: Vec<String>,
}

/// One Atom entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Atom id, as written. Some custodians give several entries the same one.
    pub id: String,
    /// Title; `None` when absent or empty.
    pub title: Option<String>,
    /// Links by relation.
    pub links: Links,
    /// When the custodian published this; a time without offset is taken as UTC.
    pub published: Option<Timestamp>,
    /// When it was last changed; a time without offset is taken as UTC.
    pub updated: Option<Timestamp>,
    /// The resource in the entry.
    pub content: Content,
    /// Byte offset of the entry's start tag in the document. The writer ignores it.
    pub offset: u64,
}

/// The resource an entry holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// A service agreement.
    UsagePoint(UsagePoint),
    /// A series of readings of a usage point.
    MeterReading(MeterReading),
    /// What the values of a series mean.
    ReadingType(ReadingType),
    /// One or more blocks of readings.
    IntervalBlocks(Vec<IntervalBlock>),
    /// Offset and daylight saving rules.
    LocalTimeParameters(LocalTimeParameters),
    /// A billing summary.
    UsageSummary(UsageSummary),
    /// A customer's authorization.
    Authorization(Authorization),
    /// What the custodian knows about the third party.
    ApplicationInformation(ApplicationInformation),
    /// A customer's name (customer namespace).
    Customer(Customer),
    /// A resource that is known to exist but not read further.
    Other {
        /// Namespace URI, empty for none.
        namespace: String,
        /// Local name.
        name: String,
    },
    /// No content.
    #[default]
    Empty,
}

impl Content {
    /// The resource's element name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::UsagePoint(_) => "UsagePoint",
            Self::MeterReading(_) => "MeterReading",
            Self::ReadingType(_) => "ReadingType",
            Self::IntervalBlocks(_) => "IntervalBlock",
            Self::LocalTimeParameters(_) => "LocalTimeParameters",
            Self::UsageSummary(_) => "UsageSummary",
            Self::Authorization(_) => "Authorization",
            Self::ApplicationInformation(_) => "ApplicationInformation",
            Self::Customer(_) => "Customer",
            Self::Other { name, .. } => name,
            Self::Empty => "empty",
        }
    }
}

/// A usage point: one service agreement of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsagePoint {
    /// `ServiceCategory/kind`; `None` when absent, empty or no number.
    pub service_kind: Option<ServiceKind>,
    /// 0 off, 1 on, as the custodian means it.
    pub status: Option<u16>,
    /// Raw role flags (hexadecimal text).
    pub role_flags: Option<String>,
    /// `ServiceDeliveryPoint/name`.
    pub service_delivery_point: Option<String>,
    /// `ServiceDeliveryPoint/tariffProfile`.
    pub tariff_profile: Option<String>,
    /// Read cycle letter.
    pub read_cycle: Option<String>,
}

/// A meter reading: it has no fields of its own, its links do the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeterReading;

/// What the values of a series mean. Every field is `None` when absent, empty or no number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadingType {
    /// Amount of the interval (4) or a register (1, 2, 3).
    pub accumulation_behaviour: Option<AccumulationBehaviour>,
    /// What is metered.
    pub commodity: Option<Commodity>,
    /// Consumption tier of all readings.
    pub consumption_tier: Option<u16>,
    /// ISO 4217 number of the currency of costs (840 = USD).
    pub currency: Option<u16>,
    /// Data qualifier (12 normal).
    pub data_qualifier: Option<u16>,
    /// Quality of readings that state none.
    pub default_quality: Option<u16>,
    /// Which way the commodity flows.
    pub flow_direction: Option<FlowDirection>,
    /// Seconds between readings.
    pub interval_length: Option<u32>,
    /// What is measured.
    pub kind: Option<MeasurementKind>,
    /// Phase code (769 is split phase).
    pub phase: Option<u16>,
    /// A value means `value × 10^multiplier`; absent means 0.
    pub power_of_ten_multiplier: Option<i8>,
    /// Time attribute.
    pub time_attribute: Option<u16>,
    /// Time-of-use bucket of all readings.
    pub tou: Option<u16>,
    /// Unit of values.
    pub uom: Option<UnitOfMeasure>,
    /// Critical peak period of all readings.
    pub cpp: Option<u16>,
    /// Measuring period code (2 fifteen minutes, 7 sixty minutes).
    pub measuring_period: Option<u16>,
}

impl ReadingType {
    /// The multiplier to use: what is stated, or 0.
    #[must_use]
    pub fn multiplier(&self) -> i8 {
        self.power_of_ten_multiplier.unwrap_or(0)
    }

    /// Whether values are register readings, which must never be summed.
    #[must_use]
    pub fn is_register(&self) -> bool {
        self.accumulation_behaviour
            .is_some_and(AccumulationBehaviour::is_register)
    }
}

/// A block of readings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntervalBlock {
    /// Start of the block. A fraction of a second is cut off.
    pub start: Option<Timestamp>,
    /// Length of the block in seconds.
    pub duration: Option<u32>,
    /// Readings in document order.
    pub readings: Vec<IntervalReading>,
}

/// One reading as written; [`crate::Binder`] fills in what a missing `timePeriod` leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntervalReading {
    /// Start, when stated. A fraction of a second is cut off.
    pub start: Option<Timestamp>,
    /// Length in seconds, when stated.
    pub duration: Option<u32>,
    /// The value before the multiplier; 48 bits, may be negative.
    pub value: i64,
    /// Quality codes.
    pub quality: Qualities,
    /// Time-of-use bucket.
    pub tou: Option<u16>,
    /// Critical peak period.
    pub cpp: Option<u16>,
    /// Cost in 1/100000 of the currency; may be negative.
    pub cost: Option<i64>,
    /// Consumption tier.
    pub consumption_tier: Option<u16>,
}

/// A measurement in a summary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SummaryMeasurement {
    /// Power of ten of the value.
    pub power_of_ten_multiplier: Option<i8>,
    /// When it was taken.
    pub time_stamp: Option<Timestamp>,
    /// Unit of the value.
    pub uom: Option<UnitOfMeasure>,
    /// The value before the multiplier.
    pub value: Option<i64>,
    /// Link to the reading type.
    pub reading_type_ref: Option<String>,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineItem {
    /// Amount in 1/100000 of the currency.
    pub amount: Option<i64>,
    /// What it is for.
    pub note: Option<String>,
    /// What was measured for it.
    pub measurement: Option<SummaryMeasurement>,
    /// Kind of item.
    pub item_kind: Option<u16>,
}

/// A billing summary of a usage point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageSummary {
    /// The billing period.
    pub billing_period: Option<Period>,
    /// Last bill in 1/100000 of the currency.
    pub bill_last_period: Option<i64>,
    /// Bill to date in 1/100000 of the currency.
    pub bill_to_date: Option<i64>,
    /// Lines of the last bill.
    pub cost_additional_detail_last_period: Vec<LineItem>,
    /// ISO 4217 number of the currency.
    pub currency: Option<u16>,
    /// Consumption of the last period.
    pub overall_consumption_last_period: Option<SummaryMeasurement>,
    /// Consumption of the current period.
    pub current_billing_period_overall_consumption: Option<SummaryMeasurement>,
    /// Quality code.
    pub quality_of_reading: Option<u16>,
    /// When this was true (PG&E writes milliseconds, others seconds: told apart by magnitude).
    pub status_time_stamp: Option<Timestamp>,
    /// What is metered.
    pub commodity: Option<Commodity>,
    /// Tariff name.
    pub tariff_profile: Option<String>,
    /// Read cycle letter.
    pub read_cycle: Option<String>,
}

/// A customer, from the customer namespace.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Customer {
    /// The customer's name, as written. Personal: never log it.
    pub name: Option<String>,
}

impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A name must not reach a log by way of {:?}.
        f.debug_struct("Customer")
            .field("name", &self.name.as_ref().map(|_| "…"))
            .finish()
    }
}

/// What the custodian knows about the third party. Secrets in it are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplicationInformation {
    /// The custodian's short name (`PGE`).
    pub data_custodian_id: Option<String>,
    /// Status code of the application at the custodian.
    pub data_custodian_application_status: Option<u16>,
    /// Where notifications go.
    pub third_party_notify_uri: Option<String>,
    /// Authorization endpoint.
    pub authorization_endpoint: Option<String>,
    /// Token endpoint.
    pub token_endpoint: Option<String>,
    /// Bulk request URI.
    pub bulk_request_uri: Option<String>,
    /// Base of the resources.
    pub resource_endpoint: Option<String>,
    /// Public id of the client.
    pub client_id: Option<String>,
    /// Name of the client.
    pub client_name: Option<String>,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Scopes on offer.
    pub scopes: Vec<String>,
}
