# `programs.claude-sync` for Home Manager. README.md beside this file says how it is used.
#
# Home Manager makes links into the store, and settings.json can be none: Claude Code writes to it. So this
# module links the profile only, and has `cs` apply it once the links are there.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.programs.claude-sync;
  home = config.home.homeDirectory;
  toml = pkgs.formats.toml { };

  # Where cs looks by itself. It remembers where its profile was, and a path in the store would be collected
  # while it still does; this one stays.
  folder = ".config/claude-sync";

  isFile = types.path.check cfg.profile;
  isOutside =
    builtins.isString cfg.profile && !lib.hasPrefix "${builtins.storeDir}/" cfg.profile;
  profileSource =
    if isFile then
      cfg.profile
    else
      toml.generate "claude-sync-profile.toml" ({ format = 1; } // cfg.profile);
  profilePath =
    if isFile && isOutside then cfg.profile else "${home}/${folder}/profile.toml";

  toHomeFile =
    value:
    if types.path.check value then
      { source = value; }
    else
      {
        text = value;
        executable = lib.hasPrefix "#!" value;
      };

  # Hooks run in a session, whose PATH finds what is installed. An activation's PATH finds Home Manager's
  # own tools only, and cs would refuse a `#!/usr/bin/env python3` and take `command(python3)` for false.
  searchPath = lib.concatStringsSep ":" [
    "${config.home.path}/bin"
    "${config.home.profileDirectory}/bin"
    "/run/wrappers/bin"
    "/run/current-system/sw/bin"
    "/nix/var/nix/profiles/default/bin"
    "/opt/homebrew/bin"
    "/usr/local/bin"
    "/usr/bin"
    "/bin"
  ];

  # Said explicitly, since an activation may or may not have inherited a session's variables.
  rootArguments =
    if cfg.configDir == "${home}/.claude" then
      [ "--unset=CLAUDE_CONFIG_DIR" ]
    else
      [ "CLAUDE_CONFIG_DIR=${cfg.configDir}" ];

  settingsOwners =
    let
      targets = map (path: lib.removePrefix "${home}/" path) [
        cfg.configDir
        "${cfg.configDir}/settings.json"
      ];
      isOwner = file: (file.enable or true) && lib.elem file.target targets;
    in
    lib.filter isOwner (lib.attrValues config.home.file);
in
{
  options.programs.claude-sync = {
    enable = lib.mkEnableOption "cs (claude-sync), which keeps the Claude Code configuration as a profile declares it";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalMD "built from the sources beside the module";
      description = ''
        The package that has `bin/cs`. Bundled hooks are copies of this executable, so it must be linked
        statically or need nothing of the store.
      '';
    };

    profile = mkOption {
      type = types.either types.path (types.attrsOf toml.type);
      example = lib.literalExpression ''
        {
          extends = [ "builtin:default" ];
          settings.permissions.allow = [ "Bash(cargo test:*)" ];
          defaults.model = "opus";
          agents.reviewer.source = ./agents/reviewer.md;
        }
      '';
      description = ''
        The profile: as attributes, from which the TOML is made (`format = 1` is added), or as a file.

        A string that names a file outside the store is used where it lies, so that it can be edited and
        applied without a switch. Any other file is linked to {file}`~/.config/claude-sync/profile.toml`,
        and what it names by a relative path is looked for beside the link: see
        {option}`programs.claude-sync.files`.
      '';
    };

    files = mkOption {
      type = types.attrsOf (types.either types.path types.lines);
      default = { };
      example = lib.literalExpression ''
        {
          "agents" = ./agents;
          "hooks/format.sh" = ./hooks/format.sh;
          "hooks/note.sh" = '''
            #!/bin/sh
            echo "remember the tests"
          ''';
        }
      '';
      description = ''
        Files and folders to put beside the profile, in {file}`~/.config/claude-sync`, for its `source` and
        `extends` to name. A text that begins with `#!` becomes executable.
      '';
    };

    configDir = mkOption {
      type = types.str;
      default = config.programs.claude-code.configDir or "${home}/.claude";
      defaultText = lib.literalExpression ''"''${config.home.homeDirectory}/.claude"'';
      description = ''
        The folder that Claude Code reads its configuration from. Another one than {file}`~/.claude` wants
        {env}`CLAUDE_CONFIG_DIR` set in the sessions, too; `programs.claude-code.configDir` does that, and
        is the default here.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = settingsOwners == [ ];
        message = ''
          programs.claude-sync: ${cfg.configDir}/settings.json is a link of Home Manager's as well, by
          programs.claude-code (`settings`, `marketplaces`, disabled MCP servers) or by home.file. It can't be
          both: a link into the store is read-only, and Claude Code and cs write to this file. Move what is
          declared there to programs.claude-sync.profile.settings; programs.claude-code may stay enabled.
        '';
      }
    ];

    # This also keeps the executable's closure, as long as this generation of the home is kept.
    home.packages = [ cfg.package ];

    home.file = lib.mkMerge [
      (lib.mkIf (!(isFile && isOutside)) { "${folder}/profile.toml".source = profileSource; })
      (lib.mapAttrs' (name: value: lib.nameValuePair "${folder}/${name}" (toHomeFile value)) cfg.files)
    ];

    # A profile that can't be applied leaves Claude Code as it was. That is no reason to leave the rest of
    # the home half activated, so it ends in a warning, and nothing in here exits.
    home.activation.claudeSync = lib.hm.dag.entryAfter [ "linkGeneration" ] ''
      run env ${lib.escapeShellArgs rootArguments} PATH=${lib.escapeShellArg searchPath}:"$PATH" \
        ${lib.escapeShellArg "${cfg.package}/bin/cs"} apply --yes --profile ${lib.escapeShellArg profilePath} || {
        warnEcho ${lib.escapeShellArg "claude-sync: the profile was not applied. What cs says above is why, and what to do about it."} >&2
        warnEcho ${lib.escapeShellArg "Everything else is being activated. Try again: cs apply --profile ${lib.escapeShellArg profilePath}"} >&2
      }
    '';
  };
}
