//! A look at a data file: what each column holds, in one pass and bounded memory.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::scan::ColumnScan;
use crate::sources::csv::CsvSource;
use crate::sources::vowpal::WEIGHT;
use crate::{
    Column, ColumnKind, DataError, Finding, Fingerprint, ReadOptions, Reason, Source, Table, Values, sources,
};

/// Texts shown of a column.
const TOP: usize = 5;
/// A numeric column of whole numbers with at most this many distinct values also shows its texts.
const FEW: u64 = 10;

/// What a data file holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// The name of its format.
    pub format: &'static str,
    /// A fingerprint of its bytes.
    pub fingerprint: Fingerprint,
    /// The number of rows.
    pub rows: u64,
    /// What each column holds.
    pub columns: Vec<ColumnSummary>,
    /// What the user should know.
    pub findings: Vec<Finding>,
}

/// What a column holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ColumnSummary {
    /// Its name, its kind, and why that kind.
    #[serde(flatten)]
    pub column: Column,
    /// Missing cells.
    pub missing: u64,
    /// Distinct values.
    pub distinct: u64,
    /// Whether `distinct` counts all of them, rather than being a lower bound.
    pub distinct_exact: bool,
    /// Statistics of the cells that are finite numbers, if all but a few are.
    pub numbers: Option<NumberSummary>,
    /// The most frequent values and their counts, if there are few enough to count.
    pub top: Vec<(String, u64)>,
}

/// Statistics of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NumberSummary {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (divisor n).
    pub std: f64,
}

/// Looks at a data file.
///
/// Unlike reading for training, it goes on after bad cells: a numeric column with an odd cell is
/// reported, not refused.
///
/// ```no_run
/// let inspection = steepest_data::inspect("iris.csv".as_ref(), &Default::default())?;
/// println!("{inspection}");
/// # Ok::<(), steepest_data::DataError>(())
/// ```
///
/// # Errors
/// Those of opening; ragged rows and bytes that are not text.
pub fn inspect(path: &Path, options: &ReadOptions) -> Result<Inspection, DataError> {
    let spec = sources::detect(path, options)?;
    let fingerprint = sources::folder::fingerprint(path)?;
    let (rows, columns, mut findings) = match spec.name {
        "idx" | "folder" => images(&mut *(spec.open)(path, options)?)?,
        "libsvm" | "vowpal-wabbit" | "label-text" => typed((spec.open)(path, options)?)?,
        _ => text(CsvSource::open(path, options)?)?,
    };
    findings.extend(columns.iter().filter_map(|summary| notice(summary, rows)));
    Ok(Inspection { path: path.into(), format: spec.name, fingerprint, rows, columns, findings })
}

type Seen = (u64, Vec<ColumnSummary>, Vec<Finding>);

fn text(mut source: CsvSource) -> Result<Seen, DataError> {
    let schema = source.schema().clone();
    let (rows, scans) = source.scan()?;
    let mut findings = source.findings().to_vec();
    let summaries = schema.columns.iter().zip(&scans).map(|(column, scan)| {
        let (distinct, distinct_exact) = scan.distinct();
        let numeric = column.kind == ColumnKind::Numeric;
        if numeric && scan.numbers < scan.present {
            findings.push(Finding::OddCells {
                column: column.name.clone(),
                cells: scan.present - scan.numbers,
                example: scan.odd.clone().unwrap_or_default(),
            });
        }
        if numeric && scan.counts_on && rows >= 20 {
            findings.push(Finding::RowNumbers { column: column.name.clone() });
        }
        let numbers = (numeric && scan.moments.count > 0).then(|| NumberSummary {
            min: scan.min,
            max: scan.max,
            mean: scan.moments.mean,
            std: scan.moments.std(),
        });
        let few = !numeric || (distinct <= FEW && scan.whole == scan.numbers);
        ColumnSummary {
            column: column.clone(),
            missing: scan.missing,
            distinct,
            distinct_exact,
            numbers,
            top: if few { scan.top(TOP) } else { Vec::new() },
        }
    });
    let summaries = summaries.collect();
    Ok((rows, summaries, findings))
}

fn images(source: &mut dyn Source) -> Result<Seen, DataError> {
    let schema = source.schema().clone();
    let shape = source.image();
    let cells = crate::scan::CellReader::new(&[]);
    let (mut labels, mut pixels, mut rows) = (ColumnScan::new(), ColumnScan::new(), 0u64);
    let mut table = source.table();
    while source.fill(&mut table, 1 << 12)? > 0 {
        rows += table.rows() as u64;
        for values in table.columns() {
            match values {
                Values::Numbers(values) => values.iter().for_each(|v| labels.push(&v.to_string(), &cells)),
                Values::Images { pixels: bytes, .. } => pixels.push_bytes(bytes),
                Values::Names(names) => {
                    (0..names.codes().len())
                        .for_each(|row| labels.push(names.get(row).unwrap_or_default(), &cells));
                }
                _ => {}
            }
        }
        Table::clear(&mut table);
    }
    let summary = |column: &Column, scan: &ColumnScan| ColumnSummary {
        column: column.clone(),
        missing: 0,
        distinct: scan.distinct().0,
        distinct_exact: true,
        numbers: (column.kind != ColumnKind::Categorical).then(|| NumberSummary {
            min: scan.min,
            max: scan.max,
            mean: scan.moments.mean,
            std: scan.moments.std(),
        }),
        top: scan.top(10),
    };
    let columns =
        schema.columns.iter().zip([&pixels, &labels]).map(|(column, scan)| summary(column, scan)).collect();
    Ok((rows, columns, vec![Finding::Images { shape, bytes: rows * shape.elements() as u64 }]))
}

