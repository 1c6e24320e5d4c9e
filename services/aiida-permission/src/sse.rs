//! Event streams (server-sent events): what they have in common. A stream holds no connection to the database, is
//! kept alive through proxies, ends with the soft shutdown and after a while by itself; browsers come back.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::web::{Bytes, Data};
use futures_util::StreamExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::Service;

/// Proxies cut connections that are silent for a minute.
const ALIVE: Duration = Duration::from_secs(20);

/// The longest life of a stream: what a closed laptop holds on to comes free.
const LONGEST: Duration = Duration::from_mins(9);

/// How long a reader may take nothing before its stream is ended.
const SLOWEST: Duration = Duration::from_secs(30);

/// Tells nginx not to keep the answer back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where a stream's events go.
#[derive(Debug)]
pub(crate) struct Events {
    reader: Sender<Bytes>,
    patience: Duration,
}

/// Whoever listened has gone, or takes nothing any more.
#[derive(Debug)]
pub(crate) struct Gone;

impl Events {
    /// Sends one event; `data` has one line.
    pub(crate) async fn send(&self, name: &str, data: &str) -> Result<(), Gone> {
        let mut text = String::new();
        if !name.is_empty() {
            // Writing to a text does not fail.
            let _written = writeln!(text, "event: {name}");
        }
        let _written = write!(text, "data: {data}\n\n");
        let sending = self.reader.send_timeout(text.into(), self.patience);
        sending.await.map_err(|_| Gone)
    }
}

/// A place for one more stream; `None` when there are too many.
pub(crate) fn place(service: &Service) -> Option<OwnedSemaphorePermit> {
    service.streams.clone().try_acquire_owned().ok()
}

/// Answers with the events that `tell` sends until it ends. It runs beside the answer: one that is a part of it stands
/// still as long as its reader takes nothing, and holds its place for ever.
pub(crate) fn answer<T>(
    service: &Data<Service>,
    place: OwnedSemaphorePermit,
    tell: impl FnOnce(Data<Service>, Events) -> T,
) -> HttpResponse
where
    T: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(16);
    let (alive, gone) = (sender.clone(), sender.clone());
    let events = Events {
        reader: sender,
        patience: SLOWEST,
    };
    let told = tell(service.clone(), events);
    let soft = service.shutdown.soft().clone();
    service.shutdown.tasks().spawn(async move {
        let _place = place;
        tokio::select! {
            _gone = told => {}
            () = keep_alive(&alive) => {}
            () = gone.closed() => {}
            () = soft.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    });
    let body = lines(receiver).map(Ok::<_, Infallible>);
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((UNBUFFERED, "no"))
        .streaming(body)
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
        let (reader, taken) = mpsc::channel(1);
        let events = Events {
            reader,
            patience: Duration::from_millis(10),
        };
        assert!(events.send("one", "1").await.is_ok());
        assert!(events.send("two", "2").await.is_err());
        drop(taken);
    }
}
