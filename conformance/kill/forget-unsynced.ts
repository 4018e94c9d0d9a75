/** Preloaded into a broker (`node --import`), which then has forgetful files: see there. */
import { nodeFiles } from '../../src/log/files/files.ts';
import { forgetful } from './forgetful-files.ts';

Object.assign(nodeFiles, forgetful({ ...nodeFiles }));
process.stderr.write('what is not synced is forgotten when this process dies\n');
