"""Training blocks of seeds: objectives, schedules, two engines that agree, checkpoints."""
