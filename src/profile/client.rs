//! What is known of the client's vocabulary: events, settings, and which wrong values void a file.
//!
//! Read from the schema it publishes and the one it ships (2.1.330). Both lag behind the next
//! release, so an unknown setting is only ever remarked on, and only where it looks like a slip.

/// Every event the client fires hooks for.
pub const EVENTS: [&str; 33] = [
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "UserPromptSubmit",
    "UserPromptExpansion",
    "SessionStart",
    "SessionEnd",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "PreModelSwitch",
    "PostModelSwitch",
    "PermissionRequest",
    "PermissionDenied",
    "Setup",
    "TeammateIdle",
    "TaskCreated",
    "TaskCompleted",
    "Elicitation",
    "ElicitationResult",
    "ConfigChange",
    "WorktreeCreate",
    "WorktreeRemove",
    "InstructionsLoaded",
    "CwdChanged",
    "FileChanged",
    "DirectoryAdded",
    "MessageDisplay",
];

/// The events on which the client evaluates a hook's `if`; on others such a hook never runs.
pub(super) const TOOL_EVENTS: [&str; 5] =
    ["PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest", "PermissionDenied"];

/// What a setting must be for the client to accept the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bool,
    Number,
    Texts,
    Table,
    /// A table whose values are all strings.
    TextTable,
    OneOf(&'static [&'static str]),
}

const MODES: &[&str] =
    &["default", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions", "delegate", "manual"];

/// Settings whose wrong type makes the client ignore the whole file, silently under `-p`; what each is for.
/// A table stands before what is in it.
const TYPED: &[(&[&str], Kind, &str)] = &[
    (&["$schema"], Kind::Text, "The schema that editors check settings.json by."),
    (&["alwaysThinkingEnabled"], Kind::Bool, "Whether Claude thinks at length by default."),
    (&["apiKeyHelper"], Kind::Text, "A program that prints the key or token to log in with."),
    (&["availableModels"], Kind::Texts, "The models that can be chosen from."),
    (&["awsAuthRefresh"], Kind::Text, "A command that renews AWS credentials."),
    (&["awsCredentialExport"], Kind::Text, "A command that prints AWS credentials as JSON."),
    (&["cleanupPeriodDays"], Kind::Number, "Days for which transcripts are kept."),
    (&["companyAnnouncements"], Kind::Texts, "Announcements, one of which is shown at start."),
    (&["disableAllHooks"], Kind::Bool, "Whether hooks and the status line are off."),
    (&["disabledMcpjsonServers"], Kind::Texts, "Servers of .mcp.json that are rejected."),
    (
        &["enableAllProjectMcpServers"],
        Kind::Bool,
        "Whether every server of a project's .mcp.json is approved.",
    ),
    (&["enabledMcpjsonServers"], Kind::Texts, "Servers of .mcp.json that are approved."),
    (&["enabledPlugins"], Kind::Table, "Plugins that are on or off: `\"name@marketplace\" = true`."),
    (&["env"], Kind::TextTable, "Environment variables for Claude Code and what it runs."),
    (
        &["includeCoAuthoredBy"],
        Kind::Bool,
        "Whether commits name Claude as co-author; `attribution` has replaced it.",
    ),
    (
        &["includeGitInstructions"],
        Kind::Bool,
        "Whether Claude is told how commits and pull requests are made.",
    ),
    (&["language"], Kind::Text, "The language Claude answers in."),
    (&["model"], Kind::Text, "The model to use: \"opus\", \"sonnet\", or a full name."),
    (&["otelHeadersHelper"], Kind::Text, "A program that prints OpenTelemetry headers as JSON."),
    (&["outputStyle"], Kind::Text, "The output style, by its name."),
    (&["permissions"], Kind::Table, "What Claude may do without asking, after asking, or not at all."),
    (
        &["permissions", "additionalDirectories"],
        Kind::Texts,
        "Folders besides the project that Claude may work in.",
    ),
    (&["permissions", "allow"], Kind::Texts, "Rules for what needs no question: \"Bash(cargo test:*)\"."),
    (&["permissions", "ask"], Kind::Texts, "Rules for what is always asked about."),
    (&["permissions", "defaultMode"], Kind::OneOf(MODES), "The mode a session starts in."),
    (&["permissions", "deny"], Kind::Texts, "Rules for what is refused: \"Read(~/.ssh/**)\"."),
    (
        &["permissions", "disableBypassPermissionsMode"],
        Kind::OneOf(&["disable"]),
        "\"disable\": no session may skip every question.",
    ),
    (&["plansDirectory"], Kind::Text, "Where plans are kept."),
    (&["respectGitignore"], Kind::Bool, "Whether the file picker leaves out what .gitignore names."),
    (&["sandbox"], Kind::Table, "The sandbox that commands run in."),
    (&["sandbox", "enabled"], Kind::Bool, "Whether commands run in a sandbox."),
    (&["sandbox", "excludedCommands"], Kind::Texts, "Commands that run outside it."),
    (&["sandbox", "filesystem"], Kind::Table, "What of the file system can be read and written in it."),
    (&["sandbox", "network"], Kind::Table, "Which hosts can be reached from it."),
    (&["showTurnDuration"], Kind::Bool, "Whether it is shown how long an answer took."),
    (&["spinnerTipsEnabled"], Kind::Bool, "Whether tips are shown while Claude works."),
    (&["statusLine"], Kind::Table, "The program that draws the status line."),
    (&["verbose"], Kind::Bool, "Whether the output of tools is shown whole."),
];

/// The kind the setting at `pointer` must have, if that is known well enough to refuse others.
pub(super) fn kind(pointer: &[String]) -> Option<Kind> {
    let is = |names: &[&str]| names.len() == pointer.len() && names.iter().zip(pointer).all(|(a, b)| a == b);
    TYPED.iter().find(|(names, ..)| is(names)).map(|(_, kind, _)| *kind)
}

/// The settings whose kind is known, and what they are for.
pub(super) fn typed() -> impl Iterator<Item = (&'static [&'static str], Kind, &'static str)> {
    TYPED.iter().copied()
}

