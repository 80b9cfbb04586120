#!/usr/bin/env bash
# Starts SERVICE if there is one, loads TARGET with the flags LOAD, and judges it. The exit code is
# the verdict's, and the report is in the job's summary.
set -uo pipefail

if [ -n "${SERVICE:-}" ]; then
    bash -c "$SERVICE" > onceproof-service.log 2>&1 &
    service=$!
    trap 'kill "$service" 2>/dev/null' EXIT
fi

# The flags are words, so that a caller can give several.
# shellcheck disable=SC2086
onceproof load --target "$TARGET" --out "$RESULTS" $LOAD
loaded=$?
if [ "$loaded" -ne 0 ]; then
    {
        echo "## Onceproof: no verdict"
        echo "\`onceproof load\` ended with exit code $loaded. Its messages are in the log of this step."
    } >> "$GITHUB_STEP_SUMMARY"
    exit "$loaded"
fi

# It writes the verdict to the job's summary itself.
report=$(onceproof verify --out "$RESULTS")
code=$?
printf '%s\n' "$report"
echo "verdict=${report%%[[:space:]]*}" >> "$GITHUB_OUTPUT"
exit "$code"
