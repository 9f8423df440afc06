//! Tables, databases, keys and queues.

use super::table::{Call, Row, row};
use super::{Context, Found, Rule, ask};
use crate::command::UNKNOWN;

static DROP: Rule = ask(
    "databases/drop",
    "a table or a database with all that is in it",
    "dump it first (`pg_dump`, `mysqldump`, `.dump`), or work on a copy",
);
static EVERY_ROW: Rule = ask(
    "databases/every-row",
    "every row of the table: there is no WHERE",
    "SELECT count(*) with the condition that is meant, then add it; use a transaction",
);
static FLUSH: Rule =
    ask("databases/flush", "every key of the store", "delete keys by name or pattern, after a `--scan`");
static RESET: Rule = ask(
    "databases/reset",
    "all data: the schema is dropped and made anew",
    "apply the missing migrations only, or use another database for tests",
);
static QUEUE: Rule = ask(
    "databases/delete-topic",
    "messages and topics that consumers still need",
    "describe it and its consumers first",
);
static STORE: Rule = ask(
    "databases/stop-or-overwrite",
    "what the store holds, or the service to those who use it",
    "take a snapshot first",
);

pub(super) static TABLE: &[Row] = &[
    row("dropdb|dropuser|pg_dropcluster|pg_resetwal|pg_resetxlog", "", &DROP),
    row("mysqladmin|mariadb-admin", "** drop|shutdown|flush-*", &DROP),
    row("pg_restore", "-c|--clean", &DROP),
    row("pg_ctl|pg_ctlcluster", "** stop", &STORE),
    row("mongorestore", "--drop", &DROP),
    row("mongo-drop|mongod", "--shutdown|--repair", &STORE),
    row("influx", "delete|bucket", &DROP),
    row("influxd", "** delete", &DROP),
    row("neo4j-admin", "** delete|drop", &DROP),
    row("db2", "drop|force", &DROP),
    row("celery", "** purge", &QUEUE),
    row("etcdctl", "del|rm|rmdir --prefix|--from-key|--recursive", &FLUSH),
    row("etcdctl", "del|rm|rmdir|defrag", &DROP),
    row("etcdctl", "member remove", &STORE),
    row("consul", "kv delete", &FLUSH),
    row("consul", "leave|force-leave", &STORE),
    row("consul", "snapshot restore", &STORE),
    row("kafka-topics|kafka-topics.sh", "--delete", &QUEUE),
    row("kafka-delete-records|kafka-delete-records.sh", "", &QUEUE),
    row(
        "kafka-consumer-groups|kafka-consumer-groups.sh",
        "--delete|--delete-offsets|--reset-offsets",
        &QUEUE,
    ),
    row("kcat-|rpk", "topic|group delete", &QUEUE),
    row("rabbitmqctl", "reset|force_reset|delete_*|purge_queue|stop|stop_app|forget_cluster_node", &QUEUE),
    row("rabbitmqadmin", "delete|purge", &QUEUE),
    row("nats", "** rm|purge|delete", &QUEUE),
    row("pulsar-admin", "** delete|clear-backlog", &QUEUE),
    row("memcflush|memcrm", "", &FLUSH),
    row(
        "rails|rake",
        "db:drop|db:reset|db:migrate:reset|db:schema:load|db:purge|db:truncate_all|db:drop:*|db:rollback|db:migrate:down|db:structure:load|db:seed:replant|db:setup-",
        &RESET,
    ),
    row("prisma|prisma-client", "migrate reset", &RESET),
    row("prisma", "db push --force-reset|--accept-data-loss", &RESET),
    row("prisma", "db execute", &RESET),
    row("drizzle-kit", "drop", &RESET),
    row("drizzle-kit", "push --force", &RESET),
    row("sequelize|sequelize-cli", "db:drop|db:migrate:undo|db:migrate:undo:all|db:seed:undo*", &RESET),
    row("knex", "migrate:rollback|migrate:down", &RESET),
    row("typeorm|typeorm-ts-node-commonjs", "schema:drop|migration:revert", &RESET),
    row("mikro-orm", "schema:drop|schema:fresh|migration:fresh|migration:down", &RESET),
    row("alembic", "downgrade", &RESET),
    row("flask", "db downgrade", &RESET),
    row(
        "artisan",
        "migrate:fresh|migrate:reset|migrate:refresh|db:wipe|migrate:rollback|cache:clear-|queue:flush|queue:clear",
        &RESET,
    ),
    row("mix", "ecto.drop|ecto.reset|ecto.rollback", &RESET),
    row("flyway", "** clean|undo", &RESET),
    row("liquibase", "** dropAll|drop-all|rollback*", &RESET),
    row("dbmate", "** drop|down|rollback", &RESET),
    row("goose", "** reset|down|down-to|redo", &RESET),
    row("migrate", "** drop|down|force", &RESET),
    row("sqlx", "database|db drop|reset", &RESET),
    row("sqlx", "migrate revert", &RESET),
    row("diesel", "database|db reset|drop", &RESET),
    row("diesel", "migration revert|redo", &RESET),
    row("sea-orm-cli", "migrate fresh|refresh|reset|down", &RESET),
    row("supabase", "db reset", &RESET),
    row("supabase", "** delete", &RESET),
    row("hasura", "** delete|rollback|clear", &RESET),
    row("atlas", "schema clean", &RESET),
    row("dotnet-ef", "database drop", &RESET),
    row("dotnet", "ef database drop", &RESET),
    row("pscale", "** delete", &DROP),
    row("turso", "** destroy", &DROP),
    row("neonctl|neon", "** delete|reset|restore", &DROP),
    row("atlascli", "** delete", &DROP),
    row("wp", "db drop|reset|clean", &RESET),
    row("wp", "site empty|delete", &RESET),
    row("drush", "sql:drop|sql-drop|site:install|si", &RESET),
    row("dvc", "gc|destroy|remove", &DROP),
    row("airflow", "db|dags|tasks reset|delete|clear|clean", &RESET),
    row("superset|mlflow", "** delete|gc", &RESET),
    row("nodetool", "drain|decommission|removenode|clearsnapshot|assassinate|truncatehints", &STORE),
    row("elasticdump-|curator_cli", "** delete-indices|delete-snapshots", &DROP),
];

