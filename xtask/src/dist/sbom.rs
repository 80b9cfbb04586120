//! Bill of materials: every crate that is linked into the program and which crates it uses, in the
//! form of CycloneDX 1.5.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::VERSION;
use crate::rig::cargo;

/// Writes the bill of the program as it is built for a target.
pub(super) fn write(target: &str, file: &Path) -> Result<()> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", target];
    let output = cargo::command(arguments).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    let bill = bill(&metadata)?;
    std::fs::write(file, format!("{bill:#}\n")).with_context(|| format!("cannot write {}", file.display()))
}

/// Returns the bill of what the package `onceproof` links, without what only its tests and its build
/// need.
fn bill(metadata: &Value) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let linked: BTreeMap<&str, Vec<&str>> = list(&metadata["resolve"]["nodes"])
        .filter_map(|node| {
            let normal = |dep: &&Value| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null());
            let used = list(&node["deps"]).filter(normal).filter_map(|dep| dep["pkg"].as_str());
            Some((node["id"].as_str()?, used.collect()))
        })
        .collect();
    let own = packages.iter().find(|(_, package)| package["name"] == "onceproof");
    let (own, _) = own.context("the workspace has no package onceproof")?;
    let mut waiting = vec![*own];
    let mut found: BTreeMap<&str, &Value> = BTreeMap::new();
    while let Some(id) = waiting.pop() {
        if found.contains_key(id) {
            continue;
        }
        let package = packages.get(id).with_context(|| format!("cargo metadata has no package {id}"))?;
        found.insert(id, package);
        waiting.extend(linked.get(id).into_iter().flatten());
    }
    let uses = |(id, package): (&&str, &&Value)| {
        let used: Vec<String> = linked.get(id).into_iter().flatten().map(|id| reference(found[id])).collect();
        json!({ "ref": reference(package), "dependsOn": used })
    };
    let dependencies: Vec<Value> = found.iter().map(uses).collect();
    let name = reference(found[own]);
    found.remove(own);
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "bom-ref": name, "name": "onceproof", "version": VERSION },
        },
        "components": found.into_values().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies,
    }))
}

/// Returns the name of a package within the bill.
fn reference(package: &Value) -> String {
    let text = |name: &str| package[name].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

fn component(package: &Value) -> Value {
    let reference = reference(package);
    let mut component = json!({
        "type": "library", "bom-ref": reference, "name": package["name"], "version": package["version"],
    });
    // A crate of the workspace is in no registry.
    if !package["source"].is_null() {
        component["purl"] = reference.into();
    }
    if let Some(license) = package["license"].as_str() {
        // An old form of the field separates by a slash.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_has_what_is_linked_and_not_what_tests_and_builds_need() {
        let dep = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [
                { "id": "own", "name": "onceproof", "version": "1.0.0", "source": null, "license": "MIT" },
                { "id": "a", "name": "alpha", "version": "0.1.0", "source": "registry", "license": "MIT/Apache-2.0" },
                { "id": "b", "name": "beta", "version": "0.2.0", "source": null, "license": null },
                { "id": "t", "name": "test", "version": "0.3.0", "source": "registry", "license": "MIT" },
            ],
            "resolve": { "nodes": [
                { "id": "own", "deps": [dep("a", Value::Null), dep("t", "dev".into())] },
                { "id": "a", "deps": [dep("b", Value::Null), dep("t", "build".into())] },
                { "id": "b", "deps": [dep("a", Value::Null)] },
                { "id": "t", "deps": [] },
            ]},
        });
        let bill = bill(&metadata).unwrap();
        let names: Vec<&str> = list(&bill["components"]).filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(names, ["alpha", "beta"]);
        assert_eq!(bill["components"][0]["purl"], "pkg:cargo/alpha@0.1.0");
        assert_eq!(bill["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(bill["components"][1]["purl"].is_null());
        assert_eq!(bill["metadata"]["component"]["name"], "onceproof");
        let beta = json!({ "ref": "pkg:cargo/beta@0.2.0", "dependsOn": ["pkg:cargo/alpha@0.1.0"] });
        assert!(list(&bill["dependencies"]).any(|one| *one == beta), "{bill:#}");
    }
}
