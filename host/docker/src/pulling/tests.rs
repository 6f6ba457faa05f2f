//! Lines as engines write them, and what they sum up to.

use super::*;

fn line(layer: &str, status: &str, bytes: Option<(u64, u64)>) -> PullProgress {
    PullProgress {
        layer: layer.into(),
        status: status.into(),
        done: bytes.map(|(done, _)| done),
        total: bytes.map(|(_, total)| total),
    }
}

#[test]
fn a_pull_is_summed_up_from_what_is_said_of_its_layers() {
    let mut count = PullCount::default();
    let mut sum = PullSum::default();
    for line in [
        line("1.2.0", "Pulling from team/tours", None),
        line("aa", "Already exists", None),
        line("bb", "Pulling fs layer", None),
        line("cc", "Pulling fs layer", None),
        line("bb", "Downloading", Some((10, 100))),
        line("cc", "Downloading", Some((50, 200))),
        line("bb", "Download complete", None),
        line("bb", "Extracting", Some((3, 999))),
    ] {
        sum = count.add(line);
    }
    let expected = PullSum {
        layers: 3,
        layers_done: 1,
        bytes: 150,
        total_bytes: 300,
    };
    assert_eq!(sum, expected);
    count.add(line("bb", "Pull complete", None));
    sum = count.add(line("cc", "Pull complete", None));
    assert_eq!((sum.layers_done, sum.bytes, sum.total_bytes), (3, 300, 300));
    // An engine may say what it likes.
    count.add(line("cc", "Downloading", Some((u64::MAX, 1))));
    sum = count.add(line("bb", "Downloading", Some((u64::MAX, u64::MAX))));
    assert_eq!((sum.bytes, sum.total_bytes), (u64::MAX, u64::MAX));
}

#[test]
fn an_engine_that_tells_of_ever_more_layers_fills_no_memory() {
    let mut count = PullCount::default();
    let mut sum = PullSum::default();
    for number in 0..2 * LAYERS {
        sum = count.add(line(&number.to_string(), "Waiting", None));
    }
    assert_eq!(sum.layers, LAYERS as u64);
}
