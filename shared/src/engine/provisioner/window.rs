//! How many requests may be under way: what AWS allows, less what others seem to take of it. Pure.
//!
//! AWS tells nobody how many places of the window are free; it only refuses ("too many requests processing"). What was under way
//! of ours at a refusal is what is ours to use. Now and then one more is tried, since each try may cost a refusal.

/// A further place is tried after so many answered calls, at least and at most.
const TRY_AFTER: u32 = 110;
const TRY_AFTER_AT_MOST: u32 = 220;

/// After a place was gained the next one is tried soon: whoever had it seems to have left.
const TRY_SOON: u32 = 12;

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
}

impl Window {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), ours: most.max(1), wait: 0, patience: TRY_AFTER }
    }

    /// What is believed to be ours, if that is not all; for the next run.
    pub(super) fn learned(&self) -> Option<usize> {
        (self.ours < self.most).then_some(self.ours)
    }

    /// What an earlier run has learned.
    pub(super) fn restore(&mut self, learned: Option<usize>) {
        if let Some(ours) = learned {
            self.ours = ours.clamp(1, self.most);
            self.wait = TRY_AFTER;
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
    pub(super) fn refused(&mut self, under_way: usize) {
        self.ours = self.ours.min(under_way.max(1));
        self.wait = self.patience;
        self.patience = (self.patience * 2).min(TRY_AFTER_AT_MOST);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered(window: &mut Window, calls: u32) {
        for _ in 0..calls {
            window.answered();
        }
    }

    #[test]
    fn what_was_under_way_at_a_refusal_is_what_is_ours() {
        let mut window = Window::new(10);
        assert_eq!(window.room(7), 3);
        window.refused(5);
        assert_eq!((window.room(5), window.room(4)), (0, 1));
        window.refused(8);
        assert_eq!(window.room(5), 0, "a later word about more of them takes nothing back");
        window.refused(0);
        assert_eq!(window.room(0), 1, "one is always tried");
    }

    #[test]
    fn one_more_is_tried_rarely_and_more_once_that_was_good() {
        let mut window = Window::new(10);
        window.refused(5);
        answered(&mut window, TRY_AFTER - 1);
        assert_eq!(window.room(5), 0);
        answered(&mut window, 1);
        assert_eq!(window.room(5), 1);
        window.refused(5);
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
                            window.refused(under_way);
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
