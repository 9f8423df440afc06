//! What shapes say and, more, what they don't.

use proptest::prelude::*;

use super::*;

/// Splits at blanks; `'…'` is a quoted word.
fn words(line: &str) -> Vec<Word<'_>> {
    line.split(' ')
        .filter(|text| !text.is_empty())
        .map(|text| match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(inner) => Word::quoted(inner),
            None => Word::bare(text),
        })
        .collect()
}

fn shape(line: &str) -> Shape {
    let pieces: Vec<Vec<Word<'_>>> = line.split(" && ").map(words).collect();
    let piece = |words| Piece { words, runner: None, files: &[] };
    let pieces: Vec<Piece<'_>> = pieces.iter().map(|words| piece(words)).collect();
    Shape::of(&pieces, Structure { lists: pieces.len() - 1, ..Structure::default() })
}

fn told(line: &str) -> (String, String, Vec<String>) {
    let json = shape(line).to_json();
    let text = |key: &str| json[key].as_str().expect("text").to_owned();
    let flags = json["flags"].as_array().expect("a list").iter();
    (text("category"), format!("{} {}", text("tool"), text("subcommand")), {
        flags.map(|flag| flag.as_str().expect("text").to_owned()).collect()
    })
}

#[track_caller]
fn says(line: &str, category: &str, form: &str, flags: &[&str]) {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    assert_eq!(told(line), (category.to_owned(), form.to_owned(), flags), "{line}");
}

#[test]
fn a_command_is_known_by_tool_subcommand_and_flags() {
    says("git commit -m 'x' --amend", "version_control", "git commit", &["-m,--message", "--amend"]);
    says("git -C commit status", "version_control", "git status", &["-C"]);
    says("git stash pop", "version_control", "git stash/pop", &[]);
    says("cargo test --workspace", "test", "cargo test", &["--workspace,--all"]);
    says("cargo +nightly test --workspace", "test", "cargo test", &["--workspace,--all"]);
    says("rm -rf x", "file_change", "rm none", &["-f,--force", "-r,-R,--recursive"]);
    says("mysql -pSECRET db", "database", "mysql none", &["-p,--password"]);
    says("sbatch --time=1:00 --gpus 4 x.sh", "slurm_submission", "sbatch none", &["-G,--gpus", "-t,--time"]);
    says("/usr/bin/samtools view -b x.bam", "genomics", "samtools view", &["-b,--bam"]);
    says("python3.11 x.py --lr 3", "python", "python3 none", &[]);
    says("python -m pytest -x", "test", "pytest none", &["-x,--exitfirst"]);
    says("./secret status", "local_program", "other none", &[]);
    says("frobnicate status", "other", "other none", &[]);
}

#[test]
fn a_script_of_ones_own_is_told_by_its_ending_and_no_program_of_ones_own_by_its_name() {
    says("./secret.sh status", "local_program", "bash none", &[]);
    says("scripts/secret.py --lr 3 -c x", "local_program", "python3 none", &[]);
    assert_eq!(shape("./build.sh --all"), shape("./secret.sh --all"));
    says("node_modules/.bin/eslint src/x.js", "lint", "eslint none", &[]);
    says(".venv/Scripts/python.exe -m pytest -x", "test", "pytest none", &["-x,--exitfirst"]);
    for own in
        ["./git status", "tools/find x", "/home/secret/git status", "bin/x/git status", "./secret.txt x"]
    {
        says(own, "local_program", "other none", &[]);
    }
    says("/usr/bin/find x", "search", "find none", &[]);
}

