# What our Nix code uses of nixpkgs's `lib`, written anew and no larger than that: it lets the flake and the
# module be evaluated where nixpkgs can't be had. `check.sh` takes the real one instead if it is told where.
let
  lib = rec {
    inherit (builtins)
      all
      any
      attrNames
      attrValues
      concatLists
      concatStringsSep
      elem
      filter
      genList
      head
      isAttrs
      isBool
      isInt
      isFloat
      isFunction
      isList
      isString
      length
      listToAttrs
      mapAttrs
      stringLength
      substring
      ;

    # Attributes, lists, text
    nameValuePair = name: value: { inherit name value; };
    genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
    mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
    optionalAttrs = condition: set: if condition then set else { };
    optional = condition: item: if condition then [ item ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    optionalString = condition: text: if condition then text else "";
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    removePrefix =
      prefix: text:
      if hasPrefix prefix text then substring (stringLength prefix) (stringLength text) text else text;
    splitString = separator: text: filter isString (builtins.split separator text);
    concatMapStrings = f: list: concatStringsSep "" (map f list);
    escapeShellArg = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
    escapeShellArgs = list: concatStringsSep " " (map escapeShellArg list);

    licenses = {
      mit = "MIT";
      asl20 = "Apache-2.0";
    };
    platforms = {
      linux = [ "linux" ];
      darwin = [ "darwin" ];
    };

    # Options
    mkOption = attributes: attributes // { _type = "option"; };
    mkEnableOption =
      what:
      mkOption {
        type = types.bool;
        default = false;
        description = "Whether to enable ${what}.";
      };
    literalExpression = text: { inherit text; };
    literalMD = literalExpression;
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkOverride = priority: content: {
      _type = "override";
      inherit priority content;
    };
    mkDefault = mkOverride 1000;

    # A type: what a value must be, and what several definitions are together.
    types =
      let
        one =
          name: definitions:
          if length definitions == 1 then head definitions else throw "`${name}' is defined more than once";
        plain = check: {
          inherit check;
          merge = one;
        };
      in
      rec {
        bool = plain isBool;
        int = plain isInt;
        str = plain isString;
        lines = str;
        anything = plain (_: true);
        package = plain (value: isAttrs value && value ? outPath);
        path = plain (
          value:
          (isString value || builtins.isPath value || value ? outPath) && substring 0 1 (toString value) == "/"
        );
        listOf = type: {
          check = value: isList value && all type.check value;
          merge = _: concatLists;
        };
        attrsOf = type: {
          check = value: isAttrs value && all type.check (attrValues value);
          merge =
            name: definitions:
            mapAttrs (key: type.merge "${name}.${key}") (
              builtins.zipAttrsWith (_: values: values) definitions
            );
        };
        either = one: other: {
          check = value: one.check value || other.check value;
          merge = name: list: (if all one.check list then one else other).merge name list;
        };
      };

    # Modules, as far as ours go: imports, `mkIf`, `mkMerge` and `mkDefault` anywhere on the way to an option.
    evalModules =
      {
        modules,
        specialArgs ? { },
      }:
      let
        arguments = specialArgs // {
          inherit config;
        };
        load =
          module:
          let
            read = if builtins.isPath module then import module else module;
            value = if isFunction read then read arguments else read;
            own =
              if value ? options || value ? config then
                {
                  options = value.options or { };
                  config = value.config or { };
                }
              else
                {
                  options = { };
                  config = removeAttrs value [ "imports" ];
                };
          in
          [ own ] ++ concatLists (map load (value.imports or [ ]));
        loaded = concatLists (map load modules);

        # Every definition of the option at `path`, with what it depends on. A condition is looked at last:
        # it may itself be an option.
        definitions =
          path: value:
          if value._type or null == "if" then
            map (found: found // { conditions = [ value.condition ] ++ found.conditions; }) (
              definitions path value.content
            )
          else if value._type or null == "merge" then
            concatLists (map (definitions path) value.contents)
          else if value._type or null == "override" then
            map (found: found // { inherit (value) priority; }) (definitions path value.content)
          else if path == [ ] then
            [
              {
                inherit value;
                conditions = [ ];
                priority = 100;
              }
            ]
          else if isAttrs value && value ? ${head path} then
            definitions (builtins.tail path) value.${head path}
          else
            [ ];

        valueOf =
          path: option:
          let
            name = concatStringsSep "." path;
            found = filter (found: all (condition: condition) found.conditions) (
              concatLists (map (module: definitions path module.config) loaded)
            );
            strongest = builtins.foldl' (
              least: found: if found.priority < least then found.priority else least
            ) 9999 found;
            values = map (found: found.value) (filter (found: found.priority == strongest) found);
            wrong = filter (value: !option.type.check value) values;
          in
          if wrong != [ ] then
            throw "a definition of `${name}' is of the wrong type"
          else
            (option.apply or (value: value)) (
              if values != [ ] then
                option.type.merge name values
              else
                option.default or (throw "the option `${name}' is used but not defined")
            );

        isOption = value: value._type or null == "option";
        merged =
          path: trees:
          builtins.zipAttrsWith (
            name: values:
            let
              here = path ++ [ name ];
            in
            if all isOption values then valueOf here (head values) else merged here values
          ) trees;
        config = merged [ ] (map (module: module.options) loaded);
      in
      {
        inherit config;
      };
  };
in
lib
