//! No plan of the benchmark costs more than `bench/guard.json` says.

use steepest_bench::{Guard, count};

#[test]
fn no_plan_costs_more_than_it_did() {
    let kept: Guard = serde_json::from_str(include_str!("../../guard.json")).unwrap();
    let now = count().unwrap();
    let renew = "if the change is meant: cargo run --package steepest-bench -- guard > bench/guard.json";
    assert_eq!(kept.keys().collect::<Vec<_>>(), now.keys().collect::<Vec<_>>(), "{renew}");
    let mut worse = Vec::new();
    for (name, counts) in &now {
        for ((what, before), (_, after)) in kept[name].named().into_iter().zip(counts.named()) {
            if after > before {
                worse.push(format!("  {name}: {what} was {before}, is {after}"));
            } else if after < before {
                println!("{name}: {what} was {before}, is {after}: keep it ({renew})");
            }
        }
    }
    assert!(worse.is_empty(), "plans cost more than they did:\n{}\n{renew}", worse.join("\n"));
}
