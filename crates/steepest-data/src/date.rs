//! Dates as numbers.

/// Days before a month of a year that is not a leap year.
const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const SECONDS: f64 = 86_400.0;

/// The days from 1970-01-01 to a date of the Gregorian calendar, written `2024-03-31` (ISO 8601), with a share
/// of a day for a time behind it: `2024-03-31 18:30`, `2024-03-31T18:30:00Z`. Time zones other than Z are not read.
pub(crate) fn days(text: &str) -> Option<f64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let whole = civil(date)? as f64;
    match time {
        None => Some(whole),
        Some(time) => Some(whole + seconds(time.strip_suffix('Z').unwrap_or(time))? / SECONDS),
    }
}

/// Whether a text is three numbers with `/`, `.` or `-` between them: a date in an order that cannot be known.
pub(crate) fn looks_like_one(text: &str) -> bool {
    ['/', '.', '-'].iter().any(|&mark| {
        let parts: Vec<&str> = text.split(mark).collect();
        let short = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(short)
    })
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn civil(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let place = usize::try_from(month - 1).ok()?;
    let before = *BEFORE_MONTH.get(place)?;
    let length = BEFORE_MONTH.get(place + 1).unwrap_or(&365) - before + i64::from(leap && month == 2);
    if parts.next().is_some() || !(1..=length).contains(&day) {
        return None;
    }
    // Leap days before this year since the year 0, less those before 1970.
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    Some(years + before + i64::from(leap && month > 2) + day - 1)
}

fn seconds(time: &str) -> Option<f64> {
    let mut parts = time.split(':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let seconds = match parts.next() {
        None => 0.0,
        Some(text) if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => text.parse::<f64>().ok()?,
        Some(_) => return None,
    };
    let fits = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 61.0;
    fits.then(|| (hours * 3600 + minutes * 60) as f64 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_days() {
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("1969-12-31", -1.0),
            ("2000-02-29", 11_016.0),
            ("2000-03-01", 11_017.0),
            ("2024-03-31", 19_813.0),
            ("2024-03-31T06:00", 19_813.25),
            ("2024-03-31 12:00:00Z", 19_813.5),
        ] {
            assert_eq!(days(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2023-02-29",
            "2024-00-10",
            "24-03-31",
            "2024-3-1",
            "2024-03-31 25:00",
            "2024-03-31T1",
            "2024-03-31-1",
            "31.03.2024",
            "x",
            "2024-03-31 12:00+02:00",
            "2024-03-31 12:00:nan",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }

    #[test]
    fn other_orders_look_like_dates() {
        assert!(["6/4/2023", "31.03.2024", "2023-6-4"].into_iter().all(looks_like_one));
        assert!(!["", "a/b/c", "12345-1-1", "1/2", "1/2/3/4"].into_iter().any(looks_like_one));
    }
}
