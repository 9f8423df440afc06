//! What has changed about a schema, when, and the figures that decided it.

use super::field::{Field, name};
use crate::command::shape::Category;
use crate::learn::pattern::Tier;
use crate::model::bytes::{Bytes, put_count};

/// What tells a sub-category from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// How often it fails.
    Failing,
    /// How often it takes as long as that, or longer.
    /// Two bounds there are: eight seconds and two minutes.
    Taking(Tier),
}

impl About {
    const ALL: [Self; 3] = [Self::Failing, Self::Taking(Tier::Slow), Self::Taking(Tier::Long)];

    /// The byte it is stored as, which is never 0.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Failing => 1,
            Self::Taking(Tier::Brief | Tier::Quick | Tier::Slow) => 2,
            Self::Taking(Tier::Long) => 3,
        }
    }

    /// What was stored as `code`.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.code() == code)
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub hit: u32,
    pub of: u32,
}

impl Share {
    /// In whole per cent, rounded.
    #[must_use]
    pub fn percent(self) -> u32 {
        let of = u64::from(self.of.max(1));
        u32::try_from((u64::from(self.hit) * 100 + of / 2) / of).unwrap_or(100)
    }
}

/// What a change was, with the figures that decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A field was taken into the schema: so many of the commands had it, on so many days.
    Taken { field: Field, share: Share, days: u16 },
    /// And dropped.
    Dropped { field: Field, share: Share },
    /// A sub-category split off: those with the field.
    Split { field: Field, about: About, with: Share, rest: Share, millibits: u16 },
    /// It went back to where it had come from: so many of the commands belonged to it.
    Joined { field: Field, share: Share },
    /// No command of the category was run for thirty days; fields and sub-categories went.
    Lapsed,
    /// A person undid a change, and so many that rested on it.
    Undone { event: u32, others: u16 },
}

impl Change {
    /// The field it is about, if it is about one.
    #[must_use]
    pub fn field(self) -> Option<Field> {
        match self {
            Self::Taken { field, .. }
            | Self::Dropped { field, .. }
            | Self::Split { field, .. }
            | Self::Joined { field, .. } => Some(field),
            Self::Lapsed | Self::Undone { .. } => None,
        }
    }

    /// How many commands it rests on.
    #[must_use]
    pub fn evidence(self) -> u32 {
        match self {
            Self::Taken { share, .. } | Self::Dropped { share, .. } | Self::Joined { share, .. } => share.of,
            Self::Split { with, rest, .. } => with.of + rest.of,
            Self::Lapsed | Self::Undone { .. } => 0,
        }
    }
}

/// One change of one category's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counted over all categories, from 1; never used again.
    pub number: u32,
    /// Since 1970. The figures are of the thirty days before it.
    pub day: u16,
    pub category: Category,
    /// Counted by category.
    pub version: u32,
    /// The fields that lead from the category to what has changed.
    pub path: Vec<Field>,
    pub change: Change,
    /// The number of the event that undid it.
    pub undone: Option<u32>,
}

impl Event {
    /// The name of what has changed.
    #[must_use]
    pub fn name(&self) -> String {
        name(self.category, &self.path)
    }

    /// The name of the sub-category that came or went, or of what has changed if none did.
    #[must_use]
    pub fn name_below(&self) -> String {
        let path: Vec<Field> = self.path.iter().copied().chain(self.change.field()).collect();
        name(self.category, &path)
    }

    /// Its bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let Self { number, day, category, version, path, change, undone } = self;
        bytes.extend(number.to_le_bytes());
        bytes.extend(day.to_le_bytes());
        bytes.push(category.code());
        bytes.extend(version.to_le_bytes());
        put_path(bytes, path);
        bytes.extend(undone.unwrap_or(0).to_le_bytes());
        match *change {
            Change::Taken { field, share, days } => {
                put(bytes, 0, Some(field), &[share]);
                bytes.extend(days.to_le_bytes());
            }
            Change::Dropped { field, share } => put(bytes, 1, Some(field), &[share]),
            Change::Split { field, about, with, rest, millibits } => {
                put(bytes, 2, Some(field), &[with, rest]);
                bytes.push(about.code());
                bytes.extend(millibits.to_le_bytes());
            }
            Change::Joined { field, share } => put(bytes, 3, Some(field), &[share]),
            Change::Lapsed => put(bytes, 4, None, &[]),
            Change::Undone { event, others } => {
                put(bytes, 5, None, &[]);
                bytes.extend(event.to_le_bytes());
                bytes.extend(others.to_le_bytes());
            }
        }
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let (number, day) = (rest.u32()?, rest.u16()?);
        let (category, version) = (Category::from_code(rest.byte()?)?, rest.u32()?);
        let path = path(rest)?;
        let undone = Some(rest.u32()?).filter(|number| *number > 0);
        let share = |rest: &mut Bytes<'_>| Some(Share { hit: rest.u32()?, of: rest.u32()? });
        let change = match rest.byte()? {
            0 => Change::Taken { field: Field::decode(rest)?, share: share(rest)?, days: rest.u16()? },
            1 => Change::Dropped { field: Field::decode(rest)?, share: share(rest)? },
            2 => {
                let (field, with, others) = (Field::decode(rest)?, share(rest)?, share(rest)?);
                let about = About::from_code(rest.byte()?)?;
                Change::Split { field, about, with, rest: others, millibits: rest.u16()? }
            }
            3 => Change::Joined { field: Field::decode(rest)?, share: share(rest)? },
            4 => Change::Lapsed,
            5 => Change::Undone { event: rest.u32()?, others: rest.u16()? },
            _ => return None,
        };
        Some(Self { number, day, category, version, path, change, undone })
    }
}

fn put(bytes: &mut Vec<u8>, kind: u8, field: Option<Field>, shares: &[Share]) {
    bytes.push(kind);
    if let Some(field) = field {
        field.encode(bytes);
    }
    for Share { hit, of } in shares {
        bytes.extend(hit.to_le_bytes());
        bytes.extend(of.to_le_bytes());
    }
}

/// Writes the fields of a path.
pub(super) fn put_path(bytes: &mut Vec<u8>, path: &[Field]) {
    put_count(bytes, path.len());
    path.iter().for_each(|field| field.encode(bytes));
}

/// What [`put_path`] has written.
pub(super) fn path(rest: &mut Bytes<'_>) -> Option<Vec<Field>> {
    (0..rest.count(4)?).map(|_| Field::decode(rest)).collect()
}
