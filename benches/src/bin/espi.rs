//! The ESPI reader beside its limit: how fast a generated feed is read and bound, next to a bare
//! scan of the same bytes by the XML parser it uses, and how much memory the reading takes.
//!
//! `espi [MEGABYTES]` (default 1000) writes a feed in PG&E's spelling to a temporary file, then
//! lets child processes read it, bare and bound in turn, and compares medians with the goals:
//! 0.7 of the bare scan, 32 MiB at most. Exits with 1 when a goal is missed.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use espi::writer::Feed;
use espi::{
    AccumulationBehaviour, Binder, Commodity, Content, Entry, FeedHeader, FlowDirection,
    IntervalBlock, IntervalReading, Links, MeasurementKind, MeterReading, Reader, ReadingType,
    ServiceKind, UnitOfMeasure, UsagePoint,
};
use jiff::Timestamp;
use quick_xml::NsReader;
use quick_xml::events::Event;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Share of the bare scan's speed to reach.
const RATIO_GOAL: f64 = 0.7;
/// Memory not to exceed while reading, in KiB.
const MEMORY_GOAL: u64 = 32 * 1024;
/// Pairs of runs; the machine may be busy with other things.
const ROUNDS: usize = 7;
/// The same for both.
const BUFFER: usize = 128 * 1024;
/// Days of readings per usage point and direction.
const DAYS: u32 = 365;
const BASE: &str = "https://custodian.example/GreenButtonConnect/espi/1_1/resource";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap_or_else(|| "1000".to_owned());
    let outcome = match (first.as_str(), arguments.next()) {
        ("--bare", Some(file)) => child(Path::new(&file), bare),
        ("--bound", Some(file)) => child(Path::new(&file), bound),
        (megabytes, None) => match megabytes.parse() {
            Ok(megabytes) => compare(megabytes),
            Err(_) => Err(format!("{megabytes:?} is not a number of megabytes").into()),
        },
        _ => Err("usage: espi [MEGABYTES]".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            println!("espi benchmark: {error}");
            ExitCode::from(2)
        }
    }
}

/// A file that goes away with its owner.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing to be done about a temporary file that cannot be removed.
        drop(std::fs::remove_file(&self.0));
    }
}

/// One child's measurement.
struct Run {
    seconds: f64,
    peak_kib: u64,
    counted: u64,
}

