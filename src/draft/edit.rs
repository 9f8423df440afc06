//! Changes to a profile's text that leave the rest of it alone: comments, order and spelling stay.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike};

use super::toml::{key, value};
use crate::model::Pointer;

/// One change to a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// `[section]` has this value at the pointer.
    Set { section: &'static str, pointer: Pointer, value: Value },
    /// It has no longer.
    Drop { section: &'static str, pointer: Pointer },
    /// A list in `[section]` has this element.
    Add { section: &'static str, pointer: Pointer, value: Value },
    /// It has no longer.
    Take { section: &'static str, pointer: Pointer, value: Value },
    /// `[section.name]` has these fields; those without a value go.
    Fields { section: &'static str, name: String, fields: Vec<(String, Option<Value>)> },
    /// `[hooks.name]` no longer runs on this event; with its last one it goes.
    Event { name: String, event: String },
    /// `[section.name]` goes.
    Table { section: &'static str, name: String },
    /// Text at the end.
    Append(String),
}

/// Why a profile can't be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("it is no TOML: {0}")]
    Toml(String),
    #[error("`{0}` is not where it should be")]
    Missing(String),
    #[error("TOML has no value for `{0}`")]
    Value(String),
}

/// The text with all the changes made.
///
/// # Errors
/// When one of them can't be.
pub fn edit(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let parsed = text.parse::<DocumentMut>();
    let mut document = parsed.map_err(|error| EditError::Toml(error.message().to_owned()))?;
    let mut appended = String::new();
    for edit in edits {
        match edit {
            Edit::Append(text) => {
                appended.push('\n');
                appended.push_str(text);
            }
            edit => one(&mut document, edit)?,
        }
    }
    Ok(insert(document.to_string(), &appended))
}

/// Puts further tables where people would: hooks behind the last hook, others behind the last of all that is
/// declared, in front of what the profile ends with in comments.
fn insert(mut text: String, appended: &str) -> String {
    if appended.is_empty() {
        return text;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let Ok(parsed) = toml_edit::Document::parse(text.as_str()) else { return text + appended };
    let is_hook = appended.starts_with("\n[hooks.");
    let hooks = parsed.as_table().get("hooks").filter(|_| is_hook).and_then(end);
    let last = hooks.or_else(|| parsed.as_table().iter().filter_map(|(_, item)| end(item)).max());
    let last = last.unwrap_or_default();
    let at = text[last..].find('\n').map_or(text.len(), |at| last + at + 1);
    let gap = if text[at..].is_empty() || text[at..].starts_with('\n') { "" } else { "\n" };
    text.insert_str(at, &[appended, gap].concat());
    text
}

/// Where the last thing in it ends.
fn end(item: &Item) -> Option<usize> {
    let own = item.span().map(|span| span.end);
    let below = match item {
        Item::Table(table) => table.iter().filter_map(|(_, item)| end(item)).max(),
        Item::ArrayOfTables(tables) => {
            tables.iter().flat_map(Table::iter).filter_map(|(_, item)| end(item)).max()
        }
        Item::Value(_) | Item::None => None,
    };
    own.max(below)
}

fn one(document: &mut DocumentMut, edit: &Edit) -> Result<(), EditError> {
    match edit {
        Edit::Set { section, pointer, value: new } => {
            let name = || spelled(section, pointer);
            let mut new = value(new).ok_or_else(|| EditError::Value(name()))?;
            match find(document, section, pointer, |_| true) {
                Some(item) => {
                    if let Some(old) = item.as_value() {
                        *new.decor_mut() = old.decor().clone();
                    }
                    *item = Item::Value(new);
                    Ok(())
                }
                None => make(document, section, pointer, Item::Value(new))
                    .ok_or_else(|| EditError::Missing(name())),
            }
        }
        Edit::Add { section, pointer, value: new } => {
            let name = || spelled(section, pointer);
            let element = value(new).ok_or_else(|| EditError::Value(name()))?;
            match find(document, section, pointer, Item::is_array).and_then(Item::as_array_mut) {
                Some(array) => {
                    push(array, element);
                    Ok(())
                }
                None => {
                    let list = Item::Value(std::iter::once(element).collect::<Array>().into());
                    make(document, section, pointer, list).ok_or_else(|| EditError::Missing(name()))
                }
            }
        }
        Edit::Take { section, pointer, value: old } => {
            let at = |array: &Array| array.iter().position(|item| is(item, old));
            let has = |item: &Item| item.as_array().is_some_and(|array| at(array).is_some());
            let array = find(document, section, pointer, has).and_then(Item::as_array_mut);
            let array = array.ok_or_else(|| EditError::Missing(spelled(section, pointer)))?;
            let at = at(array);
            at.into_iter().for_each(|at| take(array, at));
            Ok(())
        }
        Edit::Drop { section, pointer } => {
            remove(document, section, pointer).ok_or_else(|| EditError::Missing(spelled(section, pointer)))
        }
        Edit::Table { section, name } => {
            let pointer = vec![name.clone()];
            remove(document, section, &pointer).ok_or_else(|| EditError::Missing(spelled(section, &pointer)))
        }
        Edit::Fields { section, name, fields } => {
            let missing = || EditError::Missing(spelled(section, std::slice::from_ref(name)));
            let table = find(document, section, std::slice::from_ref(name), Item::is_table_like);
            let table = table.and_then(Item::as_table_like_mut).ok_or_else(missing)?;
            for (field, new) in fields {
                match new {
                    Some(new) => {
                        let mut new = value(new).ok_or_else(|| EditError::Value(field.clone()))?;
                        if let Some(old) = table.get(field).and_then(Item::as_value) {
                            *new.decor_mut() = old.decor().clone();
                        }
                        table.insert(field, Item::Value(new));
                    }
                    None => drop(table.remove(field)),
                }
            }
            Ok(())
        }
        Edit::Event { name, event } => {
            let pointer = vec![name.clone(), "event".to_owned()];
            let wanted = Value::from(event.as_str());
            let several = |item: &Item| item.as_array().is_some_and(|array| array.len() > 1);
            if let Some(array) = find(document, "hooks", &pointer, several).and_then(Item::as_array_mut) {
                let at = array.iter().position(|item| is(item, &wanted));
                at.into_iter().for_each(|at| take(array, at));
                return Ok(());
            }
            one(document, &Edit::Table { section: "hooks", name: name.clone() })
        }
        Edit::Append(_) => Ok(()),
    }
}

fn spelled(section: &str, pointer: &[String]) -> String {
    std::iter::once(section.to_owned())
        .chain(pointer.iter().map(|name| key(name)))
        .collect::<Vec<_>>()
        .join(".")
}

fn is(item: &toml_edit::Value, json: &Value) -> bool {
    json.as_str().is_some_and(|text| item.as_str() == Some(text))
}

/// The paths at which `section` may stand: at the top, and under each condition.
fn places(document: &DocumentMut, section: &str) -> Vec<Vec<String>> {
    let conditions = document.get("when").and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter);
    let under = conditions.map(|(name, _)| vec!["when".to_owned(), name.to_owned(), section.to_owned()]);
    std::iter::once(vec![section.to_owned()]).chain(under).collect()
}

/// What stands at the pointer in the first place where it is `wanted`.
fn find<'d>(
    document: &'d mut DocumentMut,
    section: &str,
    pointer: &[String],
    wanted: impl Fn(&Item) -> bool,
) -> Option<&'d mut Item> {
    let path =
        places(document, section).into_iter().map(|place| [&place[..], pointer].concat()).find(|path| {
            let item = path.iter().try_fold(document.as_item(), |item, name| item.as_table_like()?.get(name));
            item.is_some_and(&wanted)
        })?;
    path.iter().try_fold(document.as_item_mut(), |item, name| item.as_table_like_mut()?.get_mut(name))
}

/// Takes away what stands at the pointer, and the tables above it that are empty then.
fn remove(document: &mut DocumentMut, section: &str, pointer: &[String]) -> Option<()> {
    find(document, section, pointer, |_| true)?;
    let (last, above) = pointer.split_last()?;
    let parent = find(document, section, above, |item| {
        item.as_table_like().is_some_and(|table| table.contains_key(last))
    })?;
    let parent = parent.as_table_like_mut()?;
    parent.remove(last)?;
    if parent.is_empty() && !above.is_empty() {
        return remove(document, section, above);
    }
    Some(())
}

/// Puts `item` where nothing is yet.
fn make(document: &mut DocumentMut, section: &str, pointer: &[String], item: Item) -> Option<()> {
    if document.get(section).is_none() {
        document.insert(section, Item::Table(Table::new()));
    }
    let (last, above) = pointer.split_last()?;
    let mut table: &mut dyn TableLike = document.get_mut(section)?.as_table_like_mut()?;
    for name in above {
        if table.get(name).is_none() {
            let mut inner = Table::new();
            inner.set_dotted(true);
            table.insert(name, Item::Table(inner));
        }
        table = table.get_mut(name)?.as_table_like_mut()?;
    }
    table.insert(last, item);
    Some(())
}

/// Adds an element as the last one is written; a comment behind that one stays with it.
fn push(array: &mut Array, mut element: toml_edit::Value) {
    let text = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned()
    };
    let last = array.iter().last().map(|last| text(last.decor().prefix()));
    let trailing = text(Some(array.trailing()));
    let is_over_lines = last.as_deref().is_some_and(|last| last.contains('\n'));
    let prefix = match last {
        Some(last) if is_over_lines => {
            let indent = last.rsplit('\n').next().unwrap_or_default();
            let (comments, end) = trailing.rsplit_once('\n').unwrap_or(("", ""));
            array.set_trailing(format!("\n{end}"));
            format!("{comments}\n{indent}")
        }
        Some(_) => " ".to_owned(),
        None => String::new(),
    };
    element.decor_mut().set_prefix(prefix);
    element.decor_mut().set_suffix("");
    array.push_formatted(element);
    if is_over_lines {
        array.set_trailing_comma(true);
    }
}

/// Takes an element out, and the comment behind it, which the parser holds to be before what follows; so
/// the one behind the element before it stays.
fn take(array: &mut Array, at: usize) {
    let text = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned()
    };
    let removed = array.remove(at);
    let before = text(removed.decor().prefix());
    let of_last = before.split_once('\n').map_or("", |(line, _)| line);
    let behind = |own: &str| {
        let (line, rest) = own.split_at(own.find('\n').unwrap_or_default());
        let is_comment = line.contains('#');
        format!("{of_last}{}", if is_comment { rest } else { own })
    };
    match array.get_mut(at) {
        Some(next) => {
            let own = text(next.decor().prefix());
            // The first of a list on one line has no blank before it.
            let own = if at == 0 && !own.contains('\n') { String::new() } else { behind(&own) };
            next.decor_mut().set_prefix(own);
        }
        None => {
            let own = text(Some(array.trailing()));
            array.set_trailing(behind(&own));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointer(text: &str) -> Pointer {
        text.split('.').map(str::to_owned).collect()
    }

    const PROFILE: &str = r#"# mine
format = 1

[settings]   # enforced
model = "opus"   # the good one
permissions.allow = [
  "Bash(ls:*)",   # everyday
  "Bash(git status)",
  # for builds
  "Bash(make:*)",   # all of them
]
permissions.deny = ["Read(.env)"]
env = { A = "1", B = "2" }

[hooks.fmt]
event = ["PostToolUse", "Stop"]
source = "hooks/fmt.sh"
timeout = 5

[when."os(linux)".settings]
cleanupPeriodDays = 30
"#;

    fn changed(edits: &[Edit]) -> Vec<String> {
        let text = edit(PROFILE, edits).expect("it can be");
        let diff = similar::TextDiff::from_lines(PROFILE, &text);
        let lines = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
        lines.map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches('\n'))).collect()
    }

    #[test]
    fn a_value_changes_and_its_comment_stays() {
        let set = |at: &str, value| Edit::Set { section: "settings", pointer: pointer(at), value };
        assert_eq!(
            changed(&[set("model", json!("haiku"))]),
            ["-model = \"opus\"   # the good one", "+model = \"haiku\"   # the good one"]
        );
        assert_eq!(
            changed(&[set("env.B", json!("3"))]),
            ["-env = { A = \"1\", B = \"2\" }", "+env = { A = \"1\", B = \"3\" }"]
        );
        assert_eq!(
            changed(&[set("cleanupPeriodDays", json!(7))]),
            ["-cleanupPeriodDays = 30", "+cleanupPeriodDays = 7"]
        );
        assert_eq!(
            changed(&[set("permissions.defaultMode", json!("plan"))]),
            ["+permissions.defaultMode = \"plan\""]
        );
        let set = Edit::Set { section: "defaults", pointer: pointer("model"), value: json!("x") };
        assert_eq!(changed(&[set]), ["+", "+[defaults]", "+model = \"x\""]);
    }

    #[test]
    fn elements_come_and_go_and_comments_stay_with_their_own() {
        let add = |at: &str, text: &str| Edit::Add {
            section: "settings",
            pointer: pointer(at),
            value: json!(text),
        };
        let take = |at: &str, text: &str| Edit::Take {
            section: "settings",
            pointer: pointer(at),
            value: json!(text),
        };
        assert_eq!(changed(&[add("permissions.allow", "x")]), ["+  \"x\","]);
        assert_eq!(changed(&[add("permissions.allow", "x"), take("permissions.allow", "x")]), [""; 0]);
        assert_eq!(
            changed(&[add("permissions.deny", "x")]),
            ["-permissions.deny = [\"Read(.env)\"]", "+permissions.deny = [\"Read(.env)\", \"x\"]"]
        );
        assert_eq!(changed(&[add("permissions.ask", "x")]), ["+permissions.ask = [\"x\"]"]);
        assert_eq!(changed(&[take("permissions.allow", "Bash(git status)")]), ["-  \"Bash(git status)\","]);
        assert_eq!(
            changed(&[take("permissions.allow", "Bash(make:*)")]),
            ["-  # for builds", "-  \"Bash(make:*)\",   # all of them"]
        );
        assert_eq!(changed(&[take("permissions.allow", "Bash(ls:*)")]), ["-  \"Bash(ls:*)\",   # everyday"]);
    }

    #[test]
    fn hooks_and_tables() {
        let fields = vec![("timeout".to_owned(), Some(json!(9))), ("if".to_owned(), None)];
        assert_eq!(
            changed(&[Edit::Fields { section: "hooks", name: "fmt".to_owned(), fields }]),
            ["-timeout = 5", "+timeout = 9"]
        );
        let event = |event: &str| Edit::Event { name: "fmt".to_owned(), event: event.to_owned() };
        assert_eq!(
            changed(&[event("Stop")]),
            ["-event = [\"PostToolUse\", \"Stop\"]", "+event = [\"PostToolUse\"]"]
        );
        let gone = changed(&[event("Stop"), event("PostToolUse")]);
        assert!(gone.contains(&"-[hooks.fmt]".to_owned()) && gone.len() == 5, "{gone:?}");
        assert_eq!(
            changed(&[Edit::Append("[agents.x]\ntext = \"y\"\n".to_owned())]),
            ["+", "+[agents.x]", "+text = \"y\""]
        );
    }

    #[test]
    fn what_is_not_there_is_told() {
        let gone = Edit::Drop { section: "settings", pointer: pointer("no.such") };
        assert_eq!(edit(PROFILE, &[gone]), Err(EditError::Missing("settings.no.such".to_owned())));
        assert!(matches!(edit("= 1", &[]), Err(EditError::Toml(_))));
    }
}
