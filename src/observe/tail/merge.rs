//! What several log groups have, as one stream in time order.
//!
//! Each group has what it read and did not hand on yet, in time order. The earliest of all heads goes first;
//! but while a group reads and has nothing yet, an earlier one may come: then the others wait, for the whole
//! of a long reading, and for a moment otherwise.

use std::time::Duration;

use tokio::time::Instant;

use super::LogEvent;
use super::group::Group;

/// Events that are handed on at once.
const BATCH: usize = 5_000;

/// What can be handed on now, and until when the rest waits for others.
pub(super) fn take(groups: &mut [Group], hold: Duration) -> (Vec<LogEvent>, Option<Instant>) {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        let heads = groups.iter().enumerate().filter_map(|(at, group)| Some((group.events.front()?.timestamp, at)));
        // The first two: the first goes on until the second is earlier.
        let (mut first, mut second) = (None, None);
        for head in heads {
            if first.is_none_or(|least| head < least) {
                second = first.replace(head);
            } else if second.is_none_or(|least| head < least) {
                second = Some(head);
            }
        }
        let Some((_, at)) = first else { return (batch, None) };
        let until = groups[at].arrived + hold;
        let mut waited_for = groups.iter().filter(|other| other.events.is_empty() && other.is_reading()).peekable();
        if waited_for.peek().is_some() {
            if waited_for.any(Group::is_bulk) {
                return (batch, None);
            }
            if Instant::now() < until {
                return (batch, Some(until));
            }
        }
        let events = &mut groups[at].events;
        while let Some(event) = events.front()
            && second.is_none_or(|second| (event.timestamp, at) < second)
            && batch.len() < BATCH
        {
            batch.extend(events.pop_front());
        }
    }
    (batch, None)
}

#[cfg(test)]
mod tests {
    use super::super::page::{Found, Page};
    use super::*;

    const START: i64 = 1_700_000_000_000;
    const HOLD: Duration = Duration::from_millis(300);

    fn page(times: &[i64], token: Option<&str>) -> Page {
        let found = |at: &i64| Found {
            id: Some(at.to_string()),
            timestamp: START + at,
            stream: "s".into(),
            message: at.to_string(),
        };
        Page { events: times.iter().map(found).collect(), token: token.map(str::to_owned) }
    }

    fn groups(count: usize) -> Vec<Group> {
        let group = |at: usize| Group::new(format!("f{at}"), format!("/{at}"), START, 1_000, false);
        (0..count).map(group).collect()
    }

    fn ask(group: &mut Group) {
        group.question(START + 10_000, None, None, (10, 1));
    }

    /// The answer to the round's first call.
    fn got(group: &mut Group, page: Page) {
        group.got(group.rounds, page);
        group.advance(10_000);
    }

    fn taken(groups: &mut [Group]) -> Vec<i64> {
        take(groups, HOLD).0.iter().map(|event| event.timestamp - START).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn catching_up_keeps_the_order_over_all_pages() {
        let mut groups = groups(3);
        groups.iter_mut().for_each(ask);
        got(&mut groups[0], page(&[1, 4, 7], Some("more")));
        assert_eq!(taken(&mut groups), [0; 0], "the others may have earlier ones");
        got(&mut groups[1], page(&[2, 3, 5], None));
        got(&mut groups[2], page(&[], None));
        assert_eq!(taken(&mut groups), [1, 2, 3, 4, 5, 7]);
        groups[0].live([(START + 9, "s".to_owned(), "x".to_owned())].into_iter());
        ask(&mut groups[0]);
        got(&mut groups[0], page(&[8], None));
        assert_eq!(taken(&mut groups), [8, 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn following_waits_for_the_others_but_a_moment() {
        let mut groups = groups(2);
        for group in &mut groups {
            ask(group);
            got(group, page(&[], None));
            ask(group);
        }
        got(&mut groups[0], page(&[5], None));
        let (nothing, until) = take(&mut groups, HOLD);
        assert!(nothing.is_empty());
        assert_eq!(until, Some(Instant::now() + HOLD));
        tokio::time::sleep(HOLD).await;
        assert_eq!(taken(&mut groups), [5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_bounded() {
        let mut groups = groups(1);
        ask(&mut groups[0]);
        got(&mut groups[0], page(&(0..900).collect::<Vec<_>>(), None));
        for round in 1..9 {
            let times: Vec<i64> = (0..900).map(|at| 900 * round + at).collect();
            ask(&mut groups[0]);
            got(&mut groups[0], page(&times, None));
        }
        let first = taken(&mut groups);
        assert_eq!(first.len(), BATCH);
        assert!(first.is_sorted() && taken(&mut groups).len() == 8_100 - BATCH);
    }
}
