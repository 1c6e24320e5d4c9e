//! Logins of the services, in a cluster of their own: roles are everybody's.

use std::path::Path;

use service_kit::secret::{ExposeSecret, Secret};
use storage::logins::{self, LoginsError};
use storage::{Database, DatabaseConfig};
use test_support::Cluster;

const DATABASE: &str = "installation";

async fn cluster() -> Cluster {
    let cluster = Cluster::start().unwrap();
    let create = format!("CREATE DATABASE {DATABASE}");
    cluster.sql("postgres", &create).await.unwrap();
    storage::migrate(&cluster.url(DATABASE)).await.unwrap();
    cluster
}

fn passwords(folder: &Path, files: &[(&str, &str)]) {
    for (name, password) in files {
        std::fs::write(folder.join(name), format!("{password}\n")).unwrap();
    }
}

fn config(url: String, file: Option<&Path>) -> DatabaseConfig {
    DatabaseConfig {
        database_url: Secret::from(url),
        database_password_file: file.map(Path::to_owned),
        database_connections: 1,
    }
}

async fn comes_in(cluster: &Cluster, login: &str, file: &Path) -> bool {
    // The URL's own password is taken out: the file has it.
    let url = cluster.url_as(login, "", DATABASE).replace(":@", "@");
    let database = Database::new(&config(url, Some(file))).unwrap();
    database.ping().await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_comes_in_with_the_password_of_its_file() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    passwords(
        folder.path(),
        &[("smd-auth", "it's a \"secret\" % @:/"), ("emqx", "another")],
    );
    // Twice: the second time the logins are there.
    for _ in 0..2 {
        logins::set(&cluster.url(DATABASE), folder.path())
            .await
            .unwrap();
    }
    assert!(comes_in(&cluster, "smd_auth", &file("smd-auth")).await);
    assert!(comes_in(&cluster, "emqx", &file("emqx")).await);
    assert!(!comes_in(&cluster, "smd_auth", &file("emqx")).await);
    assert!(!comes_in(&cluster, "smd_fetcher", &file("smd-auth")).await);

    passwords(folder.path(), &[("smd-auth", "changed")]);
    assert!(!comes_in(&cluster, "smd_auth", &file("smd-auth")).await);
    logins::set(&cluster.url(DATABASE), folder.path())
        .await
        .unwrap();
    assert!(comes_in(&cluster, "smd_auth", &file("smd-auth")).await);

    let member = "SELECT 1 / pg_has_role('smd_auth', 'metergate_smd_auth', 'USAGE')::int / (NOT pg_has_role('smd_auth', 'metergate_smd_fetcher', 'USAGE'))::int";
    cluster.sql(DATABASE, member).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_passwords_is_a_mistake() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let set = async |folder: &Path| logins::set(&cluster.url(DATABASE), folder).await;
    passwords(folder.path(), &[("smd_auth", "misspelt")]);
    let error = set(folder.path()).await.unwrap_err();
    assert!(matches!(error, LoginsError::Empty(_)), "{error}");
    let error = set(&folder.path().join("none")).await.unwrap_err();
    assert!(matches!(error, LoginsError::Folder { .. }), "{error}");
    passwords(folder.path(), &[("smd-auth", "")]);
    let error = set(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("smd_auth"), "{error}");
}

#[test]
fn a_password_comes_from_one_place() {
    let folder = tempfile::tempdir().unwrap();
    passwords(folder.path(), &[("password", "p@ss/word")]);
    let file = folder.path().join("password");
    let url = |text: &str, file| config(text.to_owned(), file).url();

    for (text, file, expected) in [
        (
            "postgres://role@host:5433/name",
            Some(file.as_path()),
            "postgres://role:p%40ss%2Fword@host:5433/name?",
        ),
        (
            "postgres://role:own@host/name",
            None,
            "postgres://role:own@host/name?",
        ),
        (
            "host=/run/postgresql dbname=name",
            None,
            "host=/run/postgresql dbname=name ",
        ),
    ] {
        let found = url(text, file).unwrap();
        // Its options follow.
        assert!(found.expose_secret().starts_with(expected), "{text}");
    }

    for (text, said) in [
        ("postgres://role:own@host/name", "keep one of them"),
        ("host=/run/postgresql dbname=name", "is no URL"),
        ("postgres:///name", "names no host"),
    ] {
        let error = url(text, Some(file.as_path())).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("p@ss"), "{error}");
    }
    let none = folder.path().join("none");
    let error = url("postgres://role@host/name", Some(none.as_path())).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}
