/**
 * The attacks of hostile or broken clients: per protocol a list, each a seeded generator of bytes. They differ in how
 * far they get before they turn bad: before the handshake, in the middle of it, or after it, where a connection has state.
 */
import { amqp } from './amqp.ts';
import type { Attack } from './attack.ts';
import { mqtt } from './mqtt.ts';
import { stomp } from './stomp.ts';
import { http, ws } from './web.ts';

export { type Attack, Chance } from './attack.ts';

export type Port = 'amqp' | 'mqtt' | 'stomp' | 'ws' | 'http';

export const ATTACKS: Readonly<Record<Port, readonly Attack[]>> = { amqp, mqtt, stomp, ws, http };
