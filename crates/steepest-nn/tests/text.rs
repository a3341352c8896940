//! The written form of configured things, `name(setting=value, …)`: never a panic, always a round trip.

use proptest::prelude::*;
use steepest_nn::{Activation, Init};

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
