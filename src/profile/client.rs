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

/// Settings whose wrong type makes the client ignore the whole file, silently under `-p`.
const TYPED: &[(&[&str], Kind)] = &[
    (&["$schema"], Kind::Text),
    (&["alwaysThinkingEnabled"], Kind::Bool),
    (&["apiKeyHelper"], Kind::Text),
    (&["availableModels"], Kind::Texts),
    (&["awsAuthRefresh"], Kind::Text),
    (&["awsCredentialExport"], Kind::Text),
    (&["cleanupPeriodDays"], Kind::Number),
    (&["companyAnnouncements"], Kind::Texts),
    (&["disableAllHooks"], Kind::Bool),
    (&["disabledMcpjsonServers"], Kind::Texts),
    (&["enableAllProjectMcpServers"], Kind::Bool),
    (&["enabledMcpjsonServers"], Kind::Texts),
    (&["enabledPlugins"], Kind::Table),
    (&["env"], Kind::TextTable),
    (&["includeCoAuthoredBy"], Kind::Bool),
    (&["includeGitInstructions"], Kind::Bool),
    (&["language"], Kind::Text),
    (&["model"], Kind::Text),
    (&["otelHeadersHelper"], Kind::Text),
    (&["outputStyle"], Kind::Text),
    (&["permissions"], Kind::Table),
    (&["permissions", "additionalDirectories"], Kind::Texts),
    (&["permissions", "allow"], Kind::Texts),
    (&["permissions", "ask"], Kind::Texts),
    (&["permissions", "defaultMode"], Kind::OneOf(MODES)),
    (&["permissions", "deny"], Kind::Texts),
    (&["permissions", "disableBypassPermissionsMode"], Kind::OneOf(&["disable"])),
    (&["plansDirectory"], Kind::Text),
    (&["respectGitignore"], Kind::Bool),
    (&["sandbox"], Kind::Table),
    (&["sandbox", "enabled"], Kind::Bool),
    (&["sandbox", "excludedCommands"], Kind::Texts),
    (&["sandbox", "filesystem"], Kind::Table),
    (&["sandbox", "network"], Kind::Table),
    (&["showTurnDuration"], Kind::Bool),
    (&["spinnerTipsEnabled"], Kind::Bool),
    (&["statusLine"], Kind::Table),
    (&["verbose"], Kind::Bool),
];

/// The kind the setting at `pointer` must have, if that is known well enough to refuse others.
pub(super) fn kind(pointer: &[String]) -> Option<Kind> {
    let is = |names: &[&str]| names.len() == pointer.len() && names.iter().zip(pointer).all(|(a, b)| a == b);
    TYPED.iter().find(|(names, _)| is(names)).map(|(_, kind)| *kind)
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
        for (names, _) in TYPED {
            assert!(settings().any(|name| name == names[0]), "{names:?}");
        }
    }
}