/// Tables of the settings in which every name has a meaning, and those names.
const NESTED: &[(&[&str], &str)] = &[
    (
        &["permissions"],
        "allow ask deny additionalDirectories defaultMode disableBypassPermissionsMode disableAutoMode",
    ),
    (
        &["sandbox"],
        "enabled failIfUnavailable autoAllowBashIfSandboxed allowUnsandboxedCommands excludedCommands network \
         filesystem credentials ignoreViolations ripgrep bwrapPath socatPath enabledPlatforms \
         enableWeakerNestedSandbox enableWeakerNetworkIsolation allowAppleEvents",
    ),
    (
        &["sandbox", "network"],
        "allowedDomains deniedDomains allowManagedDomainsOnly allowUnixSockets allowAllUnixSockets \
         allowLocalBinding allowMachLookup httpProxyPort socksProxyPort tlsTerminate strictAllowlist",
    ),
    (
        &["sandbox", "filesystem"],
        "allowRead allowWrite denyRead denyWrite allowManagedReadPathsOnly disabled",
    ),
    (&["statusLine"], "type command padding refreshInterval hideVimModeIndicator"),
    (&["subagentStatusLine"], "type command"),
    (&["fileSuggestion"], "type command"),
    (&["attribution"], "commit pr sessionUrl"),
    (&["spinnerVerbs"], "mode verbs"),
    (&["worktree"], "sparsePaths baseRef bgIsolation symlinkDirectories"),
];

/// The names that have a meaning in the table at `pointer`, if it is one in which all are known.
pub(super) fn nested(pointer: &[String]) -> Option<impl Iterator<Item = &'static str> + Clone + use<>> {
    let is = |names: &[&str]| names.len() == pointer.len() && names.iter().zip(pointer).all(|(a, b)| a == b);
    NESTED.iter().find(|(names, _)| is(names)).map(|(_, names)| names.split_ascii_whitespace())
}

/// Names of the top-level settings.
pub(super) fn settings() -> impl Iterator<Item = &'static str> {
    SETTINGS.split_ascii_whitespace()
}

