//! Several files to one set of series, overlaps merged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use csv_exporter::table::Series;
use espi::{Binder, BoundBlock, Content, Reader, Reading, ReadingType, UsagePointId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::FilesError;

/// All files together.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) files: Vec<FileReport>,
    /// Sorted by usage point, then in the order of appearance.
    pub(super) channels: Vec<Channel>,
    /// The zone of the first feed with sound `LocalTimeParameters`.
    pub(super) zone: Option<TimeZone>,
}

/// What one file brought.
#[derive(Debug, serde::Serialize)]
pub(super) struct FileReport {
    /// As given on the command line.
    pub(super) file: String,
    /// Entries by kind of resource.
    pub(super) entries: BTreeMap<String, u64>,
    pub(super) readings: u64,
}

/// Readings of one usage point and one reading type, from any number of files
/// and meter readings.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) series: Series,
    /// Where they came from; links as written.
    pub(super) meter_readings: BTreeSet<String>,
    /// For series that nothing else identifies: the file they stay in.
    only_in: Option<usize>,
    kept: Vec<Kept>,
    /// Readings in all files.
    pub(super) read: u64,
    /// Readings that repeated an interval.
    pub(super) merged: u64,
    /// Of those, the ones with another value than the one that stays.
    pub(super) changed: u64,
}

/// A reading with its place in the order of publication.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    published: Option<Timestamp>,
    /// Of equal publications the one read last wins.
    order: u64,
    pub(super) reading: Reading,
}

impl Kept {
    pub(super) fn interval(&self) -> (Timestamp, u32) {
        (self.reading.start, self.reading.duration)
    }

    /// Greater is later.
    pub(super) fn publication(&self) -> (Option<Timestamp>, u64) {
        (self.published, self.order)
    }
}

impl Channel {
    /// Distinct intervals by start and duration.
    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Sorts, and of each interval keeps what was published last.
    fn merge(&mut self) {
        self.read = count(self.kept.len());
        self.kept
            .sort_unstable_by_key(|kept| (kept.interval(), kept.publication()));
        let mut changed = 0;
        self.kept.dedup_by(|later, earlier| {
            let same = later.interval() == earlier.interval();
            if same {
                changed += u64::from(later.reading.value != earlier.reading.value);
                // `dedup_by` removes its first argument, which is the one to keep.
                std::mem::swap(later, earlier);
            }
            same
        });
        self.kept.shrink_to_fit();
        self.changed = changed;
        self.merged = self.read - count(self.kept.len());
    }
}

/// Reads all files; `-` is standard input. `usage_point` is for readings whose
/// file does not tell.
pub(super) fn load(
    files: &[PathBuf],
    usage_point: Option<&UsagePointId>,
) -> Result<Loaded, FilesError> {
    let mut collector = Collector {
        usage_point,
        ..Collector::default()
    };
    for (index, path) in files.iter().enumerate() {
        collector.read(index, path)?;
    }
    Ok(collector.finish())
}

#[derive(Default)]
struct Collector<'a> {
    usage_point: Option<&'a UsagePointId>,
    loaded: Loaded,
    /// Every reading type with a link, for series whose own file lacks it.
    reading_types: BTreeMap<String, ReadingType>,
    found: Vec<Found>,
    order: u64,
}

/// A series of one file.
struct Found {
    file: usize,
    series: espi::Series,
    kept: Vec<Kept>,
}

