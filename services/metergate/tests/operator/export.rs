//! `metergate export`: an access request is answered with everything, and with nothing of anybody else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use service_kit::random::{Random as _, SystemRandom};

use crate::commands::customer;
use crate::desk::Desk;
use crate::erase::permission;

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_customer_is_written() {
    let desk = Desk::new().await;
    let id = customer(&desk, "100").await;
    let other = customer(&desk, "200").await;
    desk.sql(&format!(
        "INSERT INTO audit.event (action, subject) VALUES ('smd.exported', '{id}'), ('smd.exported', '{other}')"
    ))
    .await;
    let folder = tempfile::tempdir().unwrap();
    let downloads = folder.path().join("output");
    std::fs::create_dir(&downloads).unwrap();
    std::fs::write(downloads.join("Ada_Example-100.csv"), "delivered\n").unwrap();
    let out = folder.path().join("answer");
    let arguments = ["export", "100", "--out", out.to_str().unwrap()];
    let environment = [("METERGATE_OUTPUT_DIR", downloads.to_str().unwrap())];
    let said = desk.run(&arguments, &environment).await;
    assert!(said.ok, "{}", said.output);

    let authorizations = read(&out, "authorizations.json");
    assert!(authorizations.contains("Ada Example"), "{authorizations}");
    assert!(!authorizations.contains("sealed"), "{authorizations}");
    let readings = read(&out, "readings.csv");
    // Exact, in UTC.
    assert!(
        readings.contains("2026-01-01T00:00:00+00:00,3600,-123456789012345,-3,17 19,"),
        "{readings}"
    );
    assert_eq!(readings.lines().count(), 3);
    assert_eq!(read(&out, "windows.csv").lines().count(), 3);
    // The head, what was there, and this answer.
    assert_eq!(read(&out, "audit.csv").lines().count(), 3);
    assert_eq!(read(&out, "Ada_Example-100.csv"), "delivered\n");
    let about = read(&out, "about.json");
    assert!(about.contains("\"rows\": 2"), "{about}");
    for name in [
        "authorizations.json",
        "readings.csv",
        "usage_points.csv",
        "audit.csv",
    ] {
        let text = read(&out, name);
        assert!(
            !text.contains(&other.to_string()) && !text.contains("up-200"),
            "{name}"
        );
    }
    let mode = std::fs::metadata(&out).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let audited = format!(
        "SELECT count(*) FROM audit.event WHERE subject = '{id}' AND action = 'customer.exported'"
    );
    assert_eq!(desk.text(&audited).await.as_deref(), Some("1"));

    let said = desk.run(&arguments, &environment).await;
    assert!(
        !said.ok && said.output.contains("holds files already"),
        "{}",
        said.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_home_is_written() {
    let desk = Desk::new().await;
    let id = permission(&desk, "customer 7").await;
    let other = permission(&desk, "customer 8").await;
    desk.sql(&format!(
        "UPDATE aiida.message SET payload = '{{\"text\": \"=1+1 ü\"}}' WHERE permission_id = '{id}'"
    ))
    .await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answer");
    let id_text = id.to_string();
    let arguments = [
        "export",
        "--permission",
        &id_text,
        "--out",
        out.to_str().unwrap(),
    ];
    let said = desk.run(&arguments, &[]).await;
    assert!(said.ok, "{}", said.output);
    assert!(read(&out, "permissions.json").contains("customer 7"));
    assert!(read(&out, "messages.csv").contains("=1+1 ü"));
    let measurements = read(&out, "measurements.csv");
    assert_eq!(measurements.lines().count(), 3, "{measurements}");
    assert!(
        measurements.contains(",1-0:1.7.0,0.5,kW,"),
        "{measurements}"
    );
    for name in [
        "permission_events",
        "access_rules",
        "sent_to_home",
        "refusals",
        "refused_messages",
    ] {
        let table = read(&out, &format!("{name}.csv"));
        assert_eq!(table.lines().count(), 2, "{name}: {table}");
    }
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&other.to_string()), "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_no_empty_answer() {
    let desk = Desk::new().await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answer");
    let nobody = SystemRandom.uuid().to_string();
    for arguments in [
        &["export", "999", "--out", out.to_str().unwrap()][..],
        &[
            "export",
            "--permission",
            &nobody,
            "--out",
            out.to_str().unwrap(),
        ],
    ] {
        let said = desk.run(arguments, &[]).await;
        assert!(
            !said.ok && said.output.contains("nobody is known"),
            "{}",
            said.output
        );
        assert!(!out.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_made_is_named_with_its_remedy() {
    let desk = Desk::new().await;
    customer(&desk, "100").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let out = file.join("answer");
    let out = out.to_str().unwrap();
    let said = desk.run(&["export", "100", "--out", out], &[]).await;
    assert!(!said.ok, "{}", said.output);
    for text in [out, "Give --out a new name", "docs/operating.md"] {
        assert!(said.output.contains(text), "{text}\n{}", said.output);
    }
    let audited = "SELECT count(*) FROM audit.event WHERE action = 'customer.exported'";
    assert_eq!(desk.text(audited).await.as_deref(), Some("0"));
}
