//! What is written is read, and nothing else is.

use proptest::prelude::*;

use super::super::{Piece, Structure, Word};
use super::*;

fn record(line: &str) -> Record {
    let words: Vec<Word<'_>> = line.split(' ').map(Word::bare).collect();
    let piece = Piece { words: &words, runner: None, files: &[] };
    Record {
        tool: ToolKind::Bash,
        outcome: Outcome::Failed,
        error: ErrorClass::UnknownOption,
        duration: 12,
        host: HostType::LoginNode,
        day: 20_454,
        shape: Some(Shape::of(&[piece], Structure::default())),
    }
}

#[test]
fn a_record_is_small_and_comes_back() {
    for line in
        ["", "ls", "git commit -a -m x", "rsync -avzrnPhuclLpogtDqx a b", "sbatch --gpus=4 --mem=3 x.sh"]
    {
        let bytes = record(line).encode();
        assert!(bytes.len() <= 60, "{} bytes", bytes.len());
        assert_eq!(Record::decode(&bytes), Ok(record(line)));
    }
    let other = Record { tool: ToolKind::Read, shape: None, ..record("ls") };
    assert_eq!(Record::decode(&other.encode()), Ok(other));
}

#[test]
fn what_is_newer_is_refused() {
    let mut bytes = record("ls").encode();
    bytes[0] = 2;
    assert_eq!(Record::decode(&bytes), Err(Refused::Version(2)));
    bytes[..2].copy_from_slice(&[1, 9]);
    assert_eq!(Record::decode(&bytes), Err(Refused::Kind(9)));
}

/// Nothing can ride along: any change of any byte is refused or is another record's only encoding.
#[test]
fn there_is_one_encoding() {
    let bytes = record("git commit -a -m x").encode();
    for at in 0..bytes.len() {
        for value in 0..=255 {
            let mut changed = bytes.clone();
            changed[at] = value;
            if let Ok(read) = Record::decode(&changed) {
                assert_eq!(read.encode(), changed);
                let _ = read.to_json();
            }
        }
        assert_eq!(Record::decode(&bytes[..at]), Err(Refused::Damaged));
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Record::decode(&longer), Err(Refused::Damaged));
}

proptest! {
    #[test]
    fn every_bit_pattern_is_an_error_or_a_record(tail in prop::collection::vec(any::<u8>(), 0..60)) {
        let bytes = [&[VERSION, COMMAND_OUTCOME][..], &tail].concat();
        for bytes in [&tail, &bytes] {
            if let Ok(read) = Record::decode(bytes) {
                prop_assert_eq!(&read.encode(), bytes);
            }
        }
    }

    /// Small numbers are what a record is made of.
    #[test]
    fn small_numbers_too(tail in prop::collection::vec(0_u8..4, 9..34)) {
        let bytes = [&[VERSION, COMMAND_OUTCOME][..], &tail].concat();
        if let Ok(read) = Record::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
            let _ = read.to_json();
        }
    }
}
