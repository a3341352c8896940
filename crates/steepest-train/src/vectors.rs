//! What a model has learned of each category: recommendations, neighbours and analogies.

use std::collections::BTreeSet;
use std::path::Path;

use steepest_data::{
    Codes, Dataset, Encoder, Encoding, FeatureForm, NO_ROW, Preprocessor, ReadOptions, Scaling, Subwords,
    sources,
};
use steepest_nn::Task;
use steepest_spec::nearest;

use crate::{Prediction, Predictor, SavedModel, TrainError};

/// The table of word vectors.
const WORDS: &str = "word2vec.input";

/// What a model cannot be asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VectorsError {
    /// The model knows no users and items.
    #[error("the model does not predict for a user and an item: it has {got} columns of categories")]
    NoPair {
        /// Its columns of categories.
        got: usize,
    },
    /// The model keeps no vectors for a column.
    #[error("the model keeps no vectors for `{column}`; it does for {}", list(known))]
    NoVectors {
        /// The column asked for.
        column: String,
        /// The columns that there are vectors for.
        known: Vec<String>,
    },
    /// A category that training never saw.
    #[error("`{name}` is not among the {known} categories of `{column}` that the model was trained on")]
    Unknown {
        /// The category asked for.
        name: String,
        /// The column.
        column: String,
        /// How many categories there are.
        known: usize,
        /// The one that is written most alike.
        nearest: Option<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no column".to_owned() } else { names.join(", ") }
}

impl VectorsError {
    /// What to do.
    pub fn help(&self) -> String {
        match self {
            VectorsError::NoPair { .. } => {
                "train one with `model.kind = \"matrix-factorization\"` and `data.embed = [\"user\", \"item\"]`".into()
            }
            VectorsError::NoVectors { known, .. } if known.is_empty() => {
                "train one that does: `matrix-factorization`, `svdpp`, `bpr` or `factorization-machine` with `data.embed`, or `word2vec`".into()
            }
            VectorsError::NoVectors { .. } => "name another column with `--column`".into(),
            VectorsError::Unknown { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            VectorsError::Unknown { .. } => "give a name as it stands in the training data".into(),
        }
    }
}

/// An item and what the model predicts for it, or how alike it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The category's name.
    pub name: String,
    /// The prediction in the target's own unit, the probability of yes, or the cosine.
    pub score: f64,
}

/// The names of a column's categories, in the order of their indices.
fn categories(learned: &Preprocessor) -> Vec<(&str, &[String])> {
    let embedded = learned.inputs.iter().filter_map(|input| match &input.encoding {
        Encoding::Embed(categories) => Some((input.column.as_str(), categories.categories.as_slice())),
        _ => None,
    });
    embedded.collect()
}

fn position(names: &[String], column: &str, name: &str) -> Result<usize, VectorsError> {
    names.binary_search_by(|known| known.as_str().cmp(name)).map_err(|_| VectorsError::Unknown {
        name: name.to_owned(),
        column: column.to_owned(),
        known: names.len(),
        nearest: nearest(name, names.iter().map(String::as_str)).map(str::to_owned),
    })
}

impl SavedModel {
    /// The items that a user is predicted to like best, best first; items in `except` are left out.
    ///
    /// A user that training never saw gets what the items' own biases say. Equal scores stand in alphabetical
    /// order.
    ///
    /// # Errors
    /// [`VectorsError::NoPair`] if the model is not one of users and items; an unknown user only if the model was
    /// trained with `unseen = "error"`.
    pub fn recommend(
        &self,
        user: &str,
        count: usize,
        except: &BTreeSet<String>,
    ) -> Result<Vec<Ranked>, TrainError> {
        let learned = self.preprocessor().ok_or(TrainError::NoPreprocessor)?;
        let columns = categories(learned);
        let [(user_column, users), (_, items)] = columns[..] else {
            return Err(VectorsError::NoPair { got: columns.len() }.into());
        };
        let index = match (position(users, user_column, user), learned.unseen) {
            (Ok(at), _) => at as u32,
            (Err(_), steepest_data::Unseen::Ignore) => NO_ROW,
            (Err(error), steepest_data::Unseen::Error) => return Err(error.into()),
        };
        let wanted: Vec<usize> = (0..items.len()).filter(|&item| !except.contains(&items[item])).collect();
        let codes = wanted.iter().flat_map(|&item| [index, item as u32]).collect();
        let FeatureForm::Categories { fields, .. } = learned.form() else { return Ok(Vec::new()) };
        // The targets do not matter.
        let mut data = Dataset::ratings(Codes { fields, codes }, vec![0.0; wanted.len()])?;
        if let Some(history) = &learned.history {
            data = data.with_history(history.clone(), learned.relevant.is_some(), 0);
        }
        let predictions = Predictor::new(self)?.dataset(&data)?;
        let score = |prediction: &Prediction| match prediction {
            Prediction::Numbers(numbers) => numbers.first().copied().unwrap_or(f64::NAN),
            Prediction::Class { probabilities, .. } => probabilities.last().copied().unwrap_or(f64::NAN),
        };
        let ranked = wanted
            .iter()
            .zip(&predictions)
            .map(|(&item, prediction)| Ranked { name: items[item].clone(), score: score(prediction) });
        Ok(best(ranked.collect(), count))
    }

