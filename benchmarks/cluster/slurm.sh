#!/usr/bin/env bash
# Cells of the profile `paper` on four nodes of a Slurm cluster: sbatch benchmarks/cluster/slurm.sh CELL…
#
# Submit it from the repository, on a file system that all nodes see, after `uv sync --extra cluster` and with raw data in
# data/raw. When the time is up, or a node is lost, submit it again: it goes on from the checkpoints in SHARED.
#SBATCH --job-name=gan-replication
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail

SHARED=${SHARED:-$PWD/.replication/shared}
PORT=${PORT:-6379}
export RAY_USAGE_STATS_ENABLED=0

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}'):$PORT

RAY="uv run --no-sync --extra cluster ray"
OWN="--block --num-cpus=$SLURM_CPUS_PER_TASK --num-gpus=$SLURM_GPUS_PER_TASK" # in its step, so that it ends with the job
on() { srun --nodes=1 --ntasks=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" --overlap --nodelist="$1" bash -c "$2"; }
# This script runs on the head: wait until so many nodes have joined it, ten minutes at most.
joined() {
  for _ in {1..120}; do
    [ "$($RAY status --address="$address" 2>/dev/null | grep -c '^ 1 node_')" -ge "$1" ] && return
    sleep 5
  done
  echo "Ray has not started on $1 nodes: see what they printed above." >&2
  exit 1
}
on "$head" "$RAY start --head --port=$PORT $OWN" &
joined 1
for node in "${nodes[@]:1}"; do
  on "$node" "$RAY start --address=$address $OWN" &
done
joined "${#nodes[@]}"

mkdir -p "$SHARED"
# Slurm's TERM two minutes before the end stops it in order: what runs is ended, and checkpoints stay (status 75).
uv run --no-sync --extra cluster python -m replication.run --runner ray --address "$address" --shared "$SHARED" \
  --pack results "$@" &
command=$!
trap 'kill -TERM "$command"' TERM
status=0
wait "$command" || status=$?
while kill -0 "$command" 2>/dev/null; do
  wait "$command" || status=$?
done
exit "$status"
