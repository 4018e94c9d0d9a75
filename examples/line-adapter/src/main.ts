/** A broker with a protocol and an authenticator of one's own, and two clients. Prints what the second one sees. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { type Authenticator, createBroker, type Identity } from 'entrepot';
import { lines } from './lines.ts';

/** One user, who may do what she likes but with queues whose names begin with `private`. */
const authenticator: Authenticator = {
  authenticate({ user, password }, done) {
    // A back end may take its time.
    setTimeout(() => {
      if (user === 'ada' && password?.toString() === 'secret') done({ user });
      else done({ refused: 'credentials', reason: `who is ${user}?` });
    }, 5);
  },
  permits: (identity: Identity, { name }) => identity.user === 'ada' && !name.startsWith('private'),
};

const running = await createBroker({
  protocols: [lines()],
  authenticator,
  listen: ['lines://127.0.0.1:0', 'lines+mqtt://127.0.0.1:0'],
});

/** A client that sends a line at a time and reads the answers. */
async function dial(port: number) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  const read = async (): Promise<string> => String((await answers.next()).value);
  return {
    read,
    async ask(line: string): Promise<string> {
      socket.write(`${line}\n`);
      return read();
    },
    tell: (line: string) => void socket.write(`${line}\n`),
    leave: () => void socket.destroy(),
  };
}

const stranger = await dial(running.port('lines'));
assert.equal(await stranger.ask('LOGIN mallory guess'), 'ERR the login was refused');

const publisher = await dial(running.port('lines'));
assert.equal(await publisher.ask('LOGIN ada secret'), 'OK');
assert.equal(await publisher.ask('PUB orders two boxes'), 'OK');
assert.match(await publisher.ask('PUB private x'), /^ERR .*private/);

// The port that two protocols share tells them apart by their first bytes.
const consumer = await dial(running.port('mqtt'));
assert.equal(await consumer.ask('LOGIN ada secret'), 'OK');
assert.equal(await consumer.ask('SUB orders'), 'OK');
const message = await consumer.read();
assert.match(message, /^MSG \d+ "two boxes"$/);
consumer.tell(`ACK ${message.split(' ')[1]}`);
assert.match(await consumer.ask('ACK 99'), /^ERR nothing is known/);

assert.equal(running.connections, 2);
publisher.leave();
consumer.leave();
await running.close();
console.log(`seen: ${message.slice(message.indexOf('"'))}`);
