//! Time that jumps over every wait, and several such measurements side by side.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::{row::Row, trouble::Trouble};

/// One row to measure.
pub(crate) type Measurement = Box<dyn FnOnce() -> Result<Row, Trouble> + Send>;

/// Runs to its end under virtual time, on this thread alone: the same in every run.
pub(crate) fn virtually<T>(future: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(Trouble::while_doing("starting a runtime"))?
        .block_on(future)
}

/// Measures each, as many at a time as the machine has cores; the rows are in the order of the measurements. Only for what is
/// measured in virtual time.
pub(crate) fn side_by_side(measurements: Vec<Measurement>) -> Result<Vec<Row>, Trouble> {
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let waiting = Mutex::new(measurements.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, measure)) = next(&waiting) {
                    let row = measure();
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, row));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, row)| row).collect()
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_come_in_the_order_of_their_measurements_however_long_each_takes() {
        let measurement = |n: u64| -> Measurement {
            Box::new(move || {
                virtually(async move {
                    tokio::time::sleep(Duration::from_hours(10 - n)).await;
                    Ok(Row::new(format!("row {n}")))
                })
            })
        };
        let rows = side_by_side((0..10).map(measurement).collect()).unwrap();
        let names: Vec<&str> = rows.iter().map(Row::name).collect();
        assert_eq!(names, (0..10).map(|n| format!("row {n}")).collect::<Vec<_>>());
    }
}
