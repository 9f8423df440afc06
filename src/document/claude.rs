//! What makes the client drop a whole settings file. Measured with client 2.1.330, one
//! deviation at a time; a newer client may be more tolerant, so nothing is in here that was
//! not seen to void a file, and lists of accepted words are left out where they may grow.

use serde_json::{Map, Value};

mod all;

pub use all::{every_voiding, passed_over};

/// An entry that voids the file it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voiding {
    /// Which: `model`, `hooks.PreToolUse[0].hooks[0].timeout`.
    pub what: String,
    /// What the client wants there.
    pub wanted: &'static str,
    /// What is there.
    pub found: String,
}

/// The first entry that makes the client ignore the file; `None` when it will load it.
#[must_use]
pub fn voiding(settings: &Value) -> Option<Voiding> {
    let settings = settings.as_object()?;
    top_level(settings)
        .or_else(|| settings.get("permissions").and_then(permissions))
        .or_else(|| settings.get("statusLine").and_then(status_line))
        .or_else(|| settings.get("enabledPlugins").and_then(enabled_plugins))
        .or_else(|| settings.get("sandbox").and_then(sandbox))
        .or_else(|| settings.get("hooks").and_then(hooks))
        .or_else(|| misplaced_hooks(settings))
}

fn void(what: impl Into<String>, wanted: &'static str, found: &Value) -> Voiding {
    let found = match found {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => scalar.to_string(),
    };
    Voiding { what: what.into(), wanted, found }
}

/// The same of something that may not be there at all.
fn unfit(what: impl Into<String>, wanted: &'static str, found: Option<&Value>) -> Voiding {
    let what = what.into();
    match found {
        Some(found) => void(what, wanted, found),
        None => Voiding { what, wanted, found: "missing".to_owned() },
    }
}

/// Whether a value is one that the client takes.
type Accepts = fn(&Value) -> bool;

/// Top-level keys by what the client insists on. A key that is in no row is taken as it comes.
const KINDS: &[(&str, Accepts, &[&str])] = &[
    (
        "a string",
        Value::is_string,
        &[
            "$schema",
            "advisorModel",
            "agent",
            "apiKeyHelper",
            "attributionProject",
            "autoMemoryDirectory",
            "autoUpdatesChannel",
            "awsAuthRefresh",
            "awsCredentialExport",
            "claudeMd",
            "daemonColdStart",
            "defaultShell",
            "defaultView",
            "gcpAuthRefresh",
            "language",
            "managedSourcesBehavior",
            "minimumVersion",
            "model",
            "otelHeadersHelper",
            "outputStyle",
            "parentSettingsBehavior",
            "plansDirectory",
            "pluginTrustMessage",
            "prUrlTemplate",
            "processWrapper",
            "proxyAuthHelper",
            "requiredMaximumVersion",
            "requiredMinimumVersion",
            "timeFormat",
            "timeZone",
            "totalTokensReminder",
            "tui",
            "workflowSizeGuideline",
        ],
    ),
    (
        "an object",
        Value::is_object,
        &[
            "autoMode",
            "breakReminder",
            "env",
            "fileSuggestion",
            "modelOverrides",
            "permissions",
            "pluginConfigs",
            "quietHours",
            "remote",
            "remoteTools",
            "sandbox",
            "skillOverrides",
            "spinnerVerbs",
            "statusLine",
            "voice",
            "worktree",
            "enabledPlugins",
        ],
    ),
    (
        "true or false",
        Value::is_boolean,
        &[
            "agentPushNotifEnabled",
            "allowAllClaudeAiMcps",
            "allowClaudeInChromeWithManagedMcp",
            "allowNestedModelAccessUnderForceLogin",
            "alwaysThinkingEnabled",
            "autoCompactEnabled",
            "autoDreamEnabled",
            "autoMemoryEnabled",
            "autoScrollEnabled",
            "awaySummaryEnabled",
            "axScreenReader",
            "bashEditDiffEnabled",
            "clawdFileProgressEnabled",
            "disableAllHooks",
            "disableReplyCheck",
            "doneMeansMerged",
            "emojiCompletionEnabled",
            "fastMode",
            "fileCheckpointingEnabled",
            "forceRemoteSettingsRefresh",
            "idleCompaction",
            "includeCoAuthoredBy",
            "includeGitInstructions",
            "inputNeededNotifEnabled",
            "precomputeCompactionEnabled",
            "prefersReducedMotion",
            "promptSuggestionEnabled",
            "respectGitignore",
            "respondToBashCommands",
            "showClearContextOnPlanAccept",
            "showMessageTimestamps",
            "showThinkingSummaries",
            "showTurnDuration",
            "spinnerTipsEnabled",
            "switchModelsOnFlag",
            "syntaxHighlightingDisabled",
            "terminalProgressBarEnabled",
            "terminalTitleFromRename",
            "todoFeatureEnabled",
            "totalTokensReminderAfterUserTurn",
            "verbose",
            "voiceEnabled",
            "wheelScrollAccelerationEnabled",
            "workflowKeywordTriggerEnabled",
            "wslInheritsWindowsSettings",
        ],
    ),
    (
        "true, false or null",
        |v| v.is_boolean() || v.is_null(),
        &[
            "allowManagedHooksOnly",
            "allowManagedMcpServersOnly",
            "allowManagedPermissionRulesOnly",
            "autoContinueAtUsageLimit",
            "autoUploadSessions",
            "channelsEnabled",
            "disableAgentView",
            "disableArtifact",
            "disableBundledSkills",
            "disableClaudeAiConnectors",
            "disableCommandPluginSources",
            "disableDirectMcpSkills",
            "disableRemoteControl",
            "disableSideloadFlags",
            "disableSkillShellExecution",
            "disableWindowsBashCommandSplit",
            "disableWorkflows",
            "enableAllProjectMcpServers",
            "enableArtifact",
            "enableWorkflows",
            "enforceAvailableModels",
            "fastModePerSessionOptIn",
            "isolatePeerMachines",
            "remoteControlAtStartup",
            "responseComparisonEnabled",
            "skipAutoPermissionPrompt",
            "skipDangerousModePermissionPrompt",
            "skipWebFetchPreflight",
            "skipWorkflowUsageWarning",
            "syncClaudeAiPlugins",
            "syncClaudeAiSkills",
            "useAutoModeDuringPlan",
        ],
    ),
    (
        "a number",
        Value::is_number,
        &[
            "cleanupPeriodDays",
            "desktopSessionCleanupPeriodDays",
            "feedbackSurveyRate",
            "skillListingBudgetFraction",
            "skillListingMaxDescChars",
            "totalTokensReminderBudget",
        ],
    ),
    (
        "a list of strings",
        is_strings,
        &[
            "allowedHttpHookUrls",
            "availableModels",
            "claudeMdExcludes",
            "companyAnnouncements",
            "fallbackModel",
            "httpHookAllowedEnvVars",
            "pluginSuggestionMarketplaces",
        ],
    ),
    ("a list", Value::is_array, &["allowedChannelPlugins", "sshConfigs"]),
    (
        "a list of strings",
        |v| v.is_string() || is_strings(v),
        &["disabledMcpjsonServers", "enabledMcpjsonServers"],
    ),
    ("true, false or an object", |v| v.is_boolean() || v.is_object(), &["attribution"]),
];