const SETTINGS: &str = "
$schema additionalDirectoryConfigRoots additionalMarketplaces advisorModel agent
agentPushNotifEnabled allowAllClaudeAiMcps allowClaudeInChromeWithManagedMcp allowedChannelPlugins
allowedHttpHookUrls allowedMarketplaces allowedMcpServers allowedProviders allowManagedHooksOnly
allowManagedMcpServersOnly allowManagedPermissionRulesOnly allowNestedModelAccessUnderForceLogin
alwaysThinkingEnabled apiKeyHelper appendPlugins askUserQuestionTimeout attribution
attributionProject attributionProjectPolicy autoCompactEnabled autoCompactOfferAnswer
autoCompactRaisedForLoad autoCompactWindow autoConnectIde autoContinueAtUsageLimit autoDreamEnabled
autoInstallIdeExtension autoMemoryDirectory autoMemoryEnabled autoMode autoScrollEnabled
autoUpdatesChannel autoUploadSessions availableModels availableModelsMatch awaySummaryEnabled
awsAuthRefresh awsCredentialExport axScreenReader bashEditDiffEnabled bashOutputMaxChars
blockedMarketplaces breakReminder browserExternalPageTools channelsEnabled claudeMd claudeMdExcludes
clawdFileProgressEnabled cleanupPeriodDays companyAnnouncements crossSessionInbound daemonColdStart
defaultShell deniedMcpServers deniedModels desktopMcpServersListScope
desktopSessionCleanupPeriodDays dialogExpiry diffTool disableAgentView disableAllHooks
disableArtifact disableAutoMode disableBrowserExternalNavigation disableBundledSkills
disableClaudeAiConnectors disableCommandPluginSources disableDeepLinkRegistration
disabledMcpjsonServers disableMobileSimulatorTools disableRemoteControl disableReplyCheck
disableSideloadFlags disableSkillShellExecution disableWindowsBashCommandSplit disableWorkflows
doneMeansMerged editorMode effortLevel emojiCompletionEnabled enableAllProjectMcpServers
enableArtifact enabledMcpjsonServers enabledPlugins enableWorkflows enforceAvailableModels env
externalEditorContext extraKnownMarketplaces fallbackModel fastMode fastModePerSessionOptIn
feedbackDrafts feedbackSurveyRate fileCheckpointingEnabled fileSuggestion footerLinksRegexes
forceLoginGatewayUrl forceLoginMethod forceLoginOrgUUID forceRemoteSettingsRefresh
gatewayInternalNetworks gcpAuthRefresh hooks httpHookAllowedEnvVars idleCompaction
includeCoAuthoredBy includeGitInstructions inputNeededNotifEnabled isolatePeerMachines
keybindingFlavor language managedMcpServers managedSourcesBehavior maxEffortLevel maxProseWidth
minimumVersion model modelOverrides modelPicker modelPricing modelProposedGoals modelSettings
otelHeadersHelper outputStyle parentSettingsBehavior permissionExplainerEnabled permissions
plansDirectory pluginConfigs pluginSuggestionMarketplaces pluginTrustMessage policyHelper
policyHelpers precomputeArmTokens precomputeCompactionEnabled preferredNotifChannel
prefersReducedMotion prependPlugins processWrapper promptCacheTtl promptSuggestionEnabled
proxyAuthHelper prUrlTemplate quietHours remote remoteControl remoteControlAtStartup
remoteMessageReceipts remoteTools requireCoworkFullVmSandbox requiredMaximumVersion
requiredMinimumVersion respectGitignore respondToBashCommands responseComparisonEnabled sandbox
showClearContextOnPlanAccept showMessageTimestamps showThinkingSummaries showTurnDuration
skillListingBudgetFraction skillListingMaxDescChars skillOverrides skipDangerousModePermissionPrompt
skippedMarketplaces skippedPlugins skipWebFetchPreflight skipWorkflowUsageWarning spellcheck
spinnerTipsEnabled spinnerTipsOverride spinnerVerbs sshConfigs sshHostAllowlist sshHostCommands
statusLine strictKnownMarketplaces strictPluginOnlyCustomization subagentPromptCacheTtl
subagentStatusLine switchModelsOnFlag syncClaudeAiPlugins syncClaudeAiSkills
syntaxHighlightingDisabled taskOutputMaxChars teammateDefaultModel teammateMode
terminalProgressBarEnabled terminalTitleFromRename theme timeFormat timeZone todoFeatureEnabled
totalTokensReminder totalTokensReminderAfterUserTurn totalTokensReminderBudget tui ultracode
useAutoModeDuringPlan verbose viewMode vimInsertModeRemaps voice voiceEnabled
wheelScrollAccelerationEnabled workflowKeywordTriggerEnabled workflowSizeGuideline worktree
wslInheritsWindowsSettings
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_typed_setting_is_a_known_one() {
        for (names, ..) in TYPED {
            assert!(settings().any(|name| name == names[0]), "{names:?}");
        }
    }
}
