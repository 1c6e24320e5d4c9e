//! The files of a new cluster: initdb and the settings of a cluster that is fast to start, small,
//! and need not survive the machine.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::ClusterError;
use super::programs::Programs;

/// Makes the files of a new cluster in `folder`, which its superuser enters with `password`.
pub(super) fn initialise(
    programs: &Programs,
    folder: &Path,
    password: &str,
) -> Result<(), ClusterError> {
    let data = folder.join("data");
    let password_file = folder.join("password");
    std::fs::write(&password_file, password).map_err(ClusterError::Folder)?;
    programs
        .owner()
        .own(&password_file)
        .map_err(ClusterError::Folder)?;
    let program = programs.path("initdb");
    let output = programs
        .owner()
        .command(&program)
        .args([
            "--username=postgres",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ])
        // In the clear over the loopback: checking costs the clients nothing that way.
        .args(["--auth-local=reject", "--auth-host=password"])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("-D")
        .arg(&data)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ClusterError::Run { program, source })?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(ClusterError::Initdb(
            String::from_utf8_lossy(&said).into_owned(),
        ));
    }
    std::fs::remove_file(&password_file).map_err(ClusterError::Folder)?;
    let file = data.join("postgresql.conf");
    let defaults = std::fs::read_to_string(&file).map_err(ClusterError::Folder)?;
    std::fs::write(&file, defaults + settings(folder).as_str()).map_err(ClusterError::Folder)
}

fn settings(folder: &Path) -> String {
    let mut text = String::from(
        "\nlisten_addresses = '127.0.0.1'\n\
         fsync = off\n\
         synchronous_commit = off\n\
         full_page_writes = off\n\
         wal_level = minimal\n\
         max_wal_senders = 0\n\
         max_wal_size = 128MB\n\
         min_wal_size = 32MB\n\
         max_connections = 200\n\
         shared_buffers = 32MB\n\
         autovacuum = off\n\
         jit = off\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n",
    );
    // A path that does not fit into a socket's address: TCP must do.
    let sockets = folder.to_string_lossy();
    let fits = sockets.len() < 80 && !sockets.contains('\'');
    let sockets = if fits { sockets.as_ref() } else { "" };
    // Writing into a string does not fail.
    let _: std::fmt::Result = writeln!(text, "unix_socket_directories = '{sockets}'");
    text
}
