//! Bodies that arrive as a fault wants them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::sync::mpsc::{Receiver, channel};

use super::Line;

/// How long what was sent has to leave before a connection is cut in the middle.
const FLUSHED: Duration = Duration::from_millis(100);

/// A body that a task feeds.
pub(super) struct Fed {
    pieces: Receiver<Bytes>,
    size: BodySize,
}

impl MessageBody for Fed {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let piece = self.get_mut().pieces.poll_recv(context);
        piece.map(|piece| piece.map(Ok))
    }
}

/// The body in pieces of so many bytes, each after a pause.
pub(super) fn drip(whole: Bytes, bytes: usize, pause: Duration) -> Fed {
    let (sender, pieces) = channel(1);
    tokio::spawn(async move {
        let mut rest = whole;
        while !rest.is_empty() {
            tokio::time::sleep(pause).await;
            let piece = rest.split_to(bytes.clamp(1, rest.len()));
            if sender.send(piece).await.is_err() {
                // Nobody waits for it any more.
                return;
            }
        }
    });
    Fed {
        pieces,
        size: BodySize::Stream,
    }
}

/// The first half of a body; then the connection is cut.
pub(super) fn half(whole: &Bytes, line: Option<Line>) -> Fed {
    let (sender, pieces) = channel(1);
    let first = first_half(whole);
    tokio::spawn(async move {
        if sender.send(first).await.is_ok() {
            tokio::time::sleep(FLUSHED).await;
            if let Some(line) = line {
                line.cut();
            }
        }
        // Until now the body was not over: only the connection was.
        drop(sender);
    });
    Fed {
        pieces,
        size: size_of(whole),
    }
}

/// The first half of a body, announced as the whole of it.
pub(super) fn short(whole: &Bytes) -> Fed {
    let (sender, pieces) = channel(1);
    let first = first_half(whole);
    tokio::spawn(async move {
        if sender.send(first).await.is_err() {
            tracing::debug!("nobody reads that body any more");
        }
    });
    Fed {
        pieces,
        size: size_of(whole),
    }
}

pub(super) fn first_half(whole: &Bytes) -> Bytes {
    whole.slice(..whole.len() / 2)
}

fn size_of(whole: &Bytes) -> BodySize {
    BodySize::Sized(u64::try_from(whole.len()).unwrap_or(u64::MAX))
}
