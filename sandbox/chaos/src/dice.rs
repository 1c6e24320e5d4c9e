//! Chance that repeats itself for equal seeds.

use std::time::Duration;

use service_kit::random::{Random as _, SeededRandom};

/// Throws numbers.
#[derive(Debug)]
pub(crate) struct Dice(SeededRandom);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number below `limit`; 0 when that is 0.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes)
            .checked_rem(limit)
            .unwrap_or_default()
    }

    /// A time between two, in milliseconds.
    pub(crate) fn milliseconds(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from)))
    }

    /// The same things in another order.
    pub(crate) fn shuffled<T>(&self, things: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut keyed: Vec<(u64, T)> = things
            .into_iter()
            .map(|thing| (self.below(u64::MAX), thing))
            .collect();
        keyed.sort_by_key(|(key, _)| *key);
        keyed.into_iter().map(|(_, thing)| thing).collect()
    }

    /// One of them.
    pub(crate) fn one_of<T: Copy>(&self, things: &[T]) -> Option<T> {
        let count = u64::try_from(things.len()).unwrap_or_default();
        let nr = usize::try_from(self.below(count)).unwrap_or_default();
        things.get(nr).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_break_the_same_things_at_the_same_moments() {
        let story = |seed| {
            let dice = Dice::new(seed);
            (
                dice.shuffled(0..6),
                dice.milliseconds(150, 500),
                dice.one_of(&[1, 2, 3]),
            )
        };
        assert_eq!(story(7), story(7));
        assert_ne!(story(7), story(8));
        let (mut all, time, _) = story(7);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        assert!((150..500).contains(&time.as_millis()), "{time:?}");
    }
}
