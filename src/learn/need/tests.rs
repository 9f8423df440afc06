//! Who is called when: over eight weeks of two people's work, and at the edges.

use proptest::prelude::*;

use super::*;
use crate::command::shape::Outcome;
use crate::learn::observed::tests::call;
use crate::learn::{Item, State};

const FIRST: u16 = 20_000;
const GONE: &str = "sh: 1: x: command not found";

/// Draws without a source of chance.
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % count as u64).expect("small")
    }

    /// The lower, the more often.
    fn low(&mut self, count: usize) -> usize {
        self.below(count).min(self.below(count)).min(self.below(count))
    }
}

/// What somebody runs, the everyday first, and how what keeps failing there fails.
struct Person {
    lines: &'static [&'static str],
    failures: &'static [(&'static str, &'static str)],
    host: HostType,
}

const WEB: Person = Person {
    lines: &[
        "npm test",
        "git status",
        "ls -la",
        "git diff",
        "npm run lint",
        "rg -n x",
        "git add -A",
        "git commit -m x",
        "cat package.json",
        "npx tsc --noEmit",
        "git push",
        "npm run build",
        "git log --oneline",
        "npx eslint src",
        "curl -s localhost",
        "docker compose up -d",
        "npm ci",
        "git stash",
        "git pull --rebase",
        "jq . x.json",
        "node a.js",
        "psql -c x",
        "docker ps",
        "git checkout -b x",
        "gh pr create",
        "npx prettier --write .",
        "yarn install",
        "docker compose logs",
        "sed -i s/a/b/ x",
        "git rebase main",
        "npm outdated",
        "kubectl get pods",
        "terraform plan",
        "redis-cli ping",
        "ssh x uptime",
        "make build",
        "pnpm install",
        "git bisect start",
        "playwright test",
        "npx vitest run",
        "crontab -l",
        "aws s3 ls",
        "tar xzf x.tgz",
        "openssl s_client -connect x",
        "python3 -m http.server",
        "docker build -t x .",
        "git cherry-pick x",
        "npm publish --dry-run",
        "lsof -i :3000",
    ],
    failures: &[
        ("jq . x.json", GONE),
        ("npx playwright test", "Error: Cannot find module '@playwright/test'"),
        ("psql -c x", "psql: error: connection to server failed: Connection refused"),
        ("docker ps", "permission denied while trying to connect to the Docker daemon socket"),
        ("gh pr create --fill-verbose", "unknown flag: --fill-verbose"),
        ("python3 a.py", "ModuleNotFoundError: No module named 'yaml'"),
    ],
    host: HostType::Workstation,
};

const HPC: Person = Person {
    lines: &[
        "squeue -u me",
        "sbatch job.sh",
        "ls",
        "module load gcc",
        "sacct -j 1",
        "tail slurm-1.out",
        "git status",
        "snakemake --cores 4",
        "scancel 1",
        "samtools view x.bam",
        "sinfo",
        "Rscript a.R",
        "module avail",
        "apptainer exec x.sif bwa mem x",
        "bcftools view x.vcf",
        "srun --pty bash",
        "sbatch --array=1-10 job.sh",
        "conda activate x",
        "seff 1",
        "nextflow run x",
        "scontrol show job 1",
        "samtools sort x.bam",
        "du -sh .",
        "bwa index x.fa",
        "fastqc x.fq",
        "multiqc .",
        "apptainer pull x",
        "sbatch --gpus=1 job.sh",
        "module spider x",
        "minimap2 x",
        "samtools index x.bam",
        "quota -s",
        "rsync -a x y",
        "mpirun -n 4 x",
        "sbatch --mem=8G job.sh",
    ],
    failures: &[
        ("sbatch --gpus=1 job.sh", "sbatch: error: unrecognized option '--gpus'"),
        (
            "module load gcc",
            "Lmod has detected the following error: The following module(s) are unknown: gcc",
        ),
        ("srun --mem=1G x", "slurmstepd: error: Detected 1 oom-kill event(s)"),
        ("samtools view x.bam", "bash: samtools: command not found"),
        ("cp a b", "cp: error writing 'b': Disk quota exceeded"),
    ],
    host: HostType::LoginNode,
};

/// What happens to a report.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Yes,
    No,
    None,
}

