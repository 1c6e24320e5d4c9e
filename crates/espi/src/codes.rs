//! Numeric codes of ESPI as enums. A code that is not in the list is kept as `Other`, so that
//! nothing a custodian says is lost; `code()` gives back exactly what `from_code()` was given.

use serde::{Deserialize, Serialize};

macro_rules! code_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "u16", into = "u16")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// Any code without a name here.
            Other(u16),
        }

        impl $name {
            /// The value for a code; codes without a name become `Other`.
            #[must_use]
            pub const fn from_code(code: u16) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    other => Self::Other(other),
                }
            }

            /// The code as ESPI writes it.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(code) => code,
                }
            }
        }

        impl From<u16> for $name {
            fn from(code: u16) -> Self {
                Self::from_code(code)
            }
        }

        impl From<$name> for u16 {
            fn from(value: $name) -> Self {
                value.code()
            }
        }
    };
}

code_enum! {
    /// Which way the commodity flows (`flowDirection`).
    FlowDirection {
        /// Not applicable.
        None = 0,
        /// Delivered to the customer from the grid.
        Delivered = 1,
        /// Delivered minus received.
        Net = 4,
        /// Received from the customer: fed back into the grid.
        Received = 19,
        /// Delivered plus received.
        Total = 20,
    }
}

code_enum! {
    /// Unit of a value (`uom`).
    UnitOfMeasure {
        /// No unit.
        None = 0,
        /// Watt.
        Watt = 38,
        /// Cubic metre.
        CubicMetre = 42,
        /// Volt-ampere.
        VoltAmpere = 61,
        /// Volt-ampere reactive.
        Var = 63,
        /// Watt-hour.
        WattHour = 72,
        /// Volt-ampere reactive hour.
        VarHour = 73,
        /// Cubic foot.
        CubicFoot = 119,
        /// US gallon.
        UsGallon = 128,
        /// British thermal unit.
        Btu = 132,
        /// Litre.
        Litre = 134,
        /// Therm.
        Therm = 169,
    }
}

impl UnitOfMeasure {
    /// The usual symbol, for tables and columns: `Wh`, `therm`, `m3`; `uom-<code>` otherwise.
    #[must_use]
    pub fn symbol(self) -> std::borrow::Cow<'static, str> {
        let known = match self {
            Self::None => "none",
            Self::Watt => "W",
            Self::CubicMetre => "m3",
            Self::VoltAmpere => "VA",
            Self::Var => "VAr",
            Self::WattHour => "Wh",
            Self::VarHour => "VArh",
            Self::CubicFoot => "ft3",
            Self::UsGallon => "gal",
            Self::Btu => "Btu",
            Self::Litre => "L",
            Self::Therm => "therm",
            Self::Other(code) => return format!("uom-{code}").into(),
        };
        known.into()
    }
}

code_enum! {
    /// What is metered (`commodity`).
    Commodity {
        /// Not applicable.
        None = 0,
        /// Electricity, metered on the secondary side.
        Electricity = 1,
        /// Electricity, metered on the primary side.
        ElectricityPrimary = 2,
        /// Natural gas.
        NaturalGas = 7,
        /// Propane.
        Propane = 8,
        /// Drinking water.
        Water = 9,
    }
}

code_enum! {
    /// How values relate to time (`accumulationBehaviour`).
    AccumulationBehaviour {
        /// Not applicable.
        None = 0,
        /// A register reading since installation.
        BulkQuantity = 1,
        /// A register reading over billing periods, continued.
        ContinuousCumulative = 2,
        /// A register reading over billing periods.
        Cumulative = 3,
        /// The amount of the interval itself: the only kind that may be summed.
        DeltaData = 4,
        /// The position of a needle.
        Indicating = 6,
        /// A selective summation.
        Summation = 9,
        /// A value at an instant.
        Instantaneous = 12,
    }
}

impl AccumulationBehaviour {
    /// Whether values are register readings (1, 2, 3), which must never be summed.
    #[must_use]
    pub const fn is_register(self) -> bool {
        matches!(
            self,
            Self::BulkQuantity | Self::ContinuousCumulative | Self::Cumulative
        )
    }
}

code_enum! {
    /// Kind of service of a usage point (`ServiceCategory/kind`).
    ServiceKind {
        /// Electricity.
        Electricity = 0,
        /// Gas.
        Gas = 1,
        /// Water.
        Water = 2,
        /// Heat.
        Heat = 4,
    }
}

code_enum! {
    /// What is measured (`kind` of a reading type).
    MeasurementKind {
        /// Not applicable.
        None = 0,
        /// Money.
        Currency = 3,
        /// Demand.
        Demand = 8,
        /// Energy.
        Energy = 12,
        /// Power.
        Power = 37,
        /// Volume.
        Volume = 58,
    }
}

code_enum! {
    /// Quality of a reading (`ReadingQuality/quality`).
    ReadingQuality {
        /// Valid.
        Valid = 0,
        /// Edited by a person.
        Edited = 7,
        /// Estimated from a reference day.
        EstimatedReferenceDay = 8,
        /// Estimated by interpolation.
        EstimatedInterpolation = 9,
        /// Failed a check.
        Questionable = 10,
        /// Computed from other values.
        Derived = 11,
        /// A forecast.
        Projected = 12,
        /// Of mixed quality.
        Mixed = 13,
        /// Not validated yet.
        Raw = 14,
        /// Adjusted for the weather.
        WeatherNormalized = 15,
        /// Something else.
        OtherQuality = 16,
        /// Validated.
        Validated = 17,
        /// Failed a check and was verified.
        Verified = 18,
        /// Good enough to bill.
        RevenueQuality = 19,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_a_round_trip() {
        for code in 0..=400 {
            assert_eq!(FlowDirection::from_code(code).code(), code);
            assert_eq!(UnitOfMeasure::from_code(code).code(), code);
            assert_eq!(Commodity::from_code(code).code(), code);
            assert_eq!(AccumulationBehaviour::from_code(code).code(), code);
            assert_eq!(ServiceKind::from_code(code).code(), code);
            assert_eq!(MeasurementKind::from_code(code).code(), code);
            assert_eq!(ReadingQuality::from_code(code).code(), code);
        }
    }

    #[test]
    fn the_codes_pge_uses_have_names() {
        assert_eq!(FlowDirection::from_code(1), FlowDirection::Delivered);
        assert_eq!(FlowDirection::from_code(19), FlowDirection::Received);
        assert_eq!(UnitOfMeasure::from_code(72).symbol(), "Wh");
        assert_eq!(UnitOfMeasure::from_code(169).symbol(), "therm");
        assert_eq!(UnitOfMeasure::from_code(999).symbol(), "uom-999");
        assert_eq!(Commodity::from_code(7), Commodity::NaturalGas);
    }

    #[test]
    fn registers_are_told_from_amounts() {
        for code in 0..=20 {
            let register = AccumulationBehaviour::from_code(code).is_register();
            assert_eq!(register, (1..=3).contains(&code), "code {code}");
        }
    }
}
