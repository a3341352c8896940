//! `steepest list`: the registries.

use std::fmt::Write as _;
use std::io::Write as _;

use steepest::data::sources::{SOURCES, SourceSpec};
use steepest::registry::{Accepts, Default, Description, Hyperparameter, nearest};

use crate::arguments::List;
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Side, Table, wrap};
use steepest::train::{ROOT, SECTIONS, Section};

const WIDTH: usize = 96;

/// One registry: the word for many, the word for one, and its entries.
struct Kind {
    plural: &'static str,
    singular: &'static str,
    /// Where a spec names one, or none.
    place: &'static str,
    all: fn() -> Vec<Entry>,
}

/// What is listed.
#[derive(Clone, Copy)]
enum Entry {
    Registered(&'static Description),
    Source(&'static SourceSpec),
}

impl Entry {
    fn name(&self) -> &'static str {
        match self {
            Entry::Registered(about) => about.name,
            Entry::Source(spec) => spec.name,
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            Entry::Registered(about) => about.summary,
            Entry::Source(spec) => spec.summary,
        }
    }

    fn details(&self, kind: &Kind, style: &Style) -> String {
        match self {
            Entry::Registered(about) => details(kind, about, style),
            Entry::Source(spec) => source(kind, spec, style),
        }
    }
}

/// The descriptions of a registry whose entries have a field `about`.
macro_rules! abouts {
    ($registry:expr) => {
        || $registry.iter().map(|spec| Entry::Registered(&spec.about)).collect()
    };
}

static KINDS: &[Kind] = &[
    Kind { plural: "models", singular: "model", place: "model.kind", all: abouts!(steepest::nn::MODELS) },
    Kind { plural: "losses", singular: "loss", place: "loss.kind", all: abouts!(steepest::nn::LOSSES) },
    Kind {
        plural: "optimizers",
        singular: "optimizer",
        place: "optimizer.kind",
        all: abouts!(steepest::optim::OPTIMIZERS),
    },
    Kind {
        plural: "schedules",
        singular: "schedule",
        place: "schedule.kind",
        all: abouts!(steepest::optim::SCHEDULES),
    },
    Kind { plural: "metrics", singular: "metric", place: "run.metrics", all: abouts!(steepest::nn::METRICS) },
    Kind {
        plural: "activations",
        singular: "activation",
        place: "model.activation",
        all: abouts!(steepest::nn::ACTIVATIONS),
    },
    Kind {
        plural: "initializers",
        singular: "initializer",
        place: "model.weight-init",
        all: abouts!(steepest::nn::INITIALIZERS),
    },
    Kind { plural: "layers", singular: "layer", place: "", all: abouts!(steepest::nn::LAYERS) },
    Kind {
        plural: "transforms",
        singular: "transform",
        place: "",
        all: abouts!(steepest::optim::TRANSFORMS),
    },
    Kind {
        plural: "sources",
        singular: "source",
        place: "data.format",
        all: || SOURCES.iter().map(|spec| Entry::Source(spec)).collect(),
    },
    Kind { plural: "sections", singular: "section", place: "", all: sections },
];

/// The sections of a spec that have a fixed set of keys.
fn sections() -> Vec<Entry> {
    let fixed = SECTIONS.iter().filter_map(|section| match section {
        Section::Fixed(about) => Some(Entry::Registered(about)),
        Section::Chosen { .. } => None,
    });
    [Entry::Registered(&ROOT)].into_iter().chain(fixed).collect()
}

pub fn run(arguments: &List) -> Result<(), Failure> {
    let style = Style::stdout();
    let text = match (&arguments.kind, &arguments.name) {
        (None, _) => everything(&style),
        (Some(kind), None) => match find_kind(kind) {
            Some(kind) => one_kind(kind, &style),
            None => by_name(kind, &style)?,
        },
        (Some(kind), Some(name)) => {
            let kind = find_kind(kind).ok_or_else(|| unknown(kind, KINDS.iter().map(|kind| kind.plural)))?;
            let all = (kind.all)();
            let found = all.iter().find(|entry| entry.name() == name);
            let entry = found.ok_or_else(|| unknown(name, all.iter().map(Entry::name)))?;
            entry.details(kind, &style)
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn find_kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| name == kind.plural || name == kind.singular)
}

/// Everything of one name, whatever kind it is of; what a spec cannot name, only if nothing else is called so.
fn by_name(name: &str, style: &Style) -> Result<String, Failure> {
    let named = KINDS.iter().flat_map(|kind| (kind.all)().into_iter().map(move |entry| (kind, entry)));
    let mut found: Vec<(&Kind, Entry)> = named.filter(|(_, entry)| entry.name() == name).collect();
    if found.iter().any(|(kind, _)| !kind.place.is_empty()) {
        found.retain(|(kind, _)| !kind.place.is_empty());
    }
    if found.is_empty() {
        let names = KINDS.iter().flat_map(|kind| (kind.all)()).map(|entry| entry.name());
        return Err(unknown(name, KINDS.iter().map(|kind| kind.plural).chain(names)));
    }
    let texts: Vec<String> = found.iter().map(|(kind, entry)| entry.details(kind, style)).collect();
    Ok(texts.join("\n"))
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<&str> = known.collect();
    let help = match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`steepest list` shows all names".to_owned(),
    };
    Failure::UnknownName { name: name.to_owned(), help }
}

fn everything(style: &Style) -> String {
    let mut out = String::new();
    for kind in KINDS {
        let names: Vec<&str> = (kind.all)().iter().map(Entry::name).collect();
        let _ = writeln!(out, "{}", style.bold(kind.plural));
        for line in wrap(&names.join(", "), WIDTH - 2) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out + "\n`steepest list KIND` says what each does; `steepest list NAME` shows its formula and settings.\n"
}

fn one_kind(kind: &Kind, style: &Style) -> String {
    let mut table = Table::new([("", Side::Left), ("", Side::Left)]);
    for entry in (kind.all)() {
        table.row([entry.name().to_owned(), entry.summary().to_owned()]);
    }
    let heading = match kind.place {
        "" => kind.plural.to_owned(),
        place => format!("{} (`{place}`)", kind.plural),
    };
    format!("{}\n{}", style.bold(&heading), table.render("  ", style))
}

fn details(kind: &Kind, about: &Description, style: &Style) -> String {
    let mut out = format!("{} · {}\n", style.bold(about.name), kind.singular);
    for line in wrap(about.summary, WIDTH - 2) {
        let _ = writeln!(out, "  {line}");
    }
    if !about.formula.is_empty() {
        out.push('\n');
        for line in about.formula.split(';') {
            let _ = writeln!(out, "    {}", style.cyan(line.trim()));
        }
    }
    if !about.hyperparameters.is_empty() {
        let _ = write!(out, "\n{}", settings(about.hyperparameters, style));
    }
    if !about.reference.is_empty() {
        out.push('\n');
        for line in wrap(&format!("reference: {}", about.reference), WIDTH - 2) {
            let _ = writeln!(out, "  {}", style.dim(&line));
        }
    }
    out
}

fn source(kind: &Kind, spec: &SourceSpec, style: &Style) -> String {
    let mut out = format!("{} · {}\n", style.bold(spec.name), kind.singular);
    let _ = writeln!(out, "  {}\n  files: {}\n", spec.summary, spec.extensions.join(", "));
    for key in spec.parameters {
        let _ = writeln!(out, "  {}", style.bold(key.name));
        for line in wrap(key.summary, WIDTH - 6) {
            let _ = writeln!(out, "      {line}");
        }
        for line in wrap(&format!("{}; default {}", key.range, key.default), WIDTH - 6) {
            let _ = writeln!(out, "      {line}");
        }
    }
    let _ = writeln!(out, "\n  {}", style.dim(&format!("reference: {}", spec.reference)));
    out
}

/// Each setting with its symbol, default, range and meaning.
fn settings(all: &[Hyperparameter], style: &Style) -> String {
    let mut out = String::new();
    for key in all {
        let symbol = if key.symbol.is_empty() { String::new() } else { format!(" {}", key.symbol) };
        let default = match default(&key.default) {
            Some(value) => format!("default {value}"),
            None if key.default == Default::Required => "must be set".to_owned(),
            None => "unset by default".to_owned(),
        };
        let source = if key.source.is_empty() { String::new() } else { format!(" ({})", key.source) };
        let accepts = if key.accepts == Accepts::Text { String::new() } else { format!("{}; ", key.accepts) };
        let _ = writeln!(out, "  {}{symbol}", style.bold(key.name));
        for line in wrap(key.summary, WIDTH - 6)
            .iter()
            .chain(&wrap(&format!("{accepts}{default}{source}"), WIDTH - 6))
        {
            let _ = writeln!(out, "      {line}");
        }
    }
    out
}

fn default(value: &Default) -> Option<String> {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    Some(match value {
        Default::Required | Default::Unset => return None,
        Default::Number(x) => format!("{x:?}"),
        Default::Integer(x) => x.to_string(),
        Default::Bool(x) => x.to_string(),
        Default::Text(x) => format!("{x:?}"),
        Default::Integers(xs) => list(xs.iter().map(u64::to_string).collect()),
        Default::Texts(xs) => list(xs.iter().map(|x| format!("{x:?}")).collect()),
        Default::Numbers(xs) => list(xs.iter().map(|x| format!("{x:?}")).collect()),
    })
}