    /// Whether a user was in the training data.
    pub fn knows_user(&self, user: &str) -> bool {
        let columns = self.preprocessor().map(categories).unwrap_or_default();
        columns.first().is_some_and(|(column, users)| position(users, column, user).is_ok())
    }

    /// The items that stand beside a user in a file with the columns of the training data.
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    pub fn items_of(&self, user: &str, file: &Path) -> Result<BTreeSet<String>, TrainError> {
        let learned = self.preprocessor().ok_or(TrainError::NoPreprocessor)?;
        let columns = categories(learned);
        let [(_, users), (_, items)] = columns[..] else {
            return Err(VectorsError::NoPair { got: columns.len() }.into());
        };
        let Ok(user) = users.binary_search_by(|known| known.as_str().cmp(user)) else {
            return Ok(BTreeSet::new());
        };
        let base = self.spec().map(|spec| spec.data.read.clone()).unwrap_or_default();
        let mut source = sources::open(file, &ReadOptions { labels: None, ..learned.input_options(&base) })?;
        let (mut table, mut seen) = (source.table(), BTreeSet::new());
        while source.fill(&mut table, 1 << 14)? > 0 {
            let rows = 0..table.rows();
            let data = Encoder::new(learned, &table)?.dataset::<f32>(&table, rows.clone(), false)?;
            let (mut of, mut item) = (vec![NO_ROW; rows.len()], vec![NO_ROW; rows.len()]);
            data.fill_category(rows.clone(), 0, &mut of)?;
            data.fill_category(rows, 1, &mut item)?;
            let own = of.iter().zip(&item).filter(|(of, _)| **of as usize == user);
            seen.extend(own.filter_map(|(_, &item)| items.get(item as usize).cloned()));
            table.clear();
        }
        Ok(seen)
    }

    /// The vectors that the model keeps for the categories of a column; without one, of the last that has some.
    ///
    /// # Errors
    /// [`VectorsError::NoVectors`].
    pub fn vectors(&self, column: Option<&str>) -> Result<Vectors, TrainError> {
        let learned = self.preprocessor().ok_or(TrainError::NoPreprocessor)?;
        let roles = [
            ["matrix-factorization.user", "svdpp.user", "bpr.user"],
            ["matrix-factorization.item", "svdpp.item", "bpr.item"],
        ];
        let mut found: Vec<Vectors> = Vec::new();
        for (at, (column, names)) in categories(learned).into_iter().enumerate() {
            let own = format!("factorization-machine.{column}.factors");
            let table = self.weights().iter().find(|(name, tensor)| {
                (roles.get(at).is_some_and(|roles| roles.contains(&name.as_str()))
                    || *name == own
                    || name == WORDS)
                    && tensor.shape().rank() == 2
            });
            if let Some((_, tensor)) = table {
                let vectors = Vectors::new(column, names.to_vec(), tensor.shape()[1], tensor.to_f64());
                found.push(match learned.subwords {
                    Some(subwords) => vectors.made_of(subwords),
                    None => vectors,
                });
            }
        }
        let known: Vec<String> = found.iter().map(|vectors| vectors.column.clone()).collect();
        let place = match column {
            Some(column) => known.iter().position(|known| known == column),
            None => known.len().checked_sub(1),
        };
        let missing = || VectorsError::NoVectors { column: column.unwrap_or("any column").to_owned(), known };
        place.map(|place| found.swap_remove(place)).ok_or_else(|| missing().into())
    }

    /// The unit that predictions for a user and an item are in: that of the target.
    pub fn scaling(&self) -> Scaling {
        match (self.task(), self.preprocessor()) {
            (Task::Regression { .. }, Some(learned)) => learned.target.scaling(),
            _ => Scaling::IDENTITY,
        }
    }
}