pub(super) fn find(call: &Call, context: &Context) -> Option<Found> {
    if let Some(found) = call.in_table(TABLE) {
        return Some(found);
    }
    let program = call.program.as_str();
    if matches!(program, "python" | "python3" | "django-admin" | "php" | "bin/rails" | "uv")
        || program.ends_with("manage.py")
    {
        return framework(call);
    }
    if matches!(program, "redis-cli" | "valkey-cli" | "keydb-cli" | "iredis") {
        return redis(call, context);
    }
    if matches!(program, "nc" | "ncat" | "netcat" | "telnet" | "socat") {
        // Stores that are told in words over the line.
        let input = context.script.input(call.simple)?;
        let is_flush = |line: &str| {
            let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            matches!(verb.as_str(), "flush_all" | "flushall" | "flushdb")
        };
        return input.text.lines().any(is_flush).then(|| FLUSH.on(call.text()));
    }
    if matches!(program, "mongo" | "mongosh") {
        return statements(call, context).iter().find_map(|text| mongo(text).then(|| DROP.on(call.text())));
    }
    if !super::table::is_in(CLIENTS, program) || call.has("--help|--version") {
        return None;
    }
    statements(call, context).iter().find_map(|text| sql(text)).map(|rule| rule.on(call.text()))
}

