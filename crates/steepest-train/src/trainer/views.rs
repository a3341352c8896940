//! What can be asked of a trainer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use steepest_data::{Dataset, Part, Preprocessor};
use steepest_graph::{Cost, VariableKind};
use steepest_tensor::Tensor;

use super::Trainer;
use crate::stepper::StepPlans;
use crate::{Evaluation, Fault, Imported, PyTorchOptions, RunSpec, SavedModel, TrainError, pytorch};

/// What a run is about, for the first lines that a user sees.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What is predicted, in words.
    pub task: String,
    /// Inputs of the model per row.
    pub inputs: usize,
    /// Outputs of the model per row.
    pub outputs: usize,
    /// Numbers that are trained.
    pub parameters: usize,
    /// Rows of training, validation and test.
    pub rows: [usize; 3],
    /// Updates in an epoch.
    pub steps_per_epoch: u64,
    /// Updates at most.
    pub steps: u64,
    /// Updates made already, in a resumed run.
    pub steps_done: u64,
    /// Threads.
    pub threads: usize,
    /// What a run of the plan costs.
    pub cost: Cost,
}

impl Trainer {
    /// Setting it ends the run cleanly after the step at hand, with a checkpoint.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// What was noticed about the data.
    pub fn data_findings(&self) -> &[steepest_data::Finding] {
        &self.data_findings
    }

    /// What the run is about.
    pub fn overview(&self) -> Overview {
        let parameters = self.variables.specs().iter().filter(|spec| spec.kind == VariableKind::Parameter);
        let rows = |data: &Option<Dataset>| data.as_ref().map_or(0, Dataset::rows);
        Overview {
            task: self.blueprint.task.to_string(),
            inputs: self.blueprint.example.elements(),
            outputs: self.blueprint.task.outputs(),
            parameters: parameters.map(|spec| spec.shape.elements()).sum(),
            rows: [self.train.rows(), rows(&self.validation), rows(&self.test)],
            steps_per_epoch: self.batches.per_epoch(),
            steps: self.total_steps,
            steps_done: self.state.step,
            threads: self.pool.threads(),
            cost: self.cost,
        }
    }

    /// The spec with everything filled in that the data decided; none if a part was set by hand.
    pub fn spec(&self) -> Option<&RunSpec> {
        self.spec.as_ref()
    }

    /// What turns rows of a file into numbers; none for data that did not come from a file.
    pub fn preprocessor(&self) -> Option<&Preprocessor> {
        self.preprocessor.as_ref()
    }

    /// The compiled training step, pass by pass.
    pub fn explain(&self) -> String {
        let plans = StepPlans::compile(&self.blueprint, &*self.optimizer, &self.batches, &self.train);
        // They have been compiled before, so there is no error to be expected.
        plans.map_or_else(|error| error.to_string(), |plans| plans.explain())
    }

    /// Scores the present weights, or their means if the run averages them, on a part of the data; none if there is no such part.
    ///
    /// # Errors
    /// Those of running the plan.
    pub fn evaluate(&mut self, part: Part) -> Result<Option<Evaluation>, TrainError> {
        let present = self.put_means()?;
        let data = match part {
            Part::Train => Some(&self.train),
            Part::Validation => self.validation.as_ref(),
            Part::Test => self.test.as_ref(),
        };
        let found = match data {
            Some(data) => {
                Some(self.evaluator.evaluate(&self.blueprint, data, &mut self.variables, &self.pool)?)
            }
            None => None,
        };
        self.put(&present)?;
        Ok(found)
    }

    /// A parameter, state or slot of the optimizer by name, as it is now.
    pub fn tensor(&self, name: &str) -> Option<Tensor> {
        self.variables.get(name)
    }

    /// Sets parameters and states to the weights of a PyTorch state dictionary that was saved in safetensors (or of a
    /// model file of ours); best before training begins. Slots of the optimizer keep their values.
    ///
    /// Numbers of 16, 32 and 64 bits are converted to the precision of the run. `num_batches_tracked` of PyTorch's
    /// batch normalization is passed over.
    ///
    /// # Errors
    /// [`TrainError::PyTorch`] with everything that does not fit; nothing is changed then.
    pub fn import_pytorch(
        &mut self,
        path: impl AsRef<Path>,
        options: &PyTorchOptions,
    ) -> Result<Imported, TrainError> {
        let (weights, imported) = pytorch::initial(path.as_ref(), &self.blueprint, options)?;
        let fits = |(name, tensor): &(String, Tensor)| {
            self.variables.get(name).is_some_and(|own| own.shape() == tensor.shape())
        };
        if !weights.iter().all(fits) {
            let (path, fault) = (path.as_ref().to_owned(), Fault::OtherModel);
            return Err(TrainError::Model { path, fault });
        }
        for (name, tensor) in &weights {
            self.variables.set(name, tensor)?;
        }
        Ok(imported)
    }

    /// Names of all parameters, states and slots.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.variables.specs().iter().map(|spec| spec.name.as_str())
    }

    /// The model with its present weights; after training these are the best ones.
    pub fn model(&self) -> SavedModel {
        SavedModel {
            spec: self.spec.clone(),
            preprocessor: self.preprocessor.clone(),
            blueprint: Arc::clone(&self.blueprint),
            weights: self.weights(),
            scores: self.scores.clone(),
            steps: self.state.step,
            calibration: self.calibration.clone(),
        }
    }
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("overview", &self.overview()).finish_non_exhaustive()
    }
}
