# Homes that use the module, and what becomes of each. `evaluate` turns a list of modules into a config.
{ pkgs, evaluate }:
let
  inherit (pkgs) lib;
  # The test puts its own home there.
  home = "/home/somebody";

  cases = {
    attributes = {
      programs.claude-sync = {
        enable = true;
        files."hooks/note.sh" = ''
          #!/usr/bin/env sh
          exit 0
        '';
        profile = {
          extends = [ "builtin:learning" ];
          settings.permissions.allow = [ "Bash(from-attributes:*)" ];
          settings.env."A.B" = "it's \"quoted\" \\ and\nof two lines, ü";
          defaults.model = "opus";
          guard.git = "deny";
          hooks.note = {
            event = [ "SessionStart" ];
            source = "hooks/note.sh";
            timeout = 5;
          };
          agents.reviewer.source = ./dotfiles/agents/reviewer.md;
          when."os(linux) or os(macos)".settings.permissions.ask = [ "Bash(from-a-condition:*)" ];
        };
      };
    };

    # Two modules of one home: what they declare is one profile.
    pieces = {
      imports = [
        { programs.claude-sync.profile.settings.permissions.allow = [ "Bash(from-elsewhere:*)" ]; }
      ];
      programs.claude-sync = {
        enable = true;
        profile.settings.permissions.allow = [ "Bash(from-here:*)" ];
      };
    };

    file.programs.claude-sync = {
      enable = true;
      profile = ./dotfiles/claude-sync.toml;
      files.agents = ./dotfiles/agents;
    };

    outside.programs.claude-sync = {
      enable = true;
      profile = "${home}/dotfiles/claude-sync.toml";
    };

    elsewhere.programs = {
      claude-code.configDir = "${home}/.config/claude";
      claude-sync = {
        enable = true;
        profile.settings.permissions.allow = [ "Bash(from-elsewhere:*)" ];
      };
    };

    refused.programs.claude-sync = {
      enable = true;
      profile.setings.model = "opus";
    };

    clash.programs = {
      claude-code.enable = true;
      claude-code.settings.model = "opus";
      claude-sync.enable = true;
      claude-sync.profile = { };
    };

    side-by-side.programs = {
      claude-code.enable = true;
      claude-sync.enable = true;
      claude-sync.profile = { };
    };

    disabled.programs.claude-sync.profile.settings.model = "opus";
  };

  # One entry of `home.file`, as Home Manager would have it lie in the home.
  placed =
    file:
    let
      target = lib.escapeShellArg file.target;
      isScript = (file.executable or null) == true;
    in
    ''
      mkdir -p "$(dirname "$out/home/"${target})"
    ''
    + (
      if file.text or null == null then
        "ln -s ${file.source} $out/home/${target}\n"
      else
        ''
          printf %s ${lib.escapeShellArg file.text} > $out/home/${target}
          chmod ${if isScript then "0555" else "0444"} $out/home/${target}
        ''
    );

  # A folder: `home/` as it is linked, the `activate` step, the assertions that failed. One that fails is
  # never activated, and its files may not even be there.
  outcome =
    name: home:
    let
      config = evaluate [ home ];
      step = config.home.activation.claudeSync or null;
      failed = lib.filter (assertion: !assertion.assertion) config.assertions;
      files = lib.filter (file: file.enable) (lib.attrValues config.home.file);
      isOurs = package: lib.hasPrefix "claude-sync" (package.name or "");
    in
    pkgs.runCommand "claude-sync-case-${name}" { } (
      ''
        mkdir -p $out/home
        printf %s ${lib.escapeShellArg (lib.concatMapStrings (found: found.message) failed)} > $out/failed
        printf %s ${lib.escapeShellArg (lib.concatMapStrings (name: "${name}\n") (step.after or [ ]))} > $out/after
        printf %s ${lib.escapeShellArg (lib.concatMapStrings (package: "${package}\n") (lib.filter isOurs config.home.packages))} > $out/packages
      ''
      + lib.optionalString (step != null) ''
        printf %s ${lib.escapeShellArg step.data} > $out/activate
      ''
      + lib.optionalString (failed == [ ]) (lib.concatMapStrings placed files)
    );
in
lib.mapAttrs outcome cases
