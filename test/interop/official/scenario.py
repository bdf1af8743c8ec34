"""The scenario in Python, against the official SDK. `../ours/scenario.ts` is the same for ours."""

import sys
from datetime import UTC, datetime

import checkpoints
import rest
import sampling
import training
import trouble
from world import World


def main() -> None:
    started = datetime.now(UTC)
    world = World(sys.argv[1])
    client = training.run(world)
    checkpoints.run(world, client)
    sampling.run(world, client)
    trouble.run(world, client)
    path = rest.run(world, client, started)
    checkpoints.archive(world, path)
    rest.trace(world, client)
    world.record.write(world.output)


main()
