//! `metergate convert`: feeds to the exporter's CSV files.

use std::io::Write;
use std::path::PathBuf;

use csv_exporter::companion::{Done, Names, Origin};
use csv_exporter::place::{Place, Stem};
use csv_exporter::table::{self, Columns, LeftOut, Selection, Series, Table, Written};
use espi::{FlowDirection, Reading, UsagePointId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::load::{self, Channel, Kept, Loaded, count};
use super::{FilesError, beside};

/// The zone of PG&E's customers, for feeds that do not tell theirs.
const DEFAULT_ZONE: &str = "America/Los_Angeles";

/// Merges Green Button files and writes them as CSV, in the columns of the
/// exporter. Of an interval that several files hold, the one published last
/// counts. All files are read before anything is written.
#[derive(Debug, clap::Args)]
pub struct Convert {
    /// Green Button (ESPI) XML files, which may overlap; `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Folder for the CSV files, created when missing. Files of the same name are replaced.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// IANA time zone of the local timestamps. Default: what the first feed with sound
    /// local time parameters says, else Pacific time.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,

    /// All columns, or the model application's alone.
    #[arg(long, value_enum, default_value_t)]
    pub columns: Columns,

    /// Start of the file names: NAME-electricity.csv, NAME-gas.csv.
    #[arg(long, default_value = "green-button")]
    pub name: String,

    /// Also writes NAME-report.html, a page with charts, gaps and figures for a browser, and NAME-readme.txt, which
    /// explains the files.
    #[arg(long)]
    pub report: bool,

    /// Usage point of readings whose file does not tell it.
    #[arg(long, value_name = "ID")]
    pub usage_point: Option<UsagePointId>,
}

/// A reading on its way into a table.
struct Item<'a> {
    usage_point: &'a UsagePointId,
    flow: u16,
    /// Of its series among those of its flow; equals continue each other.
    precedence: usize,
    series: usize,
    kept: &'a Kept,
}

impl Item<'_> {
    fn interval(&self) -> (&UsagePointId, Timestamp, u32, u16, usize) {
        let (start, duration) = self.kept.interval();
        let (flow, precedence) = (self.flow, self.precedence);
        (self.usage_point, start, duration, flow, precedence)
    }

    fn reading(&self) -> &Reading {
        &self.kept.reading
    }
}

impl Convert {
    /// Writes the files and prints what was written and what was left out.
    pub fn run(&self, out: &mut impl Write) -> Result<(), FilesError> {
        let asked = self.timezone.as_deref().map(zone).transpose()?;
        let loaded = load::load(&self.files, self.usage_point.as_ref())?;
        let series: Vec<Series> = loaded.channels.iter().map(|c| c.series.clone()).collect();
        let selection = Selection::of(&series);
        if !Table::ALL.iter().any(|table| selection.has(*table)) {
            return Err(nothing(&loaded, &selection));
        }
        let (zone, whose) = pick_zone(asked, &loaded)?;
        let place = Place::create(&self.out).map_err(|source| FilesError::Place {
            folder: self.out.clone(),
            source,
        })?;
        print_files(out, &loaded)?;
        writeln!(out, "local times: {whose}")?;
        let mut done = Vec::new();
        for table in Table::ALL {
            if selection.has(table) {
                done.push(self.write(out, &place, &loaded, &selection, table, &zone)?);
            }
        }
        let mut left_out = Vec::new();
        for one in selection.left_out() {
            let what = describe(&loaded, one);
            writeln!(out, "left out: {what}")?;
            left_out.push(format!("In no table: {what}."));
        }
        if self.report {
            let origin = Origin {
                name: None,
                facts: beside::facts(&loaded),
                zone,
                zone_name: whose,
                asked: None,
                left_out,
                series: series.iter().map(Series::name).collect(),
                columns: self.columns,
            };
            let names = Names::of(&Stem::plain(&self.name));
            beside::write(out, &place, origin, done, &names)?;
        }
        Ok(())
    }

