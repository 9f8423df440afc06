//! Containers, images, volumes, virtual machines and clusters.

use super::table::{Call, Row, look_up, row};
use super::{Context, Found, Rule, ask};
use crate::command::Word;

static PRUNE: Rule = ask(
    "containers/prune",
    "everything that isn't running now: images, build caches, perhaps volumes with data",
    "list it first (`docker system df -v`), then remove by name",
);
static VOLUME: Rule = ask(
    "containers/remove-volume",
    "the data in the volume",
    "back it up, or leave the volume: `down` without `-v`",
);
static REMOVE: Rule = ask(
    "containers/remove",
    "containers or images, and what was only in them",
    "stop it, and check that its data is in a volume",
);
static STOP: Rule = ask("containers/stop", "the service to whoever uses it", "restart only what is meant");
static CLUSTER: Rule = ask(
    "containers/delete-resource",
    "objects of a cluster with all that depends on them, storage too",
    "`--dry-run=server` or `kubectl diff` first; name the object, the namespace and the context",
);
static NODE: Rule = ask(
    "containers/take-node-away",
    "what runs on the node",
    "`kubectl get pods --field-selector spec.nodeName=…` first",
);
static SCALE: Rule = ask(
    "containers/scale-to-nothing",
    "the service: nothing is left to answer",
    "scale to the number that is needed",
);
static REPLACE: Rule = ask(
    "containers/replace",
    "what runs now: it is deleted and made anew, or set back",
    "`kubectl diff` or `helm diff` first; `apply` changes in place",
);
static MACHINE: Rule = ask(
    "containers/delete-machine",
    "a virtual machine or environment with its disk",
    "take a snapshot or an export first",
);
static CHART: Rule = ask(
    "containers/uninstall-release",
    "the release with everything it made",
    "`helm get manifest` and `--dry-run` first",
);

const DOCKER: &str = "docker|podman|nerdctl|finch";

