//! A line to a cloud on which one answer gets lost.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Passes everything on; but once a request of this kind has gone through, the connection ends in place of
/// its answer. That happens to the first one only.
pub(crate) struct Lossy {
    pub(crate) endpoint: String,
    lost: Arc<AtomicBool>,
}

impl Lossy {
    /// `path` is what the request's path ends with. Its threads end with the test's process.
    pub(crate) fn start(endpoint: &str, method: &'static str, path: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let upstream = endpoint.trim_start_matches("http://").to_owned();
        let lost = Arc::new(AtomicBool::new(false));
        let happened = lost.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&upstream) else { continue };
                let silent = Arc::new(AtomicBool::new(false));
                let (hush, happened) = (silent.clone(), happened.clone());
                pass(&client, &server, move |bytes| {
                    if is_request(bytes, method, path) && !happened.swap(true, Ordering::SeqCst) {
                        hush.store(true, Ordering::SeqCst);
                    }
                    true
                });
                pass(&server, &client, move |_| !silent.load(Ordering::SeqCst));
            }
        });
        Self { endpoint: format!("http://{address}"), lost }
    }

    /// Whether it came to that.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Hands on what comes until `goes_on` says no.
fn pass(from: &TcpStream, to: &TcpStream, goes_on: impl Fn(&[u8]) -> bool + Send + 'static) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !goes_on(&bytes[..count]) || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    });
}

/// A client begins each request with a write of its own.
fn is_request(bytes: &[u8], method: &str, path: &str) -> bool {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]);
    let mut words = text.split([' ', '?']);
    words.next() == Some(method) && words.next().is_some_and(|found| found.ends_with(path))
}
