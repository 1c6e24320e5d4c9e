//! Which home it is: what it reads, what it knows and how it is ended.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A generation of homes, named by the day of its first release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// 2025-11-12: a code for one permission, old schema names, the termination topic.
    November2025,
    /// 2026-02-05 (as of 2026-02-13): a code for several permissions, versioned schema names, the
    /// termination topic.
    February2026,
    /// 2026-06-02: commands.
    June2026,
}

/// A generation that this program does not play.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no generation of homes: use 2025-11-12, 2026-02-05 or 2026-06-02")]
pub struct UnknownGeneration(pub String);

impl Generation {
    /// Every generation, oldest first.
    pub const ALL: [Self; 3] = [Self::November2025, Self::February2026, Self::June2026];

    /// The day of its first release.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::November2025 => "2025-11-12",
            Self::February2026 => "2026-02-05",
            Self::June2026 => "2026-06-02",
        }
    }

    /// Whether its code names one permission by itself, with the address in place.
    pub(crate) const fn scans_single_codes(self) -> bool {
        matches!(self, Self::November2025)
    }

    /// Whether it listens for commands; the others listen on the termination topic.
    pub(crate) const fn takes_commands(self) -> bool {
        matches!(self, Self::June2026)
    }

    /// Whether its raw records name the permission.
    pub(crate) const fn names_permission_in_raw(self) -> bool {
        !matches!(self, Self::November2025)
    }

    /// The schema of that name, when this generation knows it by that name.
    pub(crate) fn schema(self, name: &str) -> Option<Schema> {
        let known = Schema::ALL.into_iter();
        known
            .filter(|schema| self.knows(*schema))
            .find(|schema| schema.name() == name)
    }

    const fn knows(self, schema: Schema) -> bool {
        match schema {
            Schema::Raw => true,
            Schema::Cim => matches!(self, Self::November2025),
            Schema::CimV104
            | Schema::CimV112
            | Schema::MinMaxEnvelope
            | Schema::Opaque
            | Schema::Acknowledgement => !matches!(self, Self::November2025),
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Generation {
    type Err = UnknownGeneration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| UnknownGeneration(text.to_owned()))
    }
}

impl Serialize for Generation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A format of payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schema {
    /// `SMART-METER-P1-RAW`
    Raw,
    /// `SMART-METER-P1-CIM`, the name of version 1.04 until 2026-02-13.
    Cim,
    /// `SMART-METER-P1-CIM-V1-04`
    CimV104,
    /// `SMART-METER-P1-CIM-V1-12`
    CimV112,
    /// `MIN-MAX-ENVELOPE-CIM-V1-12`
    MinMaxEnvelope,
    /// `OPAQUE`
    Opaque,
    /// `ACKNOWLEDGEMENT-CIM-V1-12`, on the acknowledgement topic only.
    Acknowledgement,
}

impl Schema {
    const ALL: [Self; 7] = [
        Self::Raw,
        Self::Cim,
        Self::CimV104,
        Self::CimV112,
        Self::MinMaxEnvelope,
        Self::Opaque,
        Self::Acknowledgement,
    ];

    /// Its name in a data need.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "SMART-METER-P1-RAW",
            Self::Cim => "SMART-METER-P1-CIM",
            Self::CimV104 => "SMART-METER-P1-CIM-V1-04",
            Self::CimV112 => "SMART-METER-P1-CIM-V1-12",
            Self::MinMaxEnvelope => "MIN-MAX-ENVELOPE-CIM-V1-12",
            Self::Opaque => "OPAQUE",
            Self::Acknowledgement => "ACKNOWLEDGEMENT-CIM-V1-12",
        }
    }

    /// The topic below `base` that carries it.
    pub(crate) fn topic_below(self, base: &str) -> String {
        format!("{base}/{}", self.name().to_ascii_lowercase())
    }

    /// The schema whose name ends `topic`.
    pub(crate) fn of_topic(topic: &str) -> Option<Self> {
        let last = topic.rsplit('/').next()?;
        let mut known = Self::ALL.into_iter();
        known.find(|schema| schema.name().to_ascii_lowercase() == last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_known_by_their_day() {
        for generation in Generation::ALL {
            assert_eq!(generation.name().parse(), Ok(generation));
        }
        assert!("2025-09-10".parse::<Generation>().is_err());
    }

    #[test]
    fn each_generation_knows_its_own_schema_names() {
        let old = Generation::November2025;
        assert_eq!(old.schema("SMART-METER-P1-CIM"), Some(Schema::Cim));
        assert_eq!(old.schema("SMART-METER-P1-RAW"), Some(Schema::Raw));
        for name in [
            "SMART-METER-P1-CIM-V1-04",
            "SMART-METER-P1-CIM-V1-12",
            "OPAQUE",
        ] {
            assert_eq!(old.schema(name), None, "{name}");
            for new in [Generation::February2026, Generation::June2026] {
                assert!(new.schema(name).is_some(), "{name}");
                assert_eq!(new.schema("SMART-METER-P1-CIM"), None);
                assert_eq!(new.schema("smart-meter-p1-raw"), None);
            }
        }
    }

    #[test]
    fn topics_end_with_the_name_in_small_letters() {
        let topic = Schema::CimV104.topic_below("aiida/v1/x/data/outbound");
        assert_eq!(topic, "aiida/v1/x/data/outbound/smart-meter-p1-cim-v1-04");
        assert_eq!(Schema::of_topic(&topic), Some(Schema::CimV104));
        assert_eq!(Schema::of_topic("aiida/v1/x/data/inbound/other"), None);
    }
}
