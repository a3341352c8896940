//! From entries to a checked spec.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use steepest_data::{
    Augmentation, BatchSize, ClassWeight, ColumnKind, DataOptions, PreprocessOptions, ReadOptions, Shares,
    Subwords, Task, Tokens, Unseen, WordOptions,
};
use steepest_spec::{Description, SettingError, Settings, Value, nearest};

use super::document::{Document, Entry};
use super::error::{Place, SpecError, SpecProblem};
use super::sections::{ROOT, SECTIONS, Section};
use super::{Choice, Precision, RunOptions, RunSpec, StopOptions};

/// The kinds that a user can declare a column to be.
pub(super) const COLUMN_KINDS: [ColumnKind; 5] = [
    ColumnKind::Numeric,
    ColumnKind::Date,
    ColumnKind::Boolean,
    ColumnKind::Categorical,
    ColumnKind::Ignored,
];

pub(super) fn read(text: &str, origin: &Path, overrides: &[String]) -> Result<RunSpec, SpecError> {
    let document = Document::parse(text, origin, overrides)?;
    document.check_sections()?;
    let root = document.fixed(&ROOT, |entry| (entry.path.len() == 1).then(|| entry.path[0].clone()))?;
    let (stop, batch) = (document.section("stop")?, document.section("batch")?);
    let size = batch.get("size").map(ToString::to_string).unwrap_or_default();
    Ok(RunSpec {
        seed: root.integer("seed"),
        data: document.data()?,
        model: document.chosen("model")?,
        loss: document.optional("loss")?,
        optimizer: document.chosen("optimizer")?,
        schedule: document.chosen("schedule")?,
        batch: size.trim_matches('"').parse::<BatchSize>().map_err(|kind| document.at("batch.size", kind))?,
        stop: StopOptions {
            epochs: stop.optional_integer("epochs"),
            steps: stop.optional_integer("steps"),
            patience: stop.optional_integer("patience"),
            min_delta: stop.number("min-delta"),
            tolerance: stop.optional_number("tolerance"),
            window: stop.integer("window"),
        },
        run: document.run()?,
    })
}

/// The keys of sections that are called so, or of which it is the first word, in full: `stop.epochs` for
/// `epochs`, `optimizer.clip-norm` for `clip`. Of registered things the default ones are looked through.
fn keys_called(name: &str) -> Vec<String> {
    let name = name.replace('_', "-");
    let called = |key: &str| key == name || key.strip_prefix(&name).is_some_and(|rest| rest.starts_with('-'));
    let keys = |section: &Section| {
        let about = match section {
            Section::Fixed(about) => Some(*about),
            Section::Chosen { default, all, .. } => {
                all().into_iter().find(|about| Some(about.name) == *default)
            }
        };
        let keys = about.map_or(&[][..], |about| about.hyperparameters);
        keys.iter()
            .filter(|key| called(key.name))
            .map(|key| format!("{}.{}", section.name(), key.name))
            .collect()
    };
    SECTIONS.iter().flat_map(|section: &Section| -> Vec<String> { keys(section) }).collect()
}

/// The key of a section that is most often meant: `kind`, or its first.
fn first_key(section: &str) -> &'static str {
    match SECTIONS.iter().find(|known| known.name() == section) {
        Some(Section::Fixed(about)) => about.hyperparameters.first().map_or("", |key| key.name),
        _ => "kind",
    }
}

