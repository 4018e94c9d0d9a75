/** Guessing passwords: each guess costs the broker the work of a hash, and it is over before anybody is known. */
import { connect as dial } from 'node:net';
import { mqtt, type Ports } from '../wire.ts';
import type { Case } from './case.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const users = Object.fromEntries(
  ['guest', ...Array.from({ length: 20 }, (_, i) => `user${i}`)].map((name) => [
    name,
    { password: name, permissions: { '/': ALL } },
  ]),
);

/** What a client says at once of whom it claims to be. */
function guesses(user: string, password: string, { mqtt: mqttPort, stomp, redis, http }: Ports): [number, Buffer][] {
  const { packet, text, u16 } = mqtt;
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  return [
    [mqttPort, packet(0x10, text('MQTT'), 4, 0xc2, u16(60), text(user), text(user), text(password))],
    [stomp, Buffer.from(`CONNECT\naccept-version:1.2\nhost:/\nlogin:${user}\npasscode:${password}\n\n\0`)],
    [redis, Buffer.from(`*3\r\n$4\r\nAUTH\r\n$${user.length}\r\n${user}\r\n$${password.length}\r\n${password}\r\n`)],
    [http, Buffer.from(`GET /api/whoami HTTP/1.1\r\nhost: x\r\nauthorization: Basic ${basic}\r\n\r\n`)],
  ];
}

/** Says it, and has gone when it has been answered. */
function guess(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', () => socket.destroy());
    socket.on('error', () => {});
    // Nobody listens any more, perhaps: that is asked again, and not as fast as it goes.
    socket.on('close', (failed) => (failed ? setTimeout(resolve, 100) : resolve()));
  });
}

export const LOGINS: readonly Case[] = [
  {
    name: 'passwords of twenty users guessed without end, over four protocols',
    unproven: true,
    environment: { ENTREPOT_USERS: JSON.stringify(users) },
    async prepare(ports, size) {
      let next = 0;
      const guessOn = async (): Promise<void> => {
        for (;;) {
          const n = next++;
          const [port, bytes] = guesses(`user${n % 20}`, `guess${n}`, ports)[n % 4]!;
          await guess(port, bytes);
        }
      };
      return async () => {
        await Promise.all(Array.from({ length: 100 * size }, guessOn));
      };
    },
  },
];
