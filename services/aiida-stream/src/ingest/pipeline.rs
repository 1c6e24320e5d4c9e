//! From arrivals to acknowledgements, in the order of arrival. Two steps at the same time: while one batch is being
//! stored, the next one is collected and held against its permissions.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use permission::PermissionId;
use permission::topic::{Topic, TopicError};
use rumqttc::ManualAck;
use storage::aiida::stream::ingest;
use storage::aiida::stream::refusal::{Message, Refused};
use storage::{Database, DatabaseError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::admission::{self, Limits, Reason, Verdict};
use super::arrival::Arrival;
use super::batch::{Store, Tried};
use super::bindings::Bindings;
use super::connection::Acks;
use super::numbers;
use super::trace::{self, Sampler};
use crate::Config;

/// First and longest wait for a database that is away.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often a message alone must be rejected, while others would be taken, before it is to blame: a deadlock or a
/// table that is just being made rejects once.
const BLAME_AFTER: u32 = 3;

/// How far back a message without a time of its own is looked for, when the broker says that it sends it again.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

/// A message whose fate is decided.
pub(crate) struct Judged {
    verdict: Verdict,
    topic: String,
    ack: Option<ManualAck>,
    arrived: Instant,
    received_at: Timestamp,
    _place: Option<OwnedSemaphorePermit>,
}

/// What is stored together, as far as the database takes it.
pub(crate) struct Batch {
    judged: Vec<Judged>,
    span: Span,
}

/// Waits longer with each failure, and says only the first one.
struct Patience(Option<Duration>);

impl Patience {
    /// False when there is no point in going on.
    async fn wait(
        &mut self,
        error: &(dyn std::error::Error + Sync),
        stop: &CancellationToken,
    ) -> bool {
        let (first, longest) = BACKOFF;
        let time = self.0.map_or(first, |last| (last * 2).min(longest));
        if self.0.is_none() {
            tracing::warn!(%error, "the stream waits for the database; the broker keeps what comes");
        }
        self.0 = Some(time);
        stop.run_until_cancelled(tokio::time::sleep(time))
            .await
            .is_some()
    }

    fn over(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("the stream goes on");
        }
    }
}

/// The first step.
pub(crate) struct Collector {
    pub(crate) database: Database,
    pub(crate) most: usize,
    pub(crate) time: Duration,
    pub(crate) limits: Limits,
    /// Cancelled when nothing more is to be taken.
    pub(crate) stop: CancellationToken,
    /// Ends when nothing came for this long.
    pub(crate) idle: Option<Duration>,
    pub(crate) bindings: Bindings,
    pub(crate) sampler: Sampler,
}

impl Collector {
    pub(crate) fn new(database: Database, config: &Config, stop: CancellationToken) -> Self {
        let stream = &config.stream;
        Self {
            database,
            most: usize::from(stream.batch_messages),
            time: stream.batch_time(),
            limits: Limits {
                values: usize::from(stream.message_values),
                retention: stream.retention(),
            },
            stop,
            idle: None,
            bindings: Bindings::default(),
            sampler: Sampler::default(),
        }
    }

    /// Until the connection is lost or nothing more is to be taken. What was not handed on by then is not
    /// acknowledged, and comes again.
    pub(crate) async fn run(
        mut self,
        arrivals: &mut mpsc::UnboundedReceiver<Arrival>,
        batches: mpsc::Sender<Batch>,
    ) {
        let stop = self.stop.clone();
        let work = async {
            let mut patience = Patience(None);
            while let Some(batch) = self.collect(arrivals).await {
                let span = self.sampler.span(&batch, Instant::now());
                let judging = self.judge(batch, &mut patience);
                let Some(judged) = judging.instrument(trace::admission(&span)).await else {
                    break;
                };
                if batches.send(Batch { judged, span }).await.is_err() {
                    break;
                }
            }
        };
        // A batch that is cut here has not been touched yet.
        stop.run_until_cancelled(work).await;
    }

