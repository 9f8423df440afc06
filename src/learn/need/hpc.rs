//! Which commands are work on a cluster.
//!
//! By what they are, not by where they run: a login node is no advice by itself, and who submits jobs from a laptop
//! works on a cluster. What others use as well (docker, conda, make, R) is none; so a web developer never has any.

use crate::command::shape::{Category, HostType, Wrapper};
use crate::learn::Form;

/// Programs of the scheduler's category that plan somebody's own machine.
const NOT_A_CLUSTERS: &[&str] =
    &["at", "atq", "atrm", "batch", "cron", "crontab", "anacron", "fcron", "tsp", "pueue", "nq"];

/// Programs of other categories that belong to clusters.
const A_CLUSTERS: &[&str] = &[
    // Modules and the software they come from
    "module",
    "ml",
    "lmod",
    "modulecmd",
    "spack",
    "spack-load",
    "eb",
    // Containers without a daemon, which clusters have in docker's stead
    "singularity",
    "apptainer",
    "shifter",
    "charliecloud",
    "ch-run",
    "ch-image",
    "ch-convert",
    "sarus",
    "udocker",
    "enroot",
    "podman-hpc",
    // MPI
    "mpirun",
    "mpiexec",
    "orterun",
    "prterun",
    "prun",
    "aprun",
    "jsrun",
    "mpicc",
    "mpicxx",
    "mpif90",
    "gmx_mpi",
    "lmp_mpi",
    // Pipelines of science
    "nextflow",
    "snakemake",
    "cwltool",
    "cwl-runner",
    "toil",
    "cromwell",
    "miniwdl",
    "womtool",
    "nf-core",
    "planemo",
    "bpipe",
    "hyperqueue",
    "cylc",
];

/// Whether a command is work on a cluster: jobs and queues, modules, MPI, containers without a daemon, genomics and
/// its pipelines.
#[must_use]
pub fn is_hpc(form: &Form) -> bool {
    let name = form.tool.name();
    match form.category() {
        _ if form.wrapper == Wrapper::Slurm => true,
        Category::SlurmSubmission | Category::Genomics => true,
        Category::Scheduler => !NOT_A_CLUSTERS.contains(&name),
        _ => A_CLUSTERS.contains(&name),
    }
}

/// Whether a machine belongs to a cluster.
#[must_use]
pub fn is_cluster(host: HostType) -> bool {
    matches!(host, HostType::LoginNode | HostType::ComputeNode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shape::Tool;
    use crate::learn::judge::forms_of;

    #[test]
    fn clusters_are_known_by_their_programs() {
        for line in [
            "sbatch --gpus=1 a.sh",
            "squeue -u me",
            "module load gcc",
            "srun --pty pytest",
            "apptainer exec x.sif blastn -h",
            "samtools sort x.bam",
            "mpirun -n 4 ./x",
            "snakemake --cores 4",
        ] {
            assert!(forms_of(line).iter().any(is_hpc), "{line}");
        }
        for line in [
            "npm ci",
            "docker compose up -d",
            "docker exec x bash",
            "crontab -l",
            "conda create -n x",
            "Rscript a.R",
            "ssh host uptime",
            "make -j8",
            "kubectl get pods",
            "pytest -x",
            "git push --force",
            "gh workflow run x",
        ] {
            assert!(!forms_of(line).iter().any(is_hpc), "{line}");
        }
    }

    #[test]
    fn every_name_is_a_word() {
        for name in NOT_A_CLUSTERS.iter().chain(A_CLUSTERS) {
            assert!(Tool::named(name).is_some(), "{name}");
        }
    }
}