impl Document<'_> {
    fn error(&self, place: Place, kind: impl Into<SpecProblem>) -> SpecError {
        SpecError { origin: self.origin.to_owned(), place, kind: Box::new(kind.into()) }
    }

    /// An error about the value of a key such as `batch.size`.
    fn at(&self, key: &str, kind: impl Into<SpecProblem>) -> SpecError {
        let entry = self.entries.iter().find(|entry| entry.path.join(".") == key);
        self.error(entry.map_or(Place::Absent, |entry| entry.value_at.clone()), kind)
    }

    /// Outside of sections there are only the keys of the root, and sections are those that exist.
    fn check_sections(&self) -> Result<(), SpecError> {
        let root = || ROOT.hyperparameters.iter().map(|key| key.name);
        let is_section = |name: &str| SECTIONS.iter().any(|section| section.name() == name);
        let unknown = |name: &str, place: &Place| {
            let known: Vec<&'static str> = SECTIONS.iter().map(Section::name).chain(root()).collect();
            let near = nearest(name, known.iter().copied());
            let nearest = near.and_then(|near| known.iter().copied().find(|known| *known == near));
            let (name, keys) = (name.to_owned(), keys_called(name));
            self.error(place.clone(), SpecProblem::UnknownSection { name, keys, nearest, known })
        };
        if let Some((name, place)) = self.sections.iter().find(|(name, _)| !is_section(name)) {
            return Err(unknown(name, place));
        }
        for entry in &self.entries {
            let name = entry.path[0].as_str();
            match entry.path.len() {
                1 if is_section(name) => {
                    let key = format!("{name}.{}", first_key(name));
                    let kind = SpecProblem::NotASection { name: name.to_owned(), key };
                    return Err(self.error(entry.key_at.clone(), kind));
                }
                1 if root().all(|key| key != name) => return Err(unknown(name, &entry.key_at)),
                // An override such as `dat.train=x` names a section that no table has.
                2.. if !is_section(name) => return Err(unknown(name, &entry.key_at)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks the entries that `key` gives a name in this description.
    fn fixed(
        &self,
        about: &'static Description,
        key: impl Fn(&Entry) -> Option<String>,
    ) -> Result<Settings, SpecError> {
        let named = || self.entries.iter().filter_map(|entry| Some((key(entry)?, entry)));
        let written = named().map(|(name, entry)| (name, entry.value.clone()));
        Settings::new(about, written).map_err(|error| {
            let entry = named().find(|(name, _)| name == error.key()).map(|(_, entry)| entry);
            let place = match (&error, entry) {
                (SettingError::Unknown { .. }, Some(entry)) => entry.key_at.clone(),
                (_, Some(entry)) => entry.value_at.clone(),
                _ => Place::Absent,
            };
            self.error(place, error)
        })
    }

    /// The settings of a section with a fixed set of keys.
    fn section(&self, name: &str) -> Result<Settings, SpecError> {
        let about = SECTIONS.iter().find_map(|section| match section {
            Section::Fixed(about) if about.name == name => Some(*about),
            _ => None,
        });
        let within = |entry: &Entry| (entry.path[0] == name).then(|| entry.path[1..].join("."));
        self.fixed(about.unwrap_or(&ROOT), |entry| within(entry).filter(|key| !key.starts_with("columns.")))
    }

    fn optional(&self, name: &str) -> Result<Option<Choice>, SpecError> {
        let kind_key = format!("{name}.kind");
        let Some((what, default, all)) = SECTIONS.iter().find_map(|section| match section {
            Section::Chosen { name: known, default, all, .. } if *known == name => {
                Some((*known, default, all()))
            }
            _ => None,
        }) else {
            return Ok(None);
        };
        let written = self.entries.iter().find(|entry| entry.path.join(".") == kind_key);
        let kind = match written.map(|entry| &entry.value) {
            Some(Value::Text(kind)) => kind.as_str(),
            Some(other) => {
                let (key, accepts) = ("kind".to_owned(), "the name of one in quotes".to_owned());
                let error = SettingError::Unacceptable { key, accepts, got: other.to_string() };
                return Err(self.at(&kind_key, error));
            }
            None => match default {
                Some(kind) => self.usual_kind(name).unwrap_or(kind),
                None if self.entries.iter().all(|entry| entry.path[0] != name) => return Ok(None),
                None => {
                    let (key, accepts) = ("kind".to_owned(), "the name of one".to_owned());
                    let error = SettingError::Missing { owner: name.to_owned(), key, accepts };
                    return Err(self.error(Place::Absent, error));
                }
            },
        };
        let Some(about) = all.iter().copied().find(|about| about.name == kind) else {
            let known: Vec<&'static str> = all.iter().map(|about| about.name).collect();
            let near = nearest(kind, known.iter().copied());
            let nearest = near.and_then(|near| known.iter().copied().find(|known| *known == near));
            let problem = SpecProblem::UnknownKind { what, name: kind.to_owned(), nearest, known };
            return Err(self.at(&kind_key, problem));
        };
        let key = |entry: &Entry| {
            let key = (entry.path[0] == name).then(|| entry.path[1..].join("."))?;
            (key != "kind").then_some(key)
        };
        Ok(Some(Choice { about, settings: self.fixed(about, key)? }))
    }

    fn chosen(&self, name: &str) -> Result<Choice, SpecError> {
        let chosen = self.optional(name)?;
        chosen.ok_or_else(|| {
            let (key, accepts) = ("kind".to_owned(), "the name of one".to_owned());
            self.error(Place::Absent, SettingError::Missing { owner: name.to_owned(), key, accepts })
        })
    }

    /// What is meant where no kind is written, if something else of the spec tells.
    fn usual_kind(&self, section: &str) -> Option<&'static str> {
        let text = |key: &str| match self.entries.iter().find(|entry| entry.path.join(".") == key)?.value {
            Value::Text(ref text) => Some(text.as_str()),
            _ => None,
        };
        match section {
            "model" if self.entries.iter().any(|entry| entry.path == ["model", "layers"]) => {
                Some("sequential")
            }
            "model" => match text("data.tokens") {
                Some("words") => Some("word2vec"),
                Some(_) => Some("gpt"),
                None => text("data.train").filter(|path| path.ends_with(".ts")).map(|_| "gru"),
            },
            _ => None,
        }
    }

    /// A path of the data: relative ones start at the spec's folder, those of overrides at the current one.
    fn path(&self, settings: &Settings, key: &str) -> Option<PathBuf> {
        let text = match settings.get(key)? {
            Value::Text(text) => text,
            _ => return None,
        };
        let entry =
            self.entries.iter().find(|entry| entry.path[0] == "data" && entry.path[1..].join(".") == key);
        let folder = match entry.map(|entry| &entry.value_at) {
            Some(Place::Text { .. }) => self.origin.parent(),
            _ => None,
        };
        // Standard input is in no folder.
        let folder = folder.filter(|_| text != "-");
        Some(folder.map_or_else(|| PathBuf::from(text), |folder| folder.join(text)))
    }

    fn data(&self) -> Result<DataOptions, SpecError> {
        let data = self.section("data")?;
        let text = |key: &str| Some(data.text(key).to_owned()).filter(|text| !text.is_empty());
        let share = |key: &str| data.optional_number(key);
        let folds = data.get("split.folds").map(|_| data.integer("split.folds") as usize);
        let fold = data.integer("split.fold") as usize;
        let split = Shares { validation: share("split.validation"), test: share("split.test"), folds, fold };
        split.of(0).check().map_err(|error| self.at("data.split.validation", error))?;
        let tokens = match data.text("tokens") {
            "characters" => Some(Tokens::Characters),
            "bytes" => Some(Tokens::Bytes),
            "bpe" => Some(Tokens::Bpe),
            "words" => Some(Tokens::Words),
            _ => None,
        };
        let sequences =
            self.path(&data, "train").is_some_and(|path| path.extension().is_some_and(|e| e == "ts"));
        if tokens.is_none() && !sequences && data.get("target").is_none() {
            let (owner, key) = ("data".to_owned(), "target".to_owned());
            let accepts =
                "the column to predict, `\"label\"` for images; or `tokens = \"characters\"` for a text"
                    .to_owned();
            return Err(self.error(Place::Absent, SettingError::Missing { owner, key, accepts }));
        }
        let subwords = Subwords {
            shortest: data.integer("subwords.shortest") as usize,
            longest: data.integer("subwords.longest") as usize,
            buckets: data.integer("subwords.buckets") as usize,
        };
        let subwords = (subwords.buckets > 0).then(|| subwords.check()).transpose();
        let subwords = subwords.map_err(|error| self.at("data.subwords.longest", error))?;
        Ok(DataOptions {
            subwords,
            tokens,
            vocabulary: Some(data.integer("vocabulary") as usize),
            stream: data.get("stream").map(|_| data.flag("stream")),
            window: Some(data.integer("window") as usize),
            stride: data.get("stride").map(|_| data.integer("stride") as usize),
            train: self.path(&data, "train").unwrap_or_default(),
            target: data.text("target").to_owned(),
            validation: self.path(&data, "validation"),
            test: self.path(&data, "test"),
            split,
            stratify: data.get("stratify").map(|_| data.flag("stratify")),
            words: WordOptions {
                min_count: data.integer("words.min-count") as usize,
                sample: data.number("words.sample"),
                context: data.integer("words.context") as usize,
                block: data.integer("words.block") as usize,
                negatives: data.integer("words.negatives") as usize,
            },
            augment: Augmentation {
                shift: data.integer("augment.shift") as usize,
                flip: data.flag("augment.flip"),
            },
            read: ReadOptions {
                format: text("format"),
                delimiter: self.delimiter(data.text("delimiter"))?,
                decimal: data.text("decimal").chars().next(),
                header: data.get("header").map(|_| data.flag("header")),
                missing: data.texts("missing"),
                encoding: text("encoding"),
                columns: self.columns()?,
                only: false,
                infer_rows: data.integer("infer-rows"),
                crosses: data.texts("crosses"),
                labels: self.path(&data, "labels"),
            },
            preprocess: PreprocessOptions {
                task: match data.text("task") {
                    "regression" => Some(Task::Regression),
                    "classification" => Some(Task::Classification),
                    _ => None,
                },
                standardize: data.flag("standardize"),
                standardize_target: data.flag("standardize-target"),
                unseen: if data.text("unseen") == "error" { Unseen::Error } else { Unseen::Ignore },
                max_categories: data.integer("max-categories") as usize,
                embed: data.texts("embed"),
                text: text("text"),
                ngrams: data.integer("ngrams") as usize,
                min_rows: data.integer("min-rows") as usize,
                max_terms: data.integer("max-terms") as usize,
                hash_bits: data.get("hash-bits").map(|_| data.integer("hash-bits") as u32),
                tf_idf: data.flag("tf-idf"),
                history: data.flag("history"),
                relevant: data.optional_number("relevant"),
                weight: text("weight"),
                class_weight: (data.text("class-weight") == "balanced").then_some(ClassWeight::Balanced),
            },
        })
    }

    fn delimiter(&self, text: &str) -> Result<Option<char>, SpecError> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (first, None) => Ok(first),
            _ => {
                let (key, accepts) =
                    ("delimiter".to_owned(), "one character, such as \";\" or \"\\t\"".to_owned());
                let error = SettingError::Unacceptable { key, accepts, got: format!("{text:?}") };
                Err(self.at("data.delimiter", error))
            }
        }
    }

    /// `[data.columns]`: the kinds of columns by name.
    fn columns(&self) -> Result<std::collections::BTreeMap<String, ColumnKind>, SpecError> {
        let entries = self
            .entries
            .iter()
            .filter(|entry| entry.path.len() > 2 && entry.path[..2] == ["data", "columns"]);
        let kind = |entry: &Entry| {
            let name = entry.path[2..].join(".");
            let written = match &entry.value {
                Value::Text(text) => COLUMN_KINDS.into_iter().find(|kind| kind.to_string() == *text),
                _ => None,
            };
            let accepts = || format!("one of {}", COLUMN_KINDS.map(|kind| kind.to_string()).join(", "));
            written.map(|kind| (name.clone(), kind)).ok_or_else(|| {
                let key = format!("columns.{name}");
                let error =
                    SettingError::Unacceptable { key, accepts: accepts(), got: entry.value.to_string() };
                self.error(entry.value_at.clone(), error)
            })
        };
        entries.map(kind).collect()
    }

    fn run(&self) -> Result<RunOptions, SpecError> {
        let run = self.section("run")?;
        // The description has checked that they are spans, but not that a percentage is at most 100.
        let span = |name: &str| {
            let text = run.text(name);
            let parsed = (!text.is_empty()).then(|| text.parse()).transpose();
            parsed.map_err(|_| {
                let (key, got) = (name.to_owned(), format!("{text:?}"));
                let accepts = steepest_spec::Accepts::Span.to_string();
                self.at(&format!("run.{name}"), SettingError::Unacceptable { key, accepts, got })
            })
        };
        Ok(RunOptions {
            directory: run.get("directory").map(|_| PathBuf::from(run.text("directory"))),
            calibrate: run.flag("calibrate"),
            metrics: run.get("metrics").map(|_| run.texts("metrics")),
            precision: if run.text("precision") == "f64" { Precision::F64 } else { Precision::F32 },
            threads: NonZeroUsize::new(run.integer("threads") as usize),
            checkpoint_every: span("checkpoint-every")?,
            average: span("average")?,
            checkpoint_seconds: run.number("checkpoint-seconds"),
            keep_checkpoints: run.integer("keep-checkpoints") as usize,
            init_from: self.path(&run, "init-from"),
        })
    }
}
