//! Homes that have moved in: connected, and sending every ten seconds.

use std::time::{Duration, Instant};

use benches::Answer;
use demo::Site;
use demo::party::Party;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use home::{Generation, Home, Options, PermissionReport};

/// What everybody is asked for.
pub(crate) const NEED: &str = r#"{
    "type": "outbound-aiida",
    "id": "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a0c",
    "name": "Live consumption",
    "purpose": "Benchmark",
    "policyLink": "https://party.example/policy",
    "duration": {"type": "relativeDuration", "start": "P0D", "end": "P10D"},
    "transmissionSchedule": "*/10 * * * * *",
    "schemas": ["SMART-METER-P1-RAW"],
    "asset": "CONNECTION-AGREEMENT-POINT",
    "dataTags": ["1-0:1.7.0", "1-0:1.8.0"]
}"#;
pub(crate) const NEED_ID: &str = "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a0c";

/// Homes that scan their codes at the same time.
const PARALLEL: usize = 10;
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(200);

/// The operator's file of data needs.
pub(crate) fn data_needs() -> String {
    format!("[{NEED}]")
}

pub(crate) struct Homes(Vec<Home>);

impl Homes {
    /// That many homes scan a code, say yes, and have sent something.
    pub(crate) async fn move_in(site: &Site, count: u16) -> Answer<Self> {
        let party = Party::new(site)?;
        let moving = stream::iter(1..=count).map(|number| {
            let party = &party;
            async move {
                let asked = party.ask(&format!("home-{number}"), NEED_ID).await?;
                let home = Home::start(Options {
                    authority: Some(site.authority.clone()),
                    seed: u64::from(number),
                    ..Options::new(Generation::June2026)
                });
                home.scan(&asked.code).await?;
                Answer::Ok(home)
            }
        });
        let homes = Self(moving.buffer_unordered(PARALLEL).try_collect().await?);
        let started = Instant::now();
        while homes.streaming() < homes.0.len() {
            if started.elapsed() > PATIENCE {
                return homes.check();
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(homes)
    }

    /// An error when one is not connected, or has sent nothing.
    pub(crate) fn check(self) -> Answer<Self> {
        let (streaming, all) = (self.streaming(), self.0.len());
        if streaming == all {
            Ok(self)
        } else {
            Err(format!("{streaming} of {all} homes are connected and have sent something").into())
        }
    }

    fn streaming(&self) -> usize {
        let streams = |it: &PermissionReport| it.connected && it.acknowledged > 0;
        let homes = self.0.iter();
        homes
            .filter(|home| home.report().permissions.iter().any(streams))
            .count()
    }
}
