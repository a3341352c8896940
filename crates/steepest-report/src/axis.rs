//! From values to places: linear and logarithmic scales, round ticks and their labels.

/// A scale between values and a stretch of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
}

/// A place on an axis worth a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub at: f64,
    pub label: String,
}

/// The span above which positive values are shown on a logarithmic axis.
const DECADES: f64 = 30.0;

impl Axis {
    /// An axis that holds all finite `values`, logarithmic if they are positive and span decades.
    pub fn adaptive(values: impl Iterator<Item = f64> + Clone) -> Axis {
        let (low, high) = bounds(values);
        if low > 0.0 && high / low > DECADES {
            let pad = (high / low).powf(0.04);
            return Axis { low: low / pad, high: high * pad, logarithmic: true };
        }
        Axis::padded(low, high)
    }

    /// A linear axis that holds all finite `values` with a margin, never below 0 or above 1 for shares.
    pub fn linear(values: impl Iterator<Item = f64> + Clone) -> Axis {
        let (low, high) = bounds(values);
        Axis::padded(low, high)
    }

    /// A linear axis from the least to the greatest value.
    pub fn exact(values: impl Iterator<Item = f64> + Clone) -> Axis {
        let (low, high) = bounds(values);
        Axis { low, high: if high > low { high } else { low + 1.0 }, logarithmic: false }
    }

    fn padded(low: f64, high: f64) -> Axis {
        let span = if high > low { high - low } else { high.abs().max(1e-6) };
        let mut axis = Axis { low: low - 0.06 * span, high: high + 0.06 * span, logarithmic: false };
        if low >= 0.0 && (axis.low < 0.0 || low < 0.3 * high) {
            axis.low = 0.0;
        }
        axis
    }

    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// Where a value stands, from 0 (low end) to 1 (high end).
    pub fn place(&self, value: f64) -> f32 {
        let place = if self.logarithmic {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0) as f32
    }

    /// About `count` round values, at least two.
    pub fn ticks(&self, count: usize) -> Vec<Tick> {
        if self.logarithmic { self.decades(count) } else { self.steps(count) }
    }

    fn steps(&self, count: usize) -> Vec<Tick> {
        let step = round_step((self.high - self.low) / count.max(1) as f64);
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let number = (last - first).max(0.0) as usize;
        (0..=number)
            .map(|i| {
                let at = (first + i as f64) * step;
                Tick { at, label: plain(at, step) }
            })
            .collect()
    }

    fn decades(&self, count: usize) -> Vec<Tick> {
        let (low, high) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
        let whole = (high - low + 1).max(0) as usize;
        let digits: &[f64] = if whole > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let stride = whole.div_ceil(count.max(2)).max(1);
        (low - 1..=high)
            .filter(|power| digits.len() > 1 || (power - low).rem_euclid(stride as i32) == 0)
            .flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)))
            .filter(|at| (self.low..=self.high).contains(at))
            .map(|at| Tick { at, label: number(at) })
            .collect()
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The least of 1, 2 or 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|d| d * power).find(|s| *s >= step * 0.999_999).unwrap_or(10.0 * power)
}

/// A value with as many decimals as its step needs.
fn plain(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if !(1e-4..1e6).contains(&step) {
        return number(value);
    }
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    grouped(&format!("{value:.decimals$}"))
}

/// A number as one writes it: `1,500`, `0.083`, `3×10⁻⁵`.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let mut power = value.abs().log10().floor() as i32;
    if (-4..6).contains(&power) {
        let decimals = (3 - power).clamp(0, 7) as usize;
        let text = format!("{value:.decimals$}");
        let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        return grouped(text);
    }
    let mut digits = (value / 10f64.powi(power) * 100.0).round() / 100.0;
    if digits.abs() >= 10.0 {
        (digits, power) = (digits / 10.0, power + 1);
    }
    let raised: String = power.to_string().chars().map(superscript).collect();
    if digits == 1.0 { format!("10{raised}") } else { format!("{digits}×10{raised}").replace('-', "−") }
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        other => other.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(other),
    }
}

/// Thousands set apart by commas, and a true minus sign.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(labels(Axis::exact([0.0, 50.0].into_iter()), 5), ["0", "10", "20", "30", "40", "50"]);
        assert_eq!(labels(Axis::exact([0.93, 0.985].into_iter()), 5), ["0.94", "0.96", "0.98"]);
        assert_eq!(labels(Axis::exact([0.0, 24_000.0].into_iter()), 4), ["0", "10,000", "20,000"]);
        assert_eq!(labels(Axis::exact([-2.0, 2.0].into_iter()), 4), ["−2", "−1", "0", "1", "2"]);
    }

    #[test]
    fn values_over_decades_get_a_logarithmic_axis() {
        let axis = Axis::adaptive([2.3, 0.01].into_iter());
        assert!(axis.is_logarithmic());
        assert_eq!(labels(axis, 5), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(labels(Axis::adaptive([1.0, 1e-7].into_iter()), 4), ["10⁻⁷", "10⁻⁵", "0.001", "0.1"]);
        assert!(!Axis::adaptive([2.3, 0.5].into_iter()).is_logarithmic());
        assert!(!Axis::adaptive([2.3, 0.0].into_iter()).is_logarithmic());
    }

    #[test]
    fn places_run_from_0_to_1_in_order() {
        for values in [[1e-3, 10.0], [0.0, 1.0], [5.0, 5.0], [-3.0, 8.0]] {
            let axis = Axis::adaptive(values.into_iter());
            let (a, b) = (axis.place(values[0]), axis.place(values[1]));
            assert!((0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&b) && a <= b, "{values:?}: {a} {b}");
            assert!(axis.ticks(5).len() >= 2, "{values:?}");
        }
    }

    #[test]
    fn numbers_read_as_one_writes_them() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.0832, "0.0832"),
            (1500.0, "1,500"),
            (-0.5, "−0.5"),
            (3e-5, "3×10⁻⁵"),
            (1e9, "10⁹"),
            (9.999e-6, "10⁻⁵"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