/// `manage.py flush`, `artisan migrate:fresh`: a program that is an interpreter's first argument.
fn framework(call: &Call) -> Option<Found> {
    let args = call.simple.args();
    let words: Vec<&str> = args.iter().map(|word| word.text.as_str()).collect();
    let at = words.iter().position(|word| {
        word.ends_with("manage.py") || word.ends_with("artisan") || word.ends_with("console")
    });
    let at = match at {
        Some(at) => at + 1,
        None if call.is("django-admin") || call.program.ends_with("manage.py") => 0,
        None => return None,
    };
    let verb = *words.get(at)?;
    let is_backwards = verb == "migrate" && words.get(at + 2) == Some(&"zero");
    (VERBS.contains(&verb) && verb != "sqlflush" || is_backwards).then(|| RESET.on(call.text()))
}

fn redis(call: &Call, context: &Context) -> Option<Found> {
    let mut verbs: Vec<String> = vec![call.operand(0).to_ascii_lowercase()];
    let second = call.operand(1).to_ascii_lowercase();
    for text in statements(call, context) {
        verbs.extend(
            text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_ascii_lowercase),
        );
    }
    // A script of the store's own may do the same.
    if matches!(call.operand(0).to_ascii_lowercase().as_str(), "eval" | "fcall") {
        let script = call.operand(1).to_ascii_lowercase();
        verbs.extend(
            ["flushall", "flushdb"].iter().filter(|verb| script.contains(**verb)).map(|v| (*v).to_owned()),
        );
    }
    verbs.iter().find_map(|verb| match verb.as_str() {
        "flushall" | "flushdb" | "swapdb" => Some(FLUSH.on(call.text())),
        "shutdown" | "replicaof" | "slaveof" | "failover" | "restore" | "debug" => {
            Some(STORE.on(call.text()))
        }
        "del" | "unlink" | "getdel" | "xtrim" | "ltrim" => Some(DROP.on(call.text())),
        "config" if second == "set" || second == "rewrite" => Some(STORE.on(call.text())),
        "script" | "function" | "cluster" | "acl"
            if matches!(second.as_str(), "flush" | "reset" | "forget" | "deluser" | "flushslots") =>
        {
            Some(FLUSH.on(call.text()))
        }
        _ => None,
    })
}

/// The texts that a client is given to run: arguments with a blank in them, and its input.
fn statements(call: &Call, context: &Context) -> Vec<String> {
    let is_text = |text: &&String| text.contains([' ', '(', '=']);
    // `--command=TEXT`: two dashes would begin a comment.
    let mut texts: Vec<String> = call
        .simple
        .args()
        .iter()
        .map(|word| &word.text)
        .filter(is_text)
        .map(|text| match text.split_once('=') {
            Some((name, text)) if name.starts_with("--") && !name.contains(' ') => text.to_owned(),
            _ => text.clone(),
        })
        .collect();
    texts.extend(context.script.input(call.simple).map(|word| word.text));
    texts
}

pub(super) fn mongo(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    CALLS.iter().any(|known| text.contains(known))
}

/// What the statements in `text` lose, the gravest first.
pub(super) fn sql(text: &str) -> Option<&'static Rule> {
    let mut worst = None;
    for statement in tokens(text).split(|token| token == ";") {
        let word = |index: usize| statement.get(index).map_or("", String::as_str);
        let has = |name: &str| statement.iter().any(|token| token == name);
        // A statement may stand behind an EXPLAIN, a WITH, a DO, or a client's own words.
        let start = statement.iter().position(|token| {
            matches!(
                token.as_str(),
                "DROP"
                    | "TRUNCATE"
                    | "DELETE"
                    | "UPDATE"
                    | "ALTER"
                    | "SELECT"
                    | "INSERT"
                    | "CREATE"
                    | "EXPLAIN"
                    | "SHOW"
                    | "COPY"
                    | "PURGE"
            )
        });
        let Some(mut start) = start else { continue };
        // What a WITH only prepares is not what is done.
        if statement.first().is_some_and(|token| token == "WITH") && word(start) == "SELECT" {
            let is_changed =
                |pair: &[String]| pair[0] == "DELETE" && pair[1] == "FROM" || pair[0] == "UPDATE";
            start = statement.windows(2).position(is_changed).unwrap_or(start);
        }
        let rule = match word(start) {
            "DROP" => Some(&DROP),
            "TRUNCATE" => Some(&EVERY_ROW),
            "DELETE" if !has("WHERE") || is_always(statement) => Some(&EVERY_ROW),
            "UPDATE" if has("SET") && (!has("WHERE") || is_always(statement)) => Some(&EVERY_ROW),
            "ALTER" if has("DROP") => Some(&DROP),
            "ALTER" if has("DELETE") && is_always(statement) => Some(&EVERY_ROW),
            "PURGE" => Some(&STORE),
            "EXPLAIN" if has("ANALYZE") && has("DELETE") && !has("WHERE") => Some(&EVERY_ROW),
            "SELECT" if has("PG_TERMINATE_BACKEND") || has("PG_DROP_REPLICATION_SLOT") => Some(&STORE),
            "CREATE" if has("REPLACE") && has("TABLE") => Some(&DROP),
            _ => None,
        };
        worst = worst.or(rule);
    }
    worst
}

