//! What must be true of one customer at the end.

use std::fs;

use custodian::AuthorizationState;
use custodian::control::AuthorizationReport;
use custodian::model::{DayRange, FlowTruth};
use demo::check::{self, Totals};
use demo::history::is_of;
use demo::{Customer, Delivered};
use rust_decimal::Decimal;

use crate::cases::Case;
use crate::table::End;
use crate::world::{MONTHS, World};

impl World {
    pub(crate) async fn judge(
        &self,
        case: Case,
        customer: &Customer,
        page: &str,
        fired: u64,
    ) -> Result<(), String> {
        let key = &customer.known.key;
        let all = self.authorizations(key).await;
        let (newest, older) = all.split_last().ok_or("no authorization")?;
        self.judge_older(case, older)?;
        judge_page(case.end, page)?;
        judge_state(case.end, newest)?;
        let files = self.files_of(newest);
        match case.end {
            End::Delivered | End::Nameless | End::Shorter | End::StartsAgain => {
                judge_names(case.end, customer, &files)?;
                let empty = if case.end == End::Shorter { fired } else { 0 };
                self.judge_content(newest, &files, empty).await?;
            }
            End::Failed | End::Withdrawn if files.is_empty() => {}
            End::Failed | End::Withdrawn => return Err("there are files".to_owned()),
        }
        self.judge_rows(case.end, newest).await
    }

    /// What was granted for a code that came to nothing: over, and nothing is left of it.
    fn judge_older(&self, case: Case, older: &[AuthorizationReport]) -> Result<(), String> {
        if case.end == End::StartsAgain && older.is_empty() {
            return Err("no older authorization".to_owned());
        }
        for one in older {
            if one.status != 0 || one.live_tokens != 0 || !self.files_of(one).is_empty() {
                return Err(format!("the older authorization is {:?}", one.state));
            }
        }
        Ok(())
    }

