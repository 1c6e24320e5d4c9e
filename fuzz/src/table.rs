//! Tables for spreadsheets: text in a cell, and made-up series with their readings.

use csv_exporter::table::{
    Columns, Selection, Series, Table, TableError, Writer, Written, text_cell,
};
use espi::{
    AccumulationBehaviour, Commodity, FlowDirection, Qualities, Reading, ReadingType, ServiceKind,
    UnitOfMeasure, UsagePointId,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::exact::Exact;
use crate::made_up;

/// Any text in a cell: a CSV reader gets it back, and no spreadsheet takes it for a formula.
pub fn check_cell(text: &str) {
    let cell = text_cell(text);
    // Some spreadsheets trim a cell before they look at it.
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    assert_eq!(
        cell.strip_prefix('\'').unwrap_or(&cell),
        text.strip_prefix('\'').unwrap_or(text)
    );
    assert_eq!(cell != text, formula);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["before", &cell, "after"]).unwrap();
    let bytes = writer.into_inner().unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&bytes[..]);
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].iter().collect::<Vec<_>>(),
        ["before", &cell, "after"]
    );
}

/// Made-up series and readings are written, read by a CSV reader, and every value is found again.
pub fn check_table(bytes: &[u8]) {
    let mut bytes = Unstructured::new(bytes);
    let Ok((series, readings)) = made_up(&mut bytes) else {
        return;
    };
    let selection = Selection::of(&series);
    let left_out = selection.left_out().iter().map(|it| it.series);
    for number in 0..series.len() {
        let left_out = left_out.clone().filter(|it| *it == number).count();
        assert_eq!(left_out, usize::from(selection.table_of(number).is_none()));
    }
    for table in Table::ALL {
        let Ok((written, rows)) = table_of(&selection, &readings, table) else {
            continue;
        };
        check_rows(&selection, &series, &readings, table, &written, &rows);
    }
}

type Readings = Vec<(usize, Reading)>;

fn made_up(bytes: &mut Unstructured<'_>) -> Result<(Vec<Series>, Readings)> {
    let points = ["100", "200", "=1+1x", "a-1"];
    let mut series = Vec::new();
    for _ in 0..bytes.int_in_range(1..=4)? {
        let mut kind = made_up::reading_type(bytes)?;
        if bytes.ratio(3, 4)? {
            plain(bytes, &mut kind)?;
        }
        series.push(Series {
            usage_point: UsagePointId::parse(bytes.choose(&points)?).ok(),
            service_kind: bytes
                .arbitrary::<Option<u16>>()?
                .map(ServiceKind::from_code),
            reading_type: Some(kind).filter(|_| bytes.ratio(15, 16).unwrap_or(true)),
        });
    }
    let mut readings = Vec::new();
    for _ in 0..bytes.int_in_range(0..=12)? {
        let number = bytes.choose_index(series.len())?;
        let start = i64::from(bytes.int_in_range(0..=20_u8)?) * 450 + 1_572_760_800;
        let reading = Reading {
            start: Timestamp::from_second(start).unwrap_or(Timestamp::MAX),
            duration: *bytes.choose(&[900, 1800, 3600, 0, 86_400, u32::MAX])?,
            value: bytes.arbitrary()?,
            quality: Qualities::from(<[u16; 2]>::from(bytes.arbitrary::<(u16, u16)>()?)),
            tou: bytes.arbitrary()?,
            cpp: None,
            cost: bytes.arbitrary()?,
        };
        readings.push((number, reading));
    }
    let order = |(number, it): &(usize, Reading)| {
        let point = series[*number].usage_point.clone();
        (point, it.start, it.duration, *number)
    };
    readings.sort_by_key(order);
    readings.dedup_by_key(|it| order(it));
    Ok((series, readings))
}

/// As most series are: an amount of energy or gas.
fn plain(bytes: &mut Unstructured<'_>, kind: &mut ReadingType) -> Result<()> {
    kind.accumulation_behaviour = Some(AccumulationBehaviour::DeltaData);
    let gas = bytes.ratio(1, 4)?;
    kind.commodity = Some(if gas {
        Commodity::NaturalGas
    } else {
        Commodity::Electricity
    });
    kind.uom = Some(if gas {
        UnitOfMeasure::Therm
    } else {
        UnitOfMeasure::WattHour
    });
    let flow = *bytes.choose(&[1_u16, 19, 4])?;
    kind.flow_direction = Some(FlowDirection::from_code(if gas { 1 } else { flow }));
    kind.power_of_ten_multiplier = Some(bytes.int_in_range(-8..=3)?);
    (kind.phase, kind.tou, kind.data_qualifier, kind.kind) = (None, None, None, None);
    Ok(())
}

type Rows = Vec<Vec<String>>;

fn table_of(
    selection: &Selection,
    readings: &Readings,
    table: Table,
) -> std::result::Result<(Written, Rows), TableError> {
    let zone = TimeZone::get("America/Los_Angeles").expect("a zone of the bundle");
    let mut writer = Writer::new(Vec::new(), selection, table, Columns::Full, zone)?;
    for (number, reading) in readings {
        match writer.push(*number, reading) {
            Err(TableError::Digits { .. }) => return Err(TableError::UnknownSeries(0)),
            other => other.expect("sorted readings, each once"),
        }
    }
    let (written, bytes) = match writer.finish() {
        Err(TableError::Digits { series, start }) => {
            return Err(TableError::Digits { series, start });
        }
        other => other.expect("memory takes every byte"),
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&bytes[..]);
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    Ok((written, rows.collect()))
}

fn check_rows(
    selection: &Selection,
    series: &[Series],
    readings: &Readings,
    table: Table,
    written: &Written,
    rows: &Rows,
) {
    let header = table.header(Columns::Full);
    assert_eq!(rows[0], header);
    assert_eq!(rows.len() - 1, usize::try_from(written.rows).unwrap());
    let here: Vec<_> = readings
        .iter()
        .filter(|(number, _)| selection.table_of(*number) == Some(table))
        .collect();
    let overlaps: u64 = written.overlaps.iter().map(|it| it.readings).sum();
    assert_eq!(
        usize::try_from(written.readings + overlaps).unwrap(),
        here.len()
    );
    let values = if table == Table::Electricity {
        2..4
    } else {
        2..3
    };
    let start = values.end;
    let mut found = 0;
    for row in &rows[1..] {
        assert_eq!(row.len(), header.len());
        let utc: Timestamp = row[start].parse().unwrap();
        assert_eq!(
            row[1].parse::<Timestamp>().unwrap(),
            utc,
            "local and UTC are one moment"
        );
        let duration: u32 = row[start + 1].parse().unwrap();
        for cell in &row[values.clone()] {
            if cell.is_empty() {
                continue;
            }
            found += 1;
            let value = Exact::read(cell).expect("a value is a number");
            let matching = here.iter().any(|(number, reading)| {
                let kind = series[*number].reading_type.as_ref().unwrap();
                let net = kind.flow_direction == Some(FlowDirection::Net);
                let amount = i128::from(reading.value);
                let amount = if net { amount.abs() } else { amount };
                (reading.start, reading.duration) == (utc, duration)
                    && series[*number].usage_point.as_ref().unwrap().as_str() == row[0]
                    && Exact::scaled(amount, kind.multiplier().into()) == value
            });
            assert!(matching, "{row:?}");
        }
        for cell in [&row[0], &row[start + 2], &row[start + 3]] {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']),
                "{cell}"
            );
        }
    }
    assert_eq!(found, written.readings);
}
