//! Real feeds, read when they are there: `../shared/samples/espi` beside the workspace. What is
//! asserted is what that folder's README says of them, and sums taken from the files by hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing loudly, their helpers too"
)]

mod support;

use espi::{
    AuthorizationStatus, Binder, Commodity, Content, FlowDirection, MeasurementKind, ReadErrorKind,
    ServiceKind, UnitOfMeasure, UsagePointId, notification,
};
use std::path::PathBuf;
use support::{bind, bind_with, entries, per_day};

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/espi");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the folder of real feeds (../shared/samples/espi) is not here");
    None
}

fn sample(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(folder()?.join(name)).unwrap())
}

/// Leaves the test where the real feeds are not present.
macro_rules! sample {
    ($name:literal) => {
        match sample($name) {
            Some(bytes) => bytes,
            None => return,
        }
    };
}

#[test]
fn pge_asked_for_one_day_and_gave_two() {
    let (blocks, bound) = bind(&sample!("pge-oev/2019-10-16.xml"));
    let days = per_day(&blocks, "America/Los_Angeles");
    assert_eq!(days.len(), 2);
    assert_eq!(days["2019-10-16"], 24);
    assert_eq!(days["2019-10-17"], 24);
    let [series] = bound.series.as_slice() else {
        panic!("one series expected")
    };
    assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "5391320451");
    assert_eq!(series.service_kind, Some(ServiceKind::Electricity));
    assert_eq!(series.flow_direction(), Some(FlowDirection::Delivered));
    assert_eq!(series.unit(), Some(UnitOfMeasure::WattHour));
    assert_eq!(series.multiplier(), -3);
    assert!(!series.is_register());
    assert_eq!(bound.entries, 7);
    let zone = bound.local_time.unwrap().time_zone().unwrap();
    for block in &blocks {
        assert!(block.published.is_some());
        for reading in &block.readings {
            assert_eq!(reading.duration, 3600);
            assert!(reading.tou.is_some());
            assert_eq!(reading.quality.len(), 1);
            assert_eq!(reading.start.to_zoned(zone.clone()).minute(), 0);
        }
    }
}

#[test]
fn the_day_the_clocks_go_back_has_25_hours() {
    let (blocks, _) = bind(&sample!("pge-oev/2019-11-02.xml"));
    let days = per_day(&blocks, "America/Los_Angeles");
    assert_eq!(days["2019-11-02"], 24);
    assert_eq!(days["2019-11-03"], 25);
    assert!(blocks.iter().any(|block| block.readings.len() == 25));
}

#[test]
fn the_block_of_25_hours_says_90000_seconds() {
    let all = entries(&sample!("pge-oev/2019-11-02.xml")).unwrap();
    let lengths: Vec<_> = all
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::IntervalBlocks(blocks) => Some(blocks),
            _ => None,
        })
        .flatten()
        .map(|block| (block.duration, block.readings.len()))
        .collect();
    assert!(lengths.contains(&(Some(90_000), 25)), "{lengths:?}");
}

#[test]
fn gas_is_in_therms_and_starts_a_second_after_midnight() {
    let (blocks, bound) = bind(&sample!("pge-oev/gas-daily.xml"));
    let series = &bound.series[0];
    assert_eq!(series.unit(), Some(UnitOfMeasure::Therm));
    assert_eq!(series.commodity(), Some(Commodity::NaturalGas));
    assert_eq!(series.multiplier(), -8);
    let reading = &blocks[0].readings[0];
    // The value in the file is nought; scaling is tested with one that is not.
    assert_eq!((reading.duration, reading.value), (86_400, 0));
    let zone = bound.local_time.unwrap().time_zone().unwrap();
    let local = reading.start.to_zoned(zone);
    assert_eq!((local.hour(), local.minute(), local.second()), (0, 0, 1));
}

#[test]
fn blocks_without_reading_types_know_their_usage_point_by_path() {
    let (blocks, bound) = bind(&sample!("pge-verdigris/PGEIntervalBlock.xml"));
    let readings: usize = blocks.iter().map(|block| block.readings.len()).sum();
    assert_eq!((blocks.len(), readings), (24, 2556));
    for series in &bound.series {
        assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "1");
        assert!(series.meter_reading.is_some());
        assert_eq!(series.reading_type, None);
    }
}

#[test]
fn an_undeclared_prefix_is_refused() {
    let error = entries(&sample!("pge-verdigris/PGEUsageSummary.xml")).unwrap_err();
    assert!(
        matches!(&error.kind, ReadErrorKind::UndeclaredPrefix { prefix } if prefix == "ns1"),
        "{error}"
    );
    assert_eq!(error.offset, 0);
}

