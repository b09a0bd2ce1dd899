#!/usr/bin/env bash
# Trains, scores and packs cells on a bare machine in limited time, without network, uv, DVC or Git:
#
#     OUT=results bash benchmarks/limited_time.sh MINUTES CELL…
#
# Run it in the root of a copy of the repository; called again, it goes on. Exit status 75: there is more to do.
# data/raw/ holds the raw files, .wheels/ the packages that the machine lacks. Fetch them elsewhere, for its Python:
#   python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
#     --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d .wheels pydantic==2.14.4 pydantic-core==2.50.5 \
#     annotated-types==0.8.0 typing-inspection==0.4.5 typing-extensions==4.16.0 ruamel-yaml==0.19.1 \
#     ruamel-yaml-clib==0.2.15
#   DEVICE=cpu    computes on a processor       SMOKE=0    leaves out the smoke check of a minute
#   PYTHON=…      the interpreter (python3)     RUN_OPTIONS="--seeds 0-2"    is passed on
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
minutes=$1; shift
device=${DEVICE:-cuda} python=${PYTHON:-python3} out=${OUT:?name a folder for the archives, as OUT=results}
began=$SECONDS
say() { echo "[$((SECONDS - began)) s] $*" | tee -a "$out/log.txt"; }
mkdir -p "$out"
export PYTHONPATH=$PWD/.wheels/site PYTHONUNBUFFERED=1

{ date -u; uname -srm; nproc; nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv; $python --version; } \
    >>"$out/log.txt" 2>&1
if ls .wheels/*.whl >/dev/null 2>&1 && [ ! -d .wheels/site ]; then
    $python -m pip install -q --no-index --no-deps --target .wheels/site .wheels/*.whl || exit 2
fi
say "packages are in place"

if [ "${SMOKE:-1}" = 1 ]; then
    timeout -k 5 90 "$python" -m benchmarks.speed smoke --device "$device" 2>&1 | tee "$out/smoke.txt"
    status=${PIPESTATUS[0]}
    say "smoke check: status $status"
    # Status 1 is a wrong number: nothing that such a device trains is worth keeping. 124 is time, which is no wrong number.
    [ "$status" = 0 ] || [ "$status" = 124 ] || exit "$status"
fi
# shellcheck disable=SC2086 # several options
"$python" -m replication.run "$@" --minutes "$minutes" --device "$device" --pack "$out" ${RUN_OPTIONS:-} 2>&1 |
    tee "$out/run.txt"
status=${PIPESTATUS[0]}
say "replication.run: status $status"
exit "$status"
