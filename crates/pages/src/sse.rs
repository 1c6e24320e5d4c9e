//! Event streams (server-sent events): what they have in common. A stream holds no connection to the database, is
//! kept alive through proxies, ends with the soft shutdown and after a while by itself; browsers come back. Their
//! number is bounded.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Bytes;
use futures_util::StreamExt as _;
use service_kit::shutdown::Shutdown;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Proxies cut connections that are silent for a minute.
const ALIVE: Duration = Duration::from_secs(20);

/// The longest life of a stream: what a closed laptop holds on to comes free.
const LONGEST: Duration = Duration::from_mins(9);

/// How long a reader may take nothing before its stream is ended.
const SLOWEST: Duration = Duration::from_secs(30);

/// Tells nginx not to keep the answer back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The streams of one process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Streams {
    places: Arc<Semaphore>,
    shutdown: Shutdown,
}

/// A place for one stream, taken until it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Where a stream's events go.
#[derive(Debug)]
pub struct Events {
    reader: Sender<Bytes>,
    patience: Duration,
}

/// Whoever listened has gone, or takes nothing any more.
#[derive(Debug)]
pub struct Gone;

impl Events {
    /// Sends one event; an empty name is the usual `message`. `data` may have several lines.
    pub async fn send(&self, name: &str, data: &str) -> Result<(), Gone> {
        let mut text = String::new();
        // Writing to a text does not fail.
        if !name.is_empty() {
            let _written = writeln!(text, "event: {name}");
        }
        for line in data.lines() {
            let _written = writeln!(text, "data: {line}");
        }
        text.push('\n');
        let sending = self.reader.send_timeout(text.into(), self.patience);
        sending.await.map_err(|_| Gone)
    }
}

impl Streams {
    /// At most so many streams at a time.
    #[must_use]
    pub fn new(most: usize, shutdown: Shutdown) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            shutdown,
        }
    }

    /// A place for one more stream; `None` when there are too many.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let permit = self.places.clone().try_acquire_owned();
        permit.ok().map(|permit| Place { _permit: permit })
    }

    /// Answers with the events that `tell` sends until it ends. It runs beside the answer: one that is a part of it
    /// stands still as long as its reader takes nothing, and holds its place for ever.
    pub fn answer<T>(&self, place: Place, tell: impl FnOnce(Events) -> T) -> HttpResponse
    where
        T: Future<Output = Result<(), Gone>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(16);
        let (alive, gone) = (sender.clone(), sender.clone());
        let told = tell(Events {
            reader: sender,
            patience: SLOWEST,
        });
        let soft = self.shutdown.soft().clone();
        self.shutdown.tasks().spawn(async move {
            let _place = place;
            tokio::select! {
                _gone = told => {}
                () = keep_alive(&alive) => {}
                () = gone.closed() => {}
                () = soft.cancelled() => {}
                () = tokio::time::sleep(LONGEST) => {}
            }
        });
        HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((UNBUFFERED, "no"))
            .streaming(lines(receiver).map(Ok::<_, Infallible>))
    }
}

fn lines(receiver: Receiver<Bytes>) -> impl futures_util::Stream<Item = Bytes> {
    futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|line| (line, receiver))
    })
}

async fn keep_alive(sender: &Sender<Bytes>) {
    loop {
        tokio::time::sleep(ALIVE).await;
        if sender
            .send(Bytes::from_static(b": alive\n\n"))
            .await
            .is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (reader, mut taken) = mpsc::channel(1);
        let events = Events {
            reader,
            patience: Duration::from_millis(10),
        };
        assert!(events.send("one", "1\n2").await.is_ok());
        assert!(events.send("two", "2").await.is_err());
        assert_eq!(
            taken.recv().await.unwrap(),
            "event: one\ndata: 1\ndata: 2\n\n"
        );
    }

    #[test]
    fn places_are_counted() {
        let streams = Streams::new(1, Shutdown::new());
        let first = streams.place();
        assert!(first.is_some() && streams.place().is_none());
        drop(first);
        assert!(streams.place().is_some());
    }
}
