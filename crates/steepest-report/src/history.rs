//! The records of a run, as series of numbers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::ReportError;

/// A named series of numbers over the steps of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its key in the log, such as `validation_loss`.
    pub key: String,
    /// Step and value, in the order logged; values that are not finite are left out.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// The first point with the least value.
    pub fn least(&self) -> Option<(f64, f64)> {
        self.points.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a })
    }

    /// The first point with the greatest value.
    pub fn greatest(&self) -> Option<(f64, f64)> {
        self.points.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })
    }

    /// The value at the last point that is not after `step`.
    pub fn value_at(&self, step: f64) -> Option<f64> {
        self.points.iter().rev().find(|(at, _)| *at <= step).map(|(_, value)| *value)
    }
}

/// Everything that a run has logged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    records: Vec<BTreeMap<String, f64>>,
}

impl History {
    /// Reads `metrics.jsonl`.
    ///
    /// # Errors
    /// [`ReportError::Io`], [`ReportError::BadRecord`].
    pub fn read(path: &Path) -> Result<History, ReportError> {
        let text = std::fs::read_to_string(path).map_err(|source| ReportError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        History::parse(&text, path)
    }

    /// Reads records from text; `path` is named in errors.
    ///
    /// Each line is one JSON object. Numbers and truth values count; objects and lists of names and values
    /// inside give keys joined by `_`; all else is left out. A last line without a line end is a record that was being written, and is left out if it is not whole.
    ///
    /// ```
    /// use steepest_report::History;
    /// let log = "{\"step\":1,\"train_loss\":0.5}\n{\"step\":2,\"validation\":{\"loss\":0.25}}\n{\"ste";
    /// let history = History::parse(log, "metrics.jsonl".as_ref())?;
    /// assert_eq!(history.series("validation_loss").points, [(2.0, 0.25)]);
    /// # Ok::<(), steepest_report::ReportError>(())
    /// ```
    ///
    /// # Errors
    /// [`ReportError::BadRecord`].
    pub fn parse(text: &str, path: &Path) -> Result<History, ReportError> {
        let mut records = Vec::new();
        for (line, row) in text.split_inclusive('\n').enumerate() {
            match serde_json::from_str::<serde_json::Map<String, Value>>(row) {
                Ok(object) => {
                    let mut record = BTreeMap::new();
                    object.iter().for_each(|(key, value)| flatten(key.clone(), value, &mut record));
                    records.push(record);
                }
                Err(_) if !row.ends_with('\n') || row.trim().is_empty() => {}
                Err(source) => {
                    return Err(ReportError::BadRecord { path: path.to_owned(), line: line + 1, source });
                }
            }
        }
        Ok(History { records })
    }

    /// One series by its key; without points if nothing was logged under it.
    pub fn series(&self, key: &str) -> Series {
        let point = |record: &BTreeMap<String, f64>| Some((*record.get("step")?, *record.get(key)?));
        let points = self.records.iter().filter_map(point).filter(|(_, v)| v.is_finite()).collect();
        Series { key: key.to_owned(), points }
    }

    /// The names of what was measured beside the loss, on training or validation rows, in order.
    pub fn metrics(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for key in self.records.iter().flat_map(BTreeMap::keys) {
            let name = key.strip_prefix("train_").or_else(|| key.strip_prefix("validation_"));
            if let Some(name) = name.filter(|name| *name != "loss" && !names.iter().any(|n| n == name)) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// How many steps an epoch has, where the log tells.
    pub fn steps_per_epoch(&self) -> Option<f64> {
        let of = |record: &BTreeMap<String, f64>| {
            let (step, epoch) = (*record.get("step")?, *record.get("epoch")?);
            (epoch > 0.0 && step > 0.0).then_some(step / epoch)
        };
        let evaluated = self.records.iter().filter(|r| r.keys().any(|k| k.starts_with("validation_")));
        evaluated.filter_map(of).next_back().or_else(|| self.records.iter().filter_map(of).next_back())
    }

    /// The last step that the run called its best, or that of the least validation loss, if anything was validated.
    pub fn best_step(&self) -> Option<f64> {
        let marked = self.records.iter().rev().find(|record| record.get("best") == Some(&1.0));
        if let Some(step) = marked.and_then(|record| record.get("step")) {
            return Some(*step);
        }
        self.series("validation_loss").least().map(|(step, _)| step)
    }

    /// Whether nothing was logged.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

fn flatten(key: String, value: &Value, into: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => {
            into.extend(number.as_f64().map(|number| (key, number)));
        }
        Value::Bool(flag) => {
            into.insert(key, f64::from(u8::from(*flag)));
        }
        // A list of names and values, such as [["accuracy", 0.97]].
        Value::Array(pairs) => {
            for pair in pairs.iter().filter_map(Value::as_array) {
                if let [Value::String(name), value] = pair.as_slice() {
                    flatten(format!("{key}_{name}"), value, into);
                }
            }
        }
        Value::Object(object) => {
            object.iter().for_each(|(inner, value)| flatten(format!("{key}_{inner}"), value, into));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let log = r#"{"step":10,"epoch":1,"train_loss":1.0,"validation_loss":0.9,"validation_accuracy":0.5}
{"step":20,"epoch":2,"train_loss":0.5,"validation_loss":0.4,"validation_accuracy":0.8,"learning_rate":0.001}
{"step":30,"epoch":3,"train_loss":0.3,"validation_loss":0.6,"validation_accuracy":0.7,"train_accuracy":0.9}
"#;
        History::parse(log, Path::new("metrics.jsonl")).unwrap()
    }

    #[test]
    fn series_metrics_and_the_best_step_are_found() {
        let history = history();
        assert_eq!(history.series("train_loss").points, [(10.0, 1.0), (20.0, 0.5), (30.0, 0.3)]);
        assert_eq!(history.metrics(), ["accuracy"]);
        assert_eq!((history.best_step(), history.steps_per_epoch()), (Some(20.0), Some(10.0)));
        let accuracy = history.series("validation_accuracy");
        assert_eq!((accuracy.greatest(), accuracy.value_at(25.0)), (Some((20.0, 0.8)), Some(0.8)));
    }

    #[test]
    fn metrics_may_be_pairs_and_the_run_may_mark_its_best_step() {
        let log = r#"{"step":5,"validation_loss":0.5,"validation":[["auc",0.9],["accuracy",null]],"best":true}
{"step":9,"validation_loss":0.4,"validation":[["auc",0.8]],"best":false}
"#;
        let history = History::parse(log, Path::new("metrics.jsonl")).unwrap();
        assert_eq!(history.series("validation_auc").points, [(5.0, 0.9), (9.0, 0.8)]);
        assert_eq!((history.metrics(), history.best_step()), (vec!["auc".to_owned()], Some(5.0)));
    }

    #[test]
    fn a_damaged_line_is_named_and_a_torn_last_line_is_not_an_error() {
        let error = History::parse("{\"step\":1}\n{nonsense}\n", Path::new("m.jsonl")).unwrap_err();
        assert!(error.to_string().starts_with("m.jsonl:2: not a record of a run"), "{error}");
        assert!(History::parse("{\"step\":1", Path::new("m.jsonl")).unwrap().is_empty());
    }
}
