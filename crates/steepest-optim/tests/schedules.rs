//! What holds for every registered schedule.

mod descent;

use descent::settings;
use steepest_optim::{Progress, SCHEDULES, Schedule};
use steepest_spec::{SettingError, Settings, Value};

/// Every schedule as its defaults make it, and with a warm-up.
fn all() -> Vec<(String, Box<dyn Schedule>)> {
    let build = |written: &'static [(&str, Value)]| {
        SCHEDULES.iter().map(move |spec| {
            let schedule = (spec.build)(&settings(&spec.about, written)).unwrap();
            (format!("{} {written:?}", spec.about.name), schedule)
        })
    };
    let warm = Box::leak(Box::new([("warmup", Value::Text("4 steps".to_owned()))]));
    build(&[]).chain(build(warm)).collect()
}

fn progress(step: u64) -> Progress {
    Progress { step, total: Some(100), steps_per_epoch: Some(10) }
}

#[test]
fn a_factor_is_a_share_at_every_progress() {
    for (name, schedule) in all() {
        for total in [None, Some(0), Some(1), Some(3), Some(100), Some(u64::MAX)] {
            for steps_per_epoch in [None, Some(0), Some(1), Some(10)] {
                for step in [0, 1, 2, 3, 4, 5, 99, 100, 101, 1_000_000, u64::MAX] {
                    let progress = Progress { step, total, steps_per_epoch };
                    let factor = schedule.at(progress);
                    assert!((0.0..=1.0).contains(&factor), "{name} at {progress:?}: {factor}");
                    assert_eq!(factor, schedule.at(progress), "{name} is pure");
                }
            }
        }
    }
}

#[test]
fn the_first_update_has_the_whole_rate_or_the_first_part_of_the_warm_up() {
    for (name, schedule) in all() {
        let first = if name.contains("warmup") { 0.25 } else { 1.0 };
        assert_eq!(schedule.at(progress(1)), first, "{name}");
    }
}

#[test]
fn after_the_warm_up_the_schedule_runs_on_its_own_clock() {
    for spec in SCHEDULES {
        let build = |written: &[(&str, Value)]| (spec.build)(&settings(&spec.about, written)).unwrap();
        let plain = build(&[]);
        let warm = build(&[("warmup", Value::Text("4 steps".to_owned()))]);
        for step in 1..120 {
            let inner = Progress { total: Some(96), ..progress(step) };
            assert_eq!(warm.at(progress(step + 4)), plain.at(inner), "{}", spec.about.name);
        }
    }
}

#[test]
fn what_ends_holds_its_end() {
    for name in ["linear", "cosine"] {
        let spec = SCHEDULES.iter().find(|spec| spec.about.name == name).unwrap();
        let schedule = (spec.build)(&settings(&spec.about, &[("final", Value::Number(0.3))])).unwrap();
        assert!(schedule.at(progress(100)) > 0.3, "{name}: the last update still falls");
        assert!([101, 150, 200, 1000].iter().all(|&t| schedule.at(progress(t)) == 0.3), "{name}");
    }
}

#[test]
fn a_schedule_says_that_it_lacks_the_length_of_training() {
    let lacking = |written: &[(&str, Value)], progress: Progress| -> Vec<&str> {
        let lacks = |spec: &&&steepest_optim::ScheduleSpec| {
            (spec.build)(&settings(&spec.about, written)).unwrap().lacks(progress)
        };
        SCHEDULES.iter().filter(lacks).map(|spec| spec.about.name).collect()
    };
    let endless = Progress { step: 1, total: None, steps_per_epoch: Some(10) };
    let unmeasured = Progress { step: 1, total: None, steps_per_epoch: None };
    assert_eq!(lacking(&[], progress(1)), [""; 0]);
    assert_eq!(lacking(&[], endless), ["linear", "cosine"]);
    assert_eq!(lacking(&[], unmeasured), ["exponential", "linear", "cosine"]);
    let warm = [("warmup", Value::Text("5%".to_owned()))];
    assert_eq!(lacking(&warm, endless).len(), SCHEDULES.len());
    assert_eq!(lacking(&warm, progress(1)), [""; 0]);
}

#[test]
fn every_setting_changes_the_schedule() {
    for spec in SCHEDULES {
        let factors = |written: &[(&str, Value)]| -> Vec<f64> {
            let schedule = (spec.build)(&settings(&spec.about, written)).unwrap();
            (1..=100).map(|step| schedule.at(progress(step))).collect()
        };
        for h in spec.about.hyperparameters {
            let other = match settings(&spec.about, &[]).get(h.name) {
                Some(Value::Number(_)) => Value::Number(0.37),
                Some(Value::List(values)) => match values[0] {
                    Value::Integer(_) => Value::List(vec![Value::Integer(3), Value::Integer(10)]),
                    _ => Value::List(vec![Value::Number(0.1), Value::Number(0.2)]),
                },
                _ => Value::Text("30 steps".to_owned()),
            };
            let changed = factors(&[(h.name, other)]);
            assert_ne!(changed, factors(&[]), "{}: `{}` does nothing", spec.about.name, h.name);
        }
    }
}

#[test]
fn settings_that_exclude_each_other_are_refused() {
    let spec = SCHEDULES.iter().find(|spec| spec.about.name == "piecewise").unwrap();
    let build = |steps: &[i64], factors: &[f64]| {
        let steps = Value::List(steps.iter().map(|&step| Value::Integer(step)).collect());
        let factors = Value::List(factors.iter().map(|&factor| Value::Number(factor)).collect());
        let written = [("steps".to_owned(), steps), ("factors".to_owned(), factors)];
        (spec.build)(&Settings::new(&spec.about, written).unwrap()).unwrap_err().to_string()
    };
    assert_eq!(build(&[5, 3], &[0.5, 0.1]), "`steps` must be in rising order, got [5, 3]");
    assert_eq!(build(&[5, 9], &[0.5]), "`factors` must be as many numbers as `steps` has: 2, got [0.5]");
    assert_eq!(build(&[5], &[-1.0]), "`factors` must be numbers of at least 0, got [-1.0]");
    let fraction = Value::Text("0.5 steps".to_owned());
    let step = SCHEDULES.iter().find(|spec| spec.about.name == "step").unwrap();
    let error = (step.build)(&settings(&step.about, &[("every", fraction)])).unwrap_err();
    assert!(matches!(error, SettingError::Unacceptable { ref got, .. } if got == "\"0.5 steps\""), "{error}");
}
