//! Packages, services, jobs and the machine's own state.

use super::table::{Call, Row, row};
use super::{Context, Found, Rule, ask, deny};

static REMOVE: Rule = ask(
    "packages/remove",
    "software that other things may need, and with `purge` its settings and data",
    "simulate it first (`apt-get -s`, `dnf --assumeno`), and name exactly what is to go",
);
static ENVIRONMENT: Rule = ask(
    "packages/remove-environment",
    "an environment or toolchain; making it anew takes long and may give other versions",
    "export the list first: `conda env export`, `pip freeze`",
);
static STOP: Rule = ask(
    "packages/stop-service",
    "a service, for whoever uses it",
    "`systemctl status` first; `reload` keeps it running",
);
static DISABLE: Rule =
    ask("packages/disable-service", "a service at the next start", "`systemctl status` first");
static SHUTDOWN: Rule = ask(
    "packages/shut-down",
    "the running machine, with everyone's work on it",
    "let the person at the machine do it",
);
static JOBS: Rule = ask(
    "packages/cancel-jobs",
    "jobs that wait or run, and the hours they have used",
    "`squeue --me` first, then cancel one job by its number",
);
static CLUSTER: Rule = ask(
    "packages/change-scheduler",
    "nodes, accounts or limits that others work with",
    "`scontrol show` first; let the administrator do it",
);
static KILL_ALL: Rule = deny(
    "packages/kill-everything",
    "every process, with all unsaved work",
    "name the one process: `pgrep -f NAME`, then `kill PID`",
);
static KILL: Rule = ask(
    "packages/kill-many",
    "processes that have the same name or owner, with unsaved work",
    "`pgrep -a` first, then `kill PID`",
);
static NETWORK: Rule = ask(
    "packages/cut-network",
    "the connection, perhaps your own way in",
    "let the person at the machine do it, or have it undo itself",
);
static KERNEL: Rule =
    ask("packages/change-kernel", "the running system's stability", "let the person at the machine do it");
static STORE: Rule = ask(
    "packages/collect-garbage",
    "older generations: the way back",
    "keep some: `--delete-older-than 30d`",
);

