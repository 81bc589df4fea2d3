//! What a queue does when things happen to it, without clock and disk.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::journal::Journal;
use super::*;

const DAY: i64 = 86_400_000;

fn put(n: Number, group: Option<&str>, delay: Option<i64>) -> Change {
    let message = Message {
        id: format!("m{n}"),
        body: format!("body {n}"),
        attributes: BTreeMap::new(),
        trace: None,
        sender: "test".to_owned(),
        sent: 1000,
        group: group.map(str::to_owned),
        deduplication: None,
        source: None,
    };
    Change::Put { n, m: Box::new(message), delay, earlier: None, got: None }
}

fn queue(groups: &[Option<&str>]) -> Contents {
    let mut queue = Contents::new(groups.iter().any(Option::is_some));
    for (n, group) in (0..).zip(groups) {
        queue.apply(put(n, *group, None));
    }
    queue
}

/// Receives up to `most` and hides them until a time.
fn take(queue: &mut Contents, now: i64, most: usize, until: i64) -> Vec<Number> {
    queue.tick(now, DAY);
    let numbers = queue.receivable(most);
    for n in &numbers {
        let times = queue.get(*n).unwrap().times() + 1;
        let got = Got { times, first: now, last: now, receipt: format!("r{times}") };
        queue.apply(Change::Hide { n: *n, until, got });
    }
    numbers
}

#[test]
fn a_message_is_hidden_until_its_timeout_and_comes_back_behind_the_others() {
    let mut queue = queue(&[None, None, None]);
    assert_eq!(take(&mut queue, 2000, 2, 5000), [0, 1]);
    assert_eq!(queue.counts(), Counts { visible: 1, in_flight: 2, delayed: 0 });
    assert_eq!(queue.next_due(), Some(5000));
    assert_eq!(take(&mut queue, 4999, 10, 9000), [2]);
    queue.apply(Change::Gone { n: 0 });
    assert_eq!(take(&mut queue, 5000, 10, 9000), [1]);
    assert_eq!(queue.get(1).unwrap().times(), 2);
    assert_eq!(take(&mut queue, 9000, 10, 9999), [1, 2]);
}

#[test]
fn a_delayed_message_is_neither_visible_nor_in_flight() {
    let mut queue = queue(&[]);
    queue.apply(put(0, None, Some(3000)));
    assert_eq!(queue.counts(), Counts { visible: 0, in_flight: 0, delayed: 1 });
    assert_eq!(take(&mut queue, 2999, 1, 9000), [0; 0]);
    assert_eq!(take(&mut queue, 3000, 1, 9000), [0]);
    assert_eq!(queue.counts(), Counts { visible: 0, in_flight: 1, delayed: 0 });
}

#[test]
fn old_messages_go_wherever_they_are() {
    let mut queue = queue(&[None, None]);
    take(&mut queue, 2000, 1, 10 * DAY);
    queue.tick(1000 + DAY - 1, DAY);
    assert_eq!(queue.counts(), Counts { visible: 1, in_flight: 1, delayed: 0 });
    queue.tick(1000 + DAY, DAY);
    assert_eq!(queue.counts(), Counts { visible: 0, in_flight: 0, delayed: 0 });
    assert_eq!(queue.next_due(), None);
}

#[test]
fn a_group_is_served_in_order_and_waits_for_its_first_message() {
    let mut queue = queue(&[Some("a"), Some("b"), Some("a"), Some("b"), Some("a")]);
    assert_eq!(take(&mut queue, 2000, 2, 5000), [0, 2], "as many of one group as possible");
    assert_eq!(take(&mut queue, 2000, 10, 6000), [1, 3], "the rest of `a` waits, `b` does not");
    queue.apply(Change::Gone { n: 0 });
    assert_eq!(take(&mut queue, 2000, 10, 7000), [0; 0], "its second message is still out");
    queue.apply(Change::Gone { n: 2 });
    assert_eq!(take(&mut queue, 2000, 10, 7000), [4]);
    // As recorded on AWS: the first one that is let go may be had again although later ones are out.
    queue.apply(Change::Until { n: 1, until: 2500 });
    assert_eq!(take(&mut queue, 2500, 10, 8000), [1]);
}

#[test]
fn a_deduplication_key_counts_for_five_minutes_and_longer_than_its_message() {
    let mut queue = queue(&[Some("a")]);
    queue.apply(Change::Seen { key: "\nx".into(), n: 0, id: "m0".into(), at: 1000 });
    queue.apply(Change::Gone { n: 0 });
    queue.tick(1000 + 299_999, DAY);
    assert_eq!(queue.seen("\nx"), Some((0, "m0")));
    queue.tick(1000 + 300_000, DAY);
    assert_eq!(queue.seen("\nx"), None);
}

