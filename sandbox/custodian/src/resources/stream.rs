//! Documents on their way out: small ones whole, feeds in pieces from a thread of their own, so
//! that two years of quarter hours never stand in memory.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use espi::writer::Feed;
use espi::{Entry, FeedHeader, Links, writer};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Refusal;
use super::entries::Entries;
use super::feed::Plan;
use crate::model::ModelError;

const CONTENT_TYPE: &str = "application/atom+xml;charset=UTF-8";
/// Bytes in a piece.
const PIECE: usize = 64 * 1024;
/// Pieces that may wait for a slow reader.
const WAITING: usize = 4;

/// Why a feed broke off.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// A whole document.
pub(super) fn document(bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(bytes)
}

/// A document of one entry.
pub(super) fn entry(entry: &Entry) -> Result<HttpResponse, Refusal> {
    Ok(document(writer::entry(Vec::new(), entry)?))
}

/// A feed of a few entries.
pub(super) fn feed_of(
    entries: &Entries,
    path: &str,
    list: &[Entry],
) -> Result<HttpResponse, Refusal> {
    let mut feed = Feed::new(Vec::new(), &header(entries, path))?;
    for entry in list {
        feed.entry(entry)?;
    }
    Ok(document(feed.finish()?))
}

/// A feed of any size.
pub(super) fn feed(plan: Plan) -> HttpResponse {
    let (sender, receiver) = channel(WAITING);
    spawn_blocking(move || {
        let output = Pieces {
            buffer: Vec::with_capacity(PIECE),
            sender: sender.clone(),
        };
        if let Err(error) = write(&plan, output) {
            // A reader that went away is no fault; any other error must break the connection, so
            // that nobody takes half a feed for a whole one.
            tracing::info!(%error, "a feed broke off");
            if sender.blocking_send(Err(io::Error::other(error))).is_err() {
                tracing::debug!("nobody reads that feed any more");
            }
        }
    });
    HttpResponse::Ok()
        .content_type(CONTENT_TYPE)
        .body(Streamed(receiver))
}

fn write(plan: &Plan, output: Pieces) -> Result<(), FeedError> {
    let mut feed = Feed::new(output, &header(&plan.entries, &plan.path))?;
    plan.each(|entry| feed.entry(entry).map_err(FeedError::Write))?;
    feed.finish()?;
    Ok(())
}

fn header(entries: &Entries, path: &str) -> FeedHeader {
    let self_href = entries.href(path);
    FeedHeader {
        id: entries.id(&format!("feed {self_href}")),
        title: Some("Green Button Usage Feed".to_owned()),
        updated: Some(entries.now()),
        links: Links {
            self_href: Some(self_href),
            ..Links::default()
        },
    }
}

/// The end of the channel that a feed is written into.
struct Pieces {
    buffer: Vec<u8>,
    sender: Sender<Result<Bytes, io::Error>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.sender
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The end of the channel that a response is sent from.
struct Streamed(Receiver<Result<Bytes, io::Error>>);

impl MessageBody for Streamed {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        self.get_mut().0.poll_recv(context)
    }
}
