#!/usr/bin/env bash
# Unpacks the archive ARCHIVE (a path, a pattern that one path fits, or a URL), and puts its folder
# on the PATH of the steps after this one. SHA256 is the archive's checksum; one from a URL needs it.
set -euo pipefail

folder=${RUNNER_TEMP:-/tmp}/onceproof
mkdir -p "$folder"
case $ARCHIVE in
http://* | https://*)
    if [ -z "${SHA256:-}" ]; then
        echo "onceproof: an archive from a URL needs its checksum in the input sha256" >&2
        exit 2
    fi
    curl --fail --location --silent --show-error --retry 3 --output "$folder.tar.gz" "$ARCHIVE"
    ;;
*)
    mapfile -t found < <(compgen -G "$ARCHIVE")
    if [ "${#found[@]}" -ne 1 ]; then
        echo "onceproof: ${#found[@]} files fit the input archive ($ARCHIVE), expected 1" >&2
        exit 2
    fi
    cp "${found[0]}" "$folder.tar.gz"
    ;;
esac
if [ -n "${SHA256:-}" ]; then
    echo "$SHA256  $folder.tar.gz" | sha256sum --check --quiet
fi
tar --extract --file "$folder.tar.gz" --strip-components=1 --directory "$folder"
echo "$folder" >> "$GITHUB_PATH"
"$folder/onceproof" --version
