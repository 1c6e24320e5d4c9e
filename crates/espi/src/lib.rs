//! Green Button (ESPI) documents: bytes in, typed entries out, and back again.
//!
//! Start at [`Reader`], which turns a feed into [`Entry`] values one at a time, then at
//! [`Binder`], which tells which usage point, flow direction and unit each reading belongs to.
//! [`local_time`] decodes daylight saving rules, [`writer`]
//! produces feeds in PG&E's spelling, and [`notification`], [`service_status`] and
//! [`client_token`] read the small documents around them.
//!
//! ```
//! use espi::{Binder, Reader};
//!
//! let feed = br#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">
//!   <entry><content><e:ReadingType><e:uom>72</e:uom></e:ReadingType></content></entry>
//!   <entry><content><e:IntervalBlock><e:IntervalReading>
//!     <e:timePeriod><e:duration>900</e:duration><e:start>1773644400</e:start></e:timePeriod>
//!     <e:value>250</e:value>
//!   </e:IntervalReading></e:IntervalBlock></content></entry>
//! </feed>"#;
//! let mut binder = Binder::new();
//! let mut blocks = Vec::new();
//! for entry in Reader::new(&feed[..]) {
//!     blocks.extend(binder.push(entry?)?);
//! }
//! let bound = binder.finish()?;
//! blocks.extend(bound.blocks);
//! let series = &bound.series[blocks[0].series.index()];
//! assert_eq!(series.unit().map(|unit| unit.symbol()).as_deref(), Some("Wh"));
//! assert_eq!(blocks[0].readings[0].value, 250);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate does no input or output of its own (it reads what it is given) and knows no clock.
//! It depends on no other crate of the workspace; everything else may depend on it.

pub mod authorization;
pub mod binder;
pub mod client_token;
pub mod codes;
pub mod local_time;
pub mod model;
pub mod notification;
pub mod reader;
pub mod scale;
pub mod service_status;
pub mod usage_point_id;
pub mod writer;

mod href;
mod qualities;
mod small;
mod xml;

pub use authorization::{Authorization, AuthorizationStatus, Period};
pub use binder::{BindError, Binder, Bound, BoundBlock, Reading, Series, SeriesIndex};
pub use codes::{
    AccumulationBehaviour, Commodity, FlowDirection, MeasurementKind, ReadingQuality, ServiceKind,
    UnitOfMeasure,
};
pub use model::{
    ApplicationInformation, Content, Customer, Entry, FeedHeader, IntervalBlock, IntervalReading,
    LineItem, Links, MeterReading, ReadingType, SummaryMeasurement, UsagePoint, UsageSummary,
};
pub use qualities::Qualities;
pub use reader::{Limit, Limits, ReadError, ReadErrorKind, Reader};
pub use scale::scaled;
pub use usage_point_id::{UsagePointId, UsagePointIdError};

/// Namespace of Atom elements (RFC 4287).
pub const ATOM: &str = "http://www.w3.org/2005/Atom";
/// Namespace of usage resources (NAESB ESPI).
pub const ESPI: &str = "http://naesb.org/espi";
/// Namespace of customer resources (NAESB ESPI, retail customer schema).
pub const CUSTOMER: &str = "http://naesb.org/espi/customer";
