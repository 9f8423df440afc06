//! What is deleted, opened or published in somebody's cloud, registry or forge.

use super::table::{Call, Row, row};
use super::{Context, Found, Rule, ask};

static DELETE: Rule = ask(
    "cloud/delete",
    "a resource in the cloud with its data; many can't be undeleted",
    "describe or list it first, check account and region, and name exactly one",
);
static OBJECTS: Rule = ask(
    "cloud/delete-objects",
    "objects in a bucket; without versioning they are gone",
    "`ls` the same path first, or run it with `--dryrun`",
);
static DESTROY: Rule = ask(
    "cloud/destroy-stack",
    "everything that the stack manages",
    "`plan -destroy` or `preview --destroy` shows what would go",
);
static UNREVIEWED: Rule = ask(
    "cloud/apply-unreviewed",
    "whatever the plan replaces or deletes: nobody sees it first",
    "save a plan, read it, and apply that file",
);
static STATE: Rule = ask(
    "cloud/change-state",
    "the tool's memory of what it made; resources are orphaned or made twice",
    "`state pull` to a file first",
);
static STOP: Rule = ask(
    "cloud/stop-service",
    "a running service or machine, for whoever uses it",
    "check what runs on it first",
);
static OPEN: Rule = ask(
    "cloud/open-access",
    "the protection of what is in it: it becomes public, or someone gains rights",
    "grant the one right that is needed to the one who needs it",
);
static FORGE: Rule = ask(
    "cloud/delete-on-forge",
    "a repository, release, secret or issue that others use",
    "archive it, or have its owner do it in the browser",
);
static PUBLISH: Rule = ask(
    "cloud/publish",
    "the choice: what is published can't be taken back",
    "`--dry-run` first, and let a person publish",
);
static UNPUBLISH: Rule =
    ask("cloud/unpublish", "a version that others depend on", "deprecate it and publish a fixed one");
static SECRETS: Rule = ask(
    "cloud/delete-secret",
    "secrets, and what only they open",
    "list the versions first; a soft delete can be undone",
);
static REQUEST: Rule = ask(
    "cloud/delete-request",
    "what lies at that address on the server",
    "GET it first, and check which server it is",
);

/// Verbs that end something, as the operations of cloud APIs begin.
const ENDS: &str = "delete*|terminate*|remove*|purge*|deregister*|destroy*|disassociate*|detach*|revoke-*|cancel-*|schedule-key-deletion|disable-*|release-*|reset-*|stop-*|abort-*|batch-delete*|empty-*|force-*|reject-*|unsubscribe|rb|nuke|shutdown|schedule-deletion|reboot-*|withdraw-*|retire-*|forget-*|abandon-*|invalidate-*|wipe*";

