//! The raw cost of a package, and the levels of the deflate implementations.
//!
//! `raw LEVEL TREE`: reads every file of a tree and deflates it with libdeflate, on all cores: what
//! no packager that reads and compresses the same bytes can be faster than. Large files go in pieces,
//! so that no core is left alone with the last one. Prints seconds and bytes.
//!
//! `levels TREE...`: every implementation and level on the files of the trees, one thread; prints a
//! Markdown table. The speed counts processor time, so a busy machine does not spoil it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use libdeflater::{CompressionLvl, Compressor};
use rustix::time::{ClockId, clock_gettime};

const PIECE: u64 = 4 << 20;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["raw", level, tree] => raw(level.parse().expect("a level"), Path::new(tree)),
        ["levels", ref trees @ ..] if !trees.is_empty() => levels(trees),
        _ => panic!("usage: deflate-bench raw LEVEL TREE | levels TREE..."),
    }
}

fn files(tree: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).expect("a folder").flatten() {
            let seen = item.metadata().expect("metadata");
            if seen.is_dir() {
                folders.push(item.path());
            } else if seen.is_file() {
                found.push((item.path(), seen.len()));
            }
        }
    }
    found.sort();
    found
}

fn raw(level: i32, tree: &Path) {
    use std::os::unix::fs::FileExt as _;
    let started = Instant::now();
    let mut pieces: Vec<(PathBuf, u64, u64)> = Vec::new();
    for (path, size) in files(tree) {
        for from in (0..size.max(1)).step_by(PIECE as usize) {
            pieces.push((path.clone(), from, PIECE.min(size - from)));
        }
    }
    // The largest first: nobody waits for a long one at the end.
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.2));
    let (next, packed) = (AtomicUsize::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut compressor = Compressor::new(CompressionLvl::new(level).expect("a level"));
                let (mut bytes, mut out) = (Vec::new(), Vec::new());
                while let Some((path, from, size)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bytes.resize(*size as usize, 0);
                    fs::File::open(path).expect("a file").read_exact_at(&mut bytes, *from).expect("its bytes");
                    out.resize(compressor.deflate_compress_bound(bytes.len()), 0);
                    let length = compressor.deflate_compress(&bytes, &mut out).expect("room");
                    packed.fetch_add(length.min(bytes.len()) as u64, Ordering::Relaxed);
                }
            });
        }
    });
    println!("{:.4} {}", started.elapsed().as_secs_f64(), packed.into_inner());
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn levels(trees: &[&str]) {
    let trees: Vec<Vec<Vec<u8>>> = trees
        .iter()
        .map(|tree| files(Path::new(tree)).into_iter().map(|(path, _)| fs::read(path).expect("a file")).collect())
        .collect();
    let mut out = vec![0; 64 << 20];
    let mut row = |name: &str, deflate: &mut dyn FnMut(&[u8], &mut Vec<u8>) -> usize| {
        let mut line = format!("| {name} |");
        for tree in &trees {
            let (mut before, mut after) = (0, 0);
            let started = processor_time();
            for bytes in tree {
                before += bytes.len();
                after += deflate(bytes, &mut out).min(bytes.len());
            }
            let seconds = (processor_time() - started).as_secs_f64();
            line += &format!(" {:.4} | {:.0} |", after as f64 / before as f64, before as f64 / 1e6 / seconds);
        }
        println!("{line}");
    };
    for level in 1..=12 {
        let mut compressor = Compressor::new(CompressionLvl::new(level).expect("a level"));
        row(&format!("libdeflate {level}"), &mut |bytes, out| {
            out.resize(out.len().max(compressor.deflate_compress_bound(bytes.len())), 0);
            compressor.deflate_compress(bytes, out).expect("room")
        });
    }
    for level in 1..=9 {
        row(&format!("zlib-rs {level}"), &mut |bytes, out| {
            let mut deflate = zlib_rs::Deflate::new(level, false, 15);
            deflate.compress(bytes, out, zlib_rs::DeflateFlush::Finish).expect("room");
            deflate.total_out() as usize
        });
    }
    for level in 1..=9 {
        row(&format!("miniz_oxide {level}"), &mut |bytes, _| {
            miniz_oxide::deflate::compress_to_vec(bytes, level).len()
        });
    }
}
