//! What the tests of this crate share: ids, and a data need to change.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "each test file uses a part of it, and tests fail loudly"
)]

use permission::{BundleId, DataNeed, PermissionId};
use serde_json::{Value, json};

pub(crate) const PERMISSION: &str = "0f8b2c1e-52d7-4a3b-9c64-1de0a7f5b3c2";
pub(crate) const OTHER: &str = "7a1d9e40-03bc-4f6e-8b7a-5c2f4e6d8a90";
pub(crate) const REQUEST: &str = "3c5e7a90-1b2d-4c6f-a8e1-9d0b2f4a6c8e";
pub(crate) const NEED: &str = "5dc71d7e-e8cd-4403-a3a8-d3c095c97a84";

pub(crate) fn permission() -> PermissionId {
    PERMISSION.parse().unwrap()
}

pub(crate) fn other() -> PermissionId {
    OTHER.parse().unwrap()
}

pub(crate) fn request() -> BundleId {
    REQUEST.parse().unwrap()
}

/// An outbound data need with every field.
pub(crate) fn document() -> Value {
    json!({
        "type": "outbound-aiida",
        "id": NEED,
        "name": "Live consumption",
        "description": "What the house draws, every five seconds",
        "purpose": "Show the household what it draws",
        "policyLink": "https://example.org/policy",
        "enabled": true,
        "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
        "transmissionSchedule": "*/5 * * * * *",
        "allowedPermissionCommands": ["UPDATE_TRANSMISSION_SCHEDULE"],
        "acknowledgementRequired": false,
        "schemas": ["SMART-METER-P1-RAW", "SMART-METER-P1-CIM-V1-04"],
        "asset": "CONNECTION-AGREEMENT-POINT",
        "dataTags": ["1-0:1.7.0", "1-0:1.8.0"],
        "contexts": []
    })
}

/// The document with other fields; null takes a field out.
pub(crate) fn with(changes: Value) -> Value {
    let mut document = document();
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(key);
        } else {
            document[key] = value.clone();
        }
    }
    document
}

pub(crate) fn need(changes: Value) -> DataNeed {
    DataNeed::from_value(with(changes)).unwrap()
}

pub(crate) fn outbound() -> DataNeed {
    need(json!({}))
}

pub(crate) fn inbound() -> DataNeed {
    need(json!({
        "type": "inbound-aiida",
        "schemas": ["MIN-MAX-ENVELOPE-CIM-V1-12", "OPAQUE"],
        "acknowledgementRequired": true,
        "dataTags": null
    }))
}

/// A raw record of four values, two of them readings.
pub(crate) fn raw(timestamp: &Value) -> Value {
    json!({
        "timestamp": timestamp,
        "permissionId": PERMISSION,
        "userId": OTHER,
        "dataSourceId": NEED,
        "asset": "CONNECTION-AGREEMENT-POINT",
        "meterId": null,
        "operatorId": null,
        "values": [
            value("1-0:1.7.0", &json!("995"), "kW"),
            value("1-0:1.8.0", &json!("12345678.901234567890"), "kWh"),
            value("0-0:96.1.0", &json!("90296857"), "none"),
            value("UNKNOWN", &json!("3"), "unknown"),
        ]
    })
}

/// A value of a raw record.
pub(crate) fn value(tag: &str, value: &Value, unit: &str) -> Value {
    json!({
        "rawTag": "meter's own", "dataTag": tag, "rawValue": value, "rawUnitOfMeasurement": unit,
        "value": value, "unitOfMeasurement": unit
    })
}

/// A near-real-time document of v1.12.
pub(crate) fn nested(quantities: &Value) -> Value {
    json!({
        "MessageDocumentHeader": {
            "creationDateTime": "2026-06-03T10:00:01Z",
            "MetaInformation": {
                "connectionId": "customer-17", "requestPermissionId": PERMISSION, "dataNeedId": NEED,
                "documentType": "near-real-time-market-document", "finalCustomerId": OTHER,
                "dataSourceId": OTHER, "regionConnector": "aiida", "regionCountry": "AT",
                "Asset": {"type": "CONNECTION-AGREEMENT-POINT", "operatorId": null, "meterId": "1"}
            }
        },
        "MarketDocument": {
            "mRID": OTHER, "createdDateTime": "2026-06-03T10:00:01Z",
            "TimeSeries": [{
                "version": "1.0", "dateAndOrTime.dateTime": "2026-06-03T10:00:00Z",
                "Quantity": quantities,
                "registeredResource.mRID": {"value": OTHER, "codingScheme": "NAT"}
            }]
        }
    })
}
