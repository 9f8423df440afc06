//! Where other hosts may be found: what Tailscale knows, and the names in the user's ssh configuration. To be found is
//! not to be believed: whoever answers proves which node it is ([`super::talk`]).

use serde_json::Value;

use crate::model::fits_glob;

/// A machine of the tailnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What ssh is given: its name in the tailnet, or else its address.
    pub name: String,
    pub is_online: bool,
}

/// Systems on which no cs runs.
const PHONES: [&str; 3] = ["ios", "android", "tvos"];

/// The tailnet, as far as it is of any use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tailnet {
    /// This user's own machines.
    pub machines: Vec<Machine>,
    /// How many more there are: of other users, tagged (which makes them nobody's), shared in, or of a service.
    pub others: usize,
}

/// What Tailscale does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Up(Tailnet),
    /// It knows of no other machine.
    Down(Down),
}

/// Why Tailscale knows of no other machine, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Down {
    #[error("tailscale is stopped: tailscale up starts it")]
    Stopped,
    #[error("tailscale is logged out: tailscale up logs in")]
    LoggedOut,
    #[error("tailscale waits until somebody approves this machine, in its admin console")]
    Unapproved,
    #[error("tailscale is only just starting: try again in a moment")]
    Starting,
}

impl Down {
    /// By the state that it says it is in; one that nobody knows yet is none of these.
    fn of(state: &str) -> Option<Self> {
        match state {
            "Stopped" => Some(Self::Stopped),
            "NeedsLogin" => Some(Self::LoggedOut),
            "NeedsMachineAuth" => Some(Self::Unapproved),
            "Starting" | "NoState" => Some(Self::Starting),
            _ => None,
        }
    }
}

/// What `tailscale status --json` says of other machines; `None` for something else than that. Only what is needed is
/// looked at, and whatever of it is missing is missing: its format is not promised. Where it does not say whose a machine
/// is, it is somebody else's.
///
/// Phones run no cs.
#[must_use]
pub fn tailscale(text: &[u8]) -> Option<Status> {
    let status: Value = serde_json::from_slice(text).ok()?;
    status.get("BackendState").or_else(|| status.get("Self")).or_else(|| status.get("Peer"))?;
    if let Some(down) = status.get("BackendState").and_then(Value::as_str).and_then(Down::of) {
        return Some(Status::Down(down));
    }
    let user = status.pointer("/Self/UserID").and_then(Value::as_u64);
    let peers = status.get("Peer").and_then(Value::as_object);
    let peers = peers.into_iter().flatten().map(|(_, peer)| peer).filter(|peer| peer.is_object());
    let (own, others): (Vec<&Value>, Vec<&Value>) = peers.partition(|peer| is_own(peer, user));
    let mut machines: Vec<Machine> = own.into_iter().filter_map(machine).collect();
    machines.sort_by(|one, other| one.name.cmp(&other.name));
    machines.dedup_by(|one, other| one.name == other.name);
    Some(Status::Up(Tailnet { machines, others: others.len() }))
}

fn name_of(peer: &Value) -> &str {
    peer.get("DNSName").and_then(Value::as_str).unwrap_or_default().trim_end_matches('.')
}

/// Whether it is a machine of that user and of nobody else. It may offer itself as an exit node; those of a service, which
/// say where in the world they are, are no machines of anybody's.
fn is_own(peer: &Value, user: Option<u64>) -> bool {
    let number = |name: &str| peer.get(name).and_then(Value::as_u64).filter(|id| *id != 0);
    let is_there = |name: &str| peer.get(name).is_some_and(|value| !value.is_null());
    let is_tagged = is_there("Tags") && peer.get("Tags") != Some(&Value::Array(Vec::new()));
    let is_shared =
        peer.get("ShareeNode").and_then(Value::as_bool) == Some(true) || number("AltSharerUserID").is_some();
    let is_service = is_there("Location") || name_of(peer).ends_with(".mullvad.ts.net");
    number("UserID").is_some() && number("UserID") == user && !is_tagged && !is_shared && !is_service
}

fn machine(peer: &Value) -> Option<Machine> {
    let system = peer.get("OS").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if PHONES.contains(&&*system) {
        return None;
    }
    let name = name_of(peer);
    let address = || peer.pointer("/TailscaleIPs/0").and_then(Value::as_str).unwrap_or_default();
    let name = if name.is_empty() { address() } else { name };
    let is_online = peer.get("Online").and_then(Value::as_bool) == Some(true);
    is_name(name).then(|| Machine { name: name.to_owned(), is_online })
}

/// Whether ssh may be given it.
fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.len() <= 255 && name.chars().all(is_letter)
}

/// What an ssh configuration says of hosts: names that stand in it as they are, and the files it includes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshConfig {
    pub names: Vec<String>,
    pub includes: Vec<String>,
}

/// Reads one. What can't be read as such a file says nothing.
#[must_use]
pub fn ssh_config(text: &str) -> SshConfig {
    let mut found = SshConfig::default();
    for line in text.lines() {
        let line = line.trim();
        let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (keyword, rest) = line.split_at(end);
        let rest = rest.trim_start().strip_prefix('=').unwrap_or(rest);
        if keyword.eq_ignore_ascii_case("host") {
            let literal = |word: &String| !is_pattern(word) && !word.starts_with('!') && is_name(word);
            found.names.extend(words(rest).into_iter().filter(literal));
        } else if keyword.eq_ignore_ascii_case("include") {
            found.includes.extend(words(rest));
        }
    }
    found
}

