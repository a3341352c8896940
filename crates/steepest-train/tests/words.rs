//! Word vectors: the laws hold for them, and they learn.

use std::num::NonZeroUsize;
use std::path::Path;

use steepest_data::{BatchSize, Dataset, WordOptions};
use steepest_nn::{Architecture, Word2vec};
use steepest_tensor::Key;
use steepest_train::{Event, RunOptions, RunSpec, Trainer, Training, Vectors};

/// Sentences of words of one half of the vocabulary, or of the other.
fn sentences() -> Vec<Vec<u32>> {
    let key = Key::new(5);
    let sentence = |i: u64| (0..9).map(|j| (key.at(i).below(j, 10) + 10 * (i % 2)) as u32).collect();
    (0..300).map(sentence).collect()
}

fn data() -> Dataset {
    let sentences = sentences();
    let mut counts = vec![0; 20];
    sentences.iter().flatten().for_each(|&word| counts[word as usize] += 1);
    let options = WordOptions { sample: 0.04, block: 7, context: 3, negatives: 5, ..WordOptions::default() };
    Dataset::words(sentences, &counts, &options, 3).unwrap()
}

#[test]
fn threads_do_not_change_a_bit_and_the_loss_falls() {
    for architecture in [Architecture::SkipGram, Architecture::Cbow] {
        let run = |threads: usize| {
            let options = RunOptions { threads: NonZeroUsize::new(threads), ..RunOptions::default() };
            let mut trainer = Training::new(data())
                .validation(data())
                .model(Word2vec { architecture, size: 11, ..Word2vec::default() })
                .batch(BatchSize::new(6).unwrap())
                .learning_rate(0.01)
                .epochs(4)
                .options(options)
                .trainer()
                .unwrap();
            let mut losses = Vec::new();
            for event in trainer.run() {
                if let Event::Eval(report) = event.unwrap() {
                    losses.push((report.train_loss, report.validation_loss.unwrap()));
                }
            }
            let table = |name| trainer.tensor(name).unwrap().to_f64();
            (losses, table("word2vec.input"), table("word2vec.output"))
        };
        let one = run(1);
        assert!(one.0[3].0 < 0.9 * one.0[0].0 && one.0[3].1 < one.0[0].1, "{:?}", one.0);
        for threads in 2..=4 {
            assert!(run(threads) == one, "{threads} threads");
        }
    }
}

#[test]
fn a_resumed_run_sees_the_same_words() {
    resumes("");
    resumes("[data.subwords]\nbuckets = 50\n");
}

/// Trains the same in one run and in two; returns the vectors.
fn resumes(subwords: &str) -> Vectors {
    let folder = tempfile::tempdir().unwrap();
    let words: Vec<String> = sentences()
        .iter()
        .map(|sentence| sentence.iter().map(|word| format!("w{word:02}")).collect::<Vec<_>>().join(" "))
        .collect();
    std::fs::write(folder.path().join("text.txt"), words.join("\n")).unwrap();
    let spec = |directory: &Path, epochs: u64| {
        let text = format!(
            "[data]\ntrain = 'text.txt'\ntokens = 'words'\n[data.words]\nsample = 0.02\nblock = 7\nnegatives = 4\n{subwords}\
             [model]\nkind = 'word2vec'\nsize = 6\n[optimizer]\nlearning-rate = 0.02\n[batch]\nsize = 6\n[stop]\nepochs = {epochs}\n\
             [run]\ndirectory = '{}'\n",
            directory.display()
        );
        RunSpec::parse(&text, folder.path().join("spec.toml"), &[]).unwrap()
    };
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let weights = |trainer: &Trainer| trainer.tensor("word2vec.input").unwrap().to_f64();
    let mut trainer = Trainer::new(&spec(&whole, 4)).unwrap();
    trainer.train().unwrap();
    let expected = weights(&trainer);
    Trainer::new(&spec(&parts, 2)).unwrap().train().unwrap();
    let mut trainer = Trainer::resume(&parts, &["stop.epochs=4".to_owned()]).unwrap();
    trainer.train().unwrap();
    assert_eq!(weights(&trainer), expected);
    let vectors = trainer.model().vectors(None).unwrap();
    assert_eq!((vectors.names.len(), vectors.width, vectors.names[19].as_str()), (20, 6, "w19"));
    let near = vectors.neighbors("w03", 9).unwrap();
    assert!(near.iter().filter(|found| found.name.as_str() < "w10").count() >= 6, "{near:?}");
    vectors
}

#[test]
fn a_word_is_the_sum_of_its_parts() {
    let vectors = resumes("[data.subwords]\nbuckets = 50\nlongest = 4\n");
    // `w13` has itself, <w1, w13, 13>, <w13 and w13>; `w130` begins alike.
    assert!(vectors.knows("w13") && !vectors.knows("w130"));
    let near = vectors.neighbors("w130", 9).unwrap();
    assert!(near.iter().filter(|found| found.name.as_str() >= "w10").count() >= 6, "{near:?}");
    let none = resumes("[data.subwords]\nbuckets = 50\nshortest = 5\n");
    assert!(none.get("ab").is_err() && none.get("abc").is_ok(), "`<ab>` has four characters");
}
