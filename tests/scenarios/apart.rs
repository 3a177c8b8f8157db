//! Scenarios apart from each other: each under virtual time of its own, and on all processors.

/// Under virtual time that nobody else shares.
pub(super) fn alone<T>(doing: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(doing)
}

/// On as many threads as there are processors.
pub(super) fn beside_each_other(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(&work);
        }
    });
}