pub(super) static TABLE: &[Row] = &[
    row(DOCKER, "system|image|container|builder|buildx|network|volume|manifest prune", &PRUNE),
    row(DOCKER, "system reset", &PRUNE),
    row(DOCKER, "volume rm|remove", &VOLUME),
    row(DOCKER, "compose ** down -v|--volumes", &VOLUME),
    row(DOCKER, "compose ** down --rmi", &REMOVE),
    row(DOCKER, "compose ** rm -v", &VOLUME),
    row(DOCKER, "compose ** rm", &REMOVE),
    row("docker-compose|podman-compose", "** down -v|--volumes", &VOLUME),
    row("docker-compose|podman-compose", "** down --rmi", &REMOVE),
    row("docker-compose|podman-compose", "rm", &REMOVE),
    row(DOCKER, "rm|rmi", &REMOVE),
    row(
        DOCKER,
        "container|image|network|context|config|secret|service|stack|node|plugin|pod|machine|buildx|kube|manifest|artifact rm|remove|down",
        &REMOVE,
    ),
    row(DOCKER, "swarm leave", &REMOVE),
    row(DOCKER, "kill", &STOP),
    row(DOCKER, "container|pod kill", &STOP),
    row(DOCKER, "compose ** kill", &STOP),
    row("docker-compose|podman-compose", "** kill", &STOP),
    row("docker", "trust revoke", &REMOVE),
    row("docker", "run|create --privileged", &PRIVILEGED),
    row("ctr|crictl|buildah|skopeo|img", "** rm|rmi|rmp|delete|remove|prune|kill", &REMOVE),
    row("dokku", "** apps:destroy|*:destroy|*:unlink", &REMOVE),
    row("kubectl|oc|k", "delete", &CLUSTER),
    row("kubectl|oc|k", "replace --force", &REPLACE),
    row("kubectl|oc|k", "apply --prune|--force", &REPLACE),
    row("kubectl|oc|k", "scale --replicas=0", &SCALE),
    row("kubectl|oc|k", "drain|taint", &NODE),
    row("kubectl|oc|k", "cordon", &NODE),
    row("kubectl|oc|k", "rollout undo", &REPLACE),
    row("oc", "adm ** prune|drain", &CLUSTER),
    row("oc", "new-project-|delete-project", &CLUSTER),
    row("kubectl", "krew uninstall", &REMOVE),
    row("helm|helm3", "uninstall|delete|del|un", &CHART),
    row("helm|helm3", "rollback", &REPLACE),
    row("helm|helm3", "upgrade --force|--reset-values", &REPLACE),
    row("helmfile", "** destroy|delete", &CHART),
    row("kustomize", "** delete-", &CLUSTER),
    row("argocd", "** delete|delete-resource|rollback|rm", &CLUSTER),
    row("argocd", "app sync --prune|--force|--replace", &REPLACE),
    row("flux", "delete|uninstall", &CLUSTER),
    row("istioctl", "uninstall|x", &CHART),
    row("linkerd", "uninstall", &CHART),
    row("velero", "** delete", &CLUSTER),
    row("velero", "uninstall", &CHART),
    row("kubeadm", "reset", &NODE),
    row("kubectl-delete|kubens-|kubectx", "-d|-u", &CLUSTER),
    row(
        "kind|k3d|minikube|ctlptl|microk8s|k0s|talosctl|rke|rke2|k3s",
        "** delete|destroy|reset|stop|purge|uninstall",
        &MACHINE,
    ),
    row("k3s-uninstall.sh|k3s-killall.sh|rke2-uninstall.sh", "", &MACHINE),
    row("eksctl", "delete", &CLUSTER),
    row("kops", "delete", &CLUSTER),
    row("rancher|capi|clusterctl", "** delete|rm", &CLUSTER),
    row("skaffold", "delete", &CLUSTER),
    row("tilt", "down", &CLUSTER),
    row("okteto|garden|devspace", "** destroy|purge|delete", &CLUSTER),
    row("nomad", "** stop|purge|drain|delete", &CLUSTER),
    row("nomad", "system gc", &PRUNE),
    row("vagrant", "destroy", &MACHINE),
    row("vagrant", "box remove", &MACHINE),
    row("vagrant", "snapshot delete|pop", &MACHINE),
    row(
        "virsh",
        "** destroy|undefine|vol-delete|pool-delete|vol-wipe|net-destroy|net-undefine|snapshot-delete|pool-destroy",
        &MACHINE,
    ),
    row("vboxmanage", "** unregistervm|closemedium|delete|poweroff", &MACHINE),
    row("prlctl|vmrun|qm|pct|pvesm|vim-cmd", "** delete|destroy|deleteVM|stop|free|power.off", &MACHINE),
    row("lxc|incus", "** delete|stop", &MACHINE),
    row("lxc-destroy|lxc-stop", "", &MACHINE),
    row("multipass", "delete|purge|stop", &MACHINE),
    row("limactl|colima|orb|orbctl", "** delete|stop|factory-reset|prune", &MACHINE),
    row("wsl", "--unregister|--shutdown", &MACHINE),
    row("machinectl", "remove|terminate|poweroff|kill", &MACHINE),
    row("distrobox|toolbox", "rm|rmi", &MACHINE),
    row("singularity|apptainer", "cache clean", &PRUNE),
    row("singularity|apptainer", "delete", &REMOVE),
    row("crane|oras|regctl", "** delete|rm", &REMOVE),
    row("balena", "** rm|purge", &REMOVE),
];

static PRIVILEGED: Rule = ask(
    "containers/privileged",
    "the border between the container and this machine",
    "give it the one device or capability it needs",
);

pub(super) fn find(call: &Call, context: &Context) -> Option<Found> {
    if call.is("xe") {
        return None;
    }
    let found = look_up(call, TABLE, context);
    if found.is_none() && call.is("kubectl|oc|k") && call.operand(0) == "scale" && !call.is_harmless() {
        let is_zero = call.value("--replicas").is_some_and(|word| word.text == "0");
        return is_zero.then(|| SCALE.on(call.text()));
    }
    let unties = |word: &Word| word.text.contains("finalizers") && word.text.contains("null");
    if found.is_none()
        && call.is("kubectl|oc|k")
        && call.operand(0) == "patch"
        && call.simple.args().iter().any(unties)
    {
        return Some(CLUSTER.on(call.text()));
    }
    found
}
