//! Waiting for the browser, but not for ever.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use gloo_timers::future::TimeoutFuture;

/// What `work` comes to; `None` where it takes longer than `limit_ms`.
pub async fn in_time<T>(limit_ms: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut late = pin!(TimeoutFuture::new(limit_ms));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}
