//! What a session knows of one operation's requests, and when it looks at them next. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    flight::Following,
    latency::{Bounds, Latency, Shape},
    looks::{self, Open},
    shown::Shown,
};
use crate::{domain::RequestId, engine::signed, provisioning::next_look};

/// By how much the moment of a call may be known wrongly that another session made.
pub(super) const ROUGHLY: Duration = Duration::from_millis(60);

/// So long the lists are not trusted, once they have hidden something. Then they are tested anew.
pub(super) const DISTRUSTED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// A single request is asked about when it has probably ended.
const PROBABLY: f64 = 0.5;

/// As long as nothing is known of how long requests take, the oldest is asked about by itself after this long, to see whether the lists tell
/// the truth; the next one after twice as long, and so on: one that hangs must not hide how it stands with the others.
const SCOUT: Duration = Duration::from_secs(2);

/// A request that has succeeded, as AWS said when asked about it.
#[derive(Debug)]
struct Proof {
    request: RequestId,
    created_at: Option<Timestamp>,
    since: Timestamp,
}

/// One operation's.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) latency: Latency,
    /// A look is under way.
    pub(super) looking: bool,
    /// When the last look was sent, and how many there were.
    pub(super) last: Option<Timestamp>,
    looks: u32,
    /// The list of the failed is being looked at, and when it last was.
    pub(super) last_failed: Option<Timestamp>,
    /// When the lists had hidden what had ended: from then on single requests are asked about instead.
    pub(super) distrusted_at: Option<Timestamp>,
    /// A request that is known to have succeeded since a moment: the next list that reaches back to it must show it.
    proof: Option<Proof>,
}

impl Watch {
    /// What an earlier run has learned.
    pub(super) fn of(latency: Latency, distrusted_at: Option<Timestamp>) -> Self {
        Self { latency, distrusted_at, ..Self::default() }
    }

    /// Whether the lists are not to be trusted.
    pub(super) fn distrusts(&self) -> bool {
        self.distrusted_at.is_some()
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        self.latency.sure()
    }

    /// From when on a request has ended all but surely, although no look has told: where all are equally long, and that is known
    /// closely, its place in the window can be taken again the moment it is due.
    pub(super) fn presumed_from(&self, following: &Following, unevenness: Duration) -> Option<Timestamp> {
        let bounds = self.latency.sure()?;
        // Where calls travel that unevenly it would be a guess.
        if unevenness > bounds.within / 10
            || !(following.exact && following.unhindered)
            || following.open.seen_at() >= bounds.within
        {
            return None;
        }
        Some(following.open.since + signed(bounds.within + unevenness))
    }

    /// Whether a look has found a request under way that should have ended: until AWS, asked about it alone, has said how it stands, nothing is
    /// presumed of the others either.
    pub(super) fn doubts(&self, following: &Following) -> bool {
        let late = self.latency.sure().is_some_and(|bounds| following.open.seen_at() >= bounds.within);
        late && following.exact && following.unhindered
    }

    /// When to look at the list next; `None` where there is nothing to see. `open` is what only a look tells of, `first` the first
    /// moment from which one of the others is, or will be, presumed to have ended, if something waits for its place, and `crowded` says
    /// that hardly any more may be. `worth` is how many must probably have ended.
    pub(super) fn next_look(
        &self,
        open: &[Open],
        worth: f64,
        first: Option<Timestamp>,
        crowded: bool,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.looking || self.distrusts() {
            return None;
        }
        let presumed = self.latency.sure().zip(first).map(|(bounds, first)| {
            if crowded && first <= now {
                return now;
            }
            // The place is taken again already. The look that makes sure tells of most at once half a round later, and at
            // other times it would notice sooner if requests have become quicker.
            let part = match self.looks % 4 {
                0 => 9,
                2 => 7,
                _ => 5,
            };
            first + signed(bounds.within * part / 10)
        });
        let due = looks::due(open, &self.latency, worth, self.last, now);
        presumed.into_iter().chain(due).min()
    }

    pub(super) fn looked(&mut self, at: Timestamp) {
        self.last = Some(at);
        self.looks = self.looks.wrapping_add(1);
    }

    /// A list of the succeeded that was asked for at a moment. Tells whether what such lists have told is no longer to be believed.
    pub(super) fn check(&mut self, at: Timestamp, shown: &Shown) -> bool {
        let hidden = self
            .proof
            .take_if(|proof| proof.since < at)
            .is_some_and(|proof| shown.would_show(proof.created_at) && !shown.ids.contains(&proof.request));
        if self.distrusts() || !(hidden || shown.is_in_no_order()) {
            return false;
        }
        self.distrusted_at = Some(at);
        self.latency = Latency::default();
        true
    }