#[test]
fn a_journal_brings_a_queue_back_without_what_was_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.jsonl");
    let (mut journal, mut queue) = Journal::open(&path, true).unwrap();
    let changes = [put(0, Some("a"), None), put(1, Some("a"), None), put(2, Some("b"), Some(9000))];
    let got = Got { times: 3, first: 1, last: 2, receipt: "r".into() };
    let more = [
        Change::Hide { n: 0, until: 5000, got: got.clone() },
        Change::Seen { key: "\nk".into(), n: 0, id: "m0".into(), at: 2000 },
    ];
    for change in changes.into_iter().chain(more) {
        journal.append(std::slice::from_ref(&change)).unwrap();
        queue.apply(change);
    }
    // Once as it was written, and once more after a rewrite.
    for _ in 0..2 {
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"p\":{\"n\":3,");
        std::fs::write(&path, text).unwrap();
        let (mut journal, mut back) = Journal::open(&path, true).unwrap();
        assert_eq!((back.next(), back.counts()), (3, Counts { visible: 1, in_flight: 1, delayed: 1 }));
        assert_eq!(back.get(0).unwrap().got.as_ref(), Some(&got));
        assert_eq!(back.seen("\nk"), Some((0, "m0")));
        assert_eq!(take(&mut back, 4999, 10, 9999), [0; 0]);
        journal.rewrite(&back).unwrap();
    }
    let (_, mut back) = Journal::open(&path, true).unwrap();
    assert_eq!(take(&mut back, 5000, 10, 9999), [0, 1], "what was out comes back after its timeout");
}

#[test]
fn a_busy_queue_does_not_make_its_journal_grow_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.jsonl");
    let (mut journal, mut queue) = Journal::open(&path, false).unwrap();
    let mut rewritten = 0;
    for n in 0..30_000 {
        let changes = vec![put(n, None, None), Change::Gone { n }];
        journal.append(&changes).unwrap();
        for change in changes {
            queue.apply(change);
        }
        if journal.is_full() {
            journal.rewrite(&queue).unwrap();
            rewritten += 1;
        }
    }
    assert!((1..10).contains(&rewritten), "{rewritten} times");
    assert!(std::fs::metadata(&path).unwrap().len() < 2 << 20);
    assert_eq!(Journal::open(&path, false).unwrap().1.next(), 30_000, "numbers are never given twice");
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Take(usize),
    Delete(usize),
    Release(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u8..3).prop_map(Step::Put),
        (1usize..4).prop_map(Step::Take),
        (0usize..8).prop_map(Step::Delete),
        (0usize..8).prop_map(Step::Release),
        (1i64..40).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens: nothing is lost, nothing is given to two at once, groups stay in order, and the
    /// queue that is read back is the same queue.
    #[test]
    fn whatever_happens_messages_stay_whole_and_groups_in_order(fifo: bool, steps in proptest::collection::vec(step(), 0..60)) {
        let (mut queue, mut now, mut next) = (Contents::new(fifo), 1000, 0);
        let mut there: BTreeMap<Number, u8> = BTreeMap::new();
        let mut out: BTreeMap<Number, i64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(group) => {
                    let name = format!("g{group}");
                    queue.apply(put(next, fifo.then_some(name.as_str()), None));
                    there.insert(next, group);
                    next += 1;
                }
                Step::Take(most) => {
                    out.retain(|_, until| *until > now);
                    for n in take(&mut queue, now, most, now + 30) {
                        prop_assert!(there.contains_key(&n) && !out.contains_key(&n));
                        let earlier = there.range(..n).filter(|(_, group)| **group == there[&n]).map(|(n, _)| n);
                        // All before it were given out before it or together with it, never later.
                        prop_assert!(!fifo || earlier.clone().all(|e| queue.in_flight(*e)));
                        out.insert(n, now + 30);
                    }
                }
                Step::Delete(at) => {
                    if let Some(n) = out.keys().nth(at).copied() {
                        queue.apply(Change::Gone { n });
                        out.remove(&n);
                        there.remove(&n);
                    }
                }
                Step::Release(at) => {
                    if let Some(n) = out.keys().nth(at).copied() {
                        queue.apply(Change::Until { n, until: now });
                        out.remove(&n);
                    }
                }
                Step::Wait(time) => now += time,
            }
            queue.tick(now, DAY);
            let counts = queue.counts();
            prop_assert_eq!(counts.visible + counts.in_flight, there.len());
        }
        let mut back = Contents::new(fifo);
        for change in queue.replay() {
            back.apply(change);
        }
        back.tick(now, DAY);
        prop_assert_eq!(back.counts(), queue.counts());
        let sorted = |queue: &Contents| { let mut all = queue.receivable(99); all.sort_unstable(); all };
        prop_assert_eq!(sorted(&back), sorted(&queue));
    }
}
