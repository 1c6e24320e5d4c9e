//! A body of readings, streamed: as bytes, or as a reader for [`espi::Reader`].
//!
//! A body that ends too early, stalls or grows past its limit is an error at that point. It never
//! looks like the end of the data.

use std::{
    fmt,
    io::{self, BufRead, BufReader},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt};
use tokio_util::io::{StreamReader, SyncIoBridge};

/// A piece of a body. The type of reqwest's chunks, named so that callers need not depend on it.
pub type Chunk = tokio_util::bytes::Bytes;

/// Bytes between the network and a blocking reader.
const BUFFER: usize = 64 * 1024;

type Inner = Pin<Box<dyn Stream<Item = io::Result<Chunk>> + Send>>;

/// The bytes of an answer, arriving. A [`Stream`] of chunks that ends with an error unless the
/// body came whole.
pub struct Body {
    inner: Inner,
    content_type: Option<String>,
    length: Option<u64>,
    limit: u64,
    seen: u64,
    done: bool,
}

/// Why a body was refused while it arrived; inside an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than accepted.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Fewer or more bytes than announced.
    #[error("the body was cut off: {seen} of {announced} bytes came")]
    CutOff {
        /// Bytes that came.
        seen: u64,
        /// What `Content-Length` said.
        announced: u64,
    },
}

impl Body {
    /// A body from a stream of chunks. `length` is what was announced, `limit` what is accepted,
    /// both in bytes.
    pub fn from_stream(
        chunks: impl Stream<Item = io::Result<Chunk>> + Send + 'static,
        content_type: Option<String>,
        length: Option<u64>,
        limit: u64,
    ) -> Self {
        Self {
            inner: Box::pin(chunks),
            content_type,
            length,
            limit,
            seen: 0,
            done: false,
        }
    }

    /// The media type as sent.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes_seen(&self) -> u64 {
        self.seen
    }

    /// The body as a blocking reader for [`espi::Reader`], to be used inside
    /// `tokio::task::spawn_blocking` only: reading on a runtime thread panics. Call this on the
    /// runtime; errors of the network come out as errors of the reader.
    #[must_use]
    pub fn into_blocking_reader(self) -> Box<dyn BufRead + Send> {
        // The buffer keeps the reader from entering the runtime at each small step.
        Box::new(BufReader::with_capacity(
            BUFFER,
            SyncIoBridge::new(StreamReader::new(self)),
        ))
    }

    /// This body with a lower limit, in bytes.
    #[must_use]
    pub fn limited(mut self, limit: u64) -> Self {
        self.limit = self.limit.min(limit);
        self
    }

    /// The whole body, for small documents.
    pub async fn collect(mut self) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.next().await {
            whole.extend_from_slice(&chunk?);
        }
        Ok(whole)
    }

    /// Waits for the first bytes and looks at them without taking them away.
    pub(crate) async fn peek(mut self) -> io::Result<(Chunk, Self)> {
        let first = loop {
            match self.inner.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(chunk) => break chunk?,
                None => break Chunk::new(),
            }
        };
        let rest = std::mem::replace(&mut self.inner, Box::pin(futures_util::stream::empty()));
        let again = futures_util::stream::iter((!first.is_empty()).then(|| Ok(first.clone())));
        self.inner = Box::pin(again.chain(rest));
        Ok((first, self))
    }

    fn account(&mut self, chunk: &Chunk) -> Result<(), BodyError> {
        let more = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.seen = self.seen.saturating_add(more);
        if self.seen > self.limit {
            return Err(BodyError::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn at_end(&self) -> Option<io::Error> {
        let announced = self.length?;
        (announced != self.seen).then(|| {
            let cut = BodyError::CutOff {
                seen: self.seen,
                announced,
            };
            io::Error::new(io::ErrorKind::UnexpectedEof, cut)
        })
    }
}

impl Stream for Body {
    type Item = io::Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        let next = match self.inner.as_mut().poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => match self.account(&chunk) {
                Ok(()) => Some(Ok(chunk)),
                Err(error) => Some(Err(io::Error::new(io::ErrorKind::FileTooLarge, error))),
            },
            Poll::Ready(Some(Err(error))) => Some(Err(error)),
            Poll::Ready(None) => self.at_end().map(Err),
        };
        self.done = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Body")
            .field("content_type", &self.content_type)
            .field("length", &self.length)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn body(chunks: Vec<io::Result<Chunk>>, length: Option<u64>, limit: u64) -> Body {
        Body::from_stream(futures_util::stream::iter(chunks), None, length, limit)
    }

    fn chunks(parts: &[&'static str]) -> Vec<io::Result<Chunk>> {
        parts
            .iter()
            .map(|part| Ok(Chunk::from_static(part.as_bytes())))
            .collect()
    }

    async fn read(body: Body) -> io::Result<String> {
        let mut reader = body.into_blocking_reader();
        tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn a_whole_body_reads_whole() {
        let whole = body(chunks(&["<feed>", "", "</feed>"]), Some(13), 13);
        let (first, whole) = whole.peek().await.unwrap();
        assert_eq!(first, "<feed>");
        assert_eq!(whole.bytes_seen(), 0);
        assert_eq!(read(whole).await.unwrap(), "<feed></feed>");
    }

    #[tokio::test]
    async fn a_body_shorter_than_announced_is_an_error_not_an_end() {
        let error = read(body(chunks(&["<feed>"]), Some(13), 100))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("6 of 13"), "{error}");
    }

    #[tokio::test]
    async fn an_error_in_the_middle_is_an_error() {
        let mut parts = chunks(&["<feed>"]);
        parts.push(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        parts.extend(chunks(&["</feed>"]));
        let error = read(body(parts, None, 100)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_an_error() {
        let error = body(chunks(&["12345", "678"]), None, 7)
            .collect()
            .await
            .unwrap_err();
        let cause = error
            .get_ref()
            .and_then(|it| it.downcast_ref::<BodyError>());
        assert_eq!(cause, Some(&BodyError::TooLarge { limit: 7 }));
    }

    #[tokio::test]
    async fn an_empty_body_has_no_first_bytes() {
        let (first, rest) = body(chunks(&[]), None, 7).peek().await.unwrap();
        assert!(first.is_empty());
        assert_eq!(rest.collect().await.unwrap(), b"");
    }
}