    /// A request that the lists had not shown has succeeded, as AWS said when asked about it.
    pub(super) fn expect(&mut self, request: RequestId, created_at: Option<Timestamp>, at: Timestamp) {
        if self.proof.is_none() {
            self.proof = Some(Proof { request, created_at, since: at });
        }
    }

    /// When a single request is asked about by itself, of which so many of its operation are older; `None` while the lists are expected to
    /// tell.
    pub(super) fn closer(&self, following: &Following, older: u32, now: Timestamp) -> Option<Timestamp> {
        if following.busy {
            return None;
        }
        if following.closer.is_some() {
            return following.closer;
        }
        let open = following.open;
        if self.distrusts() {
            return self.alone(open, older, now);
        }
        match self.latency.shape() {
            Shape::Unknown => Some(scouted(open, older)),
            // It should have ended: it has failed, or what is believed is wrong.
            Shape::Constant(bounds) if following.unhindered && open.seen_at() >= bounds.within => Some(now),
            Shape::Constant(_) if !following.unhindered => {
                self.latency.overdue().map(|age| open.since + signed(age * 2))
            }
            Shape::Constant(_) => None,
            Shape::Spread => self.latency.overdue().map(|age| open.since + signed(age)),
        }
    }

    /// The same where the lists are not to be trusted.
    fn alone(&self, open: Open, older: u32, now: Timestamp) -> Option<Timestamp> {
        let due = || looks::due(&[open], &self.latency, PROBABLY, open.looked, now);
        match self.latency.shape() {
            Shape::Unknown if older > 0 => {
                let again = open.looked.map(|looked| looked + signed(next_look(open.seen_at())));
                Some(again.unwrap_or_else(|| scouted(open, older)))
            }
            Shape::Constant(bounds) if !bounds.are_close() && older > 0 && open.seen_at() < bounds.within => {
                Some(open.since + signed(bounds.within))
            }
            // Else nobody would notice that they take less time now.
            Shape::Constant(bounds)
                if older == 0 && open.looked.is_none() && self.latency.is_to_be_tested() =>
            {
                Some(open.since + signed(bounds.within / 2))
            }
            Shape::Constant(bounds) => Some(looks::due_among_equals(&open, bounds)),
            Shape::Unknown | Shape::Spread => due(),
        }
    }

    /// Whether the list of the failed may be asked for again.
    pub(super) fn may_list_failed(&self, now: Timestamp) -> bool {
        self.last_failed.is_none_or(|last| last + SignedDuration::from_secs(2) <= now)
    }
}

