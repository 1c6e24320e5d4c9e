//! MIN-MAX-ENVELOPE-CIM-V1-12: the limits between which a home may use power.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Header, Origin};
use crate::meter::Reading;

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "MessageDocumentHeader")]
    header: Header<'a>,
    #[serde(rename = "MarketDocument")]
    document: Document,
}

#[derive(Serialize)]
struct Document {
    #[serde(rename = "mRID")]
    id: Uuid,
    #[serde(rename = "revisionNumber")]
    revision: &'static str,
    #[serde(rename = "createdDateTime")]
    created: Timestamp,
    #[serde(rename = "TimeSeries_Series")]
    series: [Series; 1],
}

#[derive(Serialize)]
struct Series {
    #[serde(rename = "mRID")]
    id: Uuid,
    #[serde(rename = "Period")]
    periods: [Period; 1],
}

#[derive(Serialize)]
struct Period {
    resolution: &'static str,
    #[serde(rename = "Point")]
    points: [Point; 1],
}

#[derive(Serialize)]
struct Point {
    position: u8,
    #[serde(rename = "min_Quantity.quantity")]
    min: u8,
    #[serde(rename = "max_Quantity.quantity")]
    max: u8,
}

pub(super) fn write(
    origin: &Origin,
    reading: &Reading,
    document: Uuid,
) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Envelope {
        header: origin.header(reading.at, "min-max-envelope-market-document"),
        document: Document {
            id: document,
            revision: "1",
            created: reading.at,
            series: [Series {
                id: origin.source,
                periods: [Period {
                    resolution: "PT15M",
                    points: [Point {
                        position: 1,
                        min: 0,
                        max: 11,
                    }],
                }],
            }],
        },
    })
}
