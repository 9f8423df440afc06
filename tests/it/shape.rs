//! What the vocabulary makes of commands from the world: how many it knows, and that nothing of them
//! is left in what is kept.

use std::collections::{BTreeMap, BTreeSet};

use claude_sync::command::shape::{
    Category, DataKind, ErrorClass, HostType, Outcome, PathKind, Record, Shape, Subcommand, Tool, ToolKind,
    Trait, Wrapper,
};

use crate::sandbox::cases;

fn shape(line: &str) -> Shape {
    Shape::of_text(line)
}

/// What is no command line.
fn is_command(line: &str) -> bool {
    (!line.starts_with(['#', '<', '^']) || line.starts_with("#SBATCH ")) && !line.trim().is_empty()
}

#[test]
fn most_commands_are_known() {
    let Some(cases) = cases() else { return };
    let text = std::fs::read_to_string(cases.join("commands.txt")).expect("commands");
    let lines: Vec<&str> = text.lines().filter(|line| is_command(line)).collect();
    let shapes: Vec<Shape> = lines.iter().map(|line| shape(line)).collect();
    let share = |part: usize, whole: usize| part * 1000 / whole.max(1);
    let categories = shapes.iter().filter(|shape| shape.category != Category::Other).count();
    let tools = shapes.iter().filter(|shape| shape.tool.is_some()).count();
    let with = shapes.iter().filter(|shape| shape.subcommand != Subcommand::None).count();
    let known = shapes.iter().filter(|shape| matches!(shape.subcommand, Subcommand::Known(_))).count();
    let (categories, tools) = (share(categories, shapes.len()), share(tools, shapes.len()));
    let subcommands = share(known, with);
    println!("of {} commands, in thousandths: category {categories}, tool {tools}", shapes.len());
    println!("of {with} with a subcommand, in thousandths: {subcommands}");
    if std::env::var_os("CS_SHOW").is_some() {
        for (line, shape) in lines.iter().zip(&shapes) {
            if shape.tool.is_none() || shape.subcommand == Subcommand::Other {
                println!("{} {line}", shape.tool.map_or("?", Tool::name));
            }
        }
    }
    assert!(categories >= 880 && tools >= 880 && subcommands >= 750);
}

/// Every word there is.
pub fn vocabulary() -> BTreeSet<&'static str> {
    let mut words: BTreeSet<&str> =
        ["other", "none", "command_outcome", "simple", "short", "compound", "script"].into();
    words.extend(Category::ALL.iter().map(|it| it.word()));
    words.extend(Wrapper::ALL.iter().map(|it| it.word()));
    words.extend(DataKind::ALL.iter().map(|it| it.word()));
    words.extend(PathKind::ALL.iter().map(|it| it.word()));
    words.extend(Trait::ALL.iter().map(|it| it.word()));
    words.extend(ToolKind::ALL.iter().map(|it| it.word()));
    words.extend(Outcome::ALL.iter().map(|it| it.word()));
    words.extend(HostType::ALL.iter().map(|it| it.word()));
    words.extend(ErrorClass::ALL.iter().map(|it| it.word()));
    for tool in (0..Tool::COUNT).filter_map(Tool::from_code) {
        words.insert(tool.name());
        words.extend(tool.subcommands().map(|(name, _)| name));
        words.extend(tool.flags().map(|(names, _)| names));
    }
    words
}

pub fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

fn record(shape: Shape) -> Record {
    Record {
        tool: ToolKind::Bash,
        outcome: Outcome::Ok,
        error: ErrorClass::Other,
        duration: 9,
        host: HostType::Server,
        day: 20_454,
        shape: Some(shape),
    }
}

/// ZK-1: what is kept of a command says nothing that the vocabulary doesn't.
#[test]
fn nothing_foreign_is_kept() {
    let own =
        ["git commit -m s3cr3t", "ssh alice@vault.example 'cat /etc/shadow'", "frob --frob=frob /home/frob"];
    let mut lines: Vec<String> = own.iter().map(|line| (*line).to_owned()).collect();
    if let Some(cases) = cases() {
        for name in ["commands.txt", "secrets.tsv"] {
            let text = std::fs::read_to_string(cases.join(name)).expect(name);
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    let words = vocabulary();
    let mut sizes = BTreeMap::new();
    for line in &lines {
        let record = record(shape(line));
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Ok(record), "{line}");
        assert!(bytes.len() <= 60, "{line}: {} bytes", bytes.len());
        *sizes.entry(bytes.len()).or_insert(0) += 1;
        let mut said = Vec::new();
        strings(&record.to_json(), &mut said);
        let foreign = said.iter().find(|word| !words.contains(word.as_str()));
        assert_eq!(foreign, None, "{line}");
    }
    println!("bytes of a record: {sizes:?}; at most {:.0} bits", Record::bits());
}
