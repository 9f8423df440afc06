//! What is kept of a command's run: a few dozen bytes in which nothing can be hidden.
//!
//! There is one encoding of a record, and every byte of it is checked when it is read: what decodes
//! is in the vocabulary, and encodes to the same bytes.

use serde_json::{Value, json};
use thiserror::Error;

use super::{
    Bits, Category, Complexity, DataKind, ErrorClass, Flags, HostType, Outcome, PathKind, Shape, Subcommand,
    Tool, ToolKind, Trait, Wrapper,
};
use crate::model::bytes::Bytes;

/// The format. It also says how much vocabulary there was: what a newer one wrote may not be known here.
const VERSION: u8 = 1;

/// What a record is about. There will be others.
const COMMAND_OUTCOME: u8 = 1;

const NO_TOOL: u16 = u16::MAX;
const NO_SUBCOMMAND: u8 = u8::MAX;
const OTHER_SUBCOMMAND: u8 = u8::MAX - 1;
const DURATION_BUCKET_MAX: u8 = 31;
const FEW_MAX: u8 = 3;

/// How one call of a tool went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    pub tool: ToolKind,
    pub outcome: Outcome,
    /// [`ErrorClass::Other`] when it didn't fail.
    pub error: ErrorClass,
    /// Of milliseconds: [`super::duration_bucket`].
    pub duration: u8,
    pub host: HostType,
    /// Since 1970, in UTC.
    pub day: u16,
    /// Of a shell command.
    pub shape: Option<Shape>,
}

/// Why bytes are no record.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    #[error("a record of format {0}, which this version of cs does not know")]
    Version(u8),
    #[error("a record of kind {0}, which this version of cs does not know")]
    Kind(u8),
    #[error("a damaged record")]
    Damaged,
}

impl Record {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { tool, outcome, error, duration, host, day, shape } = self;
        let mut bytes = vec![VERSION, COMMAND_OUTCOME, tool.code(), outcome.code(), error.code()];
        bytes.extend([(*duration).min(DURATION_BUCKET_MAX), host.code()]);
        bytes.extend(day.to_le_bytes());
        bytes.push(u8::from(shape.is_some()));
        if let Some(shape) = shape {
            encode_shape(shape, &mut bytes);
        }
        bytes
    }

    /// # Errors
    /// The bytes are of another format or kind, or not such as [`Self::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let mut rest = Bytes(bytes);
        match byte(&mut rest)? {
            VERSION => {}
            version => return Err(Refused::Version(version)),
        }
        match byte(&mut rest)? {
            COMMAND_OUTCOME => {}
            kind => return Err(Refused::Kind(kind)),
        }
        let record = Self {
            tool: one_of(&mut rest, ToolKind::from_code)?,
            outcome: one_of(&mut rest, Outcome::from_code)?,
            error: one_of(&mut rest, ErrorClass::from_code)?,
            duration: up_to(&mut rest, DURATION_BUCKET_MAX)?,
            host: one_of(&mut rest, HostType::from_code)?,
            day: number(&mut rest)?,
            shape: match up_to(&mut rest, 1)? {
                0 => None,
                _ => Some(decode_shape(&mut rest)?),
            },
        };
        if rest.0.is_empty() { Ok(record) } else { Err(Refused::Damaged) }
    }

    /// In words of the vocabulary.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { tool, outcome, error, duration, host, day, shape } = self;
        json!({
            "kind": "command_outcome",
            "tool": tool.word(),
            "outcome": outcome.word(),
            "error": if *outcome == Outcome::Failed { error.word() } else { "none" },
            "duration_log2_ms": duration,
            "host": host.word(),
            "day": day,
            "shape": shape.as_ref().map(Shape::to_json),
        })
    }

    /// How many bits a record can carry at most, its day among them.
    #[must_use]
    pub fn bits() -> f64 {
        let sets = [ToolKind::ALL.len(), Outcome::ALL.len(), ErrorClass::ALL.len(), HostType::ALL.len()];
        let sets: f64 =
            sets.iter().map(|len| f64::from(u32::try_from(*len).unwrap_or(u32::MAX)).log2()).sum();
        // The bit that says whether there is a shape, and the shape.
        sets + 5.0 + 16.0 + 1.0 + Shape::bits()
    }
}