pub(super) static TABLE: &[Row] = &[
    row("aws", "s3 rm|rb|mv", &OBJECTS),
    row("aws", "s3 sync --delete", &OBJECTS),
    row(
        "aws",
        "s3api put-bucket-acl|put-object-acl|put-bucket-policy|delete-public-access-block|put-public-access-block",
        &OPEN,
    ),
    row("aws", "s3api put-bucket-lifecycle*|put-bucket-versioning", &OBJECTS),
    row("aws", "ec2 authorize-security-group-*", &OPEN),
    row(
        "aws",
        "iam attach-*|put-*-policy|create-access-key|add-user-to-group|update-assume-role-policy",
        &OPEN,
    ),
    row("aws", "ec2 stop-instances|reboot-instances|modify-instance-attribute-", &STOP),
    row("aws", "rds reboot-*|failover-*|restore-*", &STOP),
    row("aws", "organizations close-account|leave-organization", &DELETE),
    row("aws", "? deactivate-*|admin-delete-*|admin-disable-*", &DELETE),
    row("aws", "sqs purge-queue", &DELETE),
    row(
        "aws",
        "? delete*|terminate*|remove*|purge*|deregister*|destroy*|disassociate*|detach*|revoke-*|cancel-*|schedule-key-deletion|disable-*|release-*|reset-*|stop-*|abort-*|batch-delete*|empty-*|unsubscribe|retire-*|rollback-*",
        &DELETE,
    ),
    row("awslocal|aws-nuke|cloud-nuke", "", &DELETE),
    row(
        "gcloud|gsutil",
        "** ** delete|remove-iam-policy-binding|purge|destroy|abandon-instances|disable|reset|stop|suspend|delete-instances|undelete-|delete-*|remove-*|rollback|failover",
        &DELETE,
    ),
    row("gcloud", "** rm", &OBJECTS),
    row("gcloud", "** add-iam-policy-binding|set-iam-policy", &OPEN),
    row("gcloud", "app versions stop|migrate", &STOP),
    row("gcloud", "storage rsync --delete-unmatched-destination-objects", &OBJECTS),
    row("gsutil", "rm|rb|mv", &OBJECTS),
    row("gsutil", "rsync -d", &OBJECTS),
    row("gsutil", "iam|acl|defacl ch|set", &OPEN),
    row("bq", "rm|remove", &DELETE),
    row("bq", "load|cp --replace|-f|--force", &DELETE),
    row(
        "az",
        "** delete|purge|delete-batch|remove|deallocate|stop|revoke|disable|regenerate-key|revoke-access|reset|failover|redeploy|delete-*|remove-*",
        &DELETE,
    ),
    row("az", "role assignment create", &OPEN),
    row("azcopy", "remove|rm", &OBJECTS),
    row("azcopy", "sync --delete-destination", &OBJECTS),
    row("azd", "down", &DESTROY),
    row("terraform|tofu|terragrunt", "destroy", &DESTROY),
    row("terraform|tofu|terragrunt", "run-all|run destroy|apply", &DESTROY),
    row("terraform|tofu|terragrunt", "apply -destroy", &DESTROY),
    row("terraform|tofu|terragrunt", "apply -auto-approve|--auto-approve", &UNREVIEWED),
    row("terraform|tofu|terragrunt", "state rm|mv|push|replace-provider", &STATE),
    row("terraform|tofu|terragrunt", "workspace delete", &STATE),
    row("terraform|tofu|terragrunt", "taint|force-unlock", &STATE),
    row("cdktf|cdk", "destroy", &DESTROY),
    row("cdk", "deploy --force|-f|--require-approval=never", &UNREVIEWED),
    row("pulumi", "destroy|down|dn", &DESTROY),
    row("pulumi", "stack rm", &DESTROY),
    row("pulumi", "state delete|unprotect", &STATE),
    row("pulumi", "up|update -y|--yes|-f|--skip-preview", &UNREVIEWED),
    row("pulumi", "cancel", &STATE),
    row("serverless|sls", "** remove", &DESTROY),
    row(
        "sst|sam|chalice|zappa|copilot|amplify|up|apex|arc|nitric|encore|defang",
        "** remove|delete|undeploy|destroy",
        &DESTROY,
    ),
    row("ansible-galaxy|packer|bosh", "** remove|delete|delete-deployment|clean-up", &DELETE),
    row("crossplane", "** delete|uninstall", &DELETE),
    row("eb", "terminate|abort", &DESTROY),
    row("ecs-cli", "down", &DESTROY),
    row(
        "heroku",
        "apps:destroy|destroy|pg:reset|pg:credentials:destroy|addons:destroy|addons:remove|domains:remove|domains:clear|config:unset|config:remove|releases:rollback|rollback|pipelines:destroy|keys:clear|spaces:destroy|repo:reset|access:remove|members:remove|ps:stop|ps:kill|maintenance:on|apps:leave|certs:remove|drains:remove|features:disable|redis:reset|pg:push|pg:copy|pg:kill|pg:killall|webhooks:remove",
        &DELETE,
    ),
    row("heroku", "pg:copy|pg:push|pg:backups:restore|pg:promote", &DELETE),
    row("vercel|now", "rm|remove", &DELETE),
    row("vercel", "** rm|remove", &DELETE),
    row("vercel", "rollback", &STOP),
    row("netlify|ntl", "** *:delete|delete|env:unset|unlink-|sites:delete|blobs:delete", &DELETE),
    row("fly|flyctl", "** destroy|delete|unset|remove|detach|stop|kill|revoke|release|suspend", &DELETE),
    row("railway", "** down|delete|remove", &DELETE),
    row("render", "** delete|suspend", &DELETE),
    row("wrangler", "** delete|rollback|purge|bulk:delete|destroy|delete-*", &DELETE),
    row(
        "firebase",
        "** *:delete|*:remove|*:disable|*:destroy|firestore:delete|database:remove|auth:import",
        &DELETE,
    ),
    row("cf", "delete|delete-*|d|ds|purge-*|stop|unbind-service|unmap-route|target-", &DELETE),
    row(
        "doctl|linode-cli|linode|hcloud|vultr-cli|scw|exo|ibmcloud|oci|openstack|civo|ovhcloud|upctl|aliyun|tccli|yc|packet|metal|equinix",
        "** delete*|destroy*|remove*|rm|purge|terminate*|shutdown|power-off|poweroff|release*|detach*|rebuild|reset|stop|stop-server|wipe|delete-*|shelve",
        &DELETE,
    ),
    row("nova|cinder|neutron|glance|swift|heat|s4cmd", "delete|*-delete|rm|del", &DELETE),
    row("gh", "repo delete|archive|rename", &FORGE),
    row("gh", "release delete|delete-asset", &FORGE),
    row(
        "gh",
        "secret|variable|label|issue|gist|run|cache|ssh-key|gpg-key|codespace|cs|project|ruleset|alias-|extension-|workflow delete|remove|disable|item-delete|field-delete",
        &FORGE,
    ),
    row("gh", "repo deploy-key delete", &FORGE),
    row("gh", "repo edit --visibility|--visibility=public|--visibility=private", &OPEN),
    row("gh", "issue transfer", &FORGE),
    row("gh", "auth logout", &SECRETS),
    row("glab", "** delete|unset|revoke|purge", &FORGE),
    row("tea|hub|lab|bb|acli|jira|linear|shortcut", "** delete|rm|remove", &FORGE),
    row("vault", "delete|revoke", &SECRETS),
    row("vault", "kv delete|destroy|metadata|undelete-", &SECRETS),
    row("vault", "secrets|auth|audit|policy disable|delete|move", &SECRETS),
    row("vault", "lease|token revoke", &SECRETS),
    row("vault", "operator seal|step-down|rekey|rotate|generate-root|init", &SECRETS),
    row("auth0|okta|clerk|workos|stytch", "** delete|rm|remove|revoke|deactivate|rotate-secret", &DELETE),
    row(
        "doppler|infisical|stripe|twilio|sendgrid|mailgun|sf|sfdx|shopify|contentful|sanity|algolia|datadog|dog|newrelic|sentry-cli|pd|launchdarkly|ldcli|segment|statsig",
        "** delete|remove|cancel|void|purge|destroy|*:delete|*:remove|unpublish|archive",
        &DELETE,
    ),
    row("rclone", "delete|purge|deletefile|rmdir|rmdirs|cleanup|sync|move|moveto|dedupe", &OBJECTS),
    row("s3cmd|s4cmd|s5cmd|aws-s3|mc|mcli", "** rm|del|rb|mv|expire|delete|remove", &OBJECTS),
    row("s3cmd", "sync --delete-removed", &OBJECTS),
    row("mc|mcli", "mirror --remove|--overwrite", &OBJECTS),
    row("mc|mcli", "admin ** remove|stop|detach", &DELETE),
    row("b2|b2v4", "** rm|delete*|delete-bucket|delete-file-version", &OBJECTS),
    row("gdrive|drive|dropbox|onedrive|nextcloudcmd", "** delete|trash|rm|emptytrash", &OBJECTS),
    row("ipfs", "pin|repo rm|gc", &OBJECTS),
    row("databricks|snow|dbt-cloud", "** delete|drop|rm|permanent-delete|purge|purge-*|remove", &DELETE),
    row("confluent|ccloud", "** delete", &DELETE),
    row("huggingface-cli|hf", "** delete|delete-cache", &DELETE),
    row("wandb", "** rm|delete", &DELETE),
    row("kaggle", "** delete", &DELETE),
    row("npm|pnpm|yarn", "unpublish|deprecate", &UNPUBLISH),
    row("npm", "owner|access|dist-tag|token|team|org rm|revoke|remove|delete|destroy", &UNPUBLISH),
    row("npm|pnpm|bun|lerna", "publish", &PUBLISH),
    row("yarn", "publish", &PUBLISH),
    row("yarn", "npm publish", &PUBLISH),
    row("cargo", "yank|owner --remove|--undo-", &UNPUBLISH),
    row("cargo", "yank", &UNPUBLISH),
    row("cargo", "publish", &PUBLISH),
    row("gem", "yank", &UNPUBLISH),
    row("gem", "push", &PUBLISH),
    row("twine", "upload", &PUBLISH),
    row("poetry|uv|hatch|flit|pdm|maturin", "publish", &PUBLISH),
    row("dotnet|nuget", "** delete", &UNPUBLISH),
    row("dart|flutter", "pub publish", &PUBLISH),
    row("vsce|ovsx", "publish|unpublish", &PUBLISH),
    row("dig-|nsupdate", "", &DELETE),
    row("knife|chef-server-ctl", "** delete|bulk|purge|cleanse", &DELETE),
    row("puppet", "** deactivate|clean|purge|revoke", &DELETE),
    row("salt-key", "-d|-D|--delete|--delete-all", &DELETE),
    row("juju", "destroy-*|kill-controller|remove-*|unregister", &DESTROY),
    row("tailscale|zerotier-cli|wg-quick|cloudflared", "** logout|down|leave|delete|cleanup|lock", &DELETE),
    row("circleci|travis|buildkite|drone|fastlane", "** delete|remove|nuke|cancel|rm", &DELETE),
    row("eas|expo", "** delete|cancel", &DELETE),
    row("mas|xcrun", "** erase|delete", &DELETE),
];

