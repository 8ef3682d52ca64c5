//! Records go to the files of their partitions: lines that follow each other into the same one in one
//! piece.

use std::{io, sync::Arc};

use memchr::memchr;
use weir_pipeline::packers::WholeLines;

use crate::{
    Format, Partitioning,
    files::{Bounds, Files, Written},
    look::Looker,
    objects::Objects,
};

pub(crate) struct Router {
    looker: Looker,
    files: Files,
    lines: WholeLines,
}

impl Router {
    pub(crate) fn new(
        objects: Arc<dyn Objects>,
        format: Format,
        partitioning: Partitioning,
        bounds: Bounds,
        stem: String,
    ) -> Self {
        let looker = Looker::new(format.schema(), partitioning);
        let files = Files::new(objects, format, bounds, stem);
        Self { looker, files, lines: WholeLines::default() }
    }

    /// Takes the next bytes of the records, which may end inside one.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (looker, files) = (&mut self.looker, &mut self.files);
        self.lines.push(bytes, |lines| route(lines, looker, files))
    }

    /// Ends all files, and gives what was written, in the order of paths.
    pub(crate) fn finish(&mut self) -> io::Result<Vec<Written>> {
        if !self.lines.is_whole() {
            return Err(io::Error::other(
                "the last record is not whole; this is a defect of Weir, report it",
            ));
        }
        self.files.finish(self.looker.partitions())
    }

    /// The files that are there by now.
    pub(crate) fn written(&self) -> impl Iterator<Item = &str> {
        self.files.written()
    }
}

/// Takes whole lines.
fn route(lines: &[u8], looker: &mut Looker, files: &mut Files) -> io::Result<()> {
    let (mut begin, mut at) = (0, 0);
    let mut current = None;
    while let Some(len) = memchr(b'\n', &lines[at..]) {
        let number = looker.look(&lines[at..at + len]);
        if let Some(before) = current.replace(number).filter(|before| *before != number) {
            files.write(before, looker.partitions(), &lines[begin..at])?;
            begin = at;
        }
        at += len + 1;
    }
    match current {
        Some(number) => files.write(number, looker.partitions(), &lines[begin..at]),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use weir_io::Compression;
    use weir_normalizer::schemas::Schema;

    use super::*;
    use crate::{format::Shape, objects::Memory};

    type Made = (BTreeMap<String, Vec<u8>>, Vec<Written>);

    fn routed(lines: &[u8], cuts: &[usize], format: Format, keys: &str, bounds: Bounds) -> Made {
        let memory = Memory::default();
        let keys = if keys.is_empty() { Partitioning::default() } else { keys.parse().unwrap() };
        let mut router = Router::new(Arc::new(memory.clone()), format, keys, bounds, "part-p-00000".into());
        let mut cuts = cuts.iter().cycle();
        let mut rest = lines;
        while !rest.is_empty() {
            let (piece, later) =
                rest.split_at(cuts.next().copied().unwrap_or(rest.len()).clamp(1, rest.len()));
            router.push(piece).unwrap();
            rest = later;
        }
        let written = router.finish().unwrap();
        let objects = memory.0.lock().unwrap().clone();
        (objects, written)
    }

    fn line() -> impl Strategy<Value = String> {
        let provider = prop_oneof![Just("aws"), Just("huawei"), Just("../x"), Just("a\\\"b")];
        let day = prop_oneof![(0..6u64).prop_map(Some), Just(None)];
        (provider, 0..2u8, day, 0..1000u32, "[a-z]{0,20}").prop_map(|(provider, kind, day, n, extra)| {
            let time = day.map_or(String::new(), |day| format!(",\"start_ms\":{}", day * 86_400_000 + 5));
            let kind = if kind == 0 { ",\"kind\":\"flow\"" } else { "" };
            format!("{{\"provider\":\"{provider}\",\"product\":\"vpc\"{kind}{time},\"bytes\":{n},\"url\":\"{extra}\"}}\n")
        })
    }

    fn format(compression: Compression) -> Format {
        Format { shape: Shape::Lines(Schema::Flat), compression }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn each_line_is_in_one_file_whatever_the_cuts(
            lines in prop::collection::vec(line(), 0..200),
            cuts in prop::collection::vec(1..400usize, 1..5),
            open in 1..5usize,
            waiting in 1..2000usize,
            file in 100..5000u64,
            keys in prop_oneof![Just(""), Just("date"), Just("provider,product,date")],
            compression in prop_oneof![Just(Compression::None), Just(Compression::Zstd), Just(Compression::Gzip)],
        ) {
            let text = lines.concat();
            let bounds = Bounds { open, waiting, file };
            let (whole, written) = routed(text.as_bytes(), &[], format(compression), keys, bounds);
            let (cut, written_cut) = routed(text.as_bytes(), &cuts, format(compression), keys, bounds);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(&written, &written_cut);
            // What is told of the files is what they are.
            let paths: Vec<_> = written.iter().map(|file| &file.path).collect();
            prop_assert_eq!(paths, whole.keys().collect::<Vec<_>>());
            prop_assert_eq!(written.iter().map(|file| file.records).sum::<u64>(), lines.len() as u64);
            // Each line is in a folder of its values, and as often as it came.
            let (plain, _) = routed(text.as_bytes(), &cuts, format(Compression::None), keys, bounds);
            let mut found: BTreeMap<&str, i64> = BTreeMap::new();
            for (path, bytes) in &plain {
                for line in std::str::from_utf8(bytes).unwrap().split_inclusive('\n') {
                    *found.entry(line).or_default() += 1;
                    let mut looker = Looker::new(Schema::Flat, if keys.is_empty() { Partitioning::default() } else { keys.parse().unwrap() });
                    let number = looker.look(line.trim_end().as_bytes());
                    prop_assert!(path.starts_with(&format!("{}part-p-00000-", looker.partitions()[number].folder)), "{} {}", path, line);
                }
            }
            for line in &lines {
                *found.entry(line).or_default() -= 1;
            }
            prop_assert!(found.values().all(|n| *n == 0), "{:?}", found);
        }
    }

    #[test]
    fn partitions_that_take_turns_do_not_make_a_file_for_each_record() {
        let lines: String = (0..10_000)
            .map(|i| format!("{{\"provider\":\"p{}\",\"product\":\"vpc\",\"start_ms\":1}}\n", i % 20))
            .collect();
        let bounds = Bounds { open: 4, waiting: 100_000, file: 1 << 20 };
        let (objects, _) = routed(lines.as_bytes(), &[1000], format(Compression::None), "provider", bounds);
        let folders: BTreeSet<_> = objects.keys().filter_map(|path| path.split('/').next()).collect();
        assert_eq!(folders.len(), 20);
        assert!(objects.len() < 100, "{}", objects.len());
    }

    #[test]
    fn a_record_that_is_not_whole_is_no_end() {
        let mut router = Router::new(
            Arc::new(Memory::default()),
            format(Compression::None),
            Partitioning::default(),
            Bounds { open: 1, waiting: 1, file: 1 },
            String::new(),
        );
        router.push(b"{}\n{").unwrap();
        assert!(router.finish().is_err());
    }
}