/// The words of a line, where some may be in quotes; what follows a `#` is none.
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        if !word.is_empty() {
            found.push(word.to_owned());
        }
        rest = after.trim_start();
    }
    found
}

/// Whether a name of the profile means names of the ssh configuration.
#[must_use]
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// The names that a pattern means.
pub fn meant<'a>(pattern: &'a str, names: &'a [String]) -> impl Iterator<Item = &'a String> {
    names.iter().filter(move |name| fits_glob(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tailnet_has_machines_of_ours_of_others_and_phones() {
        let mut status = serde_json::json!({
            "Version": "1.96.0", "BackendState": "Running",
            "Self": {"ID": "n1", "UserID": 7, "DNSName": "here.tail1.ts.net.", "Online": true},
            "Peer": {
                "a": {"UserID": 7, "HostName": "Bee", "DNSName": "bee.tail1.ts.net.", "OS": "linux", "Online": true, "Tags": []},
                "b": {"UserID": 7, "DNSName": "cat.tail1.ts.net.", "OS": "macOS", "Online": false, "ExitNodeOption": true},
                "e": {"UserID": 7, "DNSName": "phone.tail1.ts.net.", "OS": "iOS", "Online": true},
                "f": {"UserID": 7, "DNSName": "", "TailscaleIPs": ["100.64.0.9", "fd7a::9"], "Online": true},
                "g": {"UserID": 7, "DNSName": "-oProxyCommand=x", "Online": true},
                "h": {"UserID": 7, "DNSName": ["odd"], "Online": "yes"},
                "i": 7,
            },
        });
        let machine = |name: &str, is_online| Machine { name: name.to_owned(), is_online };
        let machines = vec![
            machine("100.64.0.9", true),
            machine("bee.tail1.ts.net", true),
            machine("cat.tail1.ts.net", false),
        ];
        let expected = |others| Some(Status::Up(Tailnet { machines: machines.clone(), others }));
        assert_eq!(tailscale(status.to_string().as_bytes()), expected(0));
        let others = [
            serde_json::json!({"UserID": 7, "ShareeNode": true}),
            serde_json::json!({"UserID": 7, "AltSharerUserID": 9}),
            serde_json::json!({"UserID": 9}),
            serde_json::json!({"UserID": 0}),
            serde_json::json!({"UserID": "7"}),
            serde_json::json!({}),
            serde_json::json!({"UserID": 7, "Tags": ["tag:ci"]}),
            serde_json::json!({"UserID": 7, "Tags": "odd"}),
            serde_json::json!({"UserID": 7, "Location": {"Country": "Sweden"}, "ExitNodeOption": true}),
            serde_json::json!({"UserID": 7, "DNSName": "se-sto-wg-001.mullvad.ts.net."}),
        ];
        for (at, other) in others.iter().enumerate() {
            let mut peer =
                serde_json::json!({"DNSName": "other.tail1.ts.net.", "OS": "linux", "Online": true});
            peer.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
            status["Peer"][format!("other {at}")] = peer;
            assert_eq!(tailscale(status.to_string().as_bytes()), expected(at + 1), "{other}");
        }
        // Whose this machine is, is not said.
        status["Self"] = serde_json::json!({"ID": "n1"});
        let nobody = Tailnet { machines: Vec::new(), others: others.len() + 6 };
        assert_eq!(tailscale(status.to_string().as_bytes()), Some(Status::Up(nobody)));
        for (state, down) in [
            ("Stopped", Some(Down::Stopped)),
            ("NeedsLogin", Some(Down::LoggedOut)),
            ("NeedsMachineAuth", Some(Down::Unapproved)),
            ("Starting", Some(Down::Starting)),
            ("NoState", Some(Down::Starting)),
            ("Sleeping", None),
        ] {
            let text = serde_json::json!({"BackendState": state, "Peer": null}).to_string();
            let expected = down.map_or(Status::Up(Tailnet::default()), Status::Down);
            assert_eq!(tailscale(text.as_bytes()), Some(expected), "{state}");
        }
        for odd in ["", "Tailscale is stopped.", "[]", "{}", "{\"Peer\"", "7"] {
            assert_eq!(tailscale(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn names_of_an_ssh_configuration() {
        let text = "Include config.d/*\n# Host no\nHost bee cat *.lan !dog \"two words\" \"ox\" # a remark\n  HostName x\n\
                    host=elk\nHOST\tlab-1   lab-2\nMatch host deer\nHost -oX=y\nHost\nInclude = \"/etc/a b\" c\n";
        let found = ssh_config(text);
        assert_eq!(found.names, ["bee", "cat", "ox", "elk", "lab-1", "lab-2"]);
        assert_eq!(found.includes, ["config.d/*", "/etc/a b", "c"]);
        assert_eq!(meant("lab-*", &found.names).collect::<Vec<_>>(), ["lab-1", "lab-2"]);
        assert!(is_pattern("lab-*") && !is_pattern("user@lab"));
    }
}
