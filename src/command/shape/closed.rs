//! The closed sets a shape is made of. A value is stored as its place in the set, so a set only grows
//! at its end.

/// Declares a closed set: the enum, its words, and the way from a stored byte back.
macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        /// Stored as its place in the set.
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word it is shown by.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The byte it is stored as.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// What was stored as `code`.
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }
        }
    };
}
pub(crate) use closed;

closed! {
    /// What a command is about.
    Category {
        Other = "other",
        SlurmSubmission = "slurm_submission",
        Scheduler = "scheduler",
        ContainerExecution = "container_execution",
        Container = "container",
        RemoteExecution = "remote_execution",
        RAnalysis = "r_analysis",
        Python = "python",
        Language = "language",
        Build = "build",
        Test = "test",
        Lint = "lint",
        VersionControl = "version_control",
        ScmHosting = "scm_hosting",
        PackageManagement = "package_management",
        FileInspection = "file_inspection",
        FileChange = "file_change",
        Search = "search",
        TextProcessing = "text_processing",
        Network = "network",
        Database = "database",
        Cloud = "cloud",
        Cluster = "cluster",
        DataTransfer = "data_transfer",
        Archive = "archive",
        Compression = "compression",
        Process = "process",
        SystemAdmin = "system_admin",
        Service = "service",
        Storage = "storage",
        User = "user",
        Genomics = "genomics",
        Science = "science",
        Workflow = "workflow",
        Environment = "environment",
        Editor = "editor",
        Shell = "shell",
        Documentation = "documentation",
        Document = "document",
        Image = "image",
        Media = "media",
        Security = "security",
        Virtualisation = "virtualisation",
        Debug = "debug",
        Desktop = "desktop",
        Assistant = "assistant",
        Hardware = "hardware",
        Communication = "communication",
        Game = "game",
        LocalProgram = "local_program",
    }
}

closed! {
    /// What stands around a command and runs it.
    Wrapper {
        None = "none",
        Privilege = "privilege",
        Environment = "environment",
        Time = "time",
        Timeout = "timeout",
        Priority = "priority",
        Detach = "detach",
        Arguments = "arguments",
        FindExec = "find_exec",
        Shell = "shell",
        Slurm = "slurm",
        Container = "container",
        Remote = "remote",
        PackageRunner = "package_runner",
        PythonModule = "python_module",
        Parallel = "parallel",
        Mpi = "mpi",
        Repeat = "repeat",
        Trace = "trace",
        Shielded = "shielded",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that makes the set has no place for it")]
impl Default for Wrapper {
    fn default() -> Self {
        Self::None
    }
}

impl Wrapper {
    /// Whether what is run finds another user, machine or environment than it would by itself, or is looked at while
    /// it runs.
    #[must_use]
    pub const fn is_telling(self) -> bool {
        matches!(
            self,
            Self::Privilege
                | Self::Slurm
                | Self::Container
                | Self::Remote
                | Self::PackageRunner
                | Self::PythonModule
                | Self::Mpi
                | Self::Trace
                | Self::Shielded
        )
    }

    /// The wrapper that a program is when another command stands behind it.
    #[must_use]
    pub fn named(program: &str) -> Option<Self> {
        Some(match program {
            "sudo" | "doas" | "su" | "pkexec" | "gosu" | "fakeroot" | "run0" => Self::Privilege,
            "env" | "command" | "builtin" | "exec" | "direnv" | "dotenv" | "noglob" => Self::Environment,
            "time" | "gtime" | "hyperfine" => Self::Time,
            "timeout" | "gtimeout" => Self::Timeout,
            "nice" | "ionice" | "chrt" | "taskset" | "numactl" | "stdbuf" | "unbuffer" => Self::Priority,
            "nohup" | "setsid" | "disown" | "systemd-run" => Self::Detach,
            "xargs" => Self::Arguments,
            "find" | "fd" => Self::FindExec,
            "sh" | "bash" | "zsh" | "dash" | "ksh" | "fish" | "eval" => Self::Shell,
            "srun" | "salloc" | "sbatch" => Self::Slurm,
            "docker" | "podman" | "singularity" | "apptainer" | "shifter" | "kubectl" | "charliecloud"
            | "ch-run" | "enroot" | "nerdctl" | "distrobox" | "toolbox" => Self::Container,
            "ssh" | "mosh" | "pdsh" | "clush" | "autossh" => Self::Remote,
            "npx" | "bunx" | "pnpx" | "uvx" | "pipx" | "uv" | "poetry" | "pdm" | "hatch" | "conda"
            | "mamba" | "micromamba" | "pixi" | "bundle" | "rye" | "mise" | "asdf" => Self::PackageRunner,
            "parallel" | "rush" => Self::Parallel,
            "mpirun" | "mpiexec" | "orterun" | "prun" | "aprun" | "jsrun" | "ibrun" => Self::Mpi,
            "watch" | "entr" | "watchexec" | "retry" => Self::Repeat,
            "strace" | "ltrace" | "valgrind" | "gdb" | "perf" => Self::Trace,
            "flock" | "chroot" | "unshare" | "nsenter" | "bwrap" | "firejail" => Self::Shielded,
            _ => return None,
        })
    }

    /// The category of everything run this way, if the way says more than what is run.
    #[must_use]
    pub const fn category(self) -> Option<Category> {
        match self {
            Self::Slurm => Some(Category::SlurmSubmission),
            Self::Container => Some(Category::ContainerExecution),
            Self::Remote => Some(Category::RemoteExecution),
            _ => None,
        }
    }
}

closed! {
    /// How much there is to a command line.
    Complexity { Simple = "simple", Short = "short", Compound = "compound", Script = "script" }
}

closed! {
    /// What a command works on, as the names of files tell it.
    DataKind {
        Genomics = "genomics",
        Tabular = "tabular",
        Image = "image",
        Media = "media",
        Archive = "archive",
        SourceCode = "source_code",
        Script = "script",
        Notebook = "notebook",
        Document = "document",
        Config = "config",
        Database = "database",
        Array = "array",
        Log = "log",
        Binary = "binary",
        Text = "text",
        ContainerImage = "container_image",
    }
}

closed! {
    /// Where a command works.
    PathKind {
        Scratch = "scratch",
        Shared = "shared",
        Home = "home",
        Temp = "temp",
        Project = "project",
        System = "system",
        Url = "url",
        Remote = "remote",
    }
}

closed! {
    /// What a command line has, each at least once. `Gpu`: one of its commands runs where a GPU was asked for; that
    /// a command asks for one itself is among its flags.
    Trait {
        Input = "input",
        Output = "output",
        Append = "append",
        ErrorOutput = "error_output",
        HereDocument = "here_document",
        Substitution = "substitution",
        Background = "background",
        Control = "control",
        Subshell = "subshell",
        Assignment = "assignment",
        Gpu = "gpu",
    }
}

closed! {
    /// The client's tools.
    ToolKind {
        Other = "other",
        Bash = "bash",
        Read = "read",
        Edit = "edit",
        Write = "write",
        Glob = "glob",
        Grep = "grep",
        WebFetch = "web_fetch",
        WebSearch = "web_search",
        Task = "task",
        NotebookEdit = "notebook_edit",
        TodoWrite = "todo_write",
        Mcp = "mcp",
        ShellOutput = "shell_output",
        ShellKill = "shell_kill",
        Skill = "skill",
        Plan = "plan",
        Question = "question",
    }
}

impl ToolKind {
    /// The kind of the tool that the client calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "Bash" => Self::Bash,
            "Read" | "NotebookRead" | "LS" => Self::Read,
            "Edit" | "MultiEdit" => Self::Edit,
            "Write" => Self::Write,
            "Glob" => Self::Glob,
            "Grep" => Self::Grep,
            "WebFetch" => Self::WebFetch,
            "WebSearch" => Self::WebSearch,
            "Task" | "Agent" => Self::Task,
            "NotebookEdit" => Self::NotebookEdit,
            "TodoWrite" | "TodoRead" | "TaskCreate" | "TaskUpdate" | "TaskList" | "TaskGet" => {
                Self::TodoWrite
            }
            "BashOutput" | "TaskOutput" | "AgentOutput" => Self::ShellOutput,
            "KillShell" | "KillBash" | "TaskStop" => Self::ShellKill,
            "Skill" | "SlashCommand" => Self::Skill,
            "ExitPlanMode" | "EnterPlanMode" => Self::Plan,
            "AskUserQuestion" => Self::Question,
            name if name.starts_with("mcp__") => Self::Mcp,
            _ => Self::Other,
        }
    }
}

