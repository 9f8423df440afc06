//! Which of the client's lists are sets: owned element by element, order without meaning.
//!
//! Closed on purpose. A list that is not in here is one value, because adding an element to
//! a list whose order matters, or that replaces a built-in one, changes what it says.

/// The client adds these up over its scopes and looks for membership only.
const SETS: &[&[&str]] = &[
    &["permissions", "allow"],
    &["permissions", "ask"],
    &["permissions", "deny"],
    &["permissions", "additionalDirectories"],
    &["enabledMcpjsonServers"],
    &["disabledMcpjsonServers"],
    &["claudeMdExcludes"],
    &["allowedHttpHookUrls"],
    &["httpHookAllowedEnvVars"],
    &["skippedMarketplaces"],
    &["skippedPlugins"],
    &["sandbox", "excludedCommands"],
    &["sandbox", "network", "allowedDomains"],
    &["sandbox", "network", "deniedDomains"],
    &["sandbox", "network", "allowUnixSockets"],
    &["sandbox", "network", "allowMachLookup"],
    &["sandbox", "filesystem", "allowWrite"],
    &["sandbox", "filesystem", "denyWrite"],
    &["sandbox", "filesystem", "allowRead"],
    &["sandbox", "filesystem", "denyRead"],
];

/// Whether the list at `pointer` in a settings document is a set of strings.
#[must_use]
pub fn is_set(pointer: &[String]) -> bool {
    SETS.iter().any(|set| set.len() == pointer.len() && set.iter().zip(pointer).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pointers_are_sets() {
        let is = |names: &[&str]| is_set(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert!(is(&["permissions", "allow"]));
        assert!(is(&["sandbox", "network", "allowedDomains"]));
        assert!(!is(&["permissions"]));
        assert!(!is(&["permissions", "allow", "x"]));
        assert!(!is(&["availableModels"]));
        assert!(!is(&[]));
    }
}