/// A vector for each category of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// The column.
    pub column: String,
    /// The names of the categories, in alphabetical order.
    pub names: Vec<String>,
    /// The length of the vectors.
    pub width: usize,
    values: Vec<f64>,
    parts: Option<OfParts>,
}

/// The table that names are made of: a row for each, then those that n-grams share.
#[derive(Clone, Debug, PartialEq)]
struct OfParts {
    subwords: Subwords,
    table: Vec<f64>,
}

impl Vectors {
    /// Vectors for names in alphabetical order.
    pub(crate) fn new(column: &str, names: Vec<String>, width: usize, values: Vec<f64>) -> Vectors {
        Vectors { column: column.to_owned(), names, width, values, parts: None }
    }

    /// The vectors of names that are made of n-grams, of the table that their parts are in.
    fn made_of(self, subwords: Subwords) -> Vectors {
        let (count, parts) = (self.names.len(), OfParts { subwords, table: self.values });
        let own = (0..).zip(&self.names);
        let values = own
            .flat_map(|(own, name)| parts.sum(subwords.rows(name, Some(own), count), self.width))
            .collect();
        Vectors { values, parts: Some(parts), ..self }
    }

    /// All numbers, vector after vector.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether training saw a category, so that it has a vector of its own.
    pub fn knows(&self, name: &str) -> bool {
        position(&self.names, &self.column, name).is_ok()
    }

    /// The vector of a category. Where words are made of n-grams, one that training never saw has that of its own n-grams.
    ///
    /// # Errors
    /// [`VectorsError::Unknown`].
    pub fn get(&self, name: &str) -> Result<Vec<f64>, VectorsError> {
        let found = position(&self.names, &self.column, name);
        match (found, &self.parts) {
            (Ok(at), _) => Ok(self.values[at * self.width..(at + 1) * self.width].to_vec()),
            (Err(unknown), None) => Err(unknown),
            (Err(unknown), Some(parts)) => match parts.subwords.rows(name, None, self.names.len()) {
                rows if rows.is_empty() => Err(unknown),
                rows => Ok(parts.sum(rows, self.width)),
            },
        }
    }

    /// The categories whose vectors point in the direction most alike, with the cosine of the angle.
    ///
    /// # Errors
    /// [`VectorsError::Unknown`].
    pub fn neighbors(&self, name: &str, count: usize) -> Result<Vec<Ranked>, VectorsError> {
        Ok(self.nearest(&self.get(name)?, &[name], count))
    }

    /// What is to `c` as `b` is to `a`: the categories nearest to b/‖b‖ − a/‖a‖ + c/‖c‖, none of the three.
    ///
    /// Mikolov, Yih and Zweig, 2013, *Linguistic regularities in continuous space word representations*.
    ///
    /// # Errors
    /// [`VectorsError::Unknown`].
    pub fn analogy(&self, a: &str, b: &str, c: &str, count: usize) -> Result<Vec<Ranked>, VectorsError> {
        let [of_a, of_b, of_c] = [unit(&self.get(a)?), unit(&self.get(b)?), unit(&self.get(c)?)];
        let target: Vec<f64> = (0..self.width).map(|i| of_b[i] - of_a[i] + of_c[i]).collect();
        Ok(self.nearest(&target, &[a, b, c], count))
    }

    fn nearest(&self, target: &[f64], except: &[&str], count: usize) -> Vec<Ranked> {
        let target = unit(target);
        let ranked = self.names.iter().enumerate().filter(|(_, name)| !except.contains(&name.as_str())).map(
            |(at, name)| {
                let own = unit(&self.values[at * self.width..(at + 1) * self.width]);
                let score = own.iter().zip(&target).map(|(a, b)| a * b).sum();
                Ranked { name: name.clone(), score }
            },
        );
        best(ranked.collect(), count)
    }
}

impl OfParts {
    fn sum(&self, rows: Vec<u32>, width: usize) -> Vec<f64> {
        let (mut sum, share) = (vec![0.0; width], Subwords::share(rows.len()));
        for row in rows.into_iter().map(|row| row as usize) {
            let part = self.table.get(row * width..(row + 1) * width).unwrap_or_default();
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += share * part);
        }
        sum
    }
}

/// The vector scaled to length 1; zeros stay.
fn unit(vector: &[f64]) -> Vec<f64> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
}

/// The highest scores first; equal ones in alphabetical order.
fn best(mut ranked: Vec<Ranked>, count: usize) -> Vec<Ranked> {
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name)));
    ranked.truncate(count);
    ranked
}
