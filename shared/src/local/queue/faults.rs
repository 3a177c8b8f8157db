//! Misbehaviour on request: what SQS may do, and what it promises not to, from one seed.

use std::time::Duration;

/// How often something happens, in percent: 0 is never, 100 and more is always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chance(pub u8);

/// What a queue does wrong. The same seed and the same calls give the same faults; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// What chance is drawn from.
    pub seed: u64,
    /// A message is delivered again. Standard queues keep it visible when they give it out; FIFO queues lose its
    /// acknowledgement, so that it comes again after its visibility time-out.
    pub repeat: Chance,
    /// A receive takes the groups in another order than that of their messages. Inside a group the order stays.
    pub reorder: Chance,
    /// A message becomes visible only after this time; in a FIFO queue, those behind it in its group too.
    pub delay: (Chance, Duration),
    /// A message is lost when it is sent.
    pub drop: Chance,
}

impl Faults {
    pub(super) fn repeats(&mut self) -> bool {
        self.happens(self.repeat)
    }

    pub(super) fn drops(&mut self) -> bool {
        self.happens(self.drop)
    }

    pub(super) fn delays(&mut self) -> Option<Duration> {
        let (chance, delay) = self.delay;
        self.happens(chance).then_some(delay)
    }

    /// Puts the groups of `(group, message)` in another order, and leaves the order inside each.
    pub(super) fn reorder(&mut self, free: &mut [(&str, usize)]) {
        if !self.happens(self.reorder) {
            return;
        }
        // Ranked by a hash of group and seed, which needs no list of groups and is the same for all of a group.
        let salt = self.draw();
        free.sort_by_cached_key(|(group, _)| {
            group.bytes().fold(salt, |state, byte| mix(state ^ u64::from(byte)))
        });
    }

    fn happens(&mut self, Chance(percent): Chance) -> bool {
        // Nothing is drawn for what is switched off: one fault doesn't change when another strikes.
        percent > 0 && self.draw() % 100 < u64::from(percent)
    }

    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.seed)
    }
}

/// Spreads every bit over all others: the finishing step of the generator known as `SplitMix64`.
fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}
