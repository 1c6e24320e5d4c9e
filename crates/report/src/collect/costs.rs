//! What the custodian says an interval cost. Worth a sum only where every interval has a cost in one currency.

use rust_decimal::Decimal;

use crate::Amount;

#[derive(Debug, Clone, Default)]
pub(crate) struct Costs {
    pub(crate) sum: Decimal,
    pub(crate) stated: u64,
    currency: Option<u16>,
    mixed: bool,
    any: bool,
}

impl Costs {
    pub(crate) fn add(&mut self, amount: &Amount<'_>) {
        let Some(cost) = amount.cost else {
            return;
        };
        self.mixed |= self.stated > 0 && self.currency != amount.currency;
        self.currency = amount.currency;
        self.stated += 1;
        self.any |= !cost.is_zero();
        self.sum = self.sum.saturating_add(cost);
    }

    /// The sum and the currency's ISO 4217 number, if each of the intervals has a cost, in one currency that is told.
    pub(crate) fn trusted(&self, intervals: u64) -> Option<(Decimal, u16)> {
        let currency = self.currency.filter(|_| !self.mixed)?;
        (self.any && self.stated == intervals).then_some((self.sum, currency))
    }

    /// Some cost is not 0.
    pub(crate) const fn any(&self) -> bool {
        self.any
    }
}
