//! A customer's feed: the name comes out clean, is not printed, and makes a file name that stays in its folder.
#![no_main]

use csv_exporter::place::{FileName, Stem};
use espi::Content;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use metergate_fuzz::feed;

fuzz_target!(|bytes: &[u8]| {
    let Some((header, entries)) = feed::check(bytes) else {
        return;
    };
    for entry in &entries {
        let Content::Customer(customer) = &entry.content else {
            continue;
        };
        assert!(format!("{customer:?}").len() < 40, "the name is printed");
        if let Some(name) = &customer.name {
            assert!(!name.is_empty() && name.trim() == name, "{name:?}");
            check_file(name);
        }
    }
    feed::read_again(header, feed::writable(entries));
});

fn check_file(customer: &str) {
    let time = Timestamp::from_second(1_700_000_000).unwrap();
    let stem = Stem::new(customer, "52111", time).unwrap();
    let file = stem.file("electricity", "csv");
    let text = file.as_str();
    assert!(
        text.len() <= 200 && text.ends_with("-52111-20231114T221320Z-electricity.csv"),
        "{text}"
    );
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    assert!(text.bytes().all(plain) && text.bytes().filter(|byte| *byte == b'.').count() == 1);
    assert!(text.as_bytes()[0].is_ascii_alphanumeric());
    assert_eq!(text.parse::<FileName>().unwrap(), file);
    assert_eq!(stem.as_str().parse::<Stem>().unwrap(), stem);
    assert_eq!(Stem::new(customer, "../etc", time).ok(), None);
}
