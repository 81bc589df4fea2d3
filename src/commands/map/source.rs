//! The input as work: items put together to calls, without those that an earlier run has done.
//!
//! Files are read twice: once to the end, so that nothing runs when a line is wrong, and once as calls are made. What comes
//! through a pipe is checked while it comes. Reading has a thread of its own and never gets far ahead.

use std::fs::File;
use std::io::{BufReader, Read};

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::found::Found;
use super::input::{Item, Items, MOST, Mark, Point};
use super::line::{Work, joined};
use crate::error::{Error, OrFailed as _, Result};

/// Calls that are handed over together, and bytes.
const CHUNK: (usize, usize) = (256, 1 << 20);

/// One call, or one that an earlier run has made.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    /// After its last item.
    pub(super) mark: Mark,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    ToDo,
    /// More than Lambda takes: so many bytes.
    TooLarge(u64),
    Done,
}

/// How items become calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Items of one call; `None`: each is one, and no list.
    pub(super) batch: Option<u64>,
    pub(super) with_input: bool,
}

/// Where the input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Stdin,
    /// Read twice.
    File(String),
    /// A pipe with a name.
    Pipe(String),
}

type Reader = Items<BufReader<Box<dyn Read + Send>>>;

impl Source {
    /// `-` is stdin.
    pub(super) fn of(path: &str) -> Result<Self> {
        if path == "-" {
            return Ok(Self::Stdin);
        }
        let what = || format!("read {path}");
        match std::fs::metadata(path).or_failed(what)? {
            it if it.is_dir() => Err(Error::usage(format!("{path} is a folder")).hint("`--input` is a file, or -")),
            it if it.is_file() => Ok(Self::File(path.to_owned())),
            _ => Ok(Self::Pipe(path.to_owned())),
        }
    }

    fn items(&self, expected: Option<Point>) -> Result<Reader> {
        let (source, name): (Box<dyn Read + Send>, &str) = match self {
            Self::Stdin => (Box::new(std::io::stdin()), "stdin"),
            Self::File(path) | Self::Pipe(path) => {
                (Box::new(File::open(path).or_failed(|| format!("read {path}"))?), path)
            }
        };
        Ok(Items::new(BufReader::with_capacity(1 << 18, source), name, expected))
    }

    /// Checks all of it and says how many items there are; `None` where that would use it up.
    pub(super) fn survey(&self, expected: Option<Point>) -> Result<Option<u64>> {
        let Self::File(_) = self else { return Ok(None) };
        let mut items = self.items(expected)?;
        while items.next()?.is_some() {}
        Ok(Some(items.point.items))
    }

    /// Starts reading. The last thing that comes may be an error.
    pub(super) fn start(
        &self,
        expected: Option<Point>,
        shape: Shape,
        found: Found,
    ) -> Result<Receiver<Result<Vec<Job>>>> {
        let (sender, receiver) = channel(2);
        let items = self.items(expected)?;
        // Nobody waits for this thread: a read of stdin cannot be called off.
        std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                if let Err(error) = read(items, shape, &found, &sender) {
                    let _ = sender.blocking_send(Err(error));
                }
            })
            .or_failed(|| "start reading")?;
        Ok(receiver)
    }
}

/// Reads to the end, or until nobody wants more.
fn read(mut items: Reader, shape: Shape, found: &Found, sender: &Sender<Result<Vec<Job>>>) -> Result<()> {
    let mut chunk: Vec<Job> = Vec::new();
    let mut bytes = 0;
    let mut batch: Vec<Item> = Vec::new();
    loop {
        // Whoever writes slowly is not waited for with work in hand.
        if !chunk.is_empty() && (chunk.len() >= CHUNK.0 || bytes >= CHUNK.1 || items.may_wait()) {
            bytes = 0;
            if sender.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
                return Ok(());
            }
        }
        let item = match items.next() {
            Ok(item) => item,
            Err(error) => {
                // What was right before it is done; a batch only when it is whole.
                let _ = sender.blocking_send(Ok(chunk));
                return Err(error);
            }
        };
        let is_end = item.is_none();
        batch.extend(item);
        if batch.is_empty() || (!is_end && (batch.len() as u64) < shape.batch.unwrap_or(1)) {
            if is_end {
                break;
            }
            continue;
        }
        let index = items.point.items - batch.len() as u64;
        let count = batch.len() as u64;
        let whole = std::mem::take(&mut batch);
        if !found.has(index) {
            let (work, state) = work(whole, index, shape);
            bytes += work.payload.len();
            chunk.push(Job { work, mark: items.point.mark, state });
        } else if index >= found.front {
            let work = Work { index, count, payload: Bytes::new(), inputs: Vec::new(), is_batch: false };
            chunk.push(Job { work, mark: items.point.mark, state: State::Done });
        }
        if is_end {
            break;
        }
    }
    if !chunk.is_empty() {
        let _ = sender.blocking_send(Ok(chunk));
    }
    Ok(())
}

/// The items of one call.
fn work(items: Vec<Item>, index: u64, shape: Shape) -> (Work, State) {
    let count = items.len() as u64;
    let mut texts = Vec::with_capacity(items.len());
    let mut lost = 0;
    for item in items {
        match item {
            Item::Json(text) => texts.push(Bytes::from(text)),
            Item::TooLarge(bytes) => lost += bytes,
        }
    }
    let payload = match (&texts[..], shape.batch) {
        _ if lost > 0 => Bytes::new(),
        ([one], None) => one.clone(),
        _ => Bytes::from(joined(&texts)),
    };
    let length = lost + payload.len() as u64;
    let state = if length > MOST as u64 { State::TooLarge(length) } else { State::ToDo };
    let inputs = if shape.with_input && lost == 0 { texts } else { Vec::new() };
    (Work { index, count, payload, inputs, is_batch: shape.batch.is_some() }, state)
}
