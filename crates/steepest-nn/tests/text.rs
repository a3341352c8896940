//! The written form of configured things, `name(setting=value, …)`: never a panic, always a round trip.

use proptest::prelude::*;
use steepest_nn::{Activation, Configured, Init, MetricSpec};

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        let _ = text.parse::<Init>();
    }

    #[test]
    fn nearly_right_text_is_read_or_refused(
        name in "(normal|uniform|zeros|he-normal)",
        inner in "[()=, .a-z0-9-]{0,30}",
    ) {
        let _ = format!("{name}({inner})").parse::<Init>();
    }

    #[test]
    fn what_is_written_is_read_again(mean in -1e9f64..1e9, std in 0.0f64..1e300, slope in 0.0f64..1.0) {
        let init = Init::normal().with("mean", mean).unwrap().with("std", std).unwrap();
        prop_assert_eq!(&init.to_string().parse::<Init>().unwrap(), &init);
        let activation = Activation::leaky_relu().with("slope", slope).unwrap();
        prop_assert_eq!(&activation.to_string().parse::<Activation>().unwrap(), &activation);
    }
}

#[test]
fn spaces_do_not_matter() {
    let plain: Init = "normal(mean=1, std=0.5)".parse().unwrap();
    assert_eq!(" normal ( mean = 1 ,std=0.5 ) ".parse::<Init>().unwrap(), plain);
    assert_eq!("zeros()".parse::<Init>().unwrap(), Init::zeros());
}

#[test]
fn whole_numbers_are_read_where_they_are_asked_for() {
    let metric: Configured<MetricSpec> = "top-k-accuracy(k=3)".parse().unwrap();
    assert_eq!((metric.settings().integer("k"), metric.to_string()), (3, "top-k-accuracy(k=3)".to_owned()));
    for (text, message) in [
        ("top-k-accuracy(k=0)", "top-k-accuracy: `k` must be a whole number of at least 1, got 0"),
        ("top-k-accuracy(k=1.5)", "top-k-accuracy: `k` must be a whole number of at least 1, got \"1.5\""),
    ] {
        assert_eq!(text.parse::<Configured<MetricSpec>>().unwrap_err().to_string(), message);
    }
}
