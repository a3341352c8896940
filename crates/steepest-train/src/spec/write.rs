//! A spec as TOML, every key written out.

use std::fmt::Write;
use std::path::Path;

use steepest_optim::Span;
use steepest_spec::{Accepts, Description, Value};

use super::read::COLUMN_KINDS;
use super::sections::{ROOT, SECTIONS, Section};
use super::{Choice, Precision, RunSpec};

pub(super) fn write(spec: &RunSpec, comments: bool) -> String {
    let mut out = Writer { text: String::new(), comments };
    out.keys(&ROOT, |_| Some(Value::Integer(spec.seed as i64)));
    for section in SECTIONS {
        match section {
            Section::Fixed(about) => {
                out.header(about.name, about.summary);
                out.keys(about, |key| value(spec, about.name, key));
                if about.name == "data" {
                    out.columns(spec);
                }
            }
            Section::Chosen { name, summary, all, .. } => {
                let names: Vec<&str> = all().iter().map(|about| about.name).collect();
                out.header(name, summary);
                out.choice(choice(spec, name), &names);
            }
        }
    }
    out.text
}

fn choice<'a>(spec: &'a RunSpec, section: &str) -> Option<&'a Choice> {
    match section {
        "model" => Some(&spec.model),
        "loss" => spec.loss.as_ref(),
        "optimizer" => Some(&spec.optimizer),
        _ => Some(&spec.schedule),
    }
}

/// The value of a key of a fixed section, as it would be written.
fn value(spec: &RunSpec, section: &str, key: &str) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let path = |path: &Path| Some(Value::Text(path.to_string_lossy().into_owned()));
    let texts = |texts: &[String]| Some(Value::List(texts.iter().cloned().map(Value::Text).collect()));
    let whole = |number: u64| Some(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
    let (data, read, stop, run) = (&spec.data, &spec.data.read, &spec.stop, &spec.run);
    let named = |value: serde_json::Result<serde_json::Value>| {
        value.ok()?.as_str().map(|s| Value::Text(s.to_owned()))
    };
    match (section, key) {
        ("data", "train") => path(&data.train),
        ("data", "target") => text(&data.target).filter(|_| data.tokens.is_none()),
        ("data", "stream") => data.stream.map(Value::Bool),
        ("data", "tokens") => named(serde_json::to_value(data.tokens?)),
        ("data", "vocabulary") => whole(data.vocabulary.unwrap_or(1024) as u64),
        ("data", "window") => whole(data.window.unwrap_or(64) as u64),
        ("data", "stride") => whole(data.stride? as u64),
        ("data", "validation") => path(data.validation.as_ref()?),
        ("data", "test") => path(data.test.as_ref()?),
        ("data", "split.validation") => data.split.validation.map(Value::Number),
        ("data", "split.folds") => whole(data.split.folds? as u64),
        ("data", "split.fold") => whole(data.split.fold as u64),
        ("data", "split.test") => data.split.test.map(Value::Number),
        ("data", "stratify") => data.stratify.map(Value::Bool),
        ("data", "words.min-count") => whole(data.words.min_count as u64),
        ("data", "words.sample") => Some(Value::Number(data.words.sample)),
        ("data", "words.context") => whole(data.words.context as u64),
        ("data", "words.block") => whole(data.words.block as u64),
        ("data", "words.negatives") => whole(data.words.negatives as u64),
        ("data", "subwords.buckets") => whole(data.subwords?.buckets as u64),
        ("data", "subwords.shortest") => whole(data.subwords?.shortest as u64),
        ("data", "subwords.longest") => whole(data.subwords?.longest as u64),
        ("data", "augment.shift") => Some(Value::Integer(data.augment.shift as i64)),
        ("data", "augment.flip") => Some(Value::Bool(data.augment.flip)),
        ("data", "task") => named(serde_json::to_value(data.preprocess.task?)),
        ("data", "standardize") => Some(Value::Bool(data.preprocess.standardize)),
        ("data", "standardize-target") => Some(Value::Bool(data.preprocess.standardize_target)),
        ("data", "unseen") => named(serde_json::to_value(data.preprocess.unseen)),
        ("data", "max-categories") => whole(data.preprocess.max_categories as u64),
        ("data", "embed") => texts(&data.preprocess.embed),
        ("data", "text") => text(data.preprocess.text.as_ref()?),
        ("data", "ngrams") => whole(data.preprocess.ngrams as u64),
        ("data", "min-rows") => whole(data.preprocess.min_rows as u64),
        ("data", "max-terms") => whole(data.preprocess.max_terms as u64),
        ("data", "hash-bits") => whole(u64::from(data.preprocess.hash_bits?)),
        ("data", "tf-idf") => Some(Value::Bool(data.preprocess.tf_idf)),
        ("data", "history") => Some(Value::Bool(data.preprocess.history)),
        ("data", "relevant") => data.preprocess.relevant.map(Value::Number),
        ("data", "weight") => text(data.preprocess.weight.as_ref()?),
        ("data", "class-weight") => named(serde_json::to_value(data.preprocess.class_weight?)),
        ("data", "format") => text(read.format.as_ref()?),
        ("data", "delimiter") => text(&read.delimiter?.to_string()),
        ("data", "decimal") => text(&read.decimal?.to_string()),
        ("data", "header") => read.header.map(Value::Bool),
        ("data", "missing") => texts(&read.missing),
        ("data", "encoding") => text(read.encoding.as_ref()?),
        ("data", "infer-rows") => whole(read.infer_rows),
        ("data", "crosses") => texts(&read.crosses),
        ("data", "labels") => path(read.labels.as_ref()?),
        ("batch", "size") => match spec.batch {
            steepest_data::BatchSize::Full => text("full"),
            steepest_data::BatchSize::Mini(rows) => whole(rows.get() as u64),
        },
        ("stop", "epochs") => whole(stop.epochs?),
        ("stop", "steps") => whole(stop.steps?),
        ("stop", "patience") => whole(stop.patience?),
        ("stop", "min-delta") => Some(Value::Number(stop.min_delta)),
        ("stop", "tolerance") => stop.tolerance.map(Value::Number),
        ("stop", "window") => whole(stop.window),
        ("run", "directory") => path(run.directory.as_ref()?),
        ("run", "metrics") => texts(run.metrics.as_ref()?),
        ("run", "calibrate") => Some(Value::Bool(run.calibrate)),
        ("run", "average") => text(&run.average.as_ref().map(Span::to_string)?),
        ("run", "precision") => text(if run.precision == Precision::F64 { "f64" } else { "f32" }),
        ("run", "threads") => whole(run.threads?.get() as u64),
        ("run", "checkpoint-every") => text(&run.checkpoint_every.as_ref().map(Span::to_string)?),
        ("run", "checkpoint-seconds") => Some(Value::Number(run.checkpoint_seconds)),
        ("run", "keep-checkpoints") => whole(run.keep_checkpoints as u64),
        ("run", "init-from") => path(run.init_from.as_ref()?),
        _ => None,
    }
}

