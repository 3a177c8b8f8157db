//! How many requests may be under way: what AWS allows, less what others seem to take of it. Pure.
//!
//! AWS tells nobody how many places of the window are free; it only refuses ("too many requests processing"). What was under way
//! of ours at a refusal is what is ours to use. Now and then one more is tried, since each try may cost a refusal.

use jiff::{SignedDuration, Timestamp};

/// A further place is tried after so many answered calls, at least and at most.
const TRY_AFTER: u32 = 160;
const TRY_AFTER_AT_MOST: u32 = 320;

/// After a place was gained the next one is tried soon: whoever had it seems to have left.
const TRY_SOON: u32 = 12;

/// A refusal says nothing any more of how many places there are after this long.
const BELIEVED: SignedDuration = SignedDuration::from_mins(10);

/// What is left of the window, as one run tells the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::engine) struct Left {
    ours: usize,
    wait: u32,
    patience: u32,
    refused_at: Timestamp,
}

/// The window as it is believed to be.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// The setting.
    most: usize,
    /// What is believed to be ours to use.
    ours: usize,
    /// Answered calls until the next try.
    wait: u32,
    /// How long the wait is after the next refusal.
    patience: u32,
    /// When AWS last refused.
    refused_at: Option<Timestamp>,
}

impl Window {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), ours: most.max(1), wait: 0, patience: TRY_AFTER, refused_at: None }
    }

    /// What is believed to be ours, if that is not all; for the next run.
    pub(super) fn learned(&self) -> Option<Left> {
        let Self { most, ours, wait, patience, refused_at } = *self;
        let refused_at = refused_at.filter(|_| ours < most)?;
        Some(Left { ours, wait, patience, refused_at })
    }

    /// What an earlier run has learned, and how far it was from the next try: however short runs are, it comes.
    pub(super) fn restore(&mut self, learned: Option<Left>, now: Timestamp) {
        if let Some(left) = learned.filter(|left| left.refused_at + BELIEVED > now) {
            self.ours = left.ours.clamp(1, self.most);
            self.wait = left.wait.min(TRY_AFTER_AT_MOST);
            self.patience = left.patience.clamp(TRY_AFTER, TRY_AFTER_AT_MOST);
            self.refused_at = Some(left.refused_at.min(now));
        }
    }

    /// How many places may be presumed free before a look has told: a fifth of the window, and one. It takes as many to keep the
    /// window full while the look's answer is on its way, where requests take a second.
    pub(super) fn presumed_at_most(&self) -> usize {
        (1 + self.most.div_ceil(5)).min(self.most)
    }

    /// How many more may be sent while so many are under way.
    pub(super) fn room(&self, under_way: usize) -> usize {
        let tried = usize::from(self.wait == 0 && self.ours < self.most);
        (self.ours + tried).saturating_sub(under_way)
    }

    /// AWS has answered a call, whichever, without complaint.
    pub(super) fn answered(&mut self) {
        self.wait = self.wait.saturating_sub(1);
    }

    /// AWS has accepted a request; with it so many are under way.
    pub(super) fn accepted(&mut self, under_way: usize) {
        if under_way > self.ours {
            self.ours = under_way.min(self.most);
            self.wait = TRY_SOON;
            self.patience = TRY_AFTER;
        }
    }

    /// AWS has refused a request because the window is full, while so many others of ours were under way.
    pub(super) fn refused(&mut self, under_way: usize, now: Timestamp) {
        self.ours = self.ours.min(under_way.max(1));
        self.wait = self.patience;
        self.patience = (self.patience * 2).min(TRY_AFTER_AT_MOST);
        self.refused_at = Some(now);
    }

    /// Nothing is under way whose answer could be counted: the next try is for whoever waits for it to make.
    pub(super) fn try_next(&mut self) {
        self.wait = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn answered(window: &mut Window, calls: u32) {
        for _ in 0..calls {
            window.answered();
        }
    }

    #[test]
    fn what_was_under_way_at_a_refusal_is_what_is_ours() {
        let mut window = Window::new(10);
        assert_eq!(window.room(7), 3);
        window.refused(5, at(0));
        assert_eq!((window.room(5), window.room(4)), (0, 1));
        window.refused(8, at(0));
        assert_eq!(window.room(5), 0, "a later word about more of them takes nothing back");
        window.refused(0, at(0));
        assert_eq!(window.room(0), 1, "one is always tried");
    }

    #[test]
    fn one_more_is_tried_rarely_and_more_once_that_was_good() {
        let mut window = Window::new(10);
        window.refused(5, at(0));
        answered(&mut window, TRY_AFTER - 1);
        assert_eq!(window.room(5), 0);
        answered(&mut window, 1);
        assert_eq!(window.room(5), 1);
        window.refused(5, at(0));
        answered(&mut window, TRY_AFTER + 50);
        assert_eq!(window.room(5), 0, "the next try is later");
        answered(&mut window, TRY_AFTER);
        window.accepted(6);
        assert_eq!(window.room(6), 0);
        answered(&mut window, TRY_SOON);
        assert_eq!(window.room(6), 1, "whoever was there has left");
        for ours in 7..=10 {
            window.accepted(ours);
            answered(&mut window, TRY_SOON);
        }
        assert_eq!((window.room(10), window.room(0)), (0, 10));
    }

    #[test]
    fn the_next_try_comes_however_short_runs_are_and_a_refusal_is_forgotten_some_time() {
        let mut window = Window::new(10);
        window.refused(5, at(0));
        for run in 1..=TRY_AFTER / 10 {
            answered(&mut window, 10);
            let learned = window.learned();
            window = Window::new(10);
            window.restore(learned, at(i64::from(run)));
        }
        assert_eq!(window.room(5), 1);
        let left = window.learned();
        let restored = |second| {
            let mut next = Window::new(10);
            next.restore(left, at(second));
            next.learned().is_some()
        };
        assert!(restored(599) && !restored(600));
    }

    proptest! {
        /// What is sent never exceeds the setting, nor by more than one what AWS has last refused.
        #[test]
        fn no_schedule_of_answers_makes_it_exceed_the_window_it_believes_in(
            most in 1_usize..=15,
            steps in prop::collection::vec(0_u8..6, 1..500),
        ) {
            let mut window = Window::new(most);
            let mut under_way = 0;
            for step in steps {
                match step {
                    0 | 1 => {
                        if window.room(under_way) > 0 {
                            under_way += 1;
                            window.accepted(under_way);
                        }
                    }
                    2 => {
                        if window.room(under_way) > 0 {
                            window.refused(under_way, at(0));
                            prop_assert_eq!(window.room(under_way.max(1)), 0);
                        }
                    }
                    3 => under_way = under_way.saturating_sub(1),
                    _ => window.answered(),
                }
                prop_assert!(under_way <= most);
                prop_assert!(window.room(under_way) <= most - under_way);
            }
        }
    }
}
