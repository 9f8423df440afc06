# What our Nix code uses of nixpkgs's packages. "Building" `cs` is taking an executable that is there, and
# then what the package asks of it; the rest runs with this machine's own tools.
{
  system ? builtins.currentSystem,
  lib ? import ./lib,
}:
let
  cs = ./cs;
  run =
    name: attributes: script:
    derivation (
      attributes
      // {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-c"
          "exec bash -euo pipefail -c \"$script\""
        ];
        # Nix kills a builder whose output is closed, which on some kernels comes before its exit is seen: a
        # child that holds the output a moment longer makes that order certain.
        script = "runHook() { :; }\ntrap 'sleep 0.1 &' EXIT\n${script}";
        PATH = builtins.readFile ./path;
      }
    );

  pkgs = {
    inherit lib;
    callPackage =
      file: overrides:
      let
        f = if builtins.isFunction file then file else import file;
        wanted = builtins.intersectAttrs (builtins.functionArgs f);
      in
      f (wanted (pkgs // { inherit pkgs; }) // overrides);

    stdenv = rec {
      hostPlatform = {
        inherit system;
        isLinux = builtins.match ".*-linux" system != null;
        isGnu = hostPlatform.isLinux;
      };
      buildPlatform.canExecute = host: host.system == system;
      cc.targetPrefix = "";
    };

    rustPlatform.buildRustPackage =
      attributes:
      run "${attributes.pname}-${attributes.version}" attributes.env ''
        for needed in Cargo.lock Cargo.toml profiles src/main.rs; do
          test -e ${attributes.src}/$needed
        done
        cmp ${attributes.cargoLock.lockFile} ${attributes.src}/Cargo.lock
        mkdir -p $out/bin
        cp ${cs} $out/bin/cs
        chmod 0555 $out/bin/cs
        ${lib.optionalString attributes.doInstallCheck attributes.installCheckPhase}
      ''
      // {
        inherit (attributes) meta src;
      };

    formats.toml = _: {
      type =
        let
          scalar =
            value:
            lib.any (is: is value) [
              lib.isString
              lib.isBool
              lib.isInt
              lib.isFloat
              builtins.isPath
            ];
          type = lib.types.anything // {
            check = value: scalar value || lib.isList value || lib.isAttrs value;
            # As nixpkgs has it: tables of several modules are one, lists add up.
            merge =
              name: values:
              if lib.all lib.isList values then
                lib.concatLists values
              else if lib.all lib.isAttrs values then
                (lib.types.attrsOf type).merge name values
              else if lib.length values == 1 then
                lib.head values
              else
                throw "`${name}' is defined more than once";
          };
        in
        lib.types.toml or type;
      generate =
        name: value:
        run name { json = builtins.toJSON value; } ''
          printf %s "$json" | python3 ${./toml.py} > $out
        '';
    };

    formats.json = _: {
      type = lib.types.attrsOf lib.types.anything;
      generate =
        name: value: run name { json = builtins.toJSON value; } "printf %s \"$json\" > $out";
    };

    runCommand = run;
    writeTextFile =
      {
        name,
        text,
        executable ? false,
        ...
      }:
      run name { inherit text; } ''
        printf %s "$text" > $out
        chmod ${if executable then "0555" else "0444"} $out
      '';
    buildEnv = { name, paths, ... }: run name { inherit paths; } "mkdir $out";
    mkShell = attributes: run "shell" { } "mkdir $out";
    glibc.static = run "glibc-static" { } "mkdir $out";
    python3.withPackages = _: run "python3" { } "mkdir $out";
  }
  // lib.genAttrs [ "cargo" "claude-code" "clippy" "nodejs" "rustfmt" "strace" "util-linux" ] (
    name: run name { } "mkdir $out"
  );
in
pkgs