fn is_strings(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn top_level(settings: &Map<String, Value>) -> Option<Voiding> {
    settings.iter().find_map(|(name, value)| {
        let (wanted, accepts, _) = KINDS.iter().find(|(_, _, names)| names.contains(&name.as_str()))?;
        (!accepts(value)).then(|| void(name, wanted, value))
    })
}

/// Modes the client knows; others void the file.
const MODES: &[&str] = &["acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "manual", "plan"];

fn permissions(permissions: &Value) -> Option<Voiding> {
    let at = |name: &str| format!("permissions.{name}");
    for name in ["allow", "ask", "deny", "additionalDirectories"] {
        match permissions.get(name) {
            Some(list) if !list.is_array() => return Some(void(at(name), "a list", list)),
            Some(list) if name == "additionalDirectories" && !is_strings(list) => {
                return Some(void(at(name), "a list of strings", list));
            }
            _ => {}
        }
    }
    let mode =
        permissions.get("defaultMode").filter(|mode| mode.as_str().is_none_or(|mode| !MODES.contains(&mode)));
    mode.map(|mode| {
        void(at("defaultMode"), "one of acceptEdits, auto, bypassPermissions, default, dontAsk, plan", mode)
    })
}

fn status_line(line: &Value) -> Option<Voiding> {
    let is_command = line.get("type").and_then(Value::as_str) == Some("command");
    if !is_command {
        return Some(unfit("statusLine.type", "\"command\"", line.get("type")));
    }
    let command = line.get("command");
    if !command.is_some_and(Value::is_string) {
        return Some(unfit("statusLine.command", "a string", command));
    }
    let padding = line.get("padding").filter(|padding| !padding.is_number());
    padding.map(|padding| void("statusLine.padding", "a number", padding))
}

fn enabled_plugins(plugins: &Value) -> Option<Voiding> {
    let wrong = plugins.as_object()?.iter().find(|(_, value)| !value.is_boolean() && !is_strings(value));
    wrong.map(|(name, value)| void(format!("enabledPlugins.{name}"), "true or false", value))
}

/// What stands below `sandbox`. For all but the ports `null` was not tried.
const SANDBOX: &[(&str, Accepts, &[&str])] = &[
    (
        "true or false",
        |v| v.is_boolean() || v.is_null(),
        &[
            "enabled",
            "failIfUnavailable",
            "autoAllowBashIfSandboxed",
            "allowUnsandboxedCommands",
            "enableWeakerNestedSandbox",
            "enableWeakerNetworkIsolation",
            "allowAppleEvents",
            "network.allowManagedDomainsOnly",
            "network.allowAllUnixSockets",
            "network.allowLocalBinding",
            "filesystem.allowManagedReadPathsOnly",
        ],
    ),
    (
        "a list",
        |v| v.is_array() || v.is_null(),
        &[
            "excludedCommands",
            "network.allowedDomains",
            "network.deniedDomains",
            "network.allowUnixSockets",
            "network.allowMachLookup",
            "filesystem.allowRead",
            "filesystem.allowWrite",
            "filesystem.denyRead",
            "filesystem.denyWrite",
        ],
    ),
    ("a number", Value::is_number, &["network.httpProxyPort", "network.socksProxyPort"]),
    ("an object", |v| v.is_object() || v.is_null(), &["ignoreViolations", "ripgrep"]),
];

fn sandbox(sandbox: &Value) -> Option<Voiding> {
    let at = |path: &str| path.split('.').try_fold(sandbox, |value, name| value.get(name));
    SANDBOX.iter().find_map(|(wanted, accepts, paths)| {
        let wrong = paths.iter().find_map(|path| Some((path, at(path).filter(|value| !accepts(value))?)));
        wrong.map(|(path, value)| void(format!("sandbox.{path}"), wanted, value))
    })
}

/// Events whose hooks guard something: the client drops the file rather than run without one.
const GUARDING: [&str; 2] = ["PreToolUse", "PermissionRequest"];

fn hooks(hooks: &Value) -> Option<Voiding> {
    GUARDING.iter().find_map(|event| {
        let groups = hooks.get(event).filter(|groups| !groups.is_null())?;
        let at = format!("hooks.{event}");
        let Some(groups) = groups.as_array() else { return Some(void(at, "a list of groups", groups)) };
        groups.iter().enumerate().find_map(|(index, group)| self::group(&format!("{at}[{index}]"), group))
    })
}

fn group(at: &str, group: &Value) -> Option<Voiding> {
    if !group.is_object() {
        return Some(void(at, "a group, { \"matcher\": …, \"hooks\": [ … ] }", group));
    }
    if let Some(matcher) = group.get("matcher").filter(|matcher| !matcher.is_string()) {
        return Some(void(format!("{at}.matcher"), "a string", matcher));
    }
    let entries = group.get("hooks");
    let Some(list) = entries.and_then(Value::as_array) else {
        return Some(unfit(format!("{at}.hooks"), "a list of hooks", entries));
    };
    list.iter().enumerate().find_map(|(index, entry)| self::entry(&format!("{at}.hooks[{index}]"), entry))
}

/// Fields that must be there, by type of hook; a type that is not here is unknown.
const TYPES: &[(&str, &[&str])] = &[
    ("command", &["command"]),
    ("prompt", &["prompt"]),
    ("agent", &["prompt"]),
    ("http", &["url"]),
    ("mcp_tool", &["server", "tool"]),
];

/// Optional fields and what they have to be.
const FIELDS: &[(&str, &str, Accepts)] = &[
    ("timeout", "a number of seconds above 0", |v| v.as_f64().is_some_and(|seconds| seconds > 0.0)),
    ("args", "a list of strings", is_strings),
    ("if", "a string", Value::is_string),
    ("async", "true or false", Value::is_boolean),
    ("asyncRewake", "true or false", Value::is_boolean),
    ("once", "true or false", Value::is_boolean),
    ("statusMessage", "a string", Value::is_string),
    ("onFailure", "\"continue\" or \"block\"", |v| matches!(v.as_str(), Some("continue" | "block"))),
    ("shell", "\"bash\" or \"powershell\"", |v| matches!(v.as_str(), Some("bash" | "powershell"))),
];

fn entry(at: &str, entry: &Value) -> Option<Voiding> {
    if !entry.is_object() {
        return Some(void(at, "a hook, { \"type\": \"command\", … }", entry));
    }
    let kind = entry.get("type");
    let Some((_, required)) = TYPES.iter().find(|(name, _)| kind.and_then(Value::as_str) == Some(name))
    else {
        return Some(unfit(format!("{at}.type"), "one of command, prompt, agent, http, mcp_tool", kind));
    };
    let missing = required.iter().find_map(|name| {
        let value = entry.get(*name);
        (!value.is_some_and(Value::is_string)).then(|| unfit(format!("{at}.{name}"), "a string", value))
    });
    missing.or_else(|| {
        FIELDS.iter().find_map(|(name, wanted, accepts)| {
            let value = entry.get(*name).filter(|value| !accepts(value))?;
            Some(void(format!("{at}.{name}"), wanted, value))
        })
    })
}

/// Keys under which the client does not look for misplaced hooks.
const EXEMPT: &[&str] = &[
    "env",
    "enabledPlugins",
    "mcpServers",
    "lspServers",
    "pluginConfigs",
    "modelSettings",
    "managedMcpServers",
    "extraKnownMarketplaces",
    "skillOverrides",
    "hooks",
];

/// How far below a top-level key the client looks.
const SCAN_DEPTH: usize = 4;

/// A guarding hook that stands where it will not run (`"disabledHooks": {"PreToolUse": …}`)
/// voids the file too: the client takes it for one that was meant.
fn misplaced_hooks(settings: &Map<String, Value>) -> Option<Voiding> {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    settings.iter().filter(|(name, _)| !EXEMPT.contains(&name.as_str())).find_map(|(name, value)| {
        if GUARDING.contains(&name.as_str()) {
            return (!is_empty(value)).then(|| void(name, "nothing: hooks stand under \"hooks\"", value));
        }
        scan(name, value, SCAN_DEPTH)
    })
}

fn scan(at: &str, value: &Value, depth: usize) -> Option<Voiding> {
    if depth == 0 {
        return None;
    }
    let members = value.as_object()?;
    members.iter().find_map(|(name, value)| {
        let at = format!("{at}.{name}");
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if GUARDING.contains(&name.as_str()) && !is_empty {
            return Some(void(at, "nothing: hooks stand under \"hooks\"", value));
        }
        scan(&at, value, depth - 1)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_client_drops_a_file_for() {
        let pre = |group: Value| json!({"hooks": {"PreToolUse": [group]}});
        let hook = |fields: Value| pre(json!({"hooks": [fields]}));
        for (settings, what) in [
            (json!({"model": 5}), "model"),
            (json!({"env": []}), "env"),
            (json!({"includeCoAuthoredBy": "false"}), "includeCoAuthoredBy"),
            (json!({"permissions": {"allow": "Bash"}}), "permissions.allow"),
            (json!({"permissions": {"defaultMode": "yolo"}}), "permissions.defaultMode"),
            (json!({"permissions": {"additionalDirectories": [5]}}), "permissions.additionalDirectories"),
            (json!({"statusLine": {"command": "x"}}), "statusLine.type"),
            (json!({"enabledPlugins": {"a@b": "yes"}}), "enabledPlugins.a@b"),
            (json!({"sandbox": {"enabled": "yes"}}), "sandbox.enabled"),
            (json!({"sandbox": {"network": {"httpProxyPort": null}}}), "sandbox.network.httpProxyPort"),
            (json!({"hooks": {"PreToolUse": {}}}), "hooks.PreToolUse"),
            (pre(json!("x")), "hooks.PreToolUse[0]"),
            (pre(json!({"matcher": {"tools": ["Bash"]}, "hooks": []})), "hooks.PreToolUse[0].matcher"),
            (pre(json!({"type": "command", "command": "x"})), "hooks.PreToolUse[0].hooks"),
            (hook(json!({"command": "x"})), "hooks.PreToolUse[0].hooks[0].type"),
            (hook(json!({"type": "command"})), "hooks.PreToolUse[0].hooks[0].command"),
            (
                hook(json!({"type": "command", "command": "x", "timeout": "5"})),
                "hooks.PreToolUse[0].hooks[0].timeout",
            ),
            (json!({"disabledHooks": {"PreToolUse": [1]}}), "disabledHooks.PreToolUse"),
        ] {
            assert_eq!(voiding(&settings).map(|voiding| voiding.what).as_deref(), Some(what), "{settings}");
        }
    }

    #[test]
    fn what_it_only_passes_over_is_no_reason() {
        for settings in [
            json!({}),
            json!({"anything": {"at": ["all"]}, "effortLevel": 5, "// note": null}),
            json!({"env": {"A": 5, "PreToolUse": "x"}}),
            json!({"sandbox": {"enabled": true, "network": {"httpProxyPort": 80, "future": 1}}}),
            json!({"permissions": {"allow": ["Bash(", 5], "defaultMode": "plan"}}),
            json!({"hooks": "x"}),
            json!({"hooks": {"Stop": {}, "PostToolUse": [{"matcher": 5, "hooks": [{"timeout": "5"}]}]}}),
            json!({"hooks": {"PreToolUse": null, "NoSuchEvent": "x"}}),
            json!({"hooks": {"PreToolUse": [{"hooks": [{"type": "command", "command": "x", "timeout": 1.5, "extra": 1}]}]}}),
        ] {
            assert_eq!(voiding(&settings), None, "{settings}");
        }
    }
}
