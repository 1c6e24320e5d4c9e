//! The settings, as clap knows them.

use clap::{Arg, Args, Command};
use metergate::healthcheck::Healthcheck;
use metergate::migrate::Migrate;
use metergate::serve::Serve;

/// Titles of concerns whose settings have no heading of their own in `--help`, by the name of their struct.
const TITLES: [(&str, &str); 4] = [
    ("TelemetryConfig", "Logs and traces"),
    ("InternalConfig", "Internal port"),
    ("DatabaseConfig", "Database"),
    ("KeyringConfig", "Keys for tokens at rest"),
];

/// A setting and all that is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// The concern it belongs to.
    pub(crate) title: String,
    pub(crate) help: String,
    pub(crate) default: Option<String>,
    pub(crate) is_required: bool,
    pub(crate) is_secret: bool,
    /// Values it may have, each with its meaning.
    pub(crate) values: Vec<(String, String)>,
    /// The services, or the command, that read it.
    pub(crate) readers: Vec<&'static str>,
}

fn arguments<A: Args>(name: &'static str) -> (&'static str, Command) {
    (name, A::augment_args(Command::new(name)))
}

/// Every setting of the services, and then those that only a command reads.
pub(crate) fn all() -> Vec<Setting> {
    let services = [
        arguments::<smd_auth::Config>("smd-auth"),
        arguments::<smd_fetcher::Config>("smd-fetcher"),
        arguments::<csv_exporter::Config>("csv-exporter"),
        arguments::<aiida_permission::Config>("aiida-permission"),
        arguments::<mqtt_iam::Config>("mqtt-iam"),
        arguments::<aiida_stream::Config>("aiida-stream"),
        arguments::<console::Config>("console"),
    ];
    let common = arguments::<service_kit::program::CommonConfig>("all").1;
    let (_, serve) = arguments::<Serve>("serve");
    let mut settings: Vec<Setting> = serve
        .get_arguments()
        .filter_map(|arg| Some((arg, name(arg)?)))
        .map(|(arg, name)| {
            let readers = services
                .iter()
                .filter(|(_, command)| reads(command, &name) || reads(&common, &name))
                .map(|(service, _)| *service)
                .collect::<Vec<_>>();
            assert!(!readers.is_empty(), "no service reads {name}");
            let title = title(&serve, arg);
            setting(arg, name, title, readers)
        })
        .collect();
    let commands = [
        arguments::<Migrate>("metergate migrate"),
        arguments::<Healthcheck>("metergate healthcheck"),
    ];
    for (reader, command) in &commands {
        for arg in command.get_arguments() {
            if let Some(name) = name(arg).filter(|name| !reads(&serve, name)) {
                settings.push(setting(arg, name, "Commands".to_owned(), vec![*reader]));
            }
        }
    }
    settings
}

fn name(arg: &Arg) -> Option<String> {
    arg.get_env().map(|name| name.to_str().unwrap().to_owned())
}

fn reads(command: &Command, setting: &str) -> bool {
    command
        .get_arguments()
        .any(|arg| name(arg).as_deref() == Some(setting))
}

fn title(command: &Command, arg: &Arg) -> String {
    if let Some(heading) = arg.get_help_heading() {
        return heading.to_owned();
    }
    let mut groups = command.get_groups();
    let Some(group) = groups.find(|group| group.get_args().any(|id| id == arg.get_id())) else {
        return title_of_outer(arg);
    };
    let id = group.get_id().as_str();
    let title = TITLES.iter().find(|(name, _)| *name == id);
    title
        .unwrap_or_else(|| panic!("give {id} a title in TITLES, or a next_help_heading"))
        .1
        .to_owned()
}

/// A struct that holds other structs has no group of its own fields in clap.
fn title_of_outer(arg: &Arg) -> String {
    let outer = [
        arguments::<service_kit::program::CommonConfig>("Process"),
        arguments::<mqtt_iam::IamConfig>("Access of homes"),
    ];
    let found = outer
        .iter()
        .find(|(_, command)| name(arg).is_some_and(|name| reads(command, &name)));
    found
        .unwrap_or_else(|| panic!("{} belongs to no struct", arg.get_id()))
        .0
        .to_owned()
}

fn setting(arg: &Arg, name: String, title: String, readers: Vec<&'static str>) -> Setting {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    assert!(!help.is_empty(), "{name} is not described");
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .filter(|value| !value.is_empty())
        .collect();
    let takes_a_value = arg.get_action().takes_values();
    let values = arg
        .get_possible_values()
        .into_iter()
        .filter(|_| takes_a_value);
    Setting {
        title,
        help,
        default: (!defaults.is_empty()).then(|| defaults.join(",")),
        is_required: arg.is_required_set(),
        is_secret: arg.is_hide_env_values_set(),
        values: values
            .map(|value| {
                let help = value.get_help().map(ToString::to_string);
                (value.get_name().to_owned(), help.unwrap_or_default())
            })
            .collect(),
        readers,
        name,
    }
}