impl Collector<'_> {
    fn read(&mut self, index: usize, path: &Path) -> Result<(), FilesError> {
        let file = path.display().to_string();
        let mut report = FileReport {
            file: file.clone(),
            entries: BTreeMap::new(),
            readings: 0,
        };
        let mut binder = Binder::new();
        if let Some(usage_point) = self.usage_point {
            binder = binder.with_usage_point(usage_point.clone());
        }
        let mut blocks: BTreeMap<usize, Vec<Kept>> = BTreeMap::new();
        for entry in Reader::new(open(path)?) {
            let entry = entry.map_err(|source| FilesError::Read {
                file: file.clone(),
                source,
            })?;
            *report
                .entries
                .entry(entry.content.name().to_owned())
                .or_default() += 1;
            self.note(&entry);
            let bound = binder.push(entry).map_err(|source| FilesError::Bind {
                file: file.clone(),
                source,
            })?;
            self.keep(bound, &mut blocks);
        }
        let bound = binder
            .finish()
            .map_err(|source| FilesError::Bind { file, source })?;
        self.keep(bound.blocks, &mut blocks);
        report.readings = blocks.values().map(|kept| count(kept.len())).sum();
        for (place, series) in bound.series.into_iter().enumerate() {
            let kept = blocks.remove(&place).unwrap_or_default();
            self.found.push(Found {
                file: index,
                series,
                kept,
            });
        }
        self.loaded.files.push(report);
        Ok(())
    }

    /// Takes what other files may need.
    fn note(&mut self, entry: &espi::Entry) {
        match &entry.content {
            Content::ReadingType(reading_type) => {
                if let Some(href) = &entry.links.self_href {
                    self.reading_types
                        .insert(href.clone(), reading_type.clone());
                }
            }
            Content::LocalTimeParameters(parameters) if self.loaded.zone.is_none() => {
                self.loaded.zone = parameters.time_zone();
            }
            _ => {}
        }
    }

    fn keep(&mut self, bound: Vec<BoundBlock>, blocks: &mut BTreeMap<usize, Vec<Kept>>) {
        for block in bound {
            let kept = blocks.entry(block.series.index()).or_default();
            for reading in block.readings {
                self.order += 1;
                kept.push(Kept {
                    published: block.published,
                    order: self.order,
                    reading,
                });
            }
        }
    }

    fn finish(mut self) -> Loaded {
        let mut channels: Vec<Channel> = Vec::new();
        for mut found in self.found {
            let series = &mut found.series;
            if series.reading_type.is_none() {
                let href = series.reading_type_href.as_ref();
                series.reading_type = href.and_then(|href| self.reading_types.get(href).cloned());
            }
            let channel = channels.iter_mut().find(|channel| channel.takes(&found));
            match channel {
                Some(channel) => channel.add(found),
                None => channels.push(Channel::from(found)),
            }
        }
        for channel in &mut channels {
            channel.merge();
        }
        channels.retain(|channel| channel.read > 0);
        channels.sort_by(|a, b| a.series.usage_point.cmp(&b.series.usage_point));
        self.loaded.channels = channels;
        self.loaded
    }
}

impl Channel {
    /// Whether a series continues this one. Links do not count: custodians change them, and one
    /// series may have a meter reading for each billing period.
    fn takes(&self, found: &Found) -> bool {
        let ours = &self.series;
        let theirs = &found.series;
        let service = |a: Option<_>, b: Option<_>| a.is_none() || b.is_none() || a == b;
        let told = theirs.usage_point.is_some() && theirs.reading_type.is_some();
        ours.usage_point == theirs.usage_point
            && ours.reading_type == theirs.reading_type
            && service(ours.service_kind, theirs.service_kind)
            && (told || self.is_untold_twin(found))
    }

    /// Series that lack a usage point or a type are the same only if their file and link are.
    fn is_untold_twin(&self, found: &Found) -> bool {
        self.only_in == Some(found.file)
            && self.meter_readings.iter().next() == found.series.meter_reading.as_ref()
    }

    fn add(&mut self, found: Found) {
        self.series.service_kind = self.series.service_kind.or(found.series.service_kind);
        self.meter_readings.extend(found.series.meter_reading);
        self.kept.extend(found.kept);
    }
}

impl From<Found> for Channel {
    fn from(found: Found) -> Self {
        let series = Series::from(&found.series);
        let told = series.usage_point.is_some() && series.reading_type.is_some();
        Self {
            only_in: (!told).then_some(found.file),
            meter_readings: found.series.meter_reading.into_iter().collect(),
            kept: found.kept,
            series,
            read: 0,
            merged: 0,
            changed: 0,
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, FilesError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::with_capacity(64 * 1024, file))),
        Err(source) => Err(FilesError::Open {
            file: path.display().to_string(),
            source,
        }),
    }
}

/// A length as a count; no collection is longer than 2^64.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
