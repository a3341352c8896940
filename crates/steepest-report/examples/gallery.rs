//! Draws every kind of picture from made-up records into a folder, to look at.
use std::path::PathBuf;

use steepest_report::{History, chart, write_drawing};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let mut log = String::new();
    for step in 1..=2000u32 {
        let t = f64::from(step) / 200.0;
        let noise = f64::from((step * 7919) % 101) / 100.0;
        let loss = (2.3 * (-t).exp() + 0.02) * (0.6 + 0.8 * noise);
        let rate = 1e-3 * (0.5 + 0.5 * (t / 10.0 * std::f64::consts::PI).cos());
        log += &format!(
            "{{\"step\":{step},\"epoch\":{},\"train_loss\":{loss},\"learning_rate\":{rate},\"gradient_norm\":{}}}\n",
            f64::from(step) / 100.0,
            loss * 3.0
        );
        if step.is_multiple_of(100) {
            let held_out = 2.3 * (-t).exp() + 0.05 + 0.004 * (t - 6.0).max(0.0);
            let accuracy = 1.0 - 0.9 * (-t).exp() - 0.02;
            log += &format!(
                "{{\"step\":{step},\"epoch\":{},\"validation_loss\":{held_out},\"validation_accuracy\":{accuracy}}}\n",
                step / 100
            );
        }
    }
    let history = History::parse(&log, "metrics.jsonl".as_ref())?;
    let digits: Vec<String> = (0..10).map(|d| d.to_string()).collect();
    let counts: Vec<u64> =
        (0..100).map(|i| if i % 11 == 0 { 34 + i % 7 } else { u64::from(i % 17 == 3) }).collect();
    let kinds = ["setosa", "versicolor", "virginica"];
    let pictures = [
        ("curves", chart::overview(&history)),
        ("loss", chart::loss(&history)),
        ("accuracy", chart::metric(&history, "accuracy")),
        ("confusion", chart::confusion("Confusion on 360 test rows", &digits, &counts)),
        (
            "confusion-named",
            chart::confusion("Confusion on 30 test rows", &kinds, &[10, 0, 0, 0, 9, 1, 0, 2, 8]),
        ),
    ];
    for (name, picture) in pictures {
        if let Some(picture) = picture {
            write_drawing(&picture, &folder.join(name))?;
        }
    }
    Ok(())
}