pub(super) static TABLE: &[Row] = &[
    row(
        "apt|apt-get|aptitude|pkg_delete|nala",
        "remove|purge|autoremove|autopurge|dist-upgrade|full-upgrade !-s|--simulate|--dry-run|--just-print",
        &REMOVE,
    ),
    row("dpkg", "-r|-P|--remove|--purge|--force-all", &REMOVE),
    row(
        "yum|dnf|microdnf|zypper|tdnf|rpm-ostree",
        "remove|erase|autoremove|rm|reset|rebase|rollback|uninstall",
        &REMOVE,
    ),
    row("dnf|yum", "history undo|rollback", &REMOVE),
    row("rpm", "-e|--erase", &REMOVE),
    row("pacman|yay|paru|pamac|trizen", "-R*|--remove|remove", &REMOVE),
    row("apk", "del", &REMOVE),
    row("emerge", "-C|--unmerge|-c|--depclean", &REMOVE),
    row("xbps-remove|pkg_delete|slackpkg|removepkg|swupd-", "", &REMOVE),
    row("pkg", "delete|remove|autoremove", &REMOVE),
    row("port", "uninstall", &REMOVE),
    row("brew", "uninstall|remove|rm|autoremove|untap", &REMOVE),
    row("brew", "services stop|kill", &STOP),
    row("snap", "remove|revert|disable", &REMOVE),
    row("flatpak", "uninstall|remove", &REMOVE),
    row("winget|choco|scoop", "uninstall|remove", &REMOVE),
    row("opkg|eopkg|guix|nix-env", "remove|rmf", &REMOVE),
    row("nix-env", "-e|--uninstall|--delete-generations", &REMOVE),
    row("nix-store", "--gc", &STORE),
    row("nix-collect-garbage", "-d|--delete-old", &STORE),
    row("nix", "store gc|delete", &STORE),
    row("nix", "profile remove|wipe-history", &STORE),
    row("pip|pip3", "uninstall", &REMOVE),
    row("uv", "pip uninstall", &REMOVE),
    row("uv", "python|tool uninstall", &REMOVE),
    row("pipx", "uninstall|uninstall-all", &REMOVE),
    row("conda|mamba|micromamba", "env remove", &ENVIRONMENT),
    row("conda|mamba|micromamba", "remove|uninstall", &ENVIRONMENT),
    row("poetry", "env remove", &ENVIRONMENT),
    row(
        "pyenv|rbenv|nodenv|asdf|mise|sdk|nvm|fnm|volta|rustup|ghcup|opam|juliaup|tfenv",
        "uninstall|remove|prune",
        &ENVIRONMENT,
    ),
    row("rustup", "self|toolchain uninstall|remove", &ENVIRONMENT),
    row("npm|pnpm", "uninstall|remove|rm|un|unlink -g|--global|--location=global", &REMOVE),
    row("yarn|bun", "global remove", &REMOVE),
    row("gem", "uninstall|cleanup", &REMOVE),
    row("cargo", "uninstall", &REMOVE),
    row("dotnet", "tool|workload uninstall|clean", &REMOVE),
    row("luarocks", "remove|purge", &REMOVE),
    row("spack", "uninstall|gc", &REMOVE),
    row("systemctl", "stop|kill|isolate|rescue|emergency|default", &STOP),
    row("systemctl", "disable|mask|revert|unlink", &DISABLE),
    row("systemctl", "reboot|poweroff|halt|kexec|suspend|hibernate|soft-reboot|exit", &SHUTDOWN),
    row("service", "? stop|force-stop", &STOP),
    row("rc-service", "? stop|zap", &STOP),
    row("sv|initctl|s6-svc|runit-", "down|stop|force-stop|exit|shutdown", &STOP),
    row("rc-update|update-rc.d|chkconfig", "** del|delete|remove|off|disable", &DISABLE),
    row("launchctl", "unload|bootout|remove|stop|kill|disable|reboot", &STOP),
    row("supervisorctl", "stop|shutdown|remove|clear", &STOP),
    row("pm2", "delete|del|kill|stop|flush", &STOP),
    row("nginx", "-s stop|quit", &STOP),
    row("make|gmake|ninja", "uninstall", &REMOVE),
    row("composer", "global remove", &REMOVE),
    row("at", "-d|-r", &JOBS),
    row("stop-process", "-force|-Force|-f", &KILL),
    row("fuser", "-k -m|-M", &KILL),
    row("apachectl|apache2ctl|httpd", "stop|graceful-stop", &STOP),
    row("a2dissite|a2dismod", "?", &DISABLE),
    row("postfix|exim|postsuper", "stop|abort|-d", &STOP),
    row("postsuper", "-d", &STOP),
    row("sc|sc.exe|net", "stop|delete", &STOP),
    row("stop-service|stop-computer|restart-computer", "", &STOP),
    row("shutdown", "!-c|--show|-k", &SHUTDOWN),
    row("reboot|poweroff|halt", "!--help", &SHUTDOWN),
    row("init|telinit", "0|6|1|s|S", &SHUTDOWN),
    row("kexec", "-e", &SHUTDOWN),
    row("pmset", "sleepnow|restart", &SHUTDOWN),
    row("scancel", "?", &JOBS),
    row("scancel", "-u|--user|-A|--account|-p|--partition|--me|-n|--name|-t|--state|-w", &JOBS),
    row("qdel|bkill|condor_rm|llcancel|oardel|canceljob|jdel|flux-cancel|qsig|mjobctl", "?", &JOBS),
    row("bkill|qdel|condor_rm", "-u|-all|--all", &JOBS),
    row("flux", "cancel", &JOBS),
    row("scontrol", "delete|shutdown|reboot|takeover|reconfigure|power|abort", &CLUSTER),
    row("scontrol", "requeue|hold|suspend|requeuehold|cancel_reboot", &JOBS),
    row("scontrol", "update", &CLUSTER),
    row("sacctmgr", "** delete|remove|modify|archive", &CLUSTER),
    row(
        "qmgr|badmin|lsadmin|pbsnodes|qterm|qconf",
        "-c|-o|-r|-d*|stop|hclose|qclose|limshutdown|reconfig|hshut",
        &CLUSTER,
    ),
    row("qterm", "", &CLUSTER),
    row("atrm", "?", &JOBS),
    row("lpadmin", "-x", &DISABLE),
    row("ip", "link set ** down", &NETWORK),
    row(
        "ip",
        "addr|address|a|route|r|ro|link|neigh|neighbor|rule|netns|tunnel|maddr|xfrm del|delete|flush|flush_all|deleteall",
        &NETWORK,
    ),
    row("ifconfig", "? down|delete|-alias", &NETWORK),
    row("ifdown|wg-quick-", "?", &NETWORK),
    row("route", "del|delete|flush|-f", &NETWORK),
    row("nmcli", "** delete|down|off|disconnect", &NETWORK),
    row("networksetup", "-remove*|-delete*|-set*off|-setnetworkserviceenabled", &NETWORK),
    row("brctl|ovs-vsctl|ovs-ofctl", "delbr|delif|del-br|del-port|del-flows|emer-reset", &NETWORK),
    row("tc", "qdisc|filter|class del|delete", &NETWORK),
    row("rmmod|kextunload", "?", &KERNEL),
    row("modprobe", "-r|--remove", &KERNEL),
    row("dkms", "remove|uninstall", &KERNEL),
    row("swapoff", "-a|?", &KERNEL),
    row("umount", "-a|-f|-l|--force|--lazy|--all", &KERNEL),
    row("dconf|gconftool", "reset -f", &DISABLE),
    row("gsettings", "reset-recursively", &DISABLE),
    row("defaults", "** delete", &DISABLE),
    row("reg", "delete", &DISABLE),
    row("systemd-tmpfiles|tmpreaper|tmpwatch", "--remove|--purge", &REMOVE),
    row("update-alternatives", "--remove|--remove-all", &DISABLE),
    row("loginctl", "kill-*|terminate-*", &KILL),
    row("skill|slay", "?", &KILL),
    row("quotaoff|edquota|setquota", "?", &CLUSTER),
    row("lfs", "setquota|hsm_remove|hsm_release", &CLUSTER),
    row("mmdelfs|mmdelfileset|mmdelsnapshot|mmdeldisk|mmshutdown|mmunlinkfileset", "", &CLUSTER),
];

