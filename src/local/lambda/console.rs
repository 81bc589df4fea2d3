//! What a worker writes, as log events.
//!
//! stdout and stderr are one pipe, so their order stays. A line is an event; U+001E inside a line is a
//! line feed inside the event, which is how our bootstraps write a record of several lines (on AWS
//! they use framed records for that).
//!
//! Nothing waits for the pipe to end: a child of the function may hold it open for ever. Before an
//! answer is given, [`Pipe::drain`] takes what is in the pipe. Whatever was written before the answer
//! was posted is in there by then, so the log is complete without the runtime's help.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::Local;
use super::model::now_ms;

/// `LogType=Tail` gives the last 4 KB.
const TAIL: usize = 4096;
/// An event of `CloudWatch` Logs holds at most 256 KB; longer lines are cut there.
const MOST_LINE: usize = 256 * 1024;
/// Linux gives a pipe at most 1 MiB without privileges: more cannot have been written before.
const MOST_DRAINED: usize = 1024 * 1024;

/// One log stream, and the tail of the invocation that is running.
#[derive(Debug)]
pub(super) struct Console {
    local: Weak<Local>,
    region: String,
    group: String,
    pub(super) stream: String,
    tail: Mutex<Vec<u8>>,
}

impl Console {
    pub(super) fn new(local: &Arc<Local>, region: &str, group: &str, stream: String) -> Arc<Self> {
        let (region, group) = (region.to_owned(), group.to_owned());
        Arc::new(Self { local: Arc::downgrade(local), region, group, stream, tail: Mutex::default() })
    }

    /// Writes one event; like Lambda's, it ends with a line feed.
    pub(super) fn say(&self, text: &str) {
        self.write(vec![format!("{text}\n")]);
    }

    /// Forgets the tail: an invocation begins.
    pub(super) fn begin(&self) {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The last 4 KB since [`Self::begin`].
    pub(super) fn tail(&self) -> Vec<u8> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail[tail.len().saturating_sub(TAIL)..].to_vec()
    }

    fn write(&self, messages: Vec<String>) {
        if messages.is_empty() {
            return;
        }
        {
            let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            for message in &messages {
                tail.extend_from_slice(message.as_bytes());
            }
            if tail.len() > 4 * TAIL {
                let keep = tail.len() - TAIL;
                tail.drain(..keep);
            }
        }
        let now = now_ms();
        if let Some(local) = self.local.upgrade() {
            let events = messages.into_iter().map(|message| (now, message)).collect();
            // Where a log cannot be written, the function runs all the same, as on AWS.
            let _ = local.logs.write(&self.region, &self.group, &self.stream, events);
        }
    }
}

/// The reading end of a worker's output.
#[derive(Debug)]
pub(super) struct Pipe {
    drains: mpsc::Sender<oneshot::Sender<()>>,
    reader: JoinHandle<()>,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Pipe {
    /// Follows a pipe into a console.
    pub(super) fn follow(receiver: Receiver, console: Arc<Console>) -> Self {
        let (drains, asked) = mpsc::channel(1);
        Self { drains, reader: tokio::spawn(read(receiver, asked, console)) }
    }

    /// Returns when everything written until now is in the log, the last unfinished line included.
    pub(super) async fn drain(&self) {
        let (done, is_done) = oneshot::channel();
        if self.drains.send(done).await.is_ok() {
            // An error means that the reader has ended, and then there is nothing left.
            let _ = is_done.await;
        }
    }
}

async fn read(receiver: Receiver, mut asked: mpsc::Receiver<oneshot::Sender<()>>, console: Arc<Console>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut open = true;
    loop {
        tokio::select! {
            ready = receiver.readable(), if open => {
                open = ready.is_ok() && take(&receiver, &mut buffer, &mut lines).is_some();
                console.write(lines.complete());
            }
            drain = asked.recv() => {
                let Some(done) = drain else { return };
                let mut taken = 0;
                while open && taken < MOST_DRAINED {
                    match take_now(&receiver, &mut buffer, &mut lines) {
                        Some(0) => break,
                        Some(count) => taken += count,
                        None => open = false,
                    }
                }
                let mut messages = lines.complete();
                messages.extend(lines.rest());
                console.write(messages);
                let _ = done.send(());
            }
        }
    }
}

/// Reads what is there: how much it was, or `None` at the end.
fn take(receiver: &Receiver, buffer: &mut [u8], lines: &mut Lines) -> Option<usize> {
    match receiver.try_read(buffer) {
        Ok(0) => None,
        Ok(count) => {
            lines.0.extend_from_slice(&buffer[..count]);
            Some(count)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}

/// [`take`] past what tokio believes: its `try_read` does not ask the system before an event has told that
/// there is something, and that event may come after the answer. Without it, the last line of a process that
/// died is lost.
fn take_now(receiver: &Receiver, buffer: &mut [u8], lines: &mut Lines) -> Option<usize> {
    match rustix::io::read(receiver, &mut *buffer) {
        Ok(0) => None,
        Ok(count) => {
            lines.0.extend_from_slice(&buffer[..count]);
            Some(count)
        }
        Err(rustix::io::Errno::INTR) => take_now(receiver, buffer, lines),
        Err(rustix::io::Errno::AGAIN) => Some(0),
        Err(_) => None,
    }
}

/// Bytes on their way to becoming lines.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn complete(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let mut start = 0;
        while let Some(length) = self.0[start..].iter().position(|byte| *byte == b'\n') {
            found.push(event(&self.0[start..start + length]));
            start += length + 1;
        }
        while self.0.len() - start > MOST_LINE {
            found.push(event(&self.0[start..start + MOST_LINE]));
            start += MOST_LINE;
        }
        self.0.drain(..start);
        found
    }

    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| event(&rest))
    }
}

fn event(line: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(line).replace('\u{1e}', "\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_event_and_the_rest_waits() {
        let mut lines = Lines::default();
        lines.0.extend_from_slice(b"one\ntwo\x1emore\nthr");
        assert_eq!(lines.complete(), ["one\n", "two\nmore\n"]);
        lines.0.extend_from_slice("\u{e9}e".as_bytes());
        assert_eq!(lines.complete(), Vec::<String>::new());
        assert_eq!(lines.rest().as_deref(), Some("thr\u{e9}e\n"));
        assert_eq!(lines.rest(), None);
    }

    #[tokio::test]
    async fn what_was_written_just_before_is_there() {
        use std::io::Write as _;

        let text = str::to_owned;
        let (local, tail) = (Weak::new(), Mutex::default());
        let console = Console { local, region: text("r"), group: text("g"), stream: text("s"), tail };
        let console = Arc::new(console);
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let pipe = Pipe::follow(Receiver::from_owned_fd(reader.into()).expect("a receiver"), Arc::clone(&console));
        // The reader has looked and found nothing.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        for number in 0..100 {
            console.begin();
            writeln!(writer, "last words {number}").expect("a line");
            pipe.drain().await;
            assert_eq!(String::from_utf8(console.tail()).expect("text"), format!("last words {number}\n"));
        }
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut lines = Lines(vec![b'x'; MOST_LINE + 10]);
        assert_eq!(lines.complete().len(), 1);
        assert_eq!(lines.0.len(), 10);
    }
}
