//! Payloads: what a reading, or an answer to inbound data, looks like on the wire in each schema.

mod acknowledgement;
mod cim;
mod envelope;
mod opaque;
mod quantity;
mod raw;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use uuid::Uuid;

use crate::meter::Reading;
use crate::{Generation, Schema, TimeStyle};

pub(crate) use acknowledgement::acknowledge;

/// What every document of one permission says about where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) generation: Generation,
    pub(crate) times: TimeStyle,
    pub(crate) permission: Uuid,
    pub(crate) connection: String,
    pub(crate) data_need: Uuid,
    /// The gateway: CIM calls it the final customer.
    pub(crate) aiida: Uuid,
    pub(crate) user: Uuid,
    pub(crate) source: Uuid,
    pub(crate) asset: String,
    pub(crate) meter: Option<String>,
    /// OBIS codes that the need asks for.
    pub(crate) tags: Vec<String>,
}

/// The country in which the made-up homes stand; its meters are numbered nationally.
const COUNTRY: &str = "AT";

/// Writes a reading in `schema`; `document` is the id of the new document.
pub(crate) fn write(
    schema: Schema,
    origin: &Origin,
    reading: &Reading,
    document: Uuid,
) -> serde_json::Result<Vec<u8>> {
    match schema {
        Schema::Raw => raw::write(origin, reading),
        Schema::Cim | Schema::CimV104 => cim::write_v1_04(origin, reading, document),
        Schema::CimV112 => cim::write_v1_12(origin, reading, document),
        Schema::Opaque => opaque::write(origin, reading, document),
        // An acknowledgement is nothing a meter says; a need that lists it gets envelopes.
        Schema::MinMaxEnvelope | Schema::Acknowledgement => {
            envelope::write(origin, reading, document)
        }
    }
}

/// The header of CIM 1.12 documents of any type.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "creationDateTime")]
    created: Timestamp,
    #[serde(rename = "MetaInformation")]
    meta: MetaInformation<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaInformation<'a> {
    connection_id: &'a str,
    request_permission_id: Uuid,
    data_need_id: Uuid,
    document_type: &'static str,
    final_customer_id: Uuid,
    data_source_id: Uuid,
    region_connector: &'static str,
    region_country: &'static str,
    #[serde(rename = "Asset")]
    asset: Asset<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asset<'a> {
    r#type: &'a str,
    operator_id: Option<&'a str>,
    meter_id: Option<&'a str>,
}

impl Origin {
    fn header(&self, created: Timestamp, document_type: &'static str) -> Header<'_> {
        Header {
            created,
            meta: MetaInformation {
                connection_id: &self.connection,
                request_permission_id: self.permission,
                data_need_id: self.data_need,
                document_type,
                final_customer_id: self.aiida,
                data_source_id: self.source,
                region_connector: "aiida",
                region_country: COUNTRY,
                asset: Asset {
                    r#type: &self.asset,
                    operator_id: None,
                    meter_id: self.meter.as_deref(),
                },
            },
        }
    }
}

/// The instant cut to whole seconds, as CIM 1.04 writes it.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The UTC day of an instant.
pub(crate) fn utc_day(time: Timestamp) -> jiff::civil::Date {
    time.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests;