/// Eight weeks of five days, some sixty calls each; the days on which agents became due, from 0 on.
fn weeks(person: &Person, answer: Answer, seed: u64) -> (State, Vec<(u16, Agent)>) {
    let (mut state, mut draw, mut reached) = (State::default(), Draw(seed), Vec::new());
    let thresholds = Thresholds::default();
    for at in 0..56_u16 {
        let day = FIRST + at;
        for _ in 0..if at % 7 < 5 { 60 } else { 0 } {
            let session = at * 4 + u16::try_from(draw.below(4)).expect("small");
            let of = (1 + session % 3, session + 1);
            let is_trouble = draw.below(40) == 0;
            let mut call = if is_trouble {
                let (line, text) = person.failures[draw.low(person.failures.len())];
                call(line, Some(text), of)
            } else {
                // One after the other gets into use.
                let known = person.lines.len().min(12 + usize::from(at));
                let line = person.lines[draw.low(known)];
                let fails = draw.below(8) == 0;
                call(line, fails.then_some("Exit code 1\n2 failed, 7 passed"), of)
            };
            call.record.host = person.host;
            call.record.day = day;
            let is_slow = at > 30 && draw.below(2) == 0;
            call.record.duration = if call.record.outcome == Outcome::Ok && is_slow { 16 } else { 11 };
            state.observe(&call);
        }
        state.expire(day, 30);
        for event in state.need.queue(&thresholds, day) {
            let Event::ThresholdReached(agent) = event else { panic!("{event:?}") };
            reached.push((at, agent));
            if answer != Answer::None {
                state.take(&Item::Acked(Acked { agent, useful: answer == Answer::Yes, day }));
            }
        }
    }
    (state, reached)
}

fn days(reached: &[(u16, Agent)], agent: Agent) -> Vec<u16> {
    reached.iter().filter(|own| own.1 == agent).map(|own| own.0).collect()
}

