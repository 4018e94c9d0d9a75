/** A process that abuses a broker: `node test/budget/abuser.ts CASE PORTS SIZE`. It says when it is ready, and waits for a line. */
import { once } from 'node:events';
import { CASES } from './cases/index.ts';
import type { Ports } from './wire.ts';

const [index, ports, size] = process.argv.slice(2);
const begin = await CASES[Number(index)]!.prepare(JSON.parse(ports!) as Ports, Number(size));
process.stdout.write('prepared\n');
await once(process.stdin, 'data');
await begin();
process.stdout.write('sent\n');
