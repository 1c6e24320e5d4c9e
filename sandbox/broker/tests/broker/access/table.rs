//! Who may do what: each kind of permission against every topic that it could try.
//!
//! `{me}` is `aiida/v1/` and the permission's id, `{other}` the same of another permission, which is
//! granted the whole time and has a home with all rights.

/// What a home tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Publishes to the topic.
    Publish,
    /// Publishes to the topic, to be retained.
    Retain,
    /// Leaves a will for the topic and dies.
    Will,
    /// Subscribes to the topic or filter; the party then publishes to the second topic.
    Subscribe(&'static str),
}

/// An attempt, the topic, and whether a message gets through while the permission is granted.
pub(super) type Row = (Attempt, &'static str, bool);

use Attempt::{Publish, Retain, Subscribe, Will};

const YES: bool = true;
const NO: bool = false;

/// The kinds of permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Outbound,
    Inbound,
    Acknowledging,
}

impl Kind {
    /// Everything that a home with such a permission could try.
    pub(super) fn rows(self) -> Vec<Row> {
        let own: &[Row] = match self {
            Self::Outbound => OUTBOUND,
            Self::Inbound => INBOUND,
            Self::Acknowledging => ACKNOWLEDGING,
        };
        [own, ALL].concat()
    }
}

const OUTBOUND: &[Row] = &[
    (Publish, "{me}/data/outbound/smart-meter-p1-raw", YES),
    (Publish, "{me}/data/outbound/another-schema", YES),
    (Will, "{me}/data/outbound/smart-meter-p1-raw", YES),
    (Retain, "{me}/data/outbound/smart-meter-p1-raw", YES),
    (Retain, "{me}/data/outbound", NO),
    (Publish, "$delayed/0/{me}/data/outbound/opaque", NO),
    (Publish, "{me}/data/outbound", NO),
    (Publish, "{me}/data/outbound/a/b", NO),
    (Publish, "{me}/data/inbound/opaque", NO),
    (
        Publish,
        "{me}/acknowledgement/acknowledgement-cim-v1-12",
        NO,
    ),
    (
        Subscribe("{me}/data/inbound/opaque"),
        "{me}/data/inbound/+",
        NO,
    ),
    (
        Subscribe("{me}/data/inbound/opaque"),
        "{me}/data/inbound/opaque",
        NO,
    ),
];

const INBOUND: &[Row] = &[
    (
        Subscribe("{me}/data/inbound/opaque"),
        "{me}/data/inbound/+",
        YES,
    ),
    (
        Subscribe("{me}/data/inbound/opaque"),
        "{me}/data/inbound/opaque",
        YES,
    ),
    // The hole of EMQX: `+` in a rule lets `#` through.
    (
        Subscribe("{me}/data/inbound/opaque"),
        "{me}/data/inbound/#",
        NO,
    ),
    (
        Subscribe("{me}/data/inbound/a/b"),
        "{me}/data/inbound/a/b",
        NO,
    ),
    (
        Subscribe("{me}/data/inbound/opaque"),
        "$share/g/{me}/data/inbound/+",
        NO,
    ),
    (Publish, "{me}/data/inbound/opaque", NO),
    (Publish, "{me}/data/outbound/opaque", NO),
    (
        Publish,
        "{me}/acknowledgement/acknowledgement-cim-v1-12",
        NO,
    ),
    (Will, "{me}/data/inbound/opaque", NO),
];

const ACKNOWLEDGING: &[Row] = &[
    (
        Publish,
        "{me}/acknowledgement/acknowledgement-cim-v1-12",
        YES,
    ),
    (Publish, "{me}/acknowledgement", NO),
    (Publish, "{me}/acknowledgement/a/b", NO),
    (Publish, "{me}/data/outbound/opaque", YES),
    (
        Subscribe("{me}/acknowledgement/acknowledgement-cim-v1-12"),
        "{me}/acknowledgement/+",
        NO,
    ),
];

/// The same for every kind.
const ALL: &[Row] = &[
    (Publish, "{me}/status", YES),
    (Retain, "{me}/status", YES),
    (Retain, "{me}/command/TERMINATE", NO),
    (Retain, "{other}/status", NO),
    // EMQX would allow it as the topic after it and publish it later, also after the home was shut out: off there.
    (Publish, "$delayed/0/{me}/status", NO),
    (Publish, "$delayed/5/{me}/status", NO),
    (Retain, "$delayed/5/{me}/status", NO),
    (Will, "{me}/status", YES),
    (Publish, "{me}/status/x", NO),
    (Publish, "{me}", NO),
    (Publish, "{me}/command/TERMINATE", NO),
    (Will, "{me}/command/TERMINATE", NO),
    (Publish, "{me}/termination", NO),
    (Publish, "another/topic", NO),
    (Publish, "$SYS/brokers", NO),
    (Publish, "{other}/status", NO),
    (Will, "{other}/status", NO),
    (Publish, "{other}/data/outbound/smart-meter-p1-raw", NO),
    (Publish, "{other}/command/TERMINATE", NO),
    (Subscribe("{me}/command/TERMINATE"), "{me}/command/+", YES),
    (
        Subscribe("{me}/command/TERMINATE"),
        "{me}/command/TERMINATE",
        YES,
    ),
    (Subscribe("{me}/command/TERMINATE"), "{me}/command/#", NO),
    (
        Subscribe("{me}/command/TERMINATE"),
        "$share/g/{me}/command/+",
        NO,
    ),
    (
        Subscribe("{me}/command/TERMINATE"),
        "$queue/{me}/command/+",
        NO,
    ),
    (Subscribe("{me}/termination"), "{me}/termination", YES),
    (Subscribe("{me}/termination"), "{me}/termination/#", NO),
    (Subscribe("{me}/termination"), "{me}/+", NO),
    (Subscribe("{me}/status"), "{me}/status", NO),
    (Subscribe("{me}/status"), "{me}/#", NO),
    (
        Subscribe("{me}/data/outbound/opaque"),
        "{me}/data/outbound/+",
        NO,
    ),
    (Subscribe("another/topic"), "#", NO),
    (Subscribe("another/topic"), "+/+", NO),
    (Subscribe("{me}/command/TERMINATE"), "+/+/+/command/+", NO),
    (
        Subscribe("{other}/command/TERMINATE"),
        "aiida/v1/+/command/+",
        NO,
    ),
    (
        Subscribe("{other}/command/TERMINATE"),
        "{other}/command/+",
        NO,
    ),
    (Subscribe("{other}/termination"), "{other}/termination", NO),
    (Subscribe("{other}/status"), "aiida/#", NO),
    (
        Subscribe("{other}/status"),
        "$share/metergate/aiida/v1/+/status",
        NO,
    ),
    (Subscribe("$SYS/brokers/uptime"), "$SYS/#", NO),
];