    fn write(
        &self,
        out: &mut impl Write,
        place: &Place,
        loaded: &Loaded,
        selection: &Selection,
        table: Table,
        zone: &TimeZone,
    ) -> Result<Done, FilesError> {
        let (items, merged) = items(loaded, selection, table);
        let name = Stem::plain(&self.name).file(table.name(), "csv");
        let written = place.write(&name, |file| {
            let mut writer =
                table::Writer::new(file, selection, table, self.columns, zone.clone())?;
            if self.report {
                writer = writer.collecting();
            }
            for item in &items {
                writer.push(item.series, item.reading())?;
            }
            let (written, _, points) = writer.finish_collected()?;
            Ok((written, points))
        });
        let (written, points) = written.map_err(|source| FilesError::Table {
            folder: self.out.clone(),
            source,
        })?;
        let Written {
            rows,
            readings,
            overlaps,
            untold,
        } = &written;
        let path = place.path_of(&name);
        writeln!(
            out,
            "wrote {}: {rows} rows, {readings} readings",
            path.display()
        )?;
        if merged > 0 {
            writeln!(
                out,
                "merged: {merged} readings that another series of the same flow repeats"
            )?;
        }
        let called = |series: usize| {
            let channel = loaded.channels.get(series);
            channel.map_or_else(String::new, |channel| channel.series.name())
        };
        for one in overlaps {
            writeln!(out, "left out: {}", one.told(&called(one.series)))?;
        }
        for one in untold {
            writeln!(out, "left out: {}", one.told(&called(one.series), zone))?;
        }
        Ok(Done {
            table,
            name,
            written,
            points,
        })
    }
}

fn zone(name: &str) -> Result<TimeZone, FilesError> {
    TimeZone::get(name).map_err(|_| FilesError::TimeZone(name.to_owned()))
}

/// The zone of local times, and where it comes from.
fn pick_zone(asked: Option<TimeZone>, loaded: &Loaded) -> Result<(TimeZone, String), FilesError> {
    if let Some(zone) = asked {
        let name = zone.iana_name().unwrap_or("as given").to_owned();
        return Ok((zone, format!("{name}, as asked for")));
    }
    if let Some(zone) = &loaded.zone {
        return Ok((
            zone.clone(),
            "as the feed's LocalTimeParameters say".to_owned(),
        ));
    }
    let whose = format!("{DEFAULT_ZONE}, because no feed tells (set --timezone)");
    Ok((zone(DEFAULT_ZONE)?, whose))
}

/// The readings that the table's writer takes, in the order of its rows; of the same interval in
/// several series that continue each other the one published last. Also how many were merged that way.
fn items<'a>(loaded: &'a Loaded, selection: &Selection, table: Table) -> (Vec<Item<'a>>, u64) {
    let mut items: Vec<Item<'a>> = Vec::new();
    for (series, channel) in loaded.channels.iter().enumerate() {
        let usage_point = channel.series.usage_point.as_ref();
        let wanted = selection.wanted_by(series);
        let wanted = wanted.filter(|(by, _)| *by == table);
        let Some((usage_point, (_, precedence))) = usage_point.zip(wanted) else {
            continue;
        };
        let kind = channel.series.reading_type.as_ref();
        let flow = kind.and_then(|kind| kind.flow_direction);
        let flow = flow.map_or(0, FlowDirection::code);
        let item = |kept| Item {
            usage_point,
            flow,
            precedence,
            series,
            kept,
        };
        items.extend(channel.kept().iter().map(item));
    }
    let all = items.len();
    items.sort_by(|a, b| {
        let publication = b.kept.publication().cmp(&a.kept.publication());
        a.interval().cmp(&b.interval()).then(publication)
    });
    items.dedup_by(|later, first| later.interval() == first.interval());
    let merged = count(all - items.len());
    (items, merged)
}

fn print_files(out: &mut impl Write, loaded: &Loaded) -> Result<(), FilesError> {
    for file in &loaded.files {
        let entries: u64 = file.entries.values().sum();
        writeln!(
            out,
            "read {}: {entries} entries, {} readings",
            file.file, file.readings
        )?;
    }
    let total = |of: fn(&Channel) -> u64| loaded.channels.iter().map(of).sum::<u64>();
    let (merged, changed) = (total(|c| c.merged), total(|c| c.changed));
    if merged > 0 {
        writeln!(
            out,
            "merged: {merged} readings that repeat an interval, {changed} of them with another value; the last publication counts"
        )?;
    }
    Ok(())
}

fn describe(loaded: &Loaded, left_out: &LeftOut) -> String {
    let channel = loaded.channels.get(left_out.series);
    let readings = channel.map_or(0, |channel| channel.kept().len());
    let series = channel.map_or_else(String::new, |channel| channel.series.name());
    format!("{series}, {readings} intervals: {}", left_out.reason)
}

fn nothing(loaded: &Loaded, selection: &Selection) -> FilesError {
    let left_out = selection.left_out().iter();
    let mut reasons: Vec<String> = left_out
        .map(|left_out| describe(loaded, left_out))
        .collect();
    if reasons.is_empty() {
        reasons.push("the files hold no readings".to_owned());
    }
    FilesError::NothingToWrite(reasons.join("; "))
}
