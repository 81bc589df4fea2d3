//! Whether whoever sent a request still waits for its answer.
//!
//! A request is answered in a task of its own that goes on when the client hangs up. An operation that
//! hands something out, and may wait long before it can, asks here, so that nobody gets it in vain.

use tokio::sync::watch;

tokio::task_local! {
    static CALLER: watch::Receiver<()>;
}

/// Kept where the connection is; dropped with it.
#[derive(Debug)]
pub(crate) struct Connection(#[expect(dead_code, reason = "it only has to be there")] watch::Sender<()>);

/// Answers a request as somebody who can ask for its caller.
pub(crate) fn with_caller<F: Future>(answer: F) -> (Connection, impl Future<Output = F::Output>) {
    let (sender, receiver) = watch::channel(());
    (Connection(sender), CALLER.scope(receiver, answer))
}

/// Returns when the caller of this task's request has hung up; never when there is none.
pub(crate) async fn gone() {
    match CALLER.try_with(Clone::clone) {
        Ok(mut caller) => while caller.changed().await.is_ok() {},
        Err(_) => std::future::pending().await,
    }
}
