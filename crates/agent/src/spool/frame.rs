//! How a record lies in a file: a checksum, a space, JSON without a newline, a newline.
//!
//! A write that was torn leaves a line without its end or with a wrong checksum. Such a line is left out and
//! counted; every other line stands for itself.

use sha2::{Digest, Sha256};

use crate::record::Record;

const CHECKSUM_DIGITS: usize = 16;

/// Appends one record as one line.
pub(super) fn encode(record: &Record, into: &mut Vec<u8>) {
    // A record has string keys and holds JSON already: writing it cannot fail.
    let Ok(json) = serde_json::to_vec(record) else { return };
    // Raw JSON may hold newlines between its members; a line may not.
    let json: Vec<u8> = json.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }).collect();
    into.extend_from_slice(checksum(&json).as_bytes());
    into.push(b' ');
    into.extend_from_slice(&json);
    into.push(b'\n');
}

/// The records of a file in order, and how many lines could not be read.
pub(super) fn decode(bytes: &[u8]) -> (Vec<Record>, u64) {
    let mut records = Vec::new();
    let mut damaged = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n").and_then(decode_line) {
            Some(record) => records.push(record),
            None => damaged += 1,
        }
    }
    (records, damaged)
}

fn decode_line(line: &[u8]) -> Option<Record> {
    let (sum, rest) = line.split_at_checked(CHECKSUM_DIGITS)?;
    let json = rest.strip_prefix(b" ")?;
    if checksum(json).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn checksum(json: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(json));
    digits.truncate(CHECKSUM_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn record(at: i64, body: &str) -> Record {
        let body = RawValue::from_string(body.to_owned()).unwrap();
        Record { key: format!("k{at}"), at, kind: Kind::Event, id: None, body }
    }

    fn keys(records: &[Record]) -> Vec<&str> {
        records.iter().map(|record| record.key.as_str()).collect()
    }

    proptest! {
        /// Cutting a file anywhere loses the records behind the cut and no other.
        #[test]
        fn a_truncated_file_loses_only_its_tail(texts in prop::collection::vec("\\PC{0,30}", 1..8), cut in 0usize..2000) {
            let mut file = Vec::new();
            let mut ends = Vec::new();
            for (at, text) in (0..).zip(&texts) {
                encode(&record(at, &serde_json::json!({"text": text}).to_string()), &mut file);
                ends.push(file.len());
            }
            let cut = cut.min(file.len());
            let (records, damaged) = decode(&file[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(records.len(), whole);
            prop_assert_eq!(keys(&records), (0..whole).map(|at| format!("k{at}")).collect::<Vec<_>>());
            let at_an_end = cut == 0 || ends.contains(&cut);
            prop_assert_eq!(damaged, u64::from(!at_an_end));
        }

        /// A byte that changed costs at most the lines it touches.
        #[test]
        fn a_changed_byte_costs_at_most_two_lines(at in 0usize..2000, with in any::<u8>()) {
            let mut file = Vec::new();
            (0..6).for_each(|n| encode(&record(n, r#"{"a":1}"#), &mut file));
            let at = at % file.len();
            file[at] = with;
            let (records, _) = decode(&file);
            prop_assert!(records.len() >= 4);
        }
    }

    #[test]
    fn json_with_newlines_stays_one_line() {
        let mut file = Vec::new();
        encode(&record(1, "{\n \"a\":\r\n 1}"), &mut file);
        assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(decode(&file).0.len(), 1);
    }
}
