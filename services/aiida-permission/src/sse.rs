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

/// Tells nginx not to keep the answer back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where a stream's events go.
#[derive(Debug)]
pub(crate) struct Events(Sender<Bytes>);

/// Whoever listened has gone.
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
        self.0.send(text.into()).await.map_err(|_| Gone)
    }
}

/// A place for one more stream; `None` when there are too many.
pub(crate) fn place(service: &Service) -> Option<OwnedSemaphorePermit> {
    service.streams.clone().try_acquire_owned().ok()
}

/// Answers with the events that `tell` sends until it ends.
pub(crate) fn answer<T>(
    service: &Data<Service>,
    place: OwnedSemaphorePermit,
    tell: impl FnOnce(Data<Service>, Events) -> T,
) -> HttpResponse
where
    T: Future<Output = Result<(), Gone>> + 'static,
{
    let (sender, receiver) = mpsc::channel(16);
    let alive = sender.clone();
    let told = tell(service.clone(), Events(sender));
    let soft = service.shutdown.soft().clone();
    let telling = async move {
        let _place = place;
        tokio::select! {
            _gone = told => {}
            () = keep_alive(&alive) => {}
            () = soft.cancelled() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    };
    // The response is driven by its own connection: when that closes, all of this is dropped.
    let body = futures_util::stream::select(
        lines(receiver).map(Some),
        futures_util::stream::once(telling).map(|()| None),
    )
    .take_while(|line| std::future::ready(line.is_some()))
    .filter_map(std::future::ready)
    .map(Ok::<_, Infallible>);
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