    async fn collect(
        &self,
        arrivals: &mut mpsc::UnboundedReceiver<Arrival>,
    ) -> Option<Vec<Arrival>> {
        let mut batch = Vec::with_capacity(self.most);
        let came = match self.idle {
            None => arrivals.recv_many(&mut batch, self.most).await,
            Some(idle) => timeout(idle, arrivals.recv_many(&mut batch, self.most))
                .await
                .unwrap_or(0),
        };
        let deadline = batch.first()?.arrived + self.time;
        if came == 0 {
            return None;
        }
        while batch.len() < self.most {
            let room = self.most - batch.len();
            match timeout_at(deadline, arrivals.recv_many(&mut batch, room)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        Some(batch)
    }

    async fn judge(&mut self, batch: Vec<Arrival>, patience: &mut Patience) -> Option<Vec<Judged>> {
        let topics: Vec<_> = batch
            .iter()
            .map(|arrival| Topic::parse(&arrival.topic))
            .collect();
        let named: BTreeSet<PermissionId> =
            topics.iter().filter_map(admission::permission_of).collect();
        while let Err(error) = self.bindings.refresh(&self.database, &named).await {
            if !patience.wait(&error, &self.stop).await {
                return None;
            }
        }
        let mut judged = Vec::with_capacity(batch.len());
        for (arrival, topic) in batch.into_iter().zip(&topics) {
            let again = arrival.again;
            let mut one = self.judge_one(arrival, topic);
            while let Err(error) = self.find_again(&mut one, again).await {
                if !patience.wait(&error, &self.stop).await {
                    return None;
                }
            }
            judged.push(one);
        }
        patience.over();
        Some(judged)
    }

    fn judge_one(&self, mut arrival: Arrival, topic: &Result<Topic, TopicError>) -> Judged {
        let name = arrival.topic.clone();
        if let Some(time) = self.bindings.time(arrival.arrived) {
            arrival.received_at = time;
        }
        let binding = admission::permission_of(topic).and_then(|id| self.bindings.get(id));
        let mut verdict = admission::judge(&mut arrival, topic, binding, self.limits);
        if let Verdict::Refuse(refused) = &verdict {
            numbers::refused(refused.reason);
            if arrival.retained {
                // It comes again with every connection: one line for the operator each time would be noise.
                verdict = Verdict::Known;
            }
        }
        Judged {
            verdict,
            topic: name,
            ack: arrival.ack,
            arrived: arrival.arrived,
            received_at: arrival.received_at,
            _place: arrival.place,
        }
    }

    /// A message without a time of its own stands under that of its arrival, so its second arrival would be another
    /// message. When the broker says that it may have sent it before, it gets the time of the first.
    async fn find_again(&self, judged: &mut Judged, again: bool) -> Result<(), DatabaseError> {
        let Verdict::Store(admitted) = &mut judged.verdict else {
            return Ok(());
        };
        if !again || !admitted.timeless {
            return Ok(());
        }
        let message = &mut admitted.message;
        let since = message
            .sent_at
            .saturating_sub(LOOK_BACK)
            .unwrap_or(message.sent_at);
        let mut conn = self.database.get().await?;
        let before =
            ingest::stored_before(&mut conn, message.permission, message.digest, since).await?;
        if let Some(sent_at) = before {
            message.sent_at = sent_at;
        }
        Ok(())
    }
}

/// The second step.
pub(crate) struct Writer {
    pub(crate) store: Store,
    pub(crate) acks: Acks,
    /// Cancelled when waiting for a database that is away has no point any more.
    pub(crate) stop: CancellationToken,
}

impl Writer {
    /// Until no more batches come; answers how many there were. `None` when it left one unstored.
    pub(crate) async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Option<u64> {
        let mut patience = Patience(None);
        let mut settled = 0;
        while let Some(batch) = batches.recv().await {
            if !self.settle(batch, &mut patience).await {
                return None;
            }
            settled += 1;
        }
        Some(settled)
    }

    /// Stores a batch in as many pieces as it takes, and acknowledges each piece once it is committed.
    async fn settle(&mut self, batch: Batch, patience: &mut Patience) -> bool {
        let mut pieces = VecDeque::from([batch.judged]);
        let mut rejected = 0;
        while let Some(mut piece) = pieces.pop_front() {
            let started = Instant::now();
            let verdicts: Vec<&Verdict> = piece.iter().map(|one| &one.verdict).collect();
            let span = trace::transaction(&batch.span, piece.len());
            let attempt = self.store.attempt(&verdicts);
            match attempt.instrument(span.clone()).await {
                Tried::Stored(stored) => {
                    span.record("stored", stored);
                    let oldest = piece.iter().map(|one| one.arrived.elapsed()).max();
                    trace::committed(&batch.span, oldest.unwrap_or_default());
                    patience.over();
                    rejected = 0;
                    self.done(piece, stored, started);
                }
                Tried::Away(error) => {
                    pieces.push_front(piece);
                    if !patience.wait(&error, &self.stop).await {
                        return false;
                    }
                }
                Tried::Rejected(error) if piece.len() > 1 => {
                    tracing::debug!(%error, messages = piece.len(), "a batch was rejected and is halved");
                    let second = piece.split_off(piece.len() / 2);
                    pieces.push_front(second);
                    pieces.push_front(piece);
                }
                Tried::Rejected(error) if rejected + 1 < BLAME_AFTER => {
                    rejected += 1;
                    pieces.push_front(piece);
                    tracing::debug!(%error, "a message was rejected and is tried again");
                    if self
                        .stop
                        .run_until_cancelled(tokio::time::sleep(BACKOFF.0))
                        .await
                        .is_none()
                    {
                        return false;
                    }
                }
                Tried::Rejected(error) => {
                    rejected = 0;
                    if let Some(refused) = self.refuse(piece, &error) {
                        pieces.push_front(refused);
                    }
                }
            }
        }
        true
    }

    /// The one message that the database does not take.
    fn refuse(&self, piece: Vec<Judged>, error: &dyn std::error::Error) -> Option<Vec<Judged>> {
        let mut refused = Vec::with_capacity(piece.len());
        for mut one in piece {
            let Verdict::Store(admitted) = one.verdict else {
                // A refusal or a job that cannot be written: it must not hold up everything behind it.
                tracing::error!(%error, "a message that the database does not take is given up");
                numbers::refused(Reason::NotStorable.name());
                self.acknowledge(one.ack.take());
                continue;
            };
            tracing::warn!(permission = %admitted.message.permission, %error, "a message cannot be stored and is refused");
            numbers::refused(Reason::NotStorable.name());
            one.verdict = Verdict::Refuse(Refused {
                permission: Some(admitted.message.permission),
                reason: Reason::NotStorable.name(),
                received_at: one.received_at,
                message: Some(Message {
                    topic: std::mem::take(&mut one.topic),
                    payload: admitted.message.payload,
                }),
            });
            refused.push(one);
        }
        (!refused.is_empty()).then_some(refused)
    }

    fn acknowledge(&self, ack: Option<ManualAck>) {
        if let Some(ack) = ack {
            self.acks.send(ack);
        }
    }

    fn done(&self, piece: Vec<Judged>, stored: u64, started: Instant) {
        metrics::histogram!("aiida_stream_batch_seconds").record(started.elapsed());
        metrics::histogram!("aiida_stream_batch_messages")
            .record(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        let lag = metrics::histogram!("aiida_stream_commit_seconds");
        let (mut messages, mut statuses) = (0_u64, 0_u64);
        for one in piece {
            match one.verdict {
                Verdict::Store(_) => messages += 1,
                Verdict::Status(_) => statuses += 1,
                Verdict::Refuse(_) | Verdict::Known => {}
            }
            lag.record(one.arrived.elapsed());
            self.acknowledge(one.ack);
        }
        metrics::counter!("aiida_stream_stored_total").increment(stored);
        metrics::counter!("aiida_stream_duplicates_total")
            .increment(messages.saturating_sub(stored));
        metrics::counter!("aiida_stream_statuses_total").increment(statuses);
    }
}