fn compare(megabytes: u32) -> Outcome<bool> {
    let name = format!("espi-bench-{}.xml", std::process::id());
    let file = Temporary(std::env::temp_dir().join(name));
    let readings = generate(&file.0, u64::from(megabytes) * 1_000_000)?;
    let size = f64::from(megabytes);
    // The first pair only brings the file into the page cache.
    run("--bare", &file.0)?;
    run("--bound", &file.0)?;
    let (mut bare, mut bound, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = 0;
    for _ in 0..ROUNDS {
        let scan = run("--bare", &file.0)?;
        let read = run("--bound", &file.0)?;
        if read.counted != readings {
            let counted = read.counted;
            return Err(format!("{counted} readings came back of {readings}").into());
        }
        bare.push(size / scan.seconds);
        bound.push(size / read.seconds);
        ratios.push(scan.seconds / read.seconds);
        peak = peak.max(read.peak_kib);
    }
    let ratio = median(&mut ratios);
    println!("feed                     {megabytes:>8} MB, {readings} readings");
    println!("bare NsReader scan       {:>8.1} MB/s", median(&mut bare));
    println!("espi reader and binder   {:>8.1} MB/s", median(&mut bound));
    println!("ratio (median of pairs)  {ratio:>8.2}      goal {RATIO_GOAL}");
    println!("peak resident memory     {peak:>8} KiB  goal {MEMORY_GOAL} KiB");
    let good = ratio >= RATIO_GOAL && peak <= MEMORY_GOAL;
    println!("{}", if good { "goals met" } else { "GOALS MISSED" });
    Ok(good)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn run(mode: &str, file: &Path) -> Outcome<Run> {
    let output = Command::new(std::env::current_exe()?)
        .arg(mode)
        .arg(file)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut word = || words.next().ok_or_else(|| format!("{mode} said {text:?}"));
    Ok(Run {
        seconds: word()?.parse()?,
        peak_kib: word()?.parse()?,
        counted: word()?.parse()?,
    })
}

/// What a child does: measures one way of reading and prints time, peak memory and count.
fn child(file: &Path, read: fn(BufReader<File>) -> Outcome<u64>) -> Outcome<bool> {
    let input = BufReader::with_capacity(BUFFER, File::open(file)?);
    let started = Instant::now();
    let counted = read(input)?;
    let seconds = started.elapsed().as_secs_f64();
    println!("{seconds} {} {counted}", peak_kib()?);
    Ok(true)
}

/// `VmHWM`: the most memory that was resident at any time.
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM in /proc/self/status")?.parse()?)
}

fn bare(input: BufReader<File>) -> Outcome<u64> {
    let mut reader = NsReader::from_reader(input);
    let mut buffer = Vec::new();
    let mut events = 0;
    loop {
        buffer.clear();
        let (namespace, event) = reader.read_resolved_event_into(&mut buffer)?;
        if matches!(event, Event::Eof) {
            return Ok(events);
        }
        black_box((namespace, event));
        events += 1;
    }
}

fn bound(input: BufReader<File>) -> Outcome<u64> {
    let mut binder = Binder::new();
    let mut readings = 0;
    let mut count = |blocks: Vec<espi::BoundBlock>| -> Outcome<()> {
        for block in black_box(blocks) {
            readings += u64::try_from(block.readings.len())?;
        }
        Ok(())
    };
    for entry in Reader::new(input) {
        count(binder.push(entry?)?)?;
    }
    count(binder.finish()?.blocks)?;
    Ok(readings)
}

/// Writes a feed of at least `bytes`; gives the number of readings in it.
fn generate(path: &Path, bytes: u64) -> Outcome<u64> {
    let output = BufWriter::with_capacity(1 << 20, Counted::new(File::create(path)?, bytes));
    let mut feed = Feed::new(output, &FeedHeader::default())?;
    let mut readings = 0;
    let mut point = 5_000_000_000_u64;
    loop {
        point += 1;
        for direction in [FlowDirection::Delivered, FlowDirection::Received] {
            readings += series(&mut feed, point, direction)?;
        }
        if feed.get_ref().get_ref().is_full() {
            feed.finish()?;
            return Ok(readings);
        }
    }
}

/// A year of quarter hours of one direction; ends early when the file is full.
fn series(
    feed: &mut Feed<BufWriter<Counted>>,
    point: u64,
    direction: FlowDirection,
) -> Outcome<u64> {
    let code = direction.code();
    let up = format!("{BASE}/Subscription/1/UsagePoint/{point}");
    let meter = format!("{up}/MeterReading/{code}");
    let kind = format!("{BASE}/ReadingType/{code}");
    feed.entry(&entry(
        &kind,
        &[],
        Content::ReadingType(reading_type(direction)),
    ))?;
    let related = format!("{up}/MeterReading");
    let content = UsagePoint {
        service_kind: Some(ServiceKind::Electricity),
        ..UsagePoint::default()
    };
    feed.entry(&entry(&up, &[&related], Content::UsagePoint(content)))?;
    let blocks = format!("{meter}/IntervalBlock");
    let content = Content::MeterReading(MeterReading);
    feed.entry(&entry(&meter, &[&blocks, &kind], content))?;
    let mut readings = 0;
    for day in 0..DAYS {
        let start = 1_700_000_000 + i64::from(day) * 86_400;
        let block = day_of_readings(start, i64::from(day))?;
        readings += u64::try_from(block.readings.len())?;
        let content = Content::IntervalBlocks(vec![block]);
        feed.entry(&entry(&format!("{blocks}/{start}"), &[], content))?;
        if feed.get_ref().get_ref().is_full() {
            break;
        }
    }
    Ok(readings)
}

fn entry(own: &str, related: &[&String], content: Content) -> Entry {
    let up = own.rsplit_once('/').map_or(own, |(up, _)| up);
    let now = Timestamp::from_second(1_700_000_000).ok();
    Entry {
        id: "00000000-0000-4000-8000-000000000000".to_owned(),
        title: Some(content.name().to_owned()),
        links: Links {
            self_href: Some(own.to_owned()),
            up: vec![up.to_owned()],
            related: related.iter().map(|href| (*href).clone()).collect(),
        },
        published: now,
        updated: now,
        content,
        offset: 0,
    }
}

fn reading_type(direction: FlowDirection) -> ReadingType {
    ReadingType {
        accumulation_behaviour: Some(AccumulationBehaviour::DeltaData),
        commodity: Some(Commodity::Electricity),
        flow_direction: Some(direction),
        interval_length: Some(900),
        kind: Some(MeasurementKind::Energy),
        power_of_ten_multiplier: Some(-3),
        uom: Some(UnitOfMeasure::WattHour),
        ..ReadingType::default()
    }
}

fn day_of_readings(start: i64, day: i64) -> Outcome<IntervalBlock> {
    let readings = (0..96_i64).map(|quarter| {
        Ok(IntervalReading {
            start: Some(Timestamp::from_second(start + quarter * 900)?),
            duration: Some(900),
            value: 100_000 + (day * 7919 + quarter * 104_729) % 900_000,
            quality: [17].into(),
            tou: Some(1),
            ..IntervalReading::default()
        })
    });
    Ok(IntervalBlock {
        start: Some(Timestamp::from_second(start)?),
        duration: Some(86_400),
        readings: readings.collect::<Outcome<_>>()?,
    })
}

/// A file that knows when it is large enough.
struct Counted {
    file: File,
    left: u64,
}

impl Counted {
    fn new(file: File, bytes: u64) -> Self {
        Self { file, left: bytes }
    }

    fn is_full(&self) -> bool {
        self.left == 0
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        let count = u64::try_from(written).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(count);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