/// Columns whose kinds the format says.
fn typed(mut source: Box<dyn Source>) -> Result<Seen, DataError> {
    let schema = source.schema().clone();
    let cells = crate::scan::CellReader::new(&[]);
    let mut scans: Vec<ColumnScan> = schema.columns.iter().map(|_| ColumnScan::new()).collect();
    let (mut rows, mut missing, mut table) = (0u64, vec![0; schema.columns.len()], source.table());
    while source.fill(&mut table, 1 << 12)? > 0 {
        rows += table.rows() as u64;
        for (at, (column, scan)) in table.columns().iter().zip(&mut scans).enumerate() {
            match column {
                Values::Numbers(numbers) => numbers.iter().for_each(|v| scan.push(&v.to_string(), &cells)),
                Values::Names(names) => (0..table.rows()).for_each(|row| match names.get(row) {
                    Some(name) => scan.push(name, &cells),
                    None => missing[at] += 1,
                }),
                Values::Sparse(sparse) => (0..sparse.rows())
                    .flat_map(|row| sparse.row(row).1)
                    .for_each(|value| scan.push(&value.to_string(), &cells)),
                _ => {}
            }
        }
        Table::clear(&mut table);
    }
    let summary = |((column, scan), &missing): ((&Column, &ColumnScan), &u64)| {
        let named = column.kind == ColumnKind::Categorical;
        ColumnSummary {
            column: column.clone(),
            missing,
            distinct: scan.distinct().0,
            distinct_exact: scan.distinct().1,
            numbers: (!named && scan.moments.count > 0).then(|| NumberSummary {
                min: scan.min,
                max: scan.max,
                mean: scan.moments.mean,
                std: scan.moments.std(),
            }),
            top: if named && scan.distinct().0 > 100 { Vec::new() } else { scan.top(TOP) },
        }
    };
    Ok((rows, schema.columns.iter().zip(&scans).zip(&missing).map(summary).collect(), Vec::new()))
}

/// What deserves to be said of a column.
fn notice(summary: &ColumnSummary, rows: u64) -> Option<Finding> {
    let column = summary.column.name.clone();
    match &summary.column.reason {
        Reason::AllMissing => Some(Finding::AllMissingColumn { column }),
        reason @ Reason::Identifier { .. } => Some(Finding::IgnoredColumn { column, reason: reason.clone() }),
        _ if summary.distinct == 1
            && summary.missing == 0
            && rows > 1
            && !matches!(summary.column.kind, ColumnKind::Image | ColumnKind::Sparse)
            && (summary.column.reason != Reason::Format || summary.column.name != WEIGHT) =>
        {
            let value = summary.top.first().map(|(value, _)| value.clone()).unwrap_or_default();
            Some(Finding::ConstantColumn { column, value })
        }
        _ => None,
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.len();
        writeln!(f, "{} · {} · {} rows × {columns} columns", self.path.display(), self.format, self.rows)?;
        let width =
            self.columns.iter().map(|c| c.column.name.chars().count()).max().unwrap_or(0).clamp(6, 40);
        writeln!(f, "{:width$}  {:<11}  {:>8}  {:>8}  values", "column", "kind", "missing", "distinct")?;
        for summary in &self.columns {
            let kind = summary.column.kind.to_string();
            let distinct = match (summary.column.kind, summary.distinct_exact) {
                (ColumnKind::Image, _) => "-".to_owned(),
                (_, true) => summary.distinct.to_string(),
                (_, false) => format!(">{}", summary.distinct),
            };
            write!(f, "{:width$}  {kind:<11}  {:>8}  {distinct:>8}  ", summary.column.name, summary.missing)?;
            writeln!(f, "{}", summary.values())?;
        }
        self.findings.iter().try_for_each(|finding| writeln!(f, "note: {finding}"))
    }
}

impl ColumnSummary {
    /// The values in one line: range and mean, or the most frequent ones.
    pub fn values(&self) -> String {
        if let Some(NumberSummary { min, max, mean, .. }) = self.numbers {
            return format!("{} to {}, mean {}", short(min), short(max), short(mean));
        }
        let shown: Vec<String> = self.top.iter().map(|(value, count)| format!("{value} ({count})")).collect();
        let rest = if self.distinct > self.top.len() as u64 && !shown.is_empty() { ", …" } else { "" };
        shown.join(", ") + rest
    }
}

/// A number with about six digits.
fn short(value: f64) -> String {
    let plain = value.to_string();
    match value.abs() {
        _ if plain.len() <= 7 => plain,
        size if (1e-4..1e7).contains(&size) => {
            let digits = (5 - size.log10().floor() as i32).clamp(0, 9) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.5e}"),
    }
}
