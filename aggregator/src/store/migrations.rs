//! Migrations of the two databases, compiled in, in the order in which they run.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A migration: its number and name, and its statements.
type Named = (i64, &'static str, &'static str);

macro_rules! migration {
    ($database:literal, $number:literal, $name:literal) => {
        (
            $number,
            $name,
            include_str!(concat!("../../migrations/", $database, "/000", $number, "_", $name, ".sql")),
        )
    };
}

const POSTGRES: [Named; 4] = [
    migration!("postgres", 1, "processed_events"),
    migration!("postgres", 2, "inbox"),
    migration!("postgres", 3, "key_by_event_id"),
    migration!("postgres", 4, "stats_id"),
];

const SQLITE: [Named; 3] = [
    migration!("sqlite", 1, "processed_events"),
    migration!("sqlite", 2, "inbox"),
    migration!("sqlite", 3, "stats_id"),
];

/// Migrations of PostgreSQL.
pub(super) fn postgres() -> Migrator {
    migrator(&POSTGRES)
}

/// Migrations of SQLite.
pub(super) fn sqlite() -> Migrator {
    migrator(&SQLITE)
}

/// Names them as sqlx's macro does, whose databases stay in use. The macro itself is not used,
/// because it compiles sqlx and both drivers a second time, for the compiler.
fn migrator(named: &[Named]) -> Migrator {
    let migration = |&(number, name, statements): &Named| {
        let description = name.replace('_', " ");
        let statements = SqlStr::from_static(statements);
        Migration::new(number, description.into(), MigrationType::Simple, statements, false)
    };
    Migrator::with_migrations(named.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_migration_of_the_folders_is_compiled_in() {
        for (database, named) in [("postgres", &POSTGRES[..]), ("sqlite", &SQLITE[..])] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
            let files = std::fs::read_dir(folder).unwrap();
            let files: BTreeSet<String> =
                files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            let compiled = named.iter().map(|(number, name, _)| format!("{number:04}_{name}.sql"));
            assert_eq!(compiled.collect::<BTreeSet<String>>(), files, "{database}");
        }
    }
}
