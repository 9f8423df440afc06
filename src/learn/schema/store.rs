//! The bytes of schemas.

use super::event::{path, put_path};
use super::field::Field;
use super::table::Table;
use super::{About, Block, DEPTH_MAX, Event, Kept, Kind, Node, Root, Schema};
use crate::command::shape::Category;
use crate::model::bytes::{Bytes, put_count};

const KINDS: [Kind; 4] = [Kind::Taken, Kind::Dropped, Kind::Split, Kind::Joined];

impl Schema {
    /// Their bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let Self { roots, events, last, reached, blocks } = self;
        bytes.extend(last.to_le_bytes());
        bytes.extend(reached.to_le_bytes());
        put_count(bytes, roots.len());
        for (category, Root { version, node }) in roots {
            bytes.push(category.code());
            bytes.extend(version.to_le_bytes());
            put_node(bytes, node);
        }
        put_count(bytes, events.len());
        events.iter().for_each(|event| event.encode(bytes));
        put_count(bytes, blocks.len());
        for Block { category, path, field, kind, left, event } in blocks {
            bytes.extend([category.code(), *kind as u8]);
            field.encode(bytes);
            bytes.extend(left.to_le_bytes());
            bytes.extend(event.to_le_bytes());
            put_path(bytes, path);
        }
    }

    /// What [`Self::encode`] has written; `None` for anything else.
    pub fn decode(rest: &mut Bytes<'_>) -> Option<Self> {
        let mut schema = Self { last: rest.u32()?, reached: rest.u16()?, ..Self::default() };
        for _ in 0..rest.count(16)? {
            let category = Category::from_code(rest.byte()?)?;
            schema.roots.insert(category, Root { version: rest.u32()?, node: node(rest, 0)? });
        }
        for _ in 0..rest.count(16)? {
            schema.events.push(Event::decode(rest)?);
        }
        for _ in 0..rest.count(16)? {
            schema.blocks.push(Block {
                category: Category::from_code(rest.byte()?)?,
                kind: KINDS.get(usize::from(rest.byte()?)).copied()?,
                field: Field::decode(rest)?,
                left: rest.u32()?,
                event: rest.u32()?,
                path: path(rest)?,
            });
        }
        Some(schema)
    }
}

fn put_node(bytes: &mut Vec<u8>, node: &Node) {
    let Node { since, event, about, fields, table, rest_since, children } = node;
    bytes.extend(since.to_le_bytes());
    bytes.extend(event.to_le_bytes());
    bytes.push(about.map_or(0, About::code));
    bytes.extend(rest_since.to_le_bytes());
    put_count(bytes, fields.len());
    for (field, Kept { since, event }) in fields {
        field.encode(bytes);
        bytes.extend(since.to_le_bytes());
        bytes.extend(event.to_le_bytes());
    }
    table.encode(bytes);
    put_count(bytes, children.len());
    for (field, child) in children {
        field.encode(bytes);
        put_node(bytes, child);
    }
}

fn node(rest: &mut Bytes<'_>, depth: usize) -> Option<Node> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (since, event) = (rest.u16()?, rest.u32()?);
    let about = match rest.byte()? {
        0 => None,
        code => Some(About::from_code(code)?),
    };
    let mut node = Node { since, event, about, rest_since: rest.u16()?, ..Node::default() };
    for _ in 0..rest.count(10)? {
        let field = Field::decode(rest)?;
        node.fields.insert(field, Kept { since: rest.u16()?, event: rest.u32()? });
    }
    node.table = Table::decode(rest)?;
    for _ in 0..rest.count(16)? {
        let field = Field::decode(rest)?;
        node.children.push((field, self::node(rest, depth + 1)?));
    }
    Some(node)
}
