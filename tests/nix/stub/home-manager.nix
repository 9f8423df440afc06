# What our module uses of Home Manager: the options it sets, and those of `programs.claude-code` that it
# looks at. `check.sh` takes the real one instead if it is told where.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.programs.claude-code;
  home = config.home.homeDirectory;

  option =
    type: default:
    mkOption {
      inherit type default;
    };
  file =
    name: given:
    {
      enable = true;
      target = lib.removePrefix "${home}/" name;
      text = null;
      executable = null;
    }
    // given;
in
{
  options = {
    assertions = option (types.listOf types.anything) [ ];
    home = {
      homeDirectory = option types.str "/home/somebody";
      profileDirectory = option types.str "${home}/.nix-profile";
      path = option types.package pkgs.nodejs;
      packages = option (types.listOf types.package) [ ];
      activation = option (types.attrsOf types.anything) { };
      file = option (types.attrsOf types.anything) { } // {
        apply = lib.mapAttrs file;
      };
    };
    programs.claude-code = {
      enable = option types.bool false;
      settings = option (types.attrsOf types.anything) { };
      configDir = option types.str "${home}/.claude";
    };
  };

  config.home.file = lib.mkIf (cfg.enable && cfg.settings != { }) {
    "${cfg.configDir}/settings.json".text = builtins.toJSON cfg.settings;
  };
}
