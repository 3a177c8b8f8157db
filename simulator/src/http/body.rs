//! Bodies of requests: bounded, and thrown away beyond that, so that who sends too much is told so.

use std::{future::poll_fn, pin::Pin};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::CONTENT_LENGTH,
};

/// How much of a body that is too long is read all the same: many clients listen only once they have sent everything, and would never see
/// an answer on a connection that was closed before. Beyond this it is closed.
const MOST_THROWN_AWAY: u64 = 256 * 1024 * 1024;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is longer than is taken.
    TooLong,
    /// It ended before its end.
    Broken,
}

/// The body of a request, of at most so many bytes. One that is too long is answered as soon as that is known, by its length if it tells
/// one; what still comes of it is thrown away meanwhile.
pub(super) async fn read(request: Request, most: usize) -> Result<Bytes, Unreadable> {
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let mut body = request.into_body();
    if length.is_some_and(|length| length > most as u64) {
        tokio::spawn(throw_away(body));
        return Err(Unreadable::TooLong);
    }
    let mut read = Vec::new();
    while let Some(part) = next(&mut body).await {
        let part = part.map_err(|_| Unreadable::Broken)?;
        if read.len() + part.len() > most {
            tokio::spawn(throw_away(body));
            return Err(Unreadable::TooLong);
        }
        read.extend_from_slice(&part);
    }
    Ok(read.into())
}

/// The next part; trailers have none of the body.
async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

async fn throw_away(mut body: Body) {
    let mut left = MOST_THROWN_AWAY;
    while let Some(Ok(part)) = next(&mut body).await {
        match left.checked_sub(part.len() as u64) {
            Some(still) => left = still,
            None => return,
        }
    }
}
