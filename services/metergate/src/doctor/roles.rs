//! The database roles: which exist, who can log in as each, and what the operator's own session is.

use storage::Database;
use storage::kinds::role;
use storage::server::{self, Group};

use super::report::Report;

pub(super) async fn check(
    report: &mut Report<'_>,
    database: &Database,
    history: bool,
    near_real_time: bool,
) {
    let sides = [
        (history, role::HISTORY),
        (near_real_time, role::NEAR_REAL_TIME),
    ];
    let mut wanted: Vec<&str> = sides
        .into_iter()
        .filter(|(is_wanted, _)| *is_wanted)
        .flat_map(|(_, roles)| roles)
        .collect();
    wanted.extend([role::OPERATOR, role::CONSOLE]);
    let found = async {
        let mut conn = database.get().await?;
        Ok::<_, storage::DatabaseError>(server::groups(&mut conn, &wanted).await?)
    };
    match found.await {
        Ok(groups) => judge(report, &groups),
        Err(error) => report.failed("roles", error),
    }
}

fn judge(report: &mut Report<'_>, groups: &[Group]) {
    let names = |is_wanted: fn(&Group) -> bool| {
        let names = groups.iter().filter(|group| is_wanted(group));
        names.map(|group| group.name.as_str()).collect::<Vec<_>>()
    };
    let missing = names(|group| !group.exists);
    if !missing.is_empty() {
        report.failed(
            "roles",
            format_args!(
                "{} do not exist: run `metergate migrate` as the owner, once with CREATEROLE",
                missing.join(", ")
            ),
        );
        return;
    }
    let without = names(|group| group.logins.is_empty());
    if without.is_empty() {
        report.ok(
            "roles",
            format_args!("{} groups, each with a login", groups.len()),
        );
    } else {
        report.note(
            "roles",
            format_args!(
                "nobody can log in as {}: fine while one process runs as the owner; for services of their own run `metergate migrate` with METERGATE_LOGINS_DIR, or CREATE ROLE … LOGIN PASSWORD '…' IN ROLE …",
                without.join(", ")
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_does_not_exist_is_a_failure() {
        let group = |exists| Group {
            name: "metergate_smd_auth".to_owned(),
            exists,
            logins: vec!["smd_auth".to_owned()],
        };
        for (exists, failed) in [(true, 0), (false, 1)] {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, false);
            judge(&mut report, &[group(exists)]);
            assert_eq!(report.end().unwrap(), failed);
        }
    }
}