/// When a request of which nothing is known is asked about by itself.
fn scouted(open: Open, older: u32) -> Timestamp {
    open.since + signed(SCOUT * older.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{RequestListing, RequestSummary};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn id(n: u8) -> RequestId {
        format!("00000000-0000-4000-8000-0000000000{n:02}").parse().unwrap()
    }

    fn following(since: i64, looked: Option<i64>, exact: bool) -> Following {
        let open = Open { since: at(since), looked: looked.map(at) };
        Following {
            request: id(1),
            created_at: Some(at(since)),
            open,
            exact,
            unhindered: true,
            closer: None,
            busy: false,
        }
    }

    fn sure() -> Watch {
        let mut latency = Latency::default();
        for _ in 0..20 {
            latency.ended(ms(998), ms(1_000));
        }
        Watch::of(latency, None)
    }

    #[test]
    fn a_place_is_presumed_free_only_where_all_are_equally_long_and_nothing_speaks_against_it() {
        let sure = sure();
        assert_eq!(sure.presumed_from(&following(0, Some(500), true), ms(2)), Some(at(1_002)));
        assert_eq!(sure.presumed_from(&following(0, None, false), ms(2)), None, "another session's");
        assert_eq!(
            sure.presumed_from(&following(0, Some(1_000), true), ms(2)),
            None,
            "seen under way too long"
        );
        assert_eq!(sure.presumed_from(&following(0, None, true), ms(200)), None, "calls travel too unevenly");
        assert_eq!(Watch::default().presumed_from(&following(0, None, true), ms(2)), None);
    }

    #[test]
    fn what_was_presumed_is_made_sure_of_half_a_round_later_and_at_once_when_it_gets_crowded() {
        let mut sure = sure();
        let open = [following(0, None, true).open];
        let next = |watch: &Watch, crowded| watch.next_look(&[], 1.0, Some(at(1_002)), crowded, at(1_100));
        sure.looked(at(0));
        assert_eq!(next(&sure, false), Some(at(1_502)));
        assert_eq!(next(&sure, true), Some(at(1_100)));
        sure.looked(at(1));
        assert_eq!(next(&sure, false), Some(at(1_702)));
        assert_eq!(sure.next_look(&open, 1.0, None, false, at(900)), Some(at(1_000)), "nothing waits");
        let beside = sure.next_look(&open, 1.0, Some(at(1_202)), false, at(900));
        assert_eq!(beside, Some(at(1_000)), "what only a look tells of doesn't wait for the others");
        sure.looking = true;
        assert_eq!(next(&sure, true), None);
    }

    /// A page of at most three, the newest first or as it is given.
    fn page(created: &[(u8, i64)]) -> Shown {
        let of = |(n, created): &(u8, i64)| RequestSummary {
            id: id(*n),
            listing: RequestListing::Succeeded,
            created_at: Some(at(*created)),
        };
        Shown::of(&created.iter().map(of).collect::<Vec<_>>(), 3)
    }

    #[test]
    fn lists_that_hide_what_has_succeeded_are_not_trusted_any_more() {
        let mut watch = Watch::default();
        watch.expect(id(1), Some(at(50)), at(100));
        watch.check(at(90), &page(&[]));
        assert!(!watch.distrusts(), "that list is of before");
        watch.check(at(110), &page(&[(2, 60), (1, 50)]));
        assert!(!watch.distrusts());
        watch.expect(id(3), Some(at(150)), at(200));
        watch.check(at(210), &page(&[(2, 60), (1, 50)]));
        assert!(watch.distrusts());
        assert_eq!(watch.next_look(&[following(0, None, true).open], 1.0, None, false, at(300)), None);
    }

    #[test]
    fn what_a_page_does_not_reach_back_to_is_not_hidden_by_it() {
        let mut watch = Watch::default();
        watch.expect(id(1), Some(at(50)), at(100));
        watch.check(at(110), &page(&[(4, 90), (3, 80), (2, 50)]));
        assert!(!watch.distrusts());
        watch.expect(id(5), Some(at(95)), at(120));
        watch.check(at(130), &page(&[(4, 90), (3, 80), (2, 50)]));
        assert!(watch.distrusts(), "it should have been the first");
    }

    #[test]
    fn long_lists_in_no_order_are_not_trusted() {
        let mut watch = sure();
        watch.check(at(110), &page(&[(3, 80), (4, 90)]));
        assert!(!watch.distrusts(), "it is whole");
        watch.check(at(120), &page(&[(3, 80), (4, 90), (1, 10)]));
        assert!(watch.distrusts());
        assert_eq!(watch.bounds(), None, "nor what was learned by them");
    }

    #[test]
    fn a_single_request_is_asked_about_when_the_lists_should_have_told() {
        let scout = following(0, None, true);
        let new = Watch::default();
        assert_eq!(new.closer(&scout, 0, at(10)), Some(at(2_000)));
        assert_eq!(sure().closer(&following(0, Some(900), true), 0, at(950)), None);
        assert_eq!(sure().closer(&following(0, Some(1_001), true), 0, at(1_100)), Some(at(1_100)));
        let again = Following { closer: Some(at(7_000)), ..following(0, Some(1_001), true) };
        assert_eq!(sure().closer(&again, 0, at(1_100)), Some(at(7_000)));
        let busy = Following { busy: true, ..again };
        assert_eq!(sure().closer(&busy, 0, at(1_100)), None);

        let alone = Watch { distrusted_at: Some(at(0)), ..sure() };
        assert_eq!(alone.closer(&scout, 1, at(10)), Some(at(1_000)));
    }

    #[test]
    fn where_each_is_asked_about_alone_one_in_sixteen_tells_whether_they_take_less_time_now() {
        let mut watch = Watch { distrusted_at: Some(at(0)), ..sure() };
        let (open, mut early) = (following(0, None, true), 0);
        for _ in 0..32 {
            watch.latency.ended(ms(998), ms(1_000));
            early += usize::from(watch.closer(&open, 0, at(10)) == Some(at(500)));
            assert_eq!(watch.closer(&open, 1, at(10)), Some(at(1_000)));
        }
        assert_eq!(early, 2);
        // It has ended by then: what was believed is wrong.
        watch.latency.ended(ms(0), ms(500));
        assert_eq!(watch.latency.shape(), Shape::Spread);
    }

    #[test]
    fn one_that_hangs_does_not_hide_how_it_stands_with_the_others() {
        let (fresh, asked) = (following(0, None, true), following(0, Some(6_000), true));
        for distrusted_at in [None, Some(at(0))] {
            let watch = Watch::of(Latency::default(), distrusted_at);
            assert_eq!(watch.closer(&fresh, 1, at(10)), Some(at(4_000)));
            assert_eq!(watch.closer(&fresh, 9, at(10)), Some(at(20_000)));
        }
        let alone = Watch::of(Latency::default(), Some(at(0)));
        assert_eq!(alone.closer(&asked, 1, at(6_000)), Some(at(8_000)), "not at once again");
        assert_eq!(alone.closer(&asked, 0, at(6_000)), Some(at(6_250)), "the oldest is where it is learned");
    }
}
