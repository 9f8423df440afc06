//! What is read out of texts.

use super::*;

/// Each command as its words, with `?` for holes.
fn commands(text: &str) -> Vec<String> {
    let show = |simple: &Simple| {
        let words: Vec<String> = simple.words.iter().map(|word| word.text.replace(UNKNOWN, "?")).collect();
        words.join(" ")
    };
    parse(text).commands.iter().map(show).collect()
}

#[track_caller]
fn reads(text: &str, expected: &[&str]) {
    assert_eq!(commands(text), expected, "{text}");
}

/// `&>` opens a redirection, `>(` a substitution; together they are neither, and were read for ever.
#[test]
fn an_operator_that_is_none_is_read_past() {
    for text in ["&>(", "a &>(b); rm -rf /", "for x in eval &>(=(>{a,b}&\n", "=(`a= -rf&>(=("] {
        let script = parse(text);
        assert!(
            !text.contains("rm") || script.commands.iter().any(|simple| simple.program() == "rm"),
            "{script:?}"
        );
    }
}

#[test]
fn words_and_quotes() {
    reads(r#"a 'b c' "d e" f\ g h"i"'j'"#, &["a b c d e f g hij"]);
    reads(r"$'\x72\155' $'a\tb' $'\u00e9'", &["rm a\tb é"]);
    reads("a{b,c}d {x} {1..3} {p,q}", &["abd acd {x} {1..3} p q"]);
    reads("a\\\nb c # d\ne", &["ab c", "e"]);
    reads("echo \"unterminated", &["echo unterminated"]);
}

#[test]
fn variables_are_put_in_where_they_are_known() {
    reads("x=rm; y='-rf /'; $x $y", &["rm -rf /"]);
    reads("rm${IFS}-rf${IFS}/", &["rm -rf /"]);
    reads("echo $z ${x:-d} ${x:+e}", &["echo ? d e"]);
    reads("for f in a b; do rm $f.o; done", &["rm a.o b.o"]);
    reads("x=1 cmd $x; cmd $x", &["cmd 1", "cmd ?"]);
    let script = parse("rm \"$HOME/x\"");
    assert_eq!(script.commands[0].words[1].holes, ["HOME"]);
}

/// A line may end behind what joins two commands, with comments and empty lines between.
#[test]
fn what_is_joined_over_a_line_end_is_joined() {
    for (text, joined, reads) in [
        ("a | b", Joined::Then, Some((0, 1))),
        ("a |\n b", Joined::Then, Some((0, 1))),
        ("a |& # c\n\n\n b", Joined::Then, Some((0, 1))),
        ("cat <<E |\nx\nE\nb", Joined::Then, Some((0, 1))),
        ("a &&\n b", Joined::And, None),
        ("a || # c\n\n b", Joined::Or, None),
        ("a\n b", Joined::Then, None),
        ("a; b", Joined::Then, None),
        ("a | x=1\n b", Joined::Then, None),
        ("a &\n b", Joined::Then, None),
        ("a && x=1\n b", Joined::Then, None),
    ] {
        let script = parse(text);
        let last = script.commands.last().expect("b");
        assert_eq!(
            (last.program().as_str(), last.position.joined, last.reads),
            ("b", joined, reads),
            "{text}"
        );
    }
}

/// What is in a container is nothing that the container's own command is run by.
#[test]
fn a_command_knows_what_runs_it() {
    let told = |text: &str| {
        let tell = |simple: &Simple| {
            format!("{}<{}", simple.program(), simple.runner.map_or("", |runner| runner.tool.name()))
        };
        parse(text).commands.iter().map(tell).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told("sudo git status"), "git<sudo");
    assert_eq!(told("timeout 5 git status"), "git<");
    assert_eq!(told("docker exec -it box git status"), "docker< git<docker");
    assert_eq!(told("docker exec -it box sudo git status"), "docker< git<sudo");
    assert_eq!(told("sudo docker exec -it box git status"), "docker<sudo git<docker");
    let sites = parse("time docker exec -it box git status").commands.into_iter().map(|simple| simple.site);
    assert!(sites.eq([Site::Here, Site::Elsewhere]), "its own command is this machine's");
}

#[test]
fn a_command_knows_where_it_stands() {
    let told = |text: &str| {
        let tell = |simple: &Simple| {
            let Position { level, is_background, .. } = simple.position;
            format!("{}{level}{}", simple.program(), if is_background { "&" } else { "" })
        };
        parse(text).commands.iter().map(tell).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told("a && b | c; d"), "a0 b0 c0 d0");
    assert_eq!(told("a; b && c & d"), "a0 b0& c0& d0");
    assert_eq!(told("if a; then b; fi; (c); d $(e); { f; }"), "a1 b1 c1 e1 d0 f1");
    assert_eq!(told("bash -c 'a; b'; find . -exec c {} +"), "bash0 a1 b1 find0 c1");
    assert_eq!(told("f() { a; }; f"), "a2 f0");
    assert_eq!(told("docker exec c a & sudo docker exec c sudo b && d"), "docker0& a1& docker0 b1 d0");
}

#[test]
fn structure_is_followed() {
    reads("a && b || c; d & e | f", &["a", "b", "c", "d", "e", "f"]);
    reads("if a; then b; else c; fi; while d; do e; done", &["a", "b", "c", "d", "e"]);
    reads("case $(a) in b|c) d;; (e) f;& *) g; esac; h", &["a", "d", "f", "g", "h"]);
    reads("f() { a $1; }; f x", &["a x", "f x"]);
    reads("f() { a; }", &["a"]);
    reads("echo $(a `b` $((1 + $(c))) ${d:-$(e)})", &["b", "c", "e", "a ? ? ?", "echo ?"]);
    reads("[[ -n $(a) && b < c ]] && d", &["a", "d"]);
    reads("x=(a $(b)); c", &["b", "c"]);
    let script = parse("a | (b; c) | d");
    assert_eq!(script.commands[1].reads, Some((0, 1)));
    assert_eq!(script.commands[3].reads, Some((1, 3)));
}

#[test]
fn redirections_and_here_documents() {
    let script = parse("a 2>&1 >b <c &>>d\ncat <<-E | sh\n\trm x\n\tE\ny");
    let redirects: Vec<_> =
        script.commands[0].redirects.iter().map(|r| (r.fd, r.kind, r.target.text.as_str())).collect();
    assert_eq!(redirects[0], (Some(2), RedirectKind::Duplicate, "1"));
    assert_eq!(redirects[1], (None, RedirectKind::Write, "b"));
    assert_eq!(redirects[2], (None, RedirectKind::Read, "c"));
    assert_eq!(redirects[3], (None, RedirectKind::Append, "d"));
    assert_eq!(commands("cat <<'E'\nrm $(x)\nE\ny"), ["cat", "y"]);
    assert_eq!(commands("cat <<E\nrm $(x)\nE\ny"), ["x", "cat", "y"]);
    assert_eq!(commands("bash <<E\nrm x\nE"), ["bash", "rm x"]);
}

#[test]
fn wrappers_are_unfolded() {
    reads("sudo -u bob env A=1 nice -n 5 a b", &["a b"]);
    for line in [
        "srun --gpus 2 -C big a b",
        "srun -n4 --qos low --mem-per-cpu 2G --pty a b",
        "salloc -G 1 srun --label a b",
    ] {
        reads(line, &["a b"]);
    }
    reads("timeout -k 5 10 a", &["a"]);
    reads("sh -c 'a; b $1' s x", &["sh -c a; b $1 s x", "a", "b x"]);
    reads("echo 'a b' | sh", &["echo a b", "sh", "a b"]);
    reads("eval 'a;' b", &["eval a; b", "a", "b"]);
    reads("find d -exec a {} \\;", &["find d -exec a {} ;", "a d/?"]);
    reads("echo x | xargs -I{} a {} b", &["echo x", "xargs -I{} a {} b", "a x b"]);
    reads("parallel a {2} ::: x ::: y", &["parallel a {2} ::: x ::: y", "a y"]);
    reads("alias a='b c'; a d", &["alias a=b c", "b c d"]);
    assert_eq!(parse("ssh -p 22 h 'a'").commands[1].site, Site::Elsewhere);
    assert_eq!(parse("cd a && b").commands[1].folders[0].text, "a");
}

#[test]
fn code_of_other_languages_is_looked_into() {
    assert!(commands("python3 -c 'import os; os.system(\"a b\")'").contains(&"a b".to_owned()));
    assert!(
        commands("python3 -c 'import subprocess as s; s.run([\"a\", \"b\"])'").contains(&"a b".to_owned())
    );
    assert!(commands("perl -e '`a b`'").contains(&"a b".to_owned()));
    assert!(commands("ruby -e 'FileUtils.rm_rf(\"x\")'").contains(&"rm -rf x".to_owned()));
    assert_eq!(commands("python3 -c 'print(\"rm -rf /\")'").len(), 1);
}

#[test]
fn depth_is_capped() {
    let script = parse(&format!("{}a{}", "$(".repeat(5_000), ")".repeat(5_000)));
    assert!(script.is_undecided);
    assert!(!parse("a $(b $(c))").is_undecided);
    assert!(parse(":(){ :|:& };:").is_bomb);
}

#[test]
fn an_alias_may_stand_for_nothing() {
    for text in ["alias z=; z", "alias z='# x'; z", "alias z='>f'; z rm", "alias z=' '; z z"] {
        let _ = parse(text);
    }
}

/// What is kept of a text has a bound, whatever the text: in words, where a long one counts as several.
#[test]
fn hostile_texts_are_not_kept_whole() {
    let many = |text: &str, count: usize| text.repeat(count);
    let texts = [
        many("a ", 200_000),
        format!("echo {}\n", many("a ", 100_000)),
        many("$(a) ", 50_000),
        many("{a,b}{c,d}{e,f} ", 10_000),
        format!("sh -c '{}'", many("a ", 100_000)),
        many("ssh h ", 20_000),
        format!("find . {}", many("-exec a \\; ", 3_000)),
        format!("xargs -I{{}} echo {} <<< '{}'", many("{} ", 20_000), many("x", 5_000)),
        format!("xargs rm <<< '{}'", many("a ", 100_000)),
        format!("parallel rm ::: {}", many("a ", 50_000)),
        many("a >b ", 20_000),
        many("a;", 50_000),
    ];
    for text in &texts {
        let script = parse(text);
        let words = script.commands.iter().flat_map(|simple| &simple.words);
        let weight: usize = words.map(|word| 1 + word.text.len() / 64).sum();
        let most = 2 * WORDS_MAX + 16 * 8_192;
        assert!(weight <= most && script.commands.len() <= 8_192, "{weight} of {}", &text[..30]);
        assert!(script.is_undecided, "{}", &text[..30]);
    }
}

#[test]
fn no_depth_is_too_deep_for_the_stack() {
    for text in [
        "echo ".to_owned() + &"${x:-".repeat(50_000),
        "echo \"".to_owned() + &"${x:-".repeat(50_000),
        "echo ".to_owned() + &"}".repeat(50_000) + "{a,b}",
        "echo ".to_owned() + &"{".repeat(50_000) + &"}".repeat(50_000),
        "echo ".to_owned() + &"$(( ".repeat(400) + &"))".repeat(400),
    ] {
        let _ = parse(&(text + "; rm x"));
    }
}

#[test]
fn one_text_for_many_commands_is_kept_once() {
    let script = parse("cd a; { b; c; d; } <<E\ntext\nE\n");
    let [b, c] = [1, 2].map(|at| &script.commands[at]);
    let (Some(one), Some(other)) = (&b.here, &c.here) else { panic!("{script:?}") };
    assert!(Arc::ptr_eq(one, other) && Arc::ptr_eq(&b.folders, &c.folders));
}

#[test]
fn what_may_be_no_command_is_marked() {
    let aside = |text: &str| -> Vec<String> {
        let script = parse(text);
        let commands = script.commands.into_iter().filter(|simple| simple.is_aside);
        commands.map(|simple| simple.program()).collect()
    };
    assert_eq!(aside("python -c 'rm x'"), ["rm"]);
    assert_eq!(aside("tmux send-keys 'git push' Enter"), ["git"]);
    assert_eq!(aside("printf 'a\\nb\\nc' | xargs -I{} rm {}"), ["rm", "rm"]);
    assert_eq!(aside("./sh -c 'git push'"), ["git"]);
    assert!(aside("sh -c 'git push'").is_empty());
    assert!(aside("find . -exec rm {} \\;").is_empty());
    let own = parse("./sudo git push");
    assert_eq!(own.commands[0].as_typed.len(), 3, "{own:?}");
}

/// Shells differ in whether `echo` reads escapes; what reads a script may be either.
#[test]
fn what_is_fed_to_a_shell_is_read_with_and_without_its_escapes() {
    for reader in ["at now", "ssh host", "sh"] {
        let script = parse(&format!("echo 'r\\m x; \\x72m y' | {reader}"));
        let has = |words: &[&str]| {
            script.commands.iter().any(|simple| simple.words.iter().map(|word| &word.text).eq(words))
        };
        assert!(has(&["rm", "x"]) && has(&["rm", "y"]), "{reader}: {script:?}");
    }
}