pub(super) fn find(call: &Call, _context: &Context) -> Option<Found> {
    match call.program.as_str() {
        "curl" | "wget" | "http" | "https" | "xh" | "curlie" | "invoke-webrequest" | "invoke-restmethod" => {
            request(call)
        }
        "gh" | "glab" if call.operand(0) == "api" => api(call),
        "aws" if is_scaled_to_nothing(call) => Some(STOP.on(call.text())),
        "aws" if deletes_records(call) => Some(DELETE.on(call.text())),
        "heroku" if call.operand(0) == "ps:scale" => {
            let is_zero = call.operands().iter().any(|word| word.text.ends_with("=0"));
            is_zero.then(|| STOP.on(call.text()))
        }
        "ansible" => {
            let is_gone = call.simple.args().iter().any(|word| word.text.contains("state=absent"));
            (is_gone && !call.has("-C|--check")).then(|| DELETE.on(call.text()))
        }
        "aliyun" | "tccli" if call.operand(1).starts_with("Delete") => Some(DELETE.on(call.text())),
        "aws" if !call.operand(1).starts_with(|c: char| c.is_ascii_lowercase()) => None,
        _ => call.in_table(TABLE).or_else(|| stray(call)),
    }
}

/// A service that is told to run on none.
fn is_scaled_to_nothing(call: &Call) -> bool {
    const FLAGS: [&str; 2] = ["--desired-count", "--desired-capacity"];
    let is_update = call.operand(1).starts_with("update-") || call.operand(1).starts_with("set-");
    is_update
        && !call.is_harmless()
        && FLAGS.iter().any(|flag| {
            call.value(flag).is_some_and(|word| word.text == "0")
                || call.attached(&format!("{flag}=")) == Some("0")
        })
}