struct Writer {
    text: String,
    comments: bool,
}

impl Writer {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn header(&mut self, name: &str, summary: &str) {
        self.line(format_args!("\n[{name}]"));
        if self.comments {
            self.line(format_args!("# {summary}"));
        }
    }

    fn entry(&mut self, key: &str, value: Option<&Value>, summary: &str, accepts: Accepts) {
        if self.comments {
            self.line(format_args!("# {summary} ({accepts})"));
        }
        match value {
            Some(value) => self.line(format_args!("{key} = {}", toml(value))),
            None => self.line(format_args!("# {key} is unset")),
        }
    }

    fn keys(&mut self, about: &Description, value: impl Fn(&str) -> Option<Value>) {
        for key in about.hyperparameters {
            self.entry(key.name, value(key.name).as_ref(), key.summary, key.accepts);
        }
    }

    fn choice(&mut self, choice: Option<&Choice>, names: &[&str]) {
        let Some(choice) = choice else {
            return self.line(format_args!("# kind is unset (one of {})", names.join(", ")));
        };
        if self.comments {
            self.line(format_args!("# {} (one of {})", choice.about().summary, names.join(", ")));
        }
        self.line(format_args!("kind = {}", toml(&Value::Text(choice.kind().to_owned()))));
        for key in choice.about().hyperparameters {
            self.entry(key.name, choice.settings().get(key.name), key.summary, key.accepts);
        }
    }

    fn columns(&mut self, spec: &RunSpec) {
        let columns = &spec.data.read.columns;
        if columns.is_empty() && !self.comments {
            return;
        }
        self.line(format_args!("\n[data.columns]"));
        if self.comments {
            let kinds = COLUMN_KINDS.map(|kind| kind.to_string()).join(", ");
            self.line(format_args!(
                "# What columns are, by name, where that is not found out rightly ({kinds})."
            ));
        }
        for (name, kind) in columns {
            self.line(format_args!("{} = \"{kind}\"", toml(&Value::Text(name.clone()))));
        }
    }
}

/// A value in TOML's spelling.
fn toml(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        // `{:?}` keeps all digits and the decimal point.
        Value::Number(number) => format!("{number:?}"),
        Value::Text(text) => toml::Value::String(text.clone()).to_string(),
        Value::Table(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key != "kind");
            let entry = |(key, value): &(&String, &Value)| {
                format!("{} = {}", steepest_spec::toml_key(key), toml(value))
            };
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::List(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
    }
}
