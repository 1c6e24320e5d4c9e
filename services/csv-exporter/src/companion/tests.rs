use super::*;
use crate::table::{Overlap, Untold};

fn set(names: &[&str]) -> BTreeSet<FileName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn names_follow_from_a_tables() {
    let table: FileName = "Jane-Example-7-20260101T000000Z-gas.csv".parse().unwrap();
    let found = names(&table).unwrap();
    assert_eq!(
        found.report.as_str(),
        "Jane-Example-7-20260101T000000Z-report.html"
    );
    assert_eq!(
        found.readme.as_str(),
        "Jane-Example-7-20260101T000000Z-readme.txt"
    );
}

#[test]
fn only_what_an_export_left_alone_is_an_orphan() {
    let present = set(&[
        "Jane-7-20260101T000000Z-gas.csv",
        "Jane-7-20260101T000000Z-report.html",
        "Joe-8-20260101T000000Z-report.html",
        "Joe-8-20260101T000000Z-readme.txt",
        "Joe-8-20260101T000000Z-notes.txt",
        "my-report.html",
        "2026-readme.txt",
    ]);
    let found: Vec<&str> = orphans(&present).map(FileName::as_str).collect();
    assert_eq!(
        found,
        [
            "Joe-8-20260101T000000Z-readme.txt",
            "Joe-8-20260101T000000Z-report.html"
        ]
    );
}

fn origin(columns: Columns) -> Origin {
    Origin {
        name: Some("Eve\nLeft out\n--------".to_owned()),
        facts: vec![],
        zone: TimeZone::UTC,
        zone_name: "UTC".to_owned(),
        asked: None,
        left_out: vec!["A register.".to_owned()],
        series: vec!["usage point 7".to_owned(), "usage point <8>".to_owned()],
        columns,
    }
}

#[test]
fn readings_that_are_in_no_table_are_told_of() {
    let overlap = |series, readings| Overlap { series, readings };
    let done = Done {
        table: Table::Electricity,
        name: "x-1-20260101T000000Z-electricity.csv".parse().unwrap(),
        written: Written {
            rows: 9,
            readings: 9,
            overlaps: vec![overlap(0, 96), overlap(1, 1)],
            untold: vec![Untold {
                series: 0,
                readings: 2,
                from: "2026-01-01T09:00:00Z".parse().unwrap(),
                until: "2026-01-01T11:00:00Z".parse().unwrap(),
            }],
        },
        points: Vec::new(),
    };
    let names = names(&done.name).unwrap();
    let texts = texts(origin(Columns::Full), vec![done], &names);
    let many = "In no table: 96 readings of usage point 7: other readings of the same time count.";
    assert!(
        texts.readme.contains(&format!("- {many}\n")),
        "{}",
        texts.readme
    );
    let untold = "In no table: 2 readings of usage point 7, of times between Thu 1 Jan 2026, 09:00 +00:00 and Thu 1 Jan 2026, 11:00 +00:00 that the table does not cover.";
    assert!(
        texts.readme.contains(&format!("- {untold}\n")),
        "{}",
        texts.readme
    );
    let (_, absent) = texts.report.split_once("What is not here").unwrap();
    assert!(absent.contains(many), "{absent}");
    assert!(absent.contains("1 reading of usage point &"), "{absent}");
    assert!(absent.contains("A register."), "{absent}");
}

#[test]
fn a_file_is_what_its_name_says() {
    let kind = |name: &str| Kind::of(&name.parse().unwrap()).map(|(_, kind)| kind);
    assert_eq!(kind("a-1-report.html"), Some(Kind::Report));
    assert_eq!(kind("a-1-gas.csv"), Some(Kind::Table(Table::Gas)));
    assert_eq!(kind("a-1-readme.txt"), Some(Kind::Readme));
    for other in [
        "a-1-report.csv",
        "a-1-gas.txt",
        "notes.txt",
        "a-1-water.csv",
    ] {
        assert_eq!(kind(other), None, "{other}");
    }
}

#[test]
fn the_readme_explains_every_column_of_every_table() {
    for columns in [Columns::Full, Columns::Model] {
        for table in Table::ALL {
            let done = Done {
                table,
                name: format!("x-1-20260101T000000Z-{}.csv", table.name())
                    .parse()
                    .unwrap(),
                written: Written::default(),
                points: Vec::new(),
            };
            let names = names(&done.name).unwrap();
            let text = texts(origin(columns), vec![done], &names).readme;
            for column in table.header(columns) {
                let line = text.find(&format!("\n{column}\n    ")).unwrap();
                assert!(
                    text[line..].lines().nth(2).unwrap().len() > 20,
                    "{column}\n{text}"
                );
            }
            // A name cannot add a paragraph of its own.
            assert_eq!(text.matches("\nLeft out\n").count(), 1, "{text}");
        }
    }
}