/// A change of names that takes some away.
fn deletes_records(call: &Call) -> bool {
    call.operand(1) == "change-resource-record-sets"
        && call.simple.args().iter().any(|word| word.text.contains("DELETE"))
}

/// An operation behind an option that no table knows of.
fn stray(call: &Call) -> Option<Found> {
    if !call.is("aws") || call.is_harmless() {
        return None;
    }
    let is_end = |word: &str| {
        ENDS.split('|').any(|end| {
            end.strip_suffix('*').is_some_and(|start| start.ends_with('-') && word.starts_with(start))
                || word.strip_prefix(end).is_some_and(|rest| rest.starts_with('-'))
        })
    };
    let verb = call.operands().iter().take(4).any(|word| {
        is_end(&word.text) || word.text.starts_with("delete-") || word.text.starts_with("terminate-")
    });
    verb.then(|| DELETE.on(call.text()))
}

/// Requests whose method deletes.
fn request(call: &Call) -> Option<Found> {
    if call.has("--help|--version") && !call.has("-X|--request") {
        return None;
    }
    let method = call
        .value("-X|--request|--method|-Method")
        .map(|word| word.text.to_ascii_uppercase())
        .or_else(|| {
            call.attached("-X")
                .or_else(|| call.attached("--request="))
                .or_else(|| call.attached("--method="))
                .map(str::to_ascii_uppercase)
        })
        .or_else(|| call.is("http|https|xh").then(|| call.operand(0).to_ascii_uppercase()))
        // `-sX DELETE`
        .or_else(|| {
            let args = call.simple.args();
            let at = args.iter().position(|word| {
                word.text.starts_with('-')
                    && !word.text.starts_with("--")
                    && word.text.ends_with('X')
                    && word.text.len() <= 8
            })?;
            args.get(at + 1).map(|word| word.text.to_ascii_uppercase())
        });
    if method.as_deref().is_some_and(|method| matches!(method, "DELETE" | "PURGE")) {
        return Some(REQUEST.on(call.text()));
    }
    let posts_end = call.simple.args().iter().any(|word| {
        word.text.contains("_delete_by_query")
            || word.text.contains("/v1/sys/seal")
            || word.text.contains("_cluster/nodes/_shutdown")
    });
    posts_end.then(|| REQUEST.on(call.text()))
}

fn api(call: &Call) -> Option<Found> {
    let method = call.value("-X|--method").map(|word| word.text.to_ascii_uppercase());
    let attached = call.attached("-X").or_else(|| call.attached("--method=")).map(str::to_ascii_uppercase);
    let deletes = method.or(attached).is_some_and(|method| method == "DELETE");
    let mutates =
        call.simple.args().iter().any(|word| word.text.contains("mutation") && word.text.contains("delete"));
    (deletes || mutates).then(|| FORGE.on(call.text()))
}
