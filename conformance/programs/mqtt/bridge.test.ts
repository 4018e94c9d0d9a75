/**
 * Mosquitto as a bridge to this broker, with its default settings and `topic # both 1`, in 3.1, 3.1.1 and 5.0: both ways, one
 * copy of each message, through restarts of either side. Skipped where Mosquitto is not installed.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../../mqtt/raw-client.ts';
import { type EntrepotPeer, installed, startEntrepot } from '../../peers/index.ts';
import { type Child, freePorts, startChild, temporaryDirectory } from '../../support/processes.ts';

const mosquitto = installed('mosquitto');
if (mosquitto === undefined) console.log('mosquitto is not installed here: its bridge is skipped');

const NAME = 'here-to-there';
const STATES = '$SYS/broker/connection/+/state';

describe.skipIf(mosquitto === undefined).each(['mqttv31', 'mqttv311', 'mqttv50'])('a bridge of %s', (version) => {
  let broker: EntrepotPeer;
  let home: Awaited<ReturnType<typeof temporaryDirectory>>;
  let local: Child;
  let localPort: number;

  const startLocal = async (): Promise<void> => {
    local = await startChild({
      name: 'mosquitto',
      command: mosquitto!,
      arguments: ['-c', join(home.path, 'bridge.conf'), '-v'],
      directory: home.path,
      readyPorts: [localPort],
    });
  };

  beforeAll(async () => {
    broker = await startEntrepot();
    home = await temporaryDirectory('bridge');
    [localPort] = (await freePorts(1)) as [number];
    await writeFile(
      join(home.path, 'bridge.conf'),
      [
        `listener ${localPort} 127.0.0.1`,
        'allow_anonymous true',
        'persistence true',
        `persistence_location ${home.path}/`,
        'user root',
        `connection ${NAME}`,
        `address 127.0.0.1:${broker.mqttPort}`,
        `bridge_protocol_version ${version}`,
        'topic # both 1',
        '',
      ].join('\n'),
    );
    await startLocal();
  }, 30_000);
  afterAll(async () => {
    await local?.stop();
    await broker?.stop();
    await home?.remove();
  });

  const on = async (port: number, id: string): Promise<RawClient> =>
    (await RawClient.open(port, 4)).connected({ clientId: id });
  const near = (id: string) => on(localPort, id);
  const far = (id: string) => on(broker.mqttPort, id);

  /** Waits until the bridge stands: its retained state is 1 here. */
  async function standing(): Promise<void> {
    const watcher = await far(`watch-${version}`);
    await watcher.subscribe({ topic: STATES, qos: 1 });
    while ((await watcher.expect('publish', 20_000)).payload.toString() !== '1');
    await watcher.leave();
  }

  /** What is published on one side comes once on the other, and once to a subscriber on the side itself. */
  async function exchange(round: string): Promise<void> {
    for (const [from, to, way] of [
      [near, far, 'out'],
      [far, near, 'in'],
    ] as const) {
      const topic = `bridged/${version}/${round}/${way}`;
      const there = await to(`there-${round}-${way}`);
      const here = await from(`here-${round}-${way}`);
      // Of this round: what a kill has cut off may be sent again, as QoS 1 is.
      for (const client of [there, here]) await client.subscribe({ topic: `bridged/${version}/${round}/#`, qos: 1 });
      for (const payload of ['1', '2', '3']) await here.publish(topic, payload, { qos: 1 });
      for (const client of [there, here]) {
        for (const payload of ['1', '2', '3']) expect((await client.message(payload)).topic).toBe(topic);
      }
      // A round trip of the other way behind them: a second copy would have come before.
      await there.publish(`${topic}/end`, 'end', { qos: 1 });
      for (const client of [here, there]) await client.message('end');
      await here.publish(`${topic}/over`, 'over', { qos: 1 });
      for (const client of [there, here]) await client.message('over');
      await there.leave();
      await here.leave();
    }
  }

  it('stands, and hands on one copy of each message both ways', async () => {
    await standing();
    await exchange('first');
    // Taken at the first attempt, not after one that was refused.
    expect(local.transcript().match(/Received CONNACK/g)).toHaveLength(1);
  }, 40_000);

  it('a retained message comes over as one, and its end too', async () => {
    const here = await near('retainer');
    const topic = `bridged/${version}/retained`;
    const there = await far('reader');
    await there.subscribe({ topic, qos: 1 });
    await here.publish(topic, 'kept', { qos: 1, retain: true });
    await there.message('kept');
    const later = await far('later');
    await later.subscribe({ topic, qos: 1 });
    expect((await later.message('kept')).retain).toBe(true);
    await here.publish(topic, '', { qos: 1, retain: true });
    await there.message('');
    await later.leave();
    await there.leave();
    await here.leave();
  }, 40_000);

  it('through a restart of this broker', async () => {
    await broker.kill();
    await broker.restart();
    await standing();
    await exchange('broker-restarted');
  }, 60_000);

  it('through a restart of Mosquitto, whose state is told meanwhile', async () => {
    await local.stop();
    const watcher = await far('watcher');
    await watcher.subscribe({ topic: STATES, qos: 1 });
    while ((await watcher.expect('publish', 20_000)).payload.toString() !== '0');
    await watcher.leave();
    await startLocal();
    await standing();
    await exchange('mosquitto-restarted');
  }, 60_000);
});
