//! CIM near-real-time documents: 1.04 with flat dotted keys and whole seconds, 1.12 nested.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::quantity::{Quantity, V1_04, V1_12, quantities};
use super::{COUNTRY, Header, Origin, whole_seconds};
use crate::meter::Reading;

const DOCUMENT_TYPE: &str = "near-real-time-market-document";

#[derive(Serialize)]
struct MarketDocument {
    #[serde(rename = "mRID")]
    id: Uuid,
    #[serde(rename = "createdDateTime")]
    created: Timestamp,
    #[serde(rename = "TimeSeries")]
    series: [TimeSeries; 1],
}

#[derive(Serialize)]
struct TimeSeries {
    version: &'static str,
    #[serde(rename = "dateAndOrTime.dateTime")]
    at: Timestamp,
    #[serde(rename = "Quantity")]
    quantities: Vec<Quantity>,
    #[serde(rename = "registeredResource.mRID")]
    resource: Resource,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    value: Uuid,
    coding_scheme: &'static str,
}

fn market_document(
    origin: &Origin,
    document: Uuid,
    at: Timestamp,
    quantities: Vec<Quantity>,
) -> MarketDocument {
    MarketDocument {
        id: document,
        created: at,
        series: [TimeSeries {
            version: "1.0",
            at,
            quantities,
            resource: Resource {
                value: origin.source,
                coding_scheme: "NAT",
            },
        }],
    }
}

#[derive(Serialize)]
struct Flat<'a> {
    #[serde(rename = "messageDocumentHeader.creationDateTime")]
    created: Timestamp,
    #[serde(rename = "messageDocumentHeader.metaInformation.connectionId")]
    connection: &'a str,
    #[serde(rename = "messageDocumentHeader.metaInformation.dataNeedId")]
    data_need: Uuid,
    #[serde(rename = "messageDocumentHeader.metaInformation.documentType")]
    document_type: &'static str,
    #[serde(rename = "messageDocumentHeader.metaInformation.permissionId")]
    permission: Uuid,
    #[serde(rename = "messageDocumentHeader.metaInformation.finalCustomerId")]
    aiida: Uuid,
    #[serde(rename = "messageDocumentHeader.metaInformation.asset")]
    asset: &'a str,
    #[serde(rename = "messageDocumentHeader.metaInformation.dataSourceId")]
    source: Uuid,
    #[serde(rename = "messageDocumentHeader.metaInformation.region.connector")]
    connector: &'static str,
    #[serde(rename = "messageDocumentHeader.metaInformation.region.country")]
    country: &'static str,
    #[serde(rename = "MarketDocument")]
    document: MarketDocument,
}

pub(super) fn write_v1_04(
    origin: &Origin,
    reading: &Reading,
    document: Uuid,
) -> serde_json::Result<Vec<u8>> {
    let at = whole_seconds(reading.at);
    let quantities = quantities(reading, &origin.tags, &[V1_04])?;
    serde_json::to_vec(&Flat {
        created: at,
        connection: &origin.connection,
        data_need: origin.data_need,
        document_type: DOCUMENT_TYPE,
        permission: origin.permission,
        aiida: origin.aiida,
        asset: &origin.asset,
        source: origin.source,
        connector: "aiida",
        country: COUNTRY,
        document: market_document(origin, document, at, quantities),
    })
}

#[derive(Serialize)]
struct Nested<'a> {
    #[serde(rename = "MessageDocumentHeader")]
    header: Header<'a>,
    #[serde(rename = "MarketDocument")]
    document: MarketDocument,
}

pub(super) fn write_v1_12(
    origin: &Origin,
    reading: &Reading,
    document: Uuid,
) -> serde_json::Result<Vec<u8>> {
    let quantities = quantities(reading, &origin.tags, &[V1_04, V1_12])?;
    serde_json::to_vec(&Nested {
        header: origin.header(reading.at, DOCUMENT_TYPE),
        document: market_document(origin, document, reading.at, quantities),
    })
}
