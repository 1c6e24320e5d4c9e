//! Why a data need is refused; each error names the field as it stands in the JSON.

use crate::data_need::Direction;
use crate::data_need::duration::{PeriodError, TimeFrameError};
use crate::ids::DataNeedId;
use crate::schedule::ScheduleError;
use crate::schema::Schema;

/// Why a data need is refused.
#[derive(Debug, thiserror::Error)]
pub enum DataNeedError {
    /// Not JSON at all.
    #[error("the data need is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The file is something else.
    #[error("the data needs must be a JSON array of objects")]
    NotArray,
    /// A data need is an object.
    #[error("a data need must be a JSON object")]
    NotObject,
    /// One of an array.
    #[error("data need {number}{}: {source}", .id.map(|id| format!(" ({id})")).unwrap_or_default())]
    In {
        /// Its place in the array, from 1.
        number: usize,
        /// Its id, when that could be read.
        id: Option<DataNeedId>,
        /// What is wrong with it.
        source: Box<DataNeedError>,
    },
    /// Two of an array.
    #[error("the data need {0} is there twice: ids must differ")]
    Twice(DataNeedId),
    /// Another type of data need than those of AIIDA.
    #[error(
        "`type` is {0:?}: this service knows `outbound-aiida` and `inbound-aiida`; take the data need out"
    )]
    UnsupportedType(String),
    /// A field that every home needs.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field that we do not know: perhaps mistyped.
    #[error("`{0}` is no field of a data need: correct or remove it")]
    Unknown(String),
    /// A field of another JSON type.
    #[error("`{field}` must be {expected}")]
    Type {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A text without anything in it.
    #[error("`{0}` must not be blank")]
    Blank(&'static str),
    /// A text or a list that is too long.
    #[error("`{field}` has more than {limit} {of}")]
    Long {
        /// The field.
        field: &'static str,
        /// How much it may have.
        limit: usize,
        /// Of what.
        of: &'static str,
    },
    /// A word that is none of those known.
    #[error("`{field}` says {value:?}: it must be one of {known}")]
    Word {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        known: String,
    },
    /// Something is in a list twice.
    #[error("`{field}` has {value:?} twice")]
    Repeated {
        /// The field.
        field: &'static str,
        /// What is in it twice.
        value: String,
    },
    /// Not a UUID.
    #[error("`id` is no UUID")]
    Id,
    /// Not a web address.
    #[error("`policyLink` must begin with https:// or http://")]
    PolicyLink,
    /// Nothing would flow.
    #[error("`schemas` is empty: name at least one")]
    NoSchema,
    /// A schema that does not flow in this direction.
    #[error("`schemas` has {schema}, which a data need of type {} does not support", .direction.type_name())]
    Schema {
        /// The schema.
        schema: Schema,
        /// The data need's type.
        direction: Direction,
    },
    /// Not an OBIS code.
    #[error("`dataTags` has {0:?}, which is no OBIS code: write it as in `1-0:1.8.0`")]
    DataTag(String),
    /// A schedule that no home would understand.
    #[error("`transmissionSchedule`: {0}")]
    Schedule(#[from] ScheduleError),
    /// Another type of duration.
    #[error("`duration.type` is {0:?}: it must be `relativeDuration` or `absoluteDuration`")]
    DurationType(String),
    /// Not a day.
    #[error("`{field}` says {value:?}: it must be a date as in 2026-01-31")]
    Date {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// Not a period.
    #[error("`{field}`: {source}")]
    Period {
        /// The field.
        field: &'static str,
        /// What is wrong.
        source: PeriodError,
    },
    /// A duration that never holds.
    #[error("`duration`: {0}")]
    Duration(#[from] TimeFrameError),
}