#[test]
fn usage_summaries_with_thousands_commas_and_milliseconds() {
    let all = entries(&sample!("pge-verdigris/PGEUsageSummaries.xml")).unwrap();
    assert_eq!(all.len(), 3);
    for entry in &all {
        let Content::UsageSummary(summary) = &entry.content else {
            panic!("a summary expected")
        };
        let stamp = summary.status_time_stamp.unwrap().to_string();
        assert!(stamp.starts_with("2015-"), "{stamp}");
        let own = entry.links.self_href.as_ref().unwrap();
        assert!(own.contains("/UsageSummary/1,"), "{own}");
    }
    let Content::UsageSummary(first) = &all[0].content else {
        panic!("a summary expected")
    };
    assert_eq!(first.bill_last_period, Some(23_364_000));
    assert_eq!(first.billing_period.unwrap().duration, Some(2_505_600));
}

#[test]
fn authorizations_in_milliseconds_and_in_seconds() {
    let all = entries(&sample!("pge-verdigris/PGEAuthorization.xml")).unwrap();
    let Content::Authorization(found) = &all[0].content else {
        panic!("an authorization expected")
    };
    assert_eq!(found.status, Some(AuthorizationStatus::Active));
    assert_eq!(found.expires_at.unwrap().as_second(), 1_440_670_029);
    let published = found.published_period.unwrap();
    assert_eq!(published.start.unwrap().as_second(), 1_395_513_200);
    assert!(found.scope.as_ref().unwrap().starts_with("FB=1_3_4_5"));

    let all = entries(&sample!("utilityapi/entryOnly.xml")).unwrap();
    let Content::Authorization(found) = &all[0].content else {
        panic!("an authorization expected")
    };
    let published = found.published_period.unwrap();
    assert_eq!(published.start.unwrap().as_second(), 1_690_904_231);
    assert_eq!(published.duration, Some(202_551_769));
    assert!(found.customer_resource_uri.is_some());
}

#[test]
fn single_entries_and_other_resources_of_pge() {
    let all = entries(&sample!("pge-verdigris/PGELocalTimeParameters.xml")).unwrap();
    let Content::LocalTimeParameters(parameters) = all[0].content else {
        panic!("parameters expected")
    };
    assert_eq!(parameters, espi::local_time::LocalTimeParameters::PACIFIC);

    let all = entries(&sample!("pge-verdigris/PGEApplicationInformation.xml")).unwrap();
    let Content::ApplicationInformation(found) = &all[0].content else {
        panic!("application information expected")
    };
    assert_eq!(found.data_custodian_id.as_deref(), Some("PGE"));
    assert_eq!(found.scopes.len(), 1);

    let all = entries(&sample!("pge-verdigris/PGEReadingType.xml")).unwrap();
    assert_eq!(all.len(), 48);
    assert!(
        all.iter()
            .all(|entry| matches!(entry.content, Content::ReadingType(_)))
    );

    let all = entries(&sample!("pge-verdigris/PGEUsagePoint.xml")).unwrap();
    let Content::UsagePoint(point) = &all[0].content else {
        panic!("a usage point expected")
    };
    assert_eq!(point.service_kind, Some(ServiceKind::Electricity));
}

#[test]
fn the_customer_feed_of_pge_mixes_namespaces() {
    let all = entries(&sample!("pge-verdigris/PGERetailCustomer.xml")).unwrap();
    let names: Vec<&str> = all.iter().map(|entry| entry.content.name()).collect();
    assert_eq!(
        names,
        [
            "Customer",
            "ServiceLocation",
            "CustomerAccount",
            "CustomerAgreement",
            "Meter"
        ]
    );
    let Content::Customer(customer) = &all[0].content else {
        panic!("a customer expected")
    };
    assert_eq!(customer.name.as_deref(), Some("ACME INDUSTRIES"));
    assert!(all[1..].iter().all(
        |entry| matches!(&entry.content, Content::Other { namespace, .. } if namespace == espi::CUSTOMER)
    ));
}

#[test]
fn the_captured_notification_is_read_in_spite_of_its_literal_newline() {
    let links = notification::parse(&sample!("pge-oev/notification-as-captured.xml")).unwrap();
    assert_eq!(links.len(), 2);
    assert!(links[0].ends_with("correlationID=0b2479f3-eec7-4a15-b46b-8f90c647e21e"));
}

#[test]
fn sce_has_97_readings_in_a_day_and_rules_that_are_nonsense() {
    let (blocks, bound) = bind(&sample!("sce-verdigris/BulkSCEIntervalBlock.xml"));
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].readings.len(), 97);
    assert!(blocks[0].readings.iter().all(|r| r.cost == Some(0)));
    assert_eq!(bound.series[0].unit(), Some(UnitOfMeasure::WattHour));
    assert_eq!(bound.local_time.unwrap().posix_tz(), None);
}

