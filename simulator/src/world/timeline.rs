//! What a thing was like at any time: lists that lag answer from it, exactly.

use jiff::Timestamp;

/// The values that something had, oldest first.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Timeline<T>(Vec<(Timestamp, T)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Timeline<T> {
    /// From this time on it is so. Of two values for one time the later one holds.
    pub(crate) fn set(&mut self, at: Timestamp, value: T) {
        self.0.push((at, value));
    }

    /// All of it, oldest first.
    pub(crate) fn entries(&self) -> &[(Timestamp, T)] {
        &self.0
    }

    /// What it is now.
    pub(crate) fn latest(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    /// What it was then; `None` before the beginning.
    pub(crate) fn at(&self, time: Timestamp) -> Option<&T> {
        let after = self.0.partition_point(|(at, _)| *at <= time);
        after.checked_sub(1).and_then(|last| self.0.get(last)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_answers_for_any_time() {
        let second = |s| Timestamp::from_second(s).unwrap();
        let mut line = Timeline::default();
        line.set(second(10), 'a');
        line.set(second(20), 'b');
        line.set(second(20), 'c');

        assert_eq!(line.at(second(9)), None);
        assert_eq!(line.at(second(10)), Some(&'a'));
        assert_eq!(line.at(second(19)), Some(&'a'));
        assert_eq!(line.at(second(20)), Some(&'c'));
        assert_eq!(line.latest(), Some(&'c'));
    }
}
