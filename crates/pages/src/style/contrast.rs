//! The colours of the stylesheet, light and dark: what is read stands out 4.5:1 from what it stands on, what is used or
//! shows a state 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).

use std::collections::{BTreeMap, BTreeSet};

use super::SHARED;

type Colours = BTreeMap<&'static str, [u8; 3]>;

/// Backgrounds that paragraphs stand on.
const GROUNDS: [&str; 6] = [
    "page",
    "card",
    "good-back",
    "warn-back",
    "bad-back",
    "info-back",
];

/// On any of them: text and links, also under the pointer.
const ANYWHERE: [&str; 4] = ["text", "soft", "accent", "accent-strong"];

/// What else is read, and what it stands on.
const READ: [(&str, &str); 11] = [
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("page", "bad"),
    ("page", "text"),
    ("text", "track"),
    ("good", "good-back"),
    ("warn", "warn-back"),
    ("bad", "bad-back"),
    ("info", "info-back"),
    ("bad", "page"),
    ("bad", "card"),
];

/// Edges of controls, bars and marks.
const USED: [(&str, &str); 6] = [
    ("control", "page"),
    ("control", "card"),
    ("control", "track"),
    ("accent", "track"),
    ("accent", "page"),
    ("bad", "page"),
];

/// Only to please the eye: everything is understood without it.
const ORNAMENT: &str = "line";

/// The first block is for light, the next for dark.
fn schemes() -> [Colours; 2] {
    let mut blocks = SHARED.split(":root {").skip(1).map(|block| {
        let (block, _) = block.split_once('}').unwrap();
        block.split(';').filter_map(colour).collect()
    });
    let schemes = [blocks.next().unwrap(), blocks.next().unwrap()];
    assert_eq!(blocks.next(), None::<Colours>, "a third set of colours");
    schemes
}

fn colour(declaration: &'static str) -> Option<(&'static str, [u8; 3])> {
    let (name, value) = declaration.trim().split_once(": ")?;
    let name = name.strip_prefix("--")?;
    let number = value
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let [_, red, green, blue] = number
        .unwrap_or_else(|| panic!("{name} is no colour: {value}"))
        .to_be_bytes();
    Some((name, [red, green, blue]))
}

/// WCAG's relative luminance.
fn luminance(colour: [u8; 3]) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    let [red, green, blue] = colour.map(linear);
    0.2126f64.mul_add(red, 0.7152f64.mul_add(green, 0.0722 * blue))
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    (one / other).max(other / one)
}

/// Every pair with what it must reach.
fn pairs() -> Vec<(&'static str, &'static str, f64)> {
    let grounds = || GROUNDS.into_iter();
    let anywhere = grounds().flat_map(|ground| ANYWHERE.map(|text| (text, ground, 4.5)));
    let read = READ.map(|(text, ground)| (text, ground, 4.5));
    let used = USED.map(|(edge, ground)| (edge, ground, 3.0));
    anywhere
        .chain(read)
        .chain(used)
        .chain(grounds().map(|ground| ("focus", ground, 3.0)))
        .collect()
}

#[test]
fn the_measure_is_the_one_of_wcag() {
    let (white, black) = ([255; 3], [0; 3]);
    assert!((contrast(white, black) - 21.0).abs() < 1e-9);
    assert!((contrast(white, [0x77; 3]) - 4.48).abs() < 0.005);
}

#[test]
fn colours_stand_out_in_light_and_dark() {
    let pairs = pairs();
    let mut weak = Vec::new();
    for (scheme, colours) in ["light", "dark"].into_iter().zip(schemes()) {
        for (front, ground, least) in &pairs {
            let reached = contrast(colours[front], colours[ground]);
            if reached < *least {
                weak.push(format!("{scheme}: {front} on {ground} {reached:.2}:1"));
            }
        }
        let looked_at: BTreeSet<&str> = pairs
            .iter()
            .flat_map(|(front, ground, _)| [*front, *ground])
            .chain([ORNAMENT])
            .collect();
        let named: BTreeSet<&str> = colours.into_keys().collect();
        assert_eq!(looked_at, named, "{scheme}: each colour is in some pair");
    }
    assert_eq!(weak, Vec::<String>::new());
}