    /// The files in the download folder that are of an authorization.
    fn files_of(&self, authorization: &AuthorizationReport) -> Vec<Delivered> {
        let id = authorization.id.to_string();
        let mut files = Vec::new();
        for entry in fs::read_dir(self.stack.output()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_of(&name, &id) {
                let bytes = fs::read(entry.path()).unwrap();
                files.push(Delivered { name, bytes });
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        files
    }

    /// The files hold what the custodian has, but for so many empty windows.
    async fn judge_content(
        &self,
        authorization: &AuthorizationReport,
        files: &[Delivered],
        empty: u64,
    ) -> Result<(), String> {
        let said = |error: demo::BoxError| error.to_string();
        let key = &authorization.customer;
        let mut tables = files.iter().filter(|file| check::is_table(file));
        tables.try_for_each(check::columns).map_err(said)?;
        let totals = check::totals(files).map_err(said)?;
        let owed = self.stack.owed_days(authorization.id, MONTHS).await;
        let owed = owed.map_err(said)?;
        check::no_gaps(&totals).map_err(said)?;
        if empty == 0 {
            let compared = check::compare(&self.site, key, owed, &totals).await;
            return compared.map(drop).map_err(said);
        }
        let truth = |from, to| {
            let path = format!("truth?customer={key}&from={from}&to={to}");
            async move { self.site.control::<Vec<FlowTruth>>(&path).await }
        };
        let mut missing = 0;
        for flow in truth(owed.first, owed.last).await.map_err(said)? {
            let id = (flow.usage_point.clone(), flow.flow);
            let days = totals
                .days
                .keys()
                .filter(|(of, _)| *of == id)
                .map(|(_, day)| *day);
            let days: Vec<_> = days.collect();
            let (Some(first), Some(last)) = (days.first(), days.last()) else {
                // Both of its windows.
                missing += 2;
                continue;
            };
            if DayRange::new(*first, *last) == owed {
                continue;
            }
            missing += 1;
            let part = truth(*first, *last).await.map_err(said)?;
            let part = part
                .iter()
                .find(|it| (it.usage_point.clone(), it.flow) == id);
            is_exactly(part.ok_or("no truth")?, &totals)?;
        }
        if missing == empty {
            Ok(())
        } else {
            Err(format!("{missing} windows are missing, {empty} were empty"))
        }
    }

    /// The database says the same, and keeps nothing that it should not.
    async fn judge_rows(&self, end: End, newest: &AuthorizationReport) -> Result<(), String> {
        let stage = match end {
            End::Failed => "failed",
            End::Withdrawn => "withdrawn",
            _ => "fetched",
        };
        let id = newest.id;
        let kept = if stage == "fetched" { "> 0" } else { "= 0" };
        let conditions = [
            format!("stage = '{stage}'"),
            "released_at IS NOT NULL AND access_token IS NULL AND refresh_token IS NULL".to_owned(),
            format!("(SELECT count(*) FROM smd.series s WHERE s.authorization_id = a.id) {kept}"),
            format!(
                "(SELECT count(*) FROM audit.event WHERE subject = a.id
                  AND action IN ('smd.released', 'smd.withdrawn')) {}",
                if end == End::Withdrawn { ">= 1" } else { "= 1" }
            ),
        ];
        for condition in conditions {
            let of_it = format!(
                "SELECT {condition} FROM smd.authorization a WHERE subscription_id = '{id}'"
            );
            if !self
                .stack
                .holds(&of_it)
                .await
                .map_err(|it| it.to_string())?
            {
                return Err(format!("in the database: not {condition}"));
            }
        }
        Ok(())
    }
}

/// The last words of the customer's page.
pub(crate) fn judge_page(end: End, page: &str) -> Result<(), String> {
    let words: &[&str] = match end {
        End::Failed => &["could not be fetched", "tart again", "ended"],
        End::Withdrawn => &["withdrew", "erased"],
        _ => &["was delivered"],
    };
    let missing = words.iter().find(|words| !page.contains(**words));
    missing.map_or(Ok(()), |words| {
        Err(format!("the page does not say {words:?}: {page}"))
    })
}

/// How the authorization stands at the custodian.
fn judge_state(end: End, newest: &AuthorizationReport) -> Result<(), String> {
    let wanted = if end == End::Withdrawn {
        AuthorizationState::Revoked
    } else {
        AuthorizationState::Deleted
    };
    if (newest.state, newest.live_tokens) == (wanted, 0) {
        Ok(())
    } else {
        let (state, tokens) = (newest.state, newest.live_tokens);
        Err(format!(
            "the authorization is {state:?} with {tokens} tokens"
        ))
    }
}

/// One table for electricity and one for gas, a readme and a report, under the customer's name or none. Where every window of one
/// was empty, there is none for it.
fn judge_names(end: End, customer: &Customer, files: &[Delivered]) -> Result<(), String> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let tables: Vec<_> = names
        .iter()
        .filter_map(|name| name.rsplit('-').next())
        .collect();
    let complete = match tables[..] {
        ["electricity.csv", "gas.csv", "readme.txt", "report.html"] => true,
        ["electricity.csv" | "gas.csv", "readme.txt", "report.html"] => end == End::Shorter,
        _ => false,
    };
    let number = customer.known.key.rsplit('-').next().unwrap_or_default();
    let own = format!("member-{number}-");
    let mut names_of_all = names.iter().map(|name| name.contains(&own));
    if complete && names_of_all.all(|is_named| is_named == (end != End::Nameless)) {
        Ok(())
    } else {
        Err(format!("the files are {names:?}"))
    }
}

fn is_exactly(truth: &FlowTruth, totals: &Totals) -> Result<(), String> {
    let flow = (truth.usage_point.clone(), truth.flow);
    let scale = u32::try_from(-i32::from(truth.multiplier)).unwrap();
    let sum = Decimal::new(truth.sum, scale);
    let found = (totals.intervals.get(&flow), totals.sums.get(&flow));
    if found == (Some(&truth.count), Some(&sum)) {
        Ok(())
    } else {
        Err(format!(
            "{flow:?} is {found:?}, not {} and {sum}",
            truth.count
        ))
    }
}
