# `cs` as a package: `pkgs.callPackage ./package.nix { }`. Wants a nixpkgs with Rust 1.95 or newer.
{
  lib,
  stdenv,
  rustPlatform,
  glibc,
}:
let
  root = ../..;
  manifest = builtins.fromTOML (builtins.readFile (root + "/Cargo.toml"));
  cargo = builtins.fromTOML (builtins.readFile (root + "/.cargo/config.toml"));

  # What is compiled, and nothing else: a changed test or page builds nothing anew.
  compiled = [
    "Cargo.lock"
    "Cargo.toml"
    "profiles"
    "src"
    "templates/agents"
  ];
  isCompiled =
    path:
    let
      below = lib.removePrefix "${toString root}/" path;
    in
    lib.any (own: below == own || lib.hasPrefix "${own}/" below || lib.hasPrefix "${below}/" own) compiled;

  # The executable is copied into ~/.claude, where nothing keeps a loader or a library of the store alive:
  # after `nix-collect-garbage` every hook would be dead. So it brings all it needs with it. nixpkgs turns
  # static linking off for the target; of cargo's ways to set flags, RUSTFLAGS alone goes before that one.
  # The flags are the project's own, which names them for x86-64; they hold for the other Linux machines, too.
  isStatic = stdenv.hostPlatform.isLinux;
  flags = cargo.target.x86_64-unknown-linux-gnu.rustflags;
in
rustPlatform.buildRustPackage {
  pname = manifest.package.name;
  inherit (manifest.package) version;

  src = builtins.path {
    name = "claude-sync-source";
    path = root;
    filter = path: _: isCompiled path;
  };
  cargoLock.lockFile = root + "/Cargo.lock";

  # libc.a is in an output of its own.
  buildInputs = lib.optional stdenv.hostPlatform.isGnu glibc.static;
  env = lib.optionalAttrs isStatic { RUSTFLAGS = lib.concatStringsSep " " flags; };

  # The tests want namespaces, strace and the real client, which a build has not got: `.ci/run` runs them.
  # What is asked here is whether this build of the program works where it is going to be.
  doCheck = false;
  doInstallCheck = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  installCheckPhase = ''
    runHook preInstallCheck
  ''
  + lib.optionalString isStatic ''
    ${stdenv.cc.targetPrefix}readelf --program-headers --wide "$out/bin/cs" >program-headers
    if grep INTERP program-headers; then
      echo "cs wants a loader of the store: its copies in ~/.claude would not outlive nix-collect-garbage" >&2
      exit 1
    fi
  ''
  + ''
    HOME=$(mktemp -d)
    export HOME
    "$out/bin/cs" apply --profile builtin:learning --yes
    "$out/bin/cs" verify
    "$out/bin/cs" uninstall --yes --purge
    runHook postInstallCheck
  '';

  meta = {
    inherit (manifest.package) description;
    license = with lib.licenses; [
      mit
      asl20
    ];
    mainProgram = "cs";
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
