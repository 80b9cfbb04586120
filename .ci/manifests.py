"""Holds the manifests of deploy/kubernetes against the schemas of Kubernetes' API, and what they give our programs against
the programs: `manifests.py FOLDER`, the folder of built programs. It needs kubernetes-validate, which brings PyYAML.
"""

import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import yaml

MANIFESTS = pathlib.Path(__file__).parent.parent / "deploy" / "kubernetes"
SCHEMAS = "1.37"
PROGRAMS = pathlib.Path(sys.argv[1])

# What the ConfigMap `run` would hold; the README makes it by a command.
RUN = {"RUN_ID": "check", "START_AT": "2030-01-01T00:00:00Z"}

# A mistake of each kind, for each check: the file, what stands there, and what is put in its place.
MISTAKES = [
    ("loadgen.yaml", "completionMode:", "completionMod:"),
    ("loadgen.yaml", "backoffLimit: 0", "backoffLimit: none"),
    ("loadgen.yaml", "--wait=", "--wiat="),
    ("loadgen.yaml", "--dup=0.3", "--dup=1.3"),
    ("loadgen.yaml", "$(JOB_COMPLETION_INDEX)", "$(COMPLETION_INDEX)"),
    ("loadgen.yaml", 'SHARDS, value: "4"', 'SHARDS, value: "5"'),
    ("loadgen.yaml", "name: START_AT\n", "name: BEGIN_AT\n"),
    ("aggregator.yaml", "kind: Deployment", "kind: Deploymnt"),
    ("aggregator.yaml", "name: DATABASE_URL,", "name: DATABASE_URI,"),
    ("verify.yaml", "- verify\n", "- verify\n            - --setle=1m\n"),
    ("verify.yaml", "results/$(RUN_ID)/3", "results/$(RUN_ID)/4"),
]


def main():
    texts = {path.name: path.read_text() for path in sorted(MANIFESTS.glob("*.yaml"))}
    faults = faults_of(texts)
    for file, right, wrong in MISTAKES:
        if right not in texts[file]:
            faults.append(f"{file}: no {right!r} to plant a mistake in")
        elif not faults_of({**texts, file: texts[file].replace(right, wrong)}):
            faults.append(f"{file}: {wrong!r} in place of {right!r} was not noticed")
    for fault in faults:
        print(f"manifests: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"{len(texts)} files fit Kubernetes {SCHEMAS} and the programs; all {len(MISTAKES)} planted mistakes were seen")


def faults_of(texts):
    """Everything that is wrong with these files."""
    faults, outs, judged = [], None, None
    for file, text in texts.items():
        for resource in yaml.safe_load_all(text):
            try:
                kubernetes_validate.validate(resource, SCHEMAS, strict=True)
            except kubernetes_validate.ValidationError as error:
                # What does not fit cannot be read further.
                return [f"{file}: {'.'.join(map(str, error.path))}: {error.message}"]
            except kubernetes_validate.SchemaNotFoundError as error:
                return [f"{file}: {error.message}"]
            for container in containers(resource):
                faults += [f"{file}: {fault}" for fault in settings_faults(container)]
                if container["args"][0] == "loadgen":
                    shards = resource["spec"]["completions"]
                    faults += [f"{file}: {fault}" for fault in loadgen_faults(container, shards)]
                    outs = [out for index in range(shards) for out in folders(container, index)]
                elif container["args"][0] == "verify":
                    faults += [f"{file}: {fault}" for fault in verify_faults(container)]
                    judged = [arg for arg in arguments(container, {}) if not arg.startswith("-")]
    if not outs or outs != judged:
        faults.append(f"loadgen leaves {outs}, and verify reads {judged}")
    return faults


def containers(resource):
    """The containers that run one of our programs."""
    pod = resource.get("spec", {}).get("template", {}).get("spec", {})
    ours = ("aggregator", "loadgen", "verify")
    return [container for container in pod.get("containers", []) if container.get("args", [""])[0] in ours]


def settings_faults(container):
    """Variables that neither the program nor another setting reads. SHARDS is hidden from --help, and tried instead."""
    program, *rest = container["args"]
    env = container.get("env", [])
    read = " ".join(rest + [variable.get("value", "") for variable in env]) + help_of(program)
    known = set(re.findall(r"\$\((\w+)\)|\[env: (\w+)", read))
    names = {name for pair in known for name in pair} | {"SHARDS"}
    return [f"nobody reads {variable['name']}" for variable in env if variable["name"] not in names]


def loadgen_faults(container, shards):
    """The last shard must be one that there is, and the one behind it must not be."""
    plan = ["loadgen", "plan"]
    if error := run(plan, container, {"JOB_COMPLETION_INDEX": str(shards - 1)}):
        return [error]
    if not run(plan, container, {"JOB_COMPLETION_INDEX": str(shards)}):
        return [f"SHARDS is more than {shards}, the number of completions"]
    return []


def verify_faults(container):
    """With --help at the end, the arguments before it are read and nothing is done."""
    error = run(["verify"], container, {}, ["--help"])
    return [error] if error else []


def folders(container, index):
    """Where the shard with this index leaves its run."""
    return [
        arg.removeprefix("--out=")
        for arg in arguments(container, {"JOB_COMPLETION_INDEX": str(index)})
        if arg.startswith("--out=")
    ]


def environment(container, more):
    """What the program finds in its environment, but for secrets."""
    literal = {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
    return {**RUN, **literal, **more}


def arguments(container, more):
    """The arguments behind the program, with $(NAME) as Kubernetes puts it in: what it does not know it leaves."""
    env = environment(container, more)
    return [re.sub(r"\$\((\w+)\)", lambda name: env.get(name[1], name[0]), arg) for arg in container["args"][1:]]


def run(command, container, more, last=()):
    """What the program says against it, if it does not end with 0."""
    given = arguments(container, more)
    if unknown := [arg for arg in given if "$(" in arg]:
        return f"no value for {unknown[0]}"
    ran = subprocess.run(
        [PROGRAMS / command[0], *command[1:], *given, *last],
        env=environment(container, more),
        capture_output=True,
        text=True,
    )
    return ran.stderr.splitlines()[0] if ran.returncode else None


def help_of(program):
    """The settings that the program tells of."""
    return subprocess.run([PROGRAMS / program, "--help"], env={}, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
