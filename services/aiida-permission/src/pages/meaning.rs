//! What a meter's value is, in words: by its OBIS code, or by CIM's type where there is no code for it.

use pages::Words;

/// Longest unit that is shown: it is the home's, and may be anything.
const LONGEST_UNIT: usize = 16;

/// What the value under this code is.
pub(super) fn meaning(words: &Words, code: &str) -> String {
    let Meaning { key, of } = read(code).unwrap_or(Meaning {
        key: "unknown",
        of: Of::Code,
    });
    let key = format!("meaning-{key}");
    if matches!(of, Of::Code) {
        return words.say_with(&key, &[("code", code.into())]);
    }
    let what = words.say(&key);
    match of {
        Of::All | Of::Code => what,
        Of::Phase(phase) => words.say_with(
            "meaning-phase",
            &[("what", what.into()), ("phase", phase.to_string().into())],
        ),
        Of::Tariff(tariff) => words.say_with(
            "meaning-tariff",
            &[("what", what.into()), ("tariff", tariff.to_string().into())],
        ),
    }
}

/// A value with its unit, as the language writes numbers.
pub(super) fn amount(words: &Words, value: &str, unit: &str) -> String {
    let unit: String = unit.chars().take(LONGEST_UNIT).collect();
    let value = words.decimal(value);
    if unit.is_empty() {
        value
    } else {
        // Number and unit stay on one line.
        format!("{value}\u{a0}{unit}")
    }
}

struct Meaning {
    key: &'static str,
    of: Of,
}

enum Of {
    All,
    /// Not known: the code says it.
    Code,
    Phase(u8),
    Tariff(u8),
}

fn read(code: &str) -> Option<Meaning> {
    if let Some(kind) = code.strip_prefix("quantity:") {
        return quantity(kind.parse().ok()?);
    }
    let (medium, rest) = code.split_once('-')?;
    let (_channel, rest) = rest.split_once(':')?;
    let (rest, _storage) = rest.split_once('*').unwrap_or((rest, ""));
    let mut groups = rest.split('.').map(|group| group.parse::<u8>().ok());
    let (c, d, e) = (groups.next()??, groups.next()??, groups.next()??);
    let all = |key| Some(Meaning { key, of: Of::All });
    match (medium, c, d) {
        ("1", _, 8) => energy(c, e),
        ("1", _, 7) if e == 0 => moment(c),
        ("0", 96, 1) => all("meter-number"),
        ("0", 1, 0) => all("meter-clock"),
        ("0", 24, 2) => all("other-meter"),
        _ => None,
    }
}

/// Counted up; group E is the tariff.
fn energy(c: u8, tariff: u8) -> Option<Meaning> {
    let (c, of) = match (by_phase(c), tariff) {
        (Some((c, phase)), 0) => (c, Of::Phase(phase)),
        (None, 0) => (c, Of::All),
        (None, tariff) => (c, Of::Tariff(tariff)),
        (Some(_), _) => return None,
    };
    let key = match c {
        1 => "energy-in",
        2 => "energy-out",
        3 => "reactive-energy-in",
        4 => "reactive-energy-out",
        _ => return None,
    };
    Some(Meaning { key, of })
}

/// At the moment.
fn moment(c: u8) -> Option<Meaning> {
    let (c, of) = match by_phase(c) {
        Some((c, phase)) => (c, Of::Phase(phase)),
        None => (c, Of::All),
    };
    let key = match c {
        1 => "power-in",
        2 => "power-out",
        3 => "reactive-in",
        4 => "reactive-out",
        11 => "current",
        12 => "voltage",
        13 => "power-factor",
        14 => "frequency",
        16 => "power-sum",
        91 => "current-neutral",
        _ => return None,
    };
    Some(Meaning { key, of })
}

/// 21 to 34 are 1 to 14 of the first phase, from 41 on of the second, from 61 on of the third.
fn by_phase(c: u8) -> Option<(u8, u8)> {
    let of = |base: u8| (base < c && c <= base + 14).then(|| c - base);
    [(20, 1), (40, 2), (60, 3)]
        .into_iter()
        .find_map(|(base, phase)| Some((of(base)?, phase)))
}

/// Types of CIM that have no OBIS code.
fn quantity(kind: u8) -> Option<Meaning> {
    let (key, of) = match kind {
        20..=24 => ("reactive", Of::All),
        25 => ("voltage", Of::All),
        26 => ("current", Of::All),
        27 => ("current-neutral", Of::All),
        28 => ("current-most", Of::All),
        29..=31 => ("current-most", Of::Phase(kind - 28)),
        32..=34 => ("power-factor", Of::Phase(kind - 31)),
        _ => return None,
    };
    Some(Meaning { key, of })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::texts;

    #[test]
    fn codes_are_said_in_both_languages() {
        let texts = texts().unwrap();
        for (code, en, de) in [
            (
                "1-0:1.8.0",
                "energy taken from the grid",
                "Energie, aus dem Netz bezogen",
            ),
            (
                "1-0:2.8.2",
                "energy fed into the grid, tariff 2",
                "Energie, ins Netz eingespeist, Tarif 2",
            ),
            (
                "1-0:1.7.0*255",
                "power taken from the grid",
                "Leistung, aus dem Netz bezogen",
            ),
            (
                "1-0:61.7.0",
                "power taken from the grid, phase 3",
                "Leistung, aus dem Netz bezogen, Phase 3",
            ),
            (
                "1-0:22.8.0",
                "energy fed into the grid, phase 1",
                "Energie, ins Netz eingespeist, Phase 1",
            ),
            ("1-0:52.7.0", "voltage, phase 2", "Spannung, Phase 2"),
            ("1-0:71.7.0", "current, phase 3", "Strom, Phase 3"),
            ("1-0:14.7.0", "frequency of the grid", "Frequenz des Netzes"),
            ("0-0:96.1.0", "number of the meter", "Nummer des Zählers"),
            (
                "0-1:24.2.1",
                "reading of a further meter (gas, water or heat)",
                "Stand eines weiteren Zählers (Gas, Wasser oder Wärme)",
            ),
            (
                "quantity:34",
                "power factor, phase 3",
                "Leistungsfaktor, Phase 3",
            ),
            ("1-0:99.98.0", "value 1-0:99.98.0", "Wert 1-0:99.98.0"),
            ("quantity:999", "value quantity:999", "Wert quantity:999"),
            ("<b>", "value <b>", "Wert <b>"),
        ] {
            let said = |language| meaning(&texts.in_language(language).unwrap(), code);
            assert_eq!((said("en").as_str(), said("de").as_str()), (en, de));
        }
    }

    #[test]
    fn amounts_are_written_as_the_language_does() {
        let texts = texts().unwrap();
        let de = texts.in_language("de").unwrap();
        assert_eq!(amount(&de, "1234.50", "kWh"), "1.234,50\u{a0}kWh");
        assert_eq!(amount(&de, "-3", ""), "\u{2212}3");
        assert_eq!(
            amount(&texts.first(), "1", &"x".repeat(500))
                .chars()
                .count(),
            18
        );
    }
}
