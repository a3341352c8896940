//! Recurrent networks and encoders on sequences of varied lengths, from a file to predictions.

use std::fs;
use std::path::Path;

use steepest_train::{Predictor, RunSpec, SavedModel, Trainer};

/// Two classes: which of two channels grows. Lengths from 2 to 8.
fn sequences(rows: usize) -> String {
    let mut text = "@problemName growth\n@classLabel true first second\n@data\n".to_owned();
    for row in 0..rows {
        let (class, steps) = (row % 2, 2 + (row * 5) % 7);
        let values = |grows: bool| {
            let value = |t: usize| {
                let noise = ((row * 31 + t * 17) % 13) as f64 / 40.0;
                if grows { format!("{}", t as f64 + noise) } else { format!("{}", 1.0 - noise) }
            };
            (0..steps).map(value).collect::<Vec<_>>().join(",")
        };
        text += &format!("{}:{}:{}\n", values(class == 0), values(class == 1), ["first", "second"][class]);
    }
    text
}

fn trainer(folder: &Path, kind: &str, threads: usize) -> Trainer {
    let text = format!(
        "seed = 5\n[data]\ntrain = \"growth.ts\"\nsplit = {{ validation = 0.2, test = 0.2 }}\n[model]\n{kind}\n\
         [optimizer]\nlearning-rate = 0.02\n[batch]\nsize = 10\n[stop]\nepochs = 8\npatience = 0\n\
         [run]\nthreads = {threads}\n"
    );
    let mut trainer = Trainer::new(&RunSpec::parse(&text, folder.join("spec.toml"), &[]).unwrap()).unwrap();
    trainer.train().unwrap();
    trainer
}

fn bits(trainer: &Trainer) -> Vec<(String, Vec<u64>)> {
    let numbers = |name: &str| trainer.tensor(name).unwrap().to_f64().into_iter().map(f64::to_bits).collect();
    trainer.tensor_names().map(|name| (name.to_owned(), numbers(name))).collect()
}

#[test]
fn models_of_sequences_learn_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("growth.ts"), sequences(120)).unwrap();
    for kind in [
        "kind = \"rnn\"\nhidden = 6",
        "kind = \"lstm\"\nhidden = 6\nlayers = 2",
        "kind = \"gru\"\nhidden = 6\nbidirectional = true",
        "kind = \"encoder\"\nwidth = 8\nheads = 2\nlayers = 1",
    ] {
        let one = trainer(folder.path(), kind, 1);
        assert!(bits(&trainer(folder.path(), kind, 3)) == bits(&one), "{kind}");
        let accuracy =
            one.model().scores().iter().find(|(part, _)| part == "test").unwrap().1.metric("accuracy");
        assert!(accuracy.unwrap() > 0.9, "{kind}: {accuracy:?}");
    }
}

#[test]
fn a_saved_model_of_sequences_scores_and_predicts_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growth.ts");
    fs::write(&path, sequences(120)).unwrap();
    let model = folder.path().join("model.safetensors");
    trainer(folder.path(), "kind = \"gru\"\nhidden = 6", 2).model().save(&model).unwrap();
    let model = SavedModel::load(&model).unwrap();
    fs::write(&path, sequences(21)).unwrap();
    let (evaluation, _) = model.evaluate(&path).unwrap();
    assert_eq!(evaluation.rows, 21);
    assert!(evaluation.metric("accuracy").unwrap() > 0.9);
    let mut out = Vec::new();
    assert_eq!(Predictor::new(&model).unwrap().csv(&path, &mut out).unwrap().rows, 21);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("row,prediction,probability:first,probability:second\n1,first,0."), "{text}");
    assert_eq!(text.lines().count(), 22);
}
