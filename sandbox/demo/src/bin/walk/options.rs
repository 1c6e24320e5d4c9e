//! The command line.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use demo::history::Owed;
use demo::{BoxError, Needs, Site};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Options {
    /// Without a subcommand.
    Walk(Box<Walk>),
    Other(Command),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tries every public endpoint, TLS and ports: what should be open is, and nothing else.
    Probe(Probe),
    /// Prints every value the sandbox knows to be personal, one a line: for the search of logs.
    Personal(Sandbox),
}

/// Where the stack is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sandbox {
    /// The public address, as `https://localhost`.
    #[arg(long)]
    pub(crate) url: String,
    /// PEM file of the authority that signed its certificates.
    #[arg(long = "ca")]
    pub(crate) authority: PathBuf,
    /// The sandbox custodian's pages; without it, where customers are sent.
    #[arg(long)]
    pub(crate) custodian: Option<String>,
    /// Seconds for which a service may be away before that is an error.
    #[arg(long, default_value_t = 120)]
    pub(crate) patience: u64,
}

/// Walks through a running Metergate from outside.
#[derive(Debug, Parser)]
#[command(
    name = "walk",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Walk {
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
    /// File with a key to the eligible party's API.
    #[arg(long)]
    pub(crate) api_key_file: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Key of the customer who is walked through; under load, of each of them. Default: `fable`, or all.
    #[arg(long, value_delimiter = ',')]
    pub(crate) customer: Vec<String>,
    /// Ids of the data needs for raw readings and for power limits, with a comma between them. Default: those of
    /// `data-needs.json`.
    #[arg(long, value_name = "RAW,LIMITS", value_parser = needs)]
    pub(crate) data_needs: Option<Needs>,
    /// Months of history that a customer is owed.
    #[arg(long, default_value_t = 12)]
    pub(crate) months: i32,
    /// The longest that a customer's history may take, in seconds.
    #[arg(long, default_value_t = 600)]
    pub(crate) seconds: u64,
    /// Instead of one customer and two homes: keep homes streaming and customers authorizing for so many seconds,
    /// while parts of the stack are restarted by somebody else.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) load: Option<u64>,
    /// Homes under load.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) homes: u16,
    /// How many homes accept at once, and how many customers authorize at once, under load.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallel: u16,
}

/// Who may download.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// User of the download folder.
    #[arg(long)]
    pub(crate) output_user: String,
    /// File with its password.
    #[arg(long)]
    pub(crate) output_password_file: PathBuf,
}

/// What strangers try.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// The public address, as `https://localhost`.
    #[arg(long)]
    pub(crate) url: String,
    /// PEM file of the authority that signed its certificate.
    #[arg(long = "ca")]
    pub(crate) authority: PathBuf,
    /// Where ports are tried; without it, the public address's host.
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Port of plain HTTP, which redirects.
    #[arg(long, default_value_t = 80)]
    pub(crate) http_port: u16,
    /// Port of the homes' MQTT over TLS; without it, that is not tried.
    #[arg(long)]
    pub(crate) mqtt_port: Option<u16>,
    /// Ports that must refuse connections.
    #[arg(long, value_delimiter = ',')]
    pub(crate) closed: Vec<u16>,
    /// File with a key to the API: the same requests succeed with it.
    #[arg(long)]
    pub(crate) api_key_file: Option<PathBuf>,
    /// User of the download folder: what is outside it stays outside with the password, too.
    #[arg(long, requires = "output_password_file")]
    pub(crate) output_user: Option<String>,
    /// File with its password.
    #[arg(long, requires = "output_user")]
    pub(crate) output_password_file: Option<PathBuf>,
}

impl Options {
    /// Reads the command line. The walk's own arguments are needed where there is no subcommand.
    pub(crate) fn read(
        line: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(line)?;
        if matches.subcommand_name().is_some() {
            return Command::from_arg_matches(&matches).map(Self::Other);
        }
        Walk::from_arg_matches(&matches).map(|walk| Self::Walk(Box::new(walk)))
    }
}

fn command() -> clap::Command {
    Command::augment_subcommands(Walk::command()).subcommand_required(false)
}

impl Sandbox {
    /// The site, with its custodian.
    pub(crate) async fn site(&self) -> Result<Site, BoxError> {
        let mut site = Site::new(&self.url, &self.authority)
            .map_err(|error| named(&self.authority, &error))?;
        site.custodian = self.custodian.clone();
        site.patience = Duration::from_secs(self.patience);
        // Under the edge's limit, for some customers behind one address.
        site.pace = Duration::from_secs(2);
        site.find_custodian().await?;
        Ok(site)
    }
}

impl Walk {
    pub(crate) async fn site(&self) -> Result<Site, BoxError> {
        let mut site = self.sandbox.site().await?;
        site.reader.clone_from(&self.output.output_user);
        site.password = line_of(&self.output.output_password_file)?;
        site.api_key = Some(line_of(&self.api_key_file)?);
        site.needs = self.data_needs.clone().unwrap_or_default();
        Ok(site)
    }

    pub(crate) const fn owed(&self) -> Owed {
        Owed {
            months: self.months,
            within: Duration::from_secs(self.seconds),
        }
    }
}

/// What a file of one line holds.
pub(crate) fn line_of(path: &Path) -> Result<String, BoxError> {
    let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
    Ok(text.trim().to_owned())
}

fn named(path: &Path, error: &io::Error) -> BoxError {
    format!("{}: {error}", path.display()).into()
}

fn needs(text: &str) -> Result<Needs, String> {
    let (raw, limits) = text
        .split_once(',')
        .ok_or("two ids with a comma between them")?;
    Ok(Needs {
        live_raw: raw.to_owned(),
        power_limits: limits.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
        let probe = [
            "walk",
            "probe",
            "--url",
            "https://x",
            "--ca",
            "a",
            "--closed",
            "1,2",
        ];
        let probe = Options::read(probe).unwrap();
        assert!(
            matches!(&probe, Options::Other(Command::Probe(probe)) if probe.closed == [1, 2]),
            "{probe:?}"
        );
        let error = Options::read(["walk", "--url", "https://x"]).unwrap_err();
        assert!(error.to_string().contains("--api-key-file"), "{error}");
        let walk =
            "walk --url https://x --ca a --api-key-file k --output-user u --output-password-file p";
        let walk = Options::read(walk.split(' ')).unwrap();
        assert!(matches!(walk, Options::Walk(walk) if walk.load.is_none()));
    }
}
