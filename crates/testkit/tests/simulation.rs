//! Ten seeds of the simulator. A failing seed is a bug with its own way to see it again.

use mandate_testkit::simulation::{self, Report};

#[expect(clippy::print_stdout, reason = "names the seed of a run that fails")]
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn ten_seeds_keep_every_promise() {
    let mut total = Report::default();
    for seed in 0..10 {
        println!("seed {seed}");
        let report = simulation::run(seed, 400).await;
        total.crashes += report.crashes;
        total.copies += report.copies;
        total.acknowledged += report.acknowledged;
        total.answers += report.answers;
        total.overdue += report.overdue;
        if seed == 0 {
            assert_eq!(simulation::run(seed, 400).await, report, "the same seed is the same run");
        }
    }
    // A simulator that breaks nothing proves nothing.
    assert!(total.crashes > 20 && total.copies > 20 && total.acknowledged > 1_000, "{total:?}");
    assert!(total.answers > 200 && total.overdue > 20, "{total:?}");
}