closed! {
    /// How it ended.
    Outcome { Ok = "ok", Failed = "failed", Interrupted = "interrupted", Denied = "denied" }
}

closed! {
    /// The kind of machine it ran on.
    HostType {
        Other = "other",
        Workstation = "workstation",
        Server = "server",
        LoginNode = "login_node",
        ComputeNode = "compute_node",
        Container = "container",
        VirtualMachine = "virtual_machine",
        Ci = "ci",
    }
}

impl HostType {
    /// The kind of host that the profile's word stands for.
    #[must_use]
    pub fn of_profile(word: Option<&str>) -> Self {
        match word {
            Some("laptop" | "desktop") => Self::Workstation,
            Some("server") => Self::Server,
            Some("hpc") => Self::LoginNode,
            Some("ci") => Self::Ci,
            Some("container") => Self::Container,
            _ => Self::Other,
        }
    }
}

/// A set of members of a closed set of at most 16.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Bits(pub u16);

impl Bits {
    pub fn add(&mut self, code: u8) {
        self.0 |= 1 << code;
    }

    pub fn add_if(&mut self, is_there: bool, code: u8) {
        if is_there {
            self.add(code);
        }
    }

    #[must_use]
    pub const fn has(self, code: u8) -> bool {
        self.0 >> code & 1 == 1
    }
}

/// The bucket of a number: 0 for 0, else one more than its logarithm to the base of two, at most 31.
#[must_use]
pub const fn bucket_log2(value: u64) -> u8 {
    let mut bucket = 0;
    while bucket < 31 && value >> bucket != 0 {
        bucket += 1;
    }
    bucket
}

/// The bucket of a duration.
#[must_use]
pub const fn duration_bucket(milliseconds: u64) -> u8 {
    bucket_log2(milliseconds)
}

/// The bucket of a size: by KiB, so that small things are alike.
#[must_use]
pub const fn size_bucket(bytes: u64) -> u8 {
    bucket_log2(bytes.div_ceil(1024))
}
