//! Fuzz targets on every run: the committed inputs, and mutations of them that a seed decides.
//!
//! `MOSAIK_WRITE_CORPUS=1 cargo test --test fuzz` writes the inputs that are made of real messages, after a change of the wire.

use std::{
    collections::BTreeMap,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use mosaik::primitives::{NodeRng, ids::hex};
use mosaik_runtime::fuzz::{TARGETS, Target};

/// Mutations of each target's inputs.
const MUTATIONS: usize = 1000;

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a root").join("fuzz/corpus").join(target.name)
}

fn corpus(target: &Target) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("{}: {error}", target.name));
    let read = entries.flatten().map(|entry| {
        (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("an input"))
    });
    read.collect()
}

/// Runs one input; says which it was when the target panics.
fn survives(target: &Target, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        panic!("target `{}` panics on {}", target.name, hex(input));
    }
}

#[test]
fn g1_the_inputs_are_those_of_the_wire_today() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        if std::env::var_os("MOSAIK_WRITE_CORPUS").is_some() {
            fs::create_dir_all(folder(target)).expect("a folder");
            for (n, seed) in seeds.iter().enumerate() {
                fs::write(folder(target).join(format!("seed-{n:02}")), seed).expect("written");
            }
        }
        let corpus = corpus(target);
        for (n, seed) in seeds.iter().enumerate() {
            let there = corpus.get(&format!("seed-{n:02}"));
            assert!(
                there == Some(seed),
                "fuzz/corpus/{}/seed-{n:02} is out of date: MOSAIK_WRITE_CORPUS=1 cargo test --test fuzz",
                target.name
            );
        }
    }
}

#[test]
fn g1_no_input_of_the_corpus_panics() {
    for target in TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has inputs", target.name);
        corpus.values().for_each(|input| survives(target, input));
    }
}

#[test]
fn g1_no_mutation_of_an_input_panics() {
    for target in TARGETS {
        let inputs: Vec<Vec<u8>> = corpus(target).into_values().collect();
        let mut rng = NodeRng::from_seed(7);
        for _ in 0..MUTATIONS {
            let input = mutated(&inputs, &mut rng);
            survives(target, &input);
        }
    }
}

/// One input after a few random changes.
fn mutated(inputs: &[Vec<u8>], rng: &mut NodeRng) -> Vec<u8> {
    let mut input = inputs[rng.below(inputs.len())].clone();
    for _ in 0..=rng.below(5) {
        let at = rng.below(input.len().max(1));
        match rng.below(7) {
            0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.below(8)),
            1 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.next_u64() as u8),
            2 => input.truncate(at),
            3 => input.insert(at.min(input.len()), [0, 0x7f, 0x80, 0xff][rng.below(4)]),
            4 => input.iter_mut().skip(at).take(9).for_each(|byte| *byte = 0xff),
            5 => {
                let other = &inputs[rng.below(inputs.len())];
                input.extend_from_slice(&other[rng.below(other.len().max(1)).min(other.len())..]);
            }
            _ => {
                let part: Vec<u8> = input.iter().skip(at).take(1 + rng.below(32)).copied().collect();
                let to = rng.below(input.len() + 1);
                input.splice(to..to, part);
            }
        }
    }
    input
}
