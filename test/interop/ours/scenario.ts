import { runArchive, runCheckpoints } from './checkpoints.ts';
import { runRest, runTrace } from './rest.ts';
import { runSampling } from './sampling.ts';
import { runTraining } from './training.ts';
import { runTrouble } from './trouble.ts';
import { createWorld } from './world.ts';

// The scenario in TypeScript, against our SDK. `../official/scenario.py` is the same for the official one.

const started = new Date();
const world = createWorld(process.argv[2] ?? '');
const training = await runTraining(world);
await runCheckpoints(world, training);
await runSampling(world, training);
await runTrouble(world, training);
const path = await runRest(world, training, started);
await runArchive(world, path);
await runTrace(world, training);
world.record.write(world.output);
await world.close();
