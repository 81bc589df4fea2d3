//! The order of the results, and how far the calls may run ahead of it.
//!
//! A result waits until all before it are there. So that what waits stays small, nothing starts that is too far from the
//! first item that is not done. Pure: it neither calls nor writes.

use std::collections::BTreeMap;

use super::input::{Mark, Point};

/// Items that may be done or under way beyond the first that is not.
const AHEAD: u64 = 10_000;
/// The same where nothing has to wait for being written.
const AHEAD_UNORDERED: u64 = 1_000_000;
/// Bytes of results that may wait.
const WAITING: usize = 64 * 1024 * 1024;

/// What became of one call, or that an earlier run did it.
#[derive(Debug)]
struct Done {
    count: u64,
    /// Lines; none where they are written already.
    text: Vec<u8>,
    mark: Mark,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Order {
    ordered: bool,
    /// Everything before it is done and given out.
    front: Point,
    waiting: BTreeMap<u64, Done>,
    bytes: usize,
}

impl Order {
    pub(super) fn new(ordered: bool, done: u64) -> Self {
        let front = Point { items: done, mark: Mark::default() };
        Self { ordered, front, waiting: BTreeMap::new(), bytes: 0 }
    }

    /// Whether the call that begins with this item may start.
    pub(super) fn has_room(&self, index: u64) -> bool {
        let ahead = if self.ordered { AHEAD } else { AHEAD_UNORDERED };
        // The first one always may: what waits, waits for it.
        index <= self.front.items || (index < self.front.items + ahead && self.bytes < WAITING)
    }

    /// A call is done: what can be written now goes to `out`.
    pub(super) fn done(&mut self, index: u64, count: u64, mark: Mark, mut text: Vec<u8>, out: &mut Vec<u8>) {
        if !self.ordered {
            out.append(&mut text);
        }
        self.bytes += text.len();
        self.waiting.insert(index, Done { count, text, mark });
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() <= self.front.items) {
            let (index, done) = first.remove_entry();
            self.bytes -= done.text.len();
            out.extend_from_slice(&done.text);
            self.front = Point { items: index + done.count, mark: done.mark };
        }
    }

    /// Behind the last item of which all before are done.
    pub(super) fn front(&self) -> Point {
        self.front
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(of: u8) -> Mark {
        Mark([of; 16])
    }

    fn given(order: &mut Order, index: u64, count: u64, text: &str) -> String {
        let mut out = Vec::new();
        order.done(index, count, mark(u8::try_from(index).unwrap_or(u8::MAX)), text.as_bytes().to_vec(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn results_wait_for_those_before_them() {
        let mut order = Order::new(true, 0);
        assert_eq!(given(&mut order, 2, 1, "c"), "");
        assert_eq!(given(&mut order, 1, 1, "b"), "");
        assert_eq!(order.front().items, 0);
        assert_eq!(given(&mut order, 0, 1, "a"), "abc");
        assert_eq!(order.front(), Point { items: 3, mark: mark(2) });
        assert_eq!(given(&mut order, 3, 10, "d"), "d");
        assert_eq!(order.front().items, 13);
    }

    #[test]
    fn without_an_order_nothing_waits_and_the_front_is_known_all_the_same() {
        let mut order = Order::new(false, 5);
        assert_eq!(given(&mut order, 6, 1, "b"), "b");
        assert_eq!(order.front().items, 5);
        // An earlier run did it.
        assert_eq!(given(&mut order, 5, 1, ""), "");
        assert_eq!(order.front(), Point { items: 7, mark: mark(6) });
    }

    #[test]
    fn nothing_starts_too_far_ahead_but_the_first_always_may() {
        let mut order = Order::new(true, 7);
        assert!(order.has_room(7) && order.has_room(7 + AHEAD - 1) && !order.has_room(7 + AHEAD));
        given(&mut order, 8, 1, &"x".repeat(WAITING));
        assert!(order.has_room(7) && !order.has_room(9), "what waits is large");
        given(&mut order, 7, 1, "");
        assert!(order.has_room(9), "nothing waits any more");
        assert!(Order::new(false, 0).has_room(AHEAD_UNORDERED - 1));
    }
}
