//! Nothing is broken, for long: the memory of each service must be flat.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use demo::BoxError;
use serde_json::{Value, json};

use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::world::Setup;

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_secs(5);
/// Growth over the second half, by its straight line, as a part of the first half's level.
const GROWTH: f64 = 0.10;

pub(super) fn plan(minutes: u64) -> (Setup, Box<Breaking>) {
    let lasting = Duration::from_mins(minutes);
    let setup = Setup {
        unnoticed: true,
        ..Setup::default()
    };
    (setup, Box::new(move |breaker| watch(breaker, lasting)))
}

fn watch(breaker: &mut Breaker, lasting: Duration) -> Result<(), BoxError> {
    let started = Instant::now();
    let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    while started.elapsed() < lasting {
        for (service, id) in breaker.stack.processes() {
            samples.entry(service).or_default().push(resident_mib(id)?);
        }
        breaker.did("looks at memory");
        std::thread::sleep(SAMPLE);
    }
    for (service, samples) in samples {
        let (level, growth) = flatness(&samples);
        let seen = format!("{level:.1} MiB in the first half, {growth:+.1} MiB over the second");
        breaker.claims.note(
            format!("the memory of {service} is flat"),
            level > 0.0 && growth < GROWTH * level,
            &seen,
        );
        let last = samples.last().copied().unwrap_or_default();
        breaker.notes.insert(
            format!("memory_of_{service}"),
            json!({ "first_half_mib": level, "growth_mib": growth, "last_mib": last }),
        );
    }
    let minutes = Value::from(lasting.as_secs() / 60);
    breaker.notes.insert("minutes".to_owned(), minutes);
    Ok(())
}

/// Resident memory of a process.
fn resident_mib(id: u32) -> Result<f64, BoxError> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmRSS")?.parse::<f64>()? / 1024.0)
}

/// The mean of the first half, and how far the straight line through the second half climbs.
fn flatness(samples: &[f64]) -> (f64, f64) {
    let (first, second) = samples.split_at(samples.len() / 2);
    let count =
        |samples: &[f64]| f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX)).max(1.0);
    let mean = |samples: &[f64]| samples.iter().sum::<f64>() / count(samples);
    let (times, middle) = ((0_u32..).map(f64::from), (count(second) - 1.0) / 2.0);
    let level = mean(second);
    let (mut with, mut own) = (0.0, 0.0);
    for (time, sample) in times.zip(second) {
        with += (time - middle) * (sample - level);
        own += (time - middle) * (time - middle);
    }
    let slope = if own > 0.0 { with / own } else { 0.0 };
    (mean(first), slope * count(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_climb_in_the_second_half_is_seen() {
        let steady: Vec<f64> = (0..40)
            .map(|nr| if nr % 2 == 0 { 99.0 } else { 101.0 })
            .collect();
        let (level, growth) = flatness(&steady);
        assert!(
            (level - 100.0).abs() < 0.1 && growth.abs() < 1.0,
            "{level} {growth}"
        );
        let climbing: Vec<f64> = (0..40_u32).map(|nr| 100.0 + f64::from(nr)).collect();
        let (level, growth) = flatness(&climbing);
        assert!(growth > GROWTH * level, "{level} {growth}");
        assert!((growth - 20.0).abs() < 0.1, "{growth}");
    }
}
