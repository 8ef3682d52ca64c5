//! What is in a queue, without opening it.

use crate::{
    disk::Disk,
    error::Error,
    progress::Progress,
    queue::{Sequence, segments},
    segment::{Step, Walk, is_body_sound},
};

/// Places that are told of; more are counted.
const TOLD: usize = 100;

/// What [`check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Pages that are sound and not acknowledged, as far as that is saved.
    pub pages: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// A process has the queue open.
    pub is_in_use: bool,
    /// Damaged places, the first hundred.
    pub damage: Vec<Damage>,
    /// How many there are.
    pub damaged: u64,
    /// Bytes at the end of the last segment that are no whole page. They are left by a crash, were
    /// not promised to anybody, and are cut off when the queue is opened.
    pub torn: u64,
}

/// A damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: String,
    /// Where it begins.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
    /// What is wrong.
    pub what: String,
}

/// Reads all pages of a queue and tells what is damaged; changes nothing, and takes little memory.
/// While another process has the queue open it may miss what changes.
pub fn check<D: Disk>(disk: &D) -> Result<Report, Error> {
    // Where the folder can't be locked, such as one of another user, it can be looked at all the same.
    let lock = disk.lock();
    let mut report = Report { is_in_use: matches!(lock, Ok(None)), ..Report::default() };
    let done = Progress::load(disk).saved().unwrap_or(0);
    let entries = disk.list().map_err(|e| Error::file("buffer", "list the folder", &e))?;
    let segments = segments(&entries);
    for (index, (name, len)) in segments.iter().enumerate() {
        let next = segments.get(index + 1).map(|(next, _)| next.first);
        let text = name.text();
        let file = match disk.open(&text) {
            // It was acknowledged in the meantime.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            result => result.map_err(|e| Error::file(&text, "open a segment", &e))?,
        };
        let failed = |e| Error::file(&text, "read a segment", &e);
        report.bytes += len;
        if *len == 0 && next.is_some_and(|next| next > name.first) {
            report.add(&text, 0, 0, "the file is empty".into());
        }
        let mut walk = Walk::new(*name);
        loop {
            let at = walk.at;
            match walk.step(&file, *len).map_err(failed)? {
                Step::End => break,
                Step::Page(head) => {
                    walk.pass(&head);
                    if !is_body_sound(&file, at, &head).map_err(failed)? {
                        let what = format!("page {} is not what was written", head.sequence);
                        report.add(&text, at, head.total(), what);
                    } else if head.sequence > done {
                        report.pages += 1;
                        report.records += u64::from(head.records);
                    }
                }
                Step::Newer(version) => {
                    let what = format!("written by a later version (format {version})");
                    report.add(&text, at, len - at, what);
                    break;
                }
                Step::Damaged { from, to, .. } if next.is_none() && to == *len => report.torn = to - from,
                Step::Damaged { from, to, is_cut } => {
                    report.add(&text, from, to - from, damage(is_cut, walk.expected));
                }
            }
        }
    }
    Ok(report)
}

fn damage(is_cut: bool, sequence: Sequence) -> String {
    match is_cut {
        true => format!("page {sequence} is cut short"),
        false => format!("there should be page {sequence}"),
    }
}

impl Report {
    fn add(&mut self, file: &str, offset: u64, len: u64, what: String) {
        self.damaged += 1;
        if self.damage.len() < TOLD {
            self.damage.push(Damage { file: file.into(), offset, len, what });
        }
    }
}