/// `WHERE 1=1`, `WHERE true`: a condition that is none.
fn is_always(statement: &[String]) -> bool {
    let Some(at) = statement.iter().position(|token| token == "WHERE") else { return false };
    match &statement[at + 1..] {
        [one] => matches!(one.as_str(), "TRUE" | "1" | "T"),
        [a, equals, b] => equals == "=" && a == b,
        _ => false,
    }
}

/// Words in capitals, `;` and `=`; without texts in quotes and comments.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_alphanumeric() || c == '_' || c == UNKNOWN {
            let end =
                rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != UNKNOWN).unwrap_or(rest.len());
            tokens.push(rest[..end].to_ascii_uppercase());
            rest = &rest[end..];
        } else if c == '\'' {
            let end = rest[1..].find(c).map_or(rest.len(), |end| end + 2);
            tokens.push("''".to_owned());
            rest = &rest[end..];
        } else if rest.starts_with("--") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = &rest[rest.find("*/").map_or(rest.len(), |end| end + 2)..];
        } else {
            if matches!(c, ';' | '=') {
                tokens.push(c.to_string());
            }
            rest = &rest[c.len_utf8()..];
        }
        if tokens.len() > 50_000 {
            break;
        }
    }
    tokens
}

/// Programs that take statements of SQL.
const CLIENTS: &str = "psql|pgcli|mysql|mariadb|mycli|sqlite3|sqlite|litecli|duckdb|cqlsh|sqlcmd|mssql-cli|clickhouse-client|clickhouse|clickhouse-local|cockroach|snowsql|snow|bq|presto|trino|hive|beeline|impala-shell|spark-sql|sqlplus|usql|isql|isql-fb|db2|osql|bcp|vsql|athenacli|rqlite|crdb|tidb|wrangler|turso|surreal|databricks|dbt|heroku|supabase|rails|steampipe|monetdb|mclient|cypher-shell|hbase|influx|ksql|pscale|exasol|edgedb|gel";

/// What frameworks call resetting a database.
const VERBS: &[&str] = &[
    "flush",
    "reset_db",
    "sqlflush",
    "delete_all",
    "migrate:fresh",
    "migrate:reset",
    "migrate:refresh",
    "db:wipe",
    "migrate:rollback",
    "doctrine:database:drop",
    "doctrine:schema:drop",
    "doctrine:fixtures:load",
    "queue:flush",
    "d:d:d",
    "remove_stale_contenttypes",
    "clearsessions-",
    "cache:pool:prune-",
];

/// Calls of a document store that lose what is in it.
const CALLS: &[&str] = &[
    ".drop(",
    ".dropDatabase(",
    ".dropIndexes(",
    ".dropIndex(",
    ".deleteMany({})",
    ".remove({})",
    ".deleteMany()",
    ".dropUser(",
    ".dropRole(",
    ".dropAllUsers",
    ".shutdownServer(",
    ".remove()",
    "dropDatabase:1",
    "drop:",
];