/// So that a reader sees what the table comes to: the days of eight weeks on which each agent became due, where nobody
/// ever answers.
#[test]
fn whoever_works_on_no_cluster_never_hears_of_the_advisor() {
    let told = |person: &Person| {
        let (_, reached) = weeks(person, Answer::None, 1);
        Agent::ALL.map(|agent| format!("{} {:?}", agent.name(), days(&reached, agent))).join("\n")
    };
    insta::assert_snapshot!(told(&WEB), @r"
    learning-analyst [8, 31, 49]
    hpc-advisor []
    troubleshooting-detective [0, 8, 17, 31, 42, 50]
    ");
    insta::assert_snapshot!(told(&HPC), @r"
    learning-analyst [10, 36, 50]
    hpc-advisor [0, 14, 25, 42]
    troubleshooting-detective [0, 8, 17, 28, 36, 44, 52]
    ");
    for seed in 1..6 {
        for answer in [Answer::Yes, Answer::No] {
            let (state, reached) = weeks(&WEB, answer, seed);
            assert_eq!(days(&reached, Agent::Advisor).len(), 0, "{seed}");
            assert_eq!(state.need.sums[Scope::Hpc as usize], Totals::default());
        }
        let (_, reached) = weeks(&HPC, Answer::No, seed);
        assert!(Agent::ALL.iter().all(|agent| !days(&reached, *agent).is_empty()), "{seed}: {reached:?}");
    }
}

#[test]
fn what_is_of_use_comes_sooner_and_what_is_not_later() {
    for person in [&WEB, &HPC] {
        let number = |answer, agent| days(&weeks(person, answer, 2).1, agent).len();
        for agent in [Agent::Analyst, Agent::Detective] {
            assert!(number(Answer::Yes, agent) > number(Answer::No, agent), "{}", agent.name());
        }
    }
}

/// One failure after the other, each of another program.
fn fail(need: &mut Need, lines: &[&str]) {
    let mut state = State { need: need.clone(), ..State::default() };
    for line in lines {
        state.observe(&call(line, Some(GONE), (1, 1)));
    }
    *need = state.need;
}

fn ack(agent: Agent, useful: bool, day: u16) -> Acked {
    Acked { agent, useful, day }
}

fn queue(need: &mut Need, day: u16) -> Vec<&'static str> {
    let name = |event| match event {
        Event::ThresholdReached(agent) => agent.name(),
        other => panic!("{other:?}"),
    };
    need.queue(&Thresholds::default(), day).into_iter().map(name).collect()
}

#[test]
fn two_failures_call_the_detective_and_one_that_comes_again_hardly_does() {
    let mut need = Need::default();
    fail(&mut need, &["jq ."]);
    assert_eq!(queue(&mut need, FIRST), [] as [&str; 0]);
    fail(&mut need, &["npm ci"]);
    assert_eq!(queue(&mut need, FIRST), ["troubleshooting-detective"]);
    let mut need = Need::default();
    fail(&mut need, &["jq ."; 3]);
    assert_eq!(queue(&mut need, FIRST), [] as [&str; 0]);
    let known = need.clone();
    let mut state = State { need, ..State::default() };
    let tests = |state: &mut State, text| {
        (0..50).for_each(|_| {
            state.observe(&call("npm test", Some(text), (1, 1)));
        });
    };
    tests(&mut state, "Exit code 1\n2 failed, 7 passed");
    let failures = Counter::Failures.place();
    assert_eq!(state.need.sums[0][failures], known.sums[0][failures], "everyday work teaches nobody");
    tests(&mut state, GONE);
    let all = state.need.sums[0][failures];
    let first = known.sums[0][failures];
    assert_eq!((all.count - first.count, all.units - first.units), (50, 2 * UNIT - 1));
}

#[test]
fn a_known_program_is_less_of_a_novelty() {
    let mut state = State::default();
    let mut units = |line| {
        let before = state.need.sums[0][0].units;
        state.observe(&call(line, None, (1, 1)));
        state.need.sums[0][0].units - before
    };
    assert_eq!(units("git status"), UNIT);
    assert_eq!(units("git status"), 0);
    assert_eq!(units("git push"), UNIT / 2);
    assert_eq!(units("git push --force"), UNIT / 4);
    assert_eq!(units("cargo test"), UNIT);
}

#[test]
fn one_that_has_looked_starves_no_other() {
    let mut need = Need::default();
    fail(&mut need, &["jq .", "npm ci", "sbatch x", "squeue"]);
    let scores = |need: &Need| {
        Agent::ALL.map(|agent| format!("{:.1}", need.status(agent, &Thresholds::default(), FIRST).score))
    };
    assert_eq!(scores(&need), ["8.0", "14.0", "32.0"]);
    need.acked(ack(Agent::Detective, true, FIRST));
    assert_eq!(scores(&need), ["8.0", "14.0", "0.0"]);
    fail(&mut need, &["tsc"]);
    assert_eq!(scores(&need), ["10.0", "14.0", "8.0"]);
}

#[test]
fn a_report_stays_until_it_is_answered_or_a_week_is_over_and_then_there_is_a_day_of_rest() {
    const NAMES: &[&str] = &["troubleshooting-detective"];
    let mut need = Need::default();
    fail(&mut need, &["jq .", "npm ci"]);
    assert_eq!(queue(&mut need, FIRST), NAMES);
    for day in 0..DUE_DAYS {
        need.expire(FIRST + day, 30);
        assert_eq!((queue(&mut need, FIRST + day).len(), need.due().len()), (0, 1), "{day}");
    }
    need.suggested(Suggested { agents: Agent::Detective.bit(), session: Number(7), day: FIRST });
    assert!(need.due()[0].was_told(Number(7)) && !need.due()[0].was_told(Number(8)));
    for session in 100..200 {
        need.suggested(Suggested { agents: 7, session: Number(session), day: FIRST });
    }
    assert_eq!(need.due()[0].due.told.len(), TOLD_MAX);
    need.expire(FIRST + DUE_DAYS, 30);
    assert_eq!(need.due(), []);
    fail(&mut need, &["tsc", "make"]);
    assert_eq!(queue(&mut need, FIRST + DUE_DAYS), [] as [&str; 0], "it rests");
    assert_eq!(queue(&mut need, FIRST + DUE_DAYS + 1), NAMES);
    need.acked(ack(Agent::Detective, true, FIRST + 9));
    fail(&mut need, &["tsc", "make"]);
    assert_eq!((need.due().len(), queue(&mut need, FIRST + 9).len()), (0, 0));
    assert_eq!(queue(&mut need, FIRST + 10), NAMES);
}

#[test]
fn the_threshold_moves_within_bounds_and_once_a_day() {
    let mut need = Need::default();
    let threshold = |need: &Need| {
        let status = need.status(Agent::Advisor, &Thresholds::default(), FIRST);
        status.threshold / status.declared
    };
    let is = |factor: f64, expected: f64| assert!((factor - expected).abs() < 1e-9, "{factor}");
    need.acked(ack(Agent::Advisor, false, FIRST));
    is(threshold(&need), 1.25);
    need.acked(ack(Agent::Advisor, false, FIRST));
    is(threshold(&need), 1.25);
    need.acked(ack(Agent::Advisor, true, FIRST + 1));
    is(threshold(&need), 1.0);
    need.acked(ack(Agent::Advisor, true, FIRST + 2));
    is(threshold(&need), 0.8);
    for (useful, bound) in [(true, 0.25), (false, 4.0)] {
        for day in 10..60 {
            need.acked(ack(Agent::Advisor, useful, FIRST + day));
        }
        assert!((0.25..=4.0).contains(&threshold(&need)), "{}", threshold(&need));
        assert!((threshold(&need) / bound).ln().abs() < 0.1, "{}", threshold(&need));
    }
    assert_eq!(
        need.status(Agent::Analyst, &Thresholds::default(), FIRST).threshold.to_bits(),
        50.0_f64.to_bits()
    );
}

#[test]
fn what_is_older_than_knowledge_is_kept_is_no_news() {
    let mut need = Need::default();
    fail(&mut need, &["jq ."]);
    queue(&mut need, FIRST);
    queue(&mut need, FIRST + 1);
    let points = |need: &Need, day| need.status(Agent::Detective, &Thresholds::default(), day).score;
    need.expire(FIRST + 29, 30);
    assert_eq!(points(&need, FIRST + 29).to_bits(), 8.0_f64.to_bits());
    need.expire(FIRST + 30, 30);
    assert_eq!(points(&need, FIRST + 30).to_bits(), 0.0_f64.to_bits());
    let since = need.status(Agent::Detective, &Thresholds::default(), FIRST + 30).since;
    assert_eq!(since, FIRST + 1);
    need.expire(FIRST + 31, 30);
    assert_eq!(need.history.len(), 1);
}

#[test]
fn hosts_and_the_guard_are_counted_and_neither_opens_the_gate() {
    let mut state = State::default();
    let mut on = |host: HostType| {
        let mut call = call("ls", None, (1, 1));
        call.record.host = host;
        state.observe(&call);
    };
    for host in [HostType::Workstation, HostType::LoginNode, HostType::LoginNode, HostType::ComputeNode] {
        on(host);
    }
    let need = &mut state.need;
    for _ in 0..20 {
        need.note(Event::HostChanged, FIRST);
        need.note(Event::Guarded, FIRST);
    }
    let thresholds = Thresholds::default();
    let of = |need: &Need, agent, counter| need.status(agent, &thresholds, FIRST).of(counter, &thresholds);
    assert_eq!(of(need, Agent::Advisor, Counter::HostChanges), (22, 22.0, 71.5));
    assert_eq!(of(need, Agent::Analyst, Counter::SecurityEvents), (20, 20.0, 0.0));
    assert_eq!(queue(need, FIRST), [] as [&str; 0], "nothing was done on the cluster");
    state.observe(&call("squeue", None, (1, 1)));
    assert_eq!(queue(&mut state.need, FIRST), ["hpc-advisor"]);
}

#[test]
fn days_of_a_wrong_clock_are_put_right() {
    let mut need = Need::default();
    fail(&mut need, &["jq .", "npm ci"]);
    queue(&mut need, FIRST + 900);
    need.acked(ack(Agent::Analyst, true, FIRST + 900));
    need.date_back(FIRST + 3, FIRST);
    assert_eq!(need.due()[0].due.day, FIRST);
    assert_eq!(need.status(Agent::Analyst, &Thresholds::default(), FIRST + 1).rests_until, None);
    assert!(need.history.is_empty());
}

proptest! {
    /// Whatever happened, in whatever order: what is kept is what there was, and nothing is without bounds.
    #[test]
    fn what_is_counted_is_kept(
        happened in prop::collection::vec((0..7_usize, 0..60_usize, 0..60_u16, any::<bool>()), 0..80),
    ) {
        let mut state = State::default();
        for (what, at, day, flag) in happened {
            let day = FIRST + day;
            match what {
                0..=2 => {
                    let line = HPC.lines[at % HPC.lines.len()];
                    let mut call = call(line, flag.then_some(GONE), (1, day));
                    call.record.day = day;
                    state.observe(&call);
                }
                3 => drop(state.need.queue(&Thresholds::default(), day)),
                4 => drop(state.take(&Item::Acked(ack(Agent::ALL[at % 3], flag, day)))),
                5 => {
                    let agents = u8::try_from(at).expect("small");
                    state.take(&Item::Suggested(Suggested { agents, session: Number(day), day }));
                }
                _ => state.need.expire(day, 30),
            }
            let mut bytes = Vec::new();
            state.need.encode(&mut bytes);
            let mut rest = Bytes(&bytes);
            let read = Need::decode(&mut rest);
            prop_assert_eq!(read.as_ref(), Some(&state.need));
            prop_assert!(rest.is_empty() && bytes.len() < 20_000);
            for report in state.need.due() {
                let mut bytes = Vec::new();
                report.encode(&mut bytes);
                prop_assert_eq!(Report::decode(&mut Bytes(&bytes)), Some(report));
            }
        }
    }
}