pub(super) fn find(call: &Call, _context: &Context) -> Option<Found> {
    match call.program.as_str() {
        "kill" => kill(call),
        // `/etc/init.d/nginx stop`
        _ if call.simple.words.first().is_some_and(|word| word.text.contains("/init.d/")) => {
            matches!(call.operand(0), "stop" | "force-stop").then(|| STOP.on(call.text()))
        }
        "killall" | "pkill" | "killall5" | "taskkill" => killall(call),
        "pacman" | "yay" | "paru" => {
            let removes = call
                .options()
                .iter()
                .any(|option| option.starts_with("-R") && !option.contains('p') || *option == "--remove");
            (removes && !call.has("-h|--help|--print")).then(|| REMOVE.on(call.text()))
        }
        "scancel" if call.simple.words.len() < 2 => None,
        "apt" | "apt-get" if call.has("-s") => None,
        _ => call.in_table(TABLE),
    }
}

/// `kill -9 -1`, `kill 1`.
fn kill(call: &Call) -> Option<Found> {
    let args: Vec<&str> = call.simple.args().iter().map(|word| word.text.as_str()).collect();
    // The first word with a dash is a signal; a second one is a group.
    let dashes = args.iter().position(|arg| *arg == "--").map_or(args.get(1..), |at| args.get(at + 1..));
    let is_all = dashes.is_some_and(|rest| rest.contains(&"-1"));
    let is_first = args.last().is_some_and(|arg| *arg == "1")
        && !args.iter().any(|arg| matches!(*arg, "-0" | "-l" | "-L" | "-s0"));
    (is_all && args.first() != Some(&"-l") || is_first).then(|| KILL_ALL.on(call.text()))
}

fn killall(call: &Call) -> Option<Found> {
    if call.has("--help|--version|-l|--list") || call.has("-0") {
        return None;
    }
    let is_pattern = call.operands().iter().any(|word| matches!(word.text.as_str(), "." | ".*" | "*" | ""));
    if is_pattern || call.is("killall5") {
        return Some(KILL_ALL.on(call.text()));
    }
    let is_hard = call.has("-9|-KILL|-SIGKILL|--force|-u|--user|-U|-G")
        || call
            .simple
            .args()
            .iter()
            .any(|word| matches!(word.text.as_str(), "/F" | "/f" | "KILL" | "SIGKILL" | "9"));
    is_hard.then(|| KILL.on(call.text()))
}
