# Stands for nixpkgs where that can't be had. `check.sh` makes a copy of it and puts two files in: the
# executable `cs`, and `path`, where this machine has its programs.
{
  outputs =
    _:
    let
      lib = import ./lib;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] (
        system: import ./. { inherit system lib; }
      );
    };
}
