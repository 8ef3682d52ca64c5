//! Prints ratios of times, measured side by side in one run.

use weir_benches::{ratio, rows};

const RECORDS: usize = 200_000;
const ROUNDS: usize = 11;

fn main() {
    println!("Times of normalizing {RECORDS} records natively, as ratios; medians of {ROUNDS} rounds.\n");
    println!("| what | goal | median | range |");
    println!("|---|---|---|---|");
    for (what, goal, mut a, mut b) in rows(RECORDS) {
        let (median, least, most) = ratio(&mut a, &mut b, ROUNDS);
        println!("| {what} | {goal} | {median:.2} | {least:.2} to {most:.2} |");
    }
}
