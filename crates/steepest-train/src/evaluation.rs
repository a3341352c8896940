//! How well a model does on some rows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How well a model does on some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The rows measured.
    pub rows: usize,
    /// The mean loss.
    pub loss: f64,
    /// Metrics by name; none where one is not defined. Regression metrics are in the target's own unit.
    pub metrics: Vec<(String, Option<f64>)>,
    /// Which classes were taken for which; none for regression.
    pub confusion: Option<Confusion>,
}

impl Evaluation {
    /// The metric of this name.
    ///
    /// ```
    /// use steepest_train::Evaluation;
    /// let metrics = vec![("accuracy".to_owned(), Some(0.9))];
    /// let evaluation = Evaluation { rows: 10, loss: 0.3, metrics, confusion: None };
    /// assert_eq!((evaluation.metric("accuracy"), evaluation.metric("auc")), (Some(0.9), None));
    /// assert_eq!(evaluation.to_string(), "10 rows · loss 0.30000 · accuracy 0.9000");
    /// ```
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(known, _)| known == name).and_then(|(_, value)| *value)
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows · loss {:.5}", self.rows, self.loss)?;
        for (name, value) in &self.metrics {
            match value {
                Some(value) => write!(f, " · {name} {value:.4}")?,
                None => write!(f, " · {name} undefined")?,
            }
        }
        Ok(())
    }
}

/// Which classes were taken for which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// `counts[true class][predicted class]`.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    pub(crate) fn new(classes: &[String]) -> Confusion {
        Confusion { classes: classes.to_vec(), counts: vec![vec![0; classes.len()]; classes.len()] }
    }

    pub(crate) fn count(&mut self, actual: usize, predicted: usize) {
        if let Some(count) = self.counts.get_mut(actual).and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
    }

    /// Precision TP / (TP + FP), recall TP / (TP + FN) and rows of each class; none where undefined.
    ///
    /// ```
    /// use steepest_train::Confusion;
    /// let confusion = Confusion { classes: vec!["a".into(), "b".into()], counts: vec![vec![3, 1], vec![0, 2]] };
    /// assert_eq!(confusion.of_class(0), (Some(1.0), Some(0.75), 4));
    /// ```
    pub fn of_class(&self, class: usize) -> (Option<f64>, Option<f64>, u64) {
        let at = |row: usize, column: usize| {
            self.counts.get(row).and_then(|r| r.get(column)).copied().unwrap_or(0)
        };
        let all = 0..self.classes.len();
        let predicted: u64 = all.clone().map(|row| at(row, class)).sum();
        let actual: u64 = all.map(|column| at(class, column)).sum();
        let share = |of: u64| (of > 0).then(|| at(class, class) as f64 / of as f64);
        (share(predicted), share(actual), actual)
    }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.counts.iter().flatten().map(|count| count.to_string().len());
        let names = self.classes.iter().map(|name| name.chars().count());
        let width = numbers.chain(names.clone()).max().unwrap_or(1);
        let first = names.max().unwrap_or(1).max("true \\ predicted".len());
        write!(f, "{:<first$}", "true \\ predicted")?;
        for name in &self.classes {
            write!(f, "  {name:>width$}")?;
        }
        for (name, counts) in self.classes.iter().zip(&self.counts) {
            write!(f, "\n{name:<first$}")?;
            for count in counts {
                write!(f, "  {count:>width$}")?;
            }
        }
        Ok(())
    }
}
