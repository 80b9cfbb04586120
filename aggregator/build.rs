//! Rebuilds the crate when a migration is added. `sqlx::migrate!` by itself only follows the files
//! that it already knows.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