#[test]
fn windows_programs_are_told_from_a_shell_on_it() {
    #[track_caller]
    fn says(line: &str, category: &str, form: &str) {
        let json = Shape::of_text(line).to_json();
        let text = |key: &str| json[key].as_str().expect("text").to_owned();
        let told = (text("category"), format!("{} {}", text("tool"), text("subcommand")));
        assert_eq!(told, (category.to_owned(), form.to_owned()), "{line}");
    }
    says("npm.cmd run build", "build", "npm run/build");
    says("./gradlew.bat secret", "build", "gradlew other");
    says(r#""C:\Program Files\Git\bin\git.exe" status"#, "version_control", "git status");
    says(r#""C:\Users\secret\nvm\v18\npm.cmd" install"#, "package_management", "npm install");
    says("/mnt/c/secret/git.exe status", "version_control", "git status");
    says(r#""/c/Program Files (x86)/Secret/ISCC.exe" x.iss"#, "build", "iscc none");
    says(r"venv\\Scripts\\python -m pytest", "test", "pytest none");
    says(r".\\gradlew secret", "build", "gradlew other");
    for own in
        [r#""C:\Users\secret\git" status"#, r#""C:\Users\secret\secret.exe" git"#, "secret/git.exe status"]
    {
        says(own, "local_program", "other none");
    }
    says("timeout /t 5 /nobreak", "process", "timeout none");
    says("timeout 5 git status", "version_control", "git status");
    // Another language's words, of which some are known.
    says(r#"powershell.exe -NoProfile -Command "$secret = 5; secretly x""#, "shell", "powershell none");
    says(r#"powershell -c "git status""#, "version_control", "git status");
    says(r#"cmd.exe /c "secretly x""#, "shell", "cmd none");
    says(r#"cmd //c "cd C:\\secret && npm test""#, "test", "npm test");
    says("rtk git status", "version_control", "git status");
    says("rtk err npm test", "test", "npm test");
    says("rtk test cargo test", "test", "cargo test");
    says("rtk gain --history", "assistant", "rtk none");
}

#[test]
fn a_file_where_a_subcommand_may_stand_is_none() {
    says("php secret.php x", "language", "php none", &[]);
    says("php secret x", "language", "php other", &[]);
    says("php artisan migrate", "language", "php artisan", &[]);
    says("terraform -x=y ./secret", "cloud", "terraform none", &[]);
    // It may be the flag's.
    says("terraform -x ./secret", "cloud", "terraform other", &[]);
}

#[test]
fn what_runs_a_command_is_passed_over() {
    let said = |text: &str| Shape::of_text(text).to_json();
    for runner in [
        "dotenvx run -f .env --",
        "dotenv run",
        "dotenv -f .env",
        "cross-env A=b C=d",
        "pixi run",
        "bun x",
        "mise x --",
        "mise exec node@22 python@3 --",
    ] {
        let line = format!("{runner} cargo test --release");
        assert_eq!(said(&line)["tool"], "cargo", "{line}");
        assert_eq!(said(&line)["subcommand"], "test", "{line}");
    }
}

#[test]
fn what_is_evaluated_because_a_command_prints_it_is_that_command() {
    let said = |text: &str| Shape::of_text(text).to_json();
    assert_eq!(said(r#"eval "$(starship init bash)""#)["tool"], "starship");
    assert_eq!(said("eval $(tmux showenv -s DISPLAY)")["tool"], "tmux");
    assert_eq!(said(r#"eval "$(secret a b)""#)["tool"], "other");
    assert_eq!(said(r#"eval "$(secret a b)" && git push"#)["tool"], "git");
}

#[test]
fn what_watches_a_program_of_ones_own_is_something() {
    let said = |text: &str| Shape::of_text(text).to_json();
    assert_eq!(said("valgrind --leak-check=full ./secret -x")["tool"], "valgrind");
    assert_eq!(said("valgrind cargo test")["tool"], "cargo");
    assert_eq!(said("timeout 5 ./secret")["tool"], "other");
}

#[test]
fn a_directive_of_a_batch_script_is_the_schedulers() {
    let said = |text: &str| Shape::of_text(text).to_json();
    assert_eq!(said("#SBATCH --time=1:00 --gpus 4"), said("sbatch --time=2:00 --gpus 2"));
    assert_eq!(said("#SBATCH --time=1:00")["category"], "slurm_submission");
    assert_eq!(said("#SBATCHES"), said("# a remark"));
    // What runs is what counts.
    assert_eq!(said("#SBATCH --time=1:00\ngit push")["tool"], "git");
}

#[test]
fn the_most_telling_piece_leads() {
    says("cd x && export A=b && git push", "version_control", "git push", &[]);
    says("cd x && echo y", "shell", "cd none", &[]);
    says("mkdir x && samtools index y", "genomics", "samtools index", &[]);
}

#[test]
fn what_only_sets_variables_says_so() {
    let is_set = |line| {
        let shape = Shape::of_text(line);
        (
            shape.category == Category::Shell,
            shape.tool == Tool::named("="),
            shape.traits.has(Trait::Assignment.code()),
        )
    };
    for line in ["a=5", "A=1 B=2", "array=(a b c)"] {
        assert_eq!(is_set(line), (true, true, true), "{line}");
    }
    assert_eq!(["A=1; ls", "A=1 ls", "ls"].map(|line| is_set(line).2), [true, false, false]);
    assert_eq!(Shape::of_text("A=1; git push").tool, Tool::named("git"));
}

#[test]
fn a_name_that_is_a_word_is_a_name() {
    assert_eq!(shape("cat commit"), shape("cat secret"));
    assert_eq!(shape("git add commit"), shape("git add secret"));
    assert_eq!(shape("git --unheard-of commit status"), shape("git --unheard-of secret status"));
    assert_eq!(shape("git 'commit' x"), shape("git 'secret' x"));
    assert_eq!(shape("/home/find/status x"), shape("/home/x/secret x"));
    assert_eq!(shape("grep commit.py x"), shape("grep secret x"));
    assert_eq!(shape("ping example.pl"), shape("ping example.com"));
    assert_eq!(shape("docker run -e A=--rm image"), shape("docker run -e B=c image"));
}

#[test]
fn a_shape_says_how_much_it_can_say() {
    let bits = Shape::bits();
    assert!((60.0..200.0).contains(&bits), "{bits}");
}

#[test]
fn buckets_are_coarse() {
    assert_eq!([0, 1, 2, 3, 4, 1000, u64::MAX].map(bucket_log2), [0, 1, 2, 2, 3, 10, 31]);
    assert_eq!([0, 1, 1024, 1025].map(size_bucket), [0, 1, 1, 2]);
}

/// What is anybody's own: names, words of the vocabulary among them.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9]{0,12}",
        Just("status".to_owned()),
        Just("commit".to_owned()),
        Just("git".to_owned())
    ]
}

/// Commands with holes: `NAME`, `TEXT` (quoted), `NUMBER`, `HOST`.
const FRAMES: &[&str] = &[
    "git commit -m 'TEXT'",
    "git checkout -b NAME",
    "git --frob NAME status",
    "rsync -avz NAME HOST:/data/NAME.bam",
    "ssh -p NUMBER NAME@HOST.example 'TEXT'",
    "sbatch --account=NAME --mem=NUMBER /scratch/NAME/NAME.sh",
    "curl -H 'TEXT' -u NAME:NAME https://HOST.example/NAME",
    "mysql -uNAME -pNAME -h HOST NAME",
    "grep -rn NAME src/NAME.rs",
    "docker run --rm -e NAME=NAME NAME/NAME:NUMBER NAME",
    "samtools view -@ NUMBER -b NAME.bam",
    "kill -NUMBER NUMBER",
    "NAME.frob --NAME-frob NAME",
    "echo NAME 'TEXT'",
    "kubectl -n NAME get pods NAME",
    "/home/NAME/NAME --port=NUMBER",
];

fn fill(frame: &str, [name, text, number, host]: [&str; 4]) -> String {
    let text = text.replace(' ', "_");
    frame.replace("NAME", name).replace("TEXT", &text).replace("NUMBER", number).replace("HOST", host)
}

proptest! {
    /// ZK-2.
    #[test]
    fn commands_that_differ_in_what_is_private_have_equal_records(
        frame in proptest::sample::select(FRAMES),
        a in [secret(), secret()], b in [secret(), secret()],
        texts in ["[ -~&&[^']]{1,30}", "[ -~&&[^']]{1,30}"],
        numbers in ["[1-9][0-9]{2,4}", "[1-9][0-9]{2,4}"],
    ) {
        let [first, second] = [(a, 0), (b, 1)].map(|(names, at)| {
            shape(&fill(frame, [&names[0], &texts[at], &numbers[at], &names[1]]))
        });
        prop_assert_eq!(first, second, "{}", frame);
    }

    #[test]
    fn any_words_have_a_shape(line in "[ -~ä]{0,80}") {
        let _ = shape(&line).to_json();
    }
}