#[test]
fn sdge_uses_relative_links() {
    let (blocks, bound) = bind(&sample!("sdge/testdata.xml"));
    let readings: usize = blocks.iter().map(|block| block.readings.len()).sum();
    assert_eq!((blocks.len(), readings, bound.series.len()), (23, 552, 1));
    let series = &bound.series[0];
    assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "01");
    assert_eq!(series.unit(), Some(UnitOfMeasure::WattHour));
    assert_eq!(
        series.reading_type.as_ref().unwrap().interval_length,
        Some(3600)
    );
}

#[test]
fn ameren_brings_several_usage_points_and_reading_types() {
    let (blocks, bound) = bind(&sample!(
        "ameren-bidgely/Ameren_Res_Electric_15_Minutes_12-04-2023_12-04-2023.XML"
    ));
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].readings.len(), 96);
    let series = &bound.series[blocks[0].series.index()];
    assert!(series.reading_type.is_some());
    assert!(series.usage_point.is_some());
    assert_eq!(bound.usage_points.len(), 4);
}

#[test]
fn national_grid_has_an_empty_kind_and_36_blocks_in_one_entry() {
    let bytes = sample!("ngrid-ma-gas/ngma_gas_provider_2024-07-16.xml");
    let (blocks, bound) = bind(&bytes);
    assert_eq!(blocks.len(), 36);
    let series = &bound.series[0];
    assert_eq!(series.service_kind, None);
    assert!(series.reading_type.is_some());
    assert_eq!(blocks[0].readings[0].cost, Some(2_806_000));
    assert_eq!(blocks[0].readings[0].start.as_second(), 1_721_154_384);
}

#[test]
fn ontario_rules_are_hex_epochs_and_gas_is_in_cubic_metres() {
    let (blocks, bound) = bind(&sample!(
        "ontario-enbridge-gas/EGD_Gas_EnergyUsage_20221225_20241225.xml"
    ));
    let readings: usize = blocks.iter().map(|block| block.readings.len()).sum();
    assert_eq!((blocks.len(), readings, bound.series.len()), (20, 20, 20));
    let local_time = bound.local_time.unwrap();
    assert_eq!(local_time.posix_tz(), None);
    assert_eq!(local_time.offset_at(jiff::Timestamp::UNIX_EPOCH), None);
    for series in &bound.series {
        assert_eq!(series.service_kind, Some(ServiceKind::Gas));
        assert!(series.reading_type.is_some(), "{series:?}");
    }
}

#[test]
fn utilityapi_batch_with_and_without_self_links() {
    for name in ["Batch", "BatchWithoutSelfLink"] {
        let Some(bytes) = sample(&format!("eddie-utilityapi/{name}.xml")) else {
            return;
        };
        let (blocks, bound) = bind(&bytes);
        assert_eq!(blocks.len(), 1, "{name}");
        assert_eq!(blocks[0].readings.len(), 67, "{name}");
        let series = &bound.series[blocks[0].series.index()];
        assert_eq!(series.flow_direction(), Some(FlowDirection::Received));
        assert_eq!(series.usage_point.as_ref().unwrap().as_str(), "1669851");
        let kind = series.reading_type.as_ref().unwrap();
        assert_eq!(kind.kind, Some(MeasurementKind::Energy));
    }
}

#[test]
fn utilityapi_batches_broken_on_purpose_are_refused() {
    let error = entries(&sample!(
        "eddie-utilityapi/BatchWithInvalidIntervalBlock.xml"
    ));
    assert!(matches!(error.unwrap_err().kind, ReadErrorKind::StrayText));
    let error = entries(&sample!(
        "eddie-utilityapi/BatchWithWrongContentForIntervalBlock.xml"
    ));
    let error = error.unwrap_err();
    assert!(
        matches!(&error.kind, ReadErrorKind::WrongContent { found } if found == "ReadingType"),
        "{error}"
    );
}

/// Every file is either read to its end or refused for a reason named above.
#[test]
fn nothing_in_the_folder_is_left_out() {
    let Some(folder) = folder() else { return };
    let refused = [
        "PGEUsageSummary.xml",
        "notification-as-captured.xml",
        "BatchWithInvalidIntervalBlock.xml",
        "BatchWithWrongContentForIntervalBlock.xml",
    ];
    let mut seen = 0;
    for folder in std::fs::read_dir(folder).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() || folder.ends_with("xsd") {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let bytes = std::fs::read(&path).unwrap();
            let outcome = entries(&bytes);
            assert_eq!(
                outcome.is_err(),
                refused.contains(&name.as_str()),
                "{name}: {outcome:?}"
            );
            if outcome.is_ok() {
                let id = UsagePointId::parse("0").unwrap();
                bind_with(Binder::new().with_usage_point(id), &bytes).unwrap();
            }
            seen += 1;
        }
    }
    assert!(seen >= 22, "{seen} files");
}
