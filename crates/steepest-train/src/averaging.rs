//! The mean of the weights over the later steps of a run, with which the model is scored and saved.

use steepest_graph::{VariableKind, VariableSpec, Variables};
use steepest_optim::{Average, Chain, Progress, Span, Transform};
use steepest_tensor::{DType, Tensor};

use crate::TrainError;
use crate::checkpoint::Weights;

/// The averaging that a run asks for: a span after which the mean begins, in steps.
///
/// # Errors
/// [`TrainError::NotInAStream`] if the span depends on a length that is not known.
pub(crate) fn averaging(
    span: Option<&Span>,
    total: Option<u64>,
    steps_per_epoch: Option<u64>,
) -> Result<Option<Average>, TrainError> {
    let Some(span) = span else { return Ok(None) };
    let progress = Progress { step: 1, total, steps_per_epoch };
    let after =
        span.steps(&progress).ok_or(TrainError::NotInAStream { key: "run.average in epochs or percent" })?;
    Ok(Some(Average { after }))
}

/// An optimizer that also keeps what the mean follows from.
pub(crate) fn averaged(optimizer: Box<dyn Transform>, average: Option<Average>) -> Box<dyn Transform> {
    match average {
        Some(average) => Box::new(Chain::new().then(optimizer).then(average)),
        None => optimizer,
    }
}

/// Parameters and states after so many steps, of the parameters their means if they are averaged.
pub(crate) fn weights(average: Option<Average>, variables: &Variables, step: u64) -> Weights {
    let weight = |spec: &VariableSpec| match (spec.kind, average) {
        (VariableKind::Slot, _) => None,
        (VariableKind::Parameter, Some(average)) => mean(average, variables, spec, step),
        _ => variables.get(&spec.name),
    };
    variables.specs().iter().filter_map(|spec| Some((spec.name.clone(), weight(spec)?))).collect()
}

fn mean(average: Average, variables: &Variables, spec: &VariableSpec, step: u64) -> Option<Tensor> {
    let (theta, d) = (variables.get(&spec.name)?, variables.get(&Average::slot(&spec.name))?);
    let (theta, d) = (theta.to_f64(), d.to_f64());
    let values = theta.iter().zip(&d).map(|(&theta, &d)| average.mean(theta, d, step));
    match variables.dtype() {
        DType::F64 => Tensor::f64(spec.shape, values.collect()),
        DType::F32 | DType::U32 => Tensor::f32(spec.shape, values.map(|value| value as f32).collect()),
    }
    .ok()
}
