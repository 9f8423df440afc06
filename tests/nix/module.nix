# The module, evaluated for several homes, and its activation run. With Home Manager's folder as
# `homeManager` against the real one, else against the few options in stub/.
{
  pkgs,
  lib,
  module,
  homeManager ? null,
}:
let
  withDag = lib // {
    hm.dag.entryAfter = after: data: {
      inherit after data;
      before = [ ];
    };
  };
  stubbed =
    modules:
    (lib.evalModules {
      modules = [
        ./stub/home-manager.nix
        module
      ]
      ++ modules;
      specialArgs = {
        inherit pkgs;
        lib = withDag;
      };
    }).config;

  # What of Home Manager our module meets: how files become links, the steps, and the other owner of
  # settings.json. (All of Home Manager wants all of nixpkgs.)
  extended = import "${homeManager}/modules/lib/stdlib-extended.nix" lib;
  real =
    modules:
    (extended.evalModules {
      modules =
        map (name: "${homeManager}/modules/${name}") [
          "files.nix"
          "home-environment.nix"
          "misc/lib.nix"
          "misc/shell.nix"
          "misc/submodule-support.nix"
          "misc/version.nix"
          "programs/claude-code"
        ]
        ++ [
          module
          {
            options.nix.useXdg = lib.mkEnableOption "no such thing";
            options.assertions = lib.mkOption {
              type = lib.types.listOf lib.types.anything;
              default = [ ];
            };
            config = {
              _module.check = false;
              lib = extended.hm;
              home.username = "somebody";
              home.homeDirectory = "/home/somebody";
              home.stateVersion = "26.05";
            };
          }
        ]
        ++ modules;
      specialArgs = {
        inherit pkgs;
      };
    }).config;

  cases = import ./cases {
    inherit pkgs;
    evaluate = if homeManager == null then stubbed else real;
  };
in
pkgs.runCommand "claude-sync-module" { } ''
  mkdir cases
  ${lib.concatMapStrings (name: "ln -s ${cases.${name}} cases/${name}\n") (lib.attrNames cases)}
  bash ${./.}/activate.sh "$PWD/cases" | tee $out
''