/// A program, what it is told to do, and how: in a record, and wherever else that is kept.
pub fn encode_program(tool: Option<Tool>, subcommand: Subcommand, flags: Flags, bytes: &mut Vec<u8>) {
    bytes.extend(tool.map_or(NO_TOOL, Tool::code).to_le_bytes());
    bytes.push(match subcommand {
        Subcommand::None => NO_SUBCOMMAND,
        Subcommand::Other => OTHER_SUBCOMMAND,
        Subcommand::Known(place) => place,
    });
    let places: Vec<u8> = flags.places().collect();
    bytes.push(u8::try_from(places.len()).unwrap_or_default());
    bytes.extend(places);
}

/// What [`encode_program`] has written.
///
/// # Errors
/// When it is not such as that writes, or not in the vocabulary.
pub fn decode_program(rest: &mut Bytes<'_>) -> Result<(Option<Tool>, Subcommand, Flags), Refused> {
    let tool = match number(rest)? {
        NO_TOOL => None,
        code => Some(Tool::from_code(code).ok_or(Refused::Damaged)?),
    };
    let (subcommands, flag_count) =
        tool.map_or((0, 0), |tool| (tool.subcommands().len(), tool.flags().len()));
    let subcommand = match byte(rest)? {
        NO_SUBCOMMAND => Subcommand::None,
        OTHER_SUBCOMMAND => Subcommand::Other,
        place if usize::from(place) < subcommands => Subcommand::Known(place),
        _ => return Err(Refused::Damaged),
    };
    let mut flags = Flags::default();
    let mut last = None;
    let count = byte(rest)?;
    if usize::from(count) > Flags::COUNT_MAX {
        return Err(Refused::Damaged);
    }
    for _ in 0..count {
        let place = byte(rest)?;
        if usize::from(place) >= flag_count || last.is_some_and(|last| place <= last) {
            return Err(Refused::Damaged);
        }
        flags.add(place);
        last = Some(place);
    }
    Ok((tool, subcommand, flags))
}

fn encode_shape(shape: &Shape, bytes: &mut Vec<u8>) {
    let Shape { category, wrapper, tool, subcommand, flags, flags_unknown, complexity, .. } = shape;
    let Shape { data, places, traits, pipes, lists, .. } = shape;
    bytes.extend([category.code(), wrapper.code(), complexity.code()]);
    encode_program(*tool, *subcommand, *flags, bytes);
    // Three numbers of two bits.
    bytes.push(flags_unknown | pipes << 2 | lists << 4);
    for bits in [data, places, traits] {
        bytes.extend(bits.0.to_le_bytes());
    }
}

fn decode_shape(rest: &mut Bytes<'_>) -> Result<Shape, Refused> {
    let category = one_of(rest, Category::from_code)?;
    let wrapper = one_of(rest, Wrapper::from_code)?;
    let complexity = one_of(rest, Complexity::from_code)?;
    let (tool, subcommand, flags) = decode_program(rest)?;
    let few = up_to(rest, 0b0011_1111)?;
    Ok(Shape {
        category,
        wrapper,
        tool,
        subcommand,
        flags,
        flags_unknown: few & FEW_MAX,
        complexity,
        pipes: few >> 2 & FEW_MAX,
        lists: few >> 4 & FEW_MAX,
        data: set_of(rest, DataKind::ALL.len())?,
        places: set_of(rest, PathKind::ALL.len())?,
        traits: set_of(rest, Trait::ALL.len())?,
    })
}

fn byte(rest: &mut Bytes<'_>) -> Result<u8, Refused> {
    rest.byte().ok_or(Refused::Damaged)
}

fn number(rest: &mut Bytes<'_>) -> Result<u16, Refused> {
    rest.u16().ok_or(Refused::Damaged)
}

fn up_to(rest: &mut Bytes<'_>, max: u8) -> Result<u8, Refused> {
    byte(rest).and_then(|byte| if byte <= max { Ok(byte) } else { Err(Refused::Damaged) })
}

fn one_of<T>(rest: &mut Bytes<'_>, from_code: fn(u8) -> Option<T>) -> Result<T, Refused> {
    from_code(byte(rest)?).ok_or(Refused::Damaged)
}

fn set_of(rest: &mut Bytes<'_>, len: usize) -> Result<Bits, Refused> {
    let bits = number(rest)?;
    if u32::from(bits) < 1 << len { Ok(Bits(bits)) } else { Err(Refused::Damaged) }
}

#[cfg(test)]
mod tests;
