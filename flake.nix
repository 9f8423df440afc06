{
  description = "A declarative configuration manager for Claude Code: plan, apply, roll back, and let go without a trace";

  # Rust 1.95 is wanted, which only the newest nixpkgs may have.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      forEach = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system} self.packages.${system}.default);
    in
    {
      packages = forEach (
        pkgs: _: {
          default = pkgs.callPackage ./templates/nix/package.nix { };
        }
      );

      apps = forEach (
        _: cs: {
          default = {
            type = "app";
            program = "${cs}/bin/cs";
          };
        }
      );

      # All that `.ci/run` wants, but for the client, which it installs itself.
      devShells = forEach (
        pkgs: cs: {
          default = pkgs.mkShell {
            inputsFrom = [ cs ];
            packages = [
              pkgs.cargo
              pkgs.clippy
              pkgs.nodejs
              (pkgs.python3.withPackages (python: [ python.cryptography ]))
              pkgs.rustfmt
            ]
            ++ lib.optionals pkgs.stdenv.hostPlatform.isLinux [
              pkgs.strace
              pkgs.util-linux
            ];
          };
        }
      );

      overlays.default = final: _: {
        claude-sync = final.callPackage ./templates/nix/package.nix { };
      };

      homeManagerModules.default =
        { lib, pkgs, ... }:
        {
          imports = [ ./templates/nix/home-manager.nix ];
          # With the toolchain this flake is locked to: the user's nixpkgs may have an older one.
          programs.claude-sync.package =
            lib.mkDefault
              self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        };

      checks = forEach (
        pkgs: cs: {
          package = cs;
          module = pkgs.callPackage ./tests/nix/module.nix {
            module = self.homeManagerModules.default;
          };
        }
      );
    };
}
