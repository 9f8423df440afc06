//! How properties are tried whose every case takes its time.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// Tries a property with one in `share` of the cases that the others are tried with.
///
/// `proptest!` can't be asked for that: where `PROPTEST_CASES` is set it is obeyed, whatever a test says of itself, and
/// what was meant to be tried twelve times took minutes on CI.
#[track_caller]
pub fn few<S: Strategy>(share: u32, strategy: S, property: impl Fn(S::Value) -> TestCaseResult) {
    let usual = Config::default();
    let cases = usual.cases.div_ceil(share);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..usual });
    if let Err(why) = runner.run(&strategy, property) {
        panic!("{why}\n{runner}");
    }
}
