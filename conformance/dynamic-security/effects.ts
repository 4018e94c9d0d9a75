/** What happens to clients that are there, and what is said to commands that mosquitto_ctrl does not send: on both brokers. */
import { RawClient } from '../mqtt/raw-client.ts';
import { ADMIN } from './brokers.ts';
import type { DifferenceId } from './differences.ts';

const CONTROL = '$CONTROL/dynamic-security/v1';
const RESPONSE = `${CONTROL}/response`;

export interface Effect {
  readonly name: string;
  readonly there: string;
  /** Left out: the same. */
  readonly here?: string;
  readonly because?: DifferenceId;
  /** What is seen. */
  seen(scene: Scene): Promise<string>;
}

/** A broker with an administrator, and `eve`, who may subscribe to `e/#` and publish there. */
export class Scene {
  readonly port: number;
  readonly admin: RawClient;

  private constructor(port: number, admin: RawClient) {
    this.port = port;
    this.admin = admin;
  }

  static async open(port: number): Promise<Scene> {
    const admin = await (await RawClient.open(port, 5)).connected({ ...ADMIN, clientId: 'scene' });
    await admin.subscribe(RESPONSE);
    const scene = new Scene(port, admin);
    const acls = [
      { acltype: 'subscribePattern', topic: 'e/#', allow: true },
      { acltype: 'publishClientSend', topic: 'e/#', allow: true },
    ];
    await scene.say({ command: 'deleteClient', username: 'eve' }, { command: 'deleteRole', rolename: 'eves' });
    await scene.say(
      { command: 'createRole', rolename: 'eves', acls },
      { command: 'createClient', username: 'eve', password: 'pw', roles: [{ rolename: 'eves' }] },
    );
    return scene;
  }

  async say(...commands: readonly object[]): Promise<string> {
    return this.send(JSON.stringify({ commands }));
  }

  async send(payload: string): Promise<string> {
    await this.admin.publish(CONTROL, payload, { qos: 1 });
    return (await this.admin.expectAmong('publish')).payload.toString();
  }

  async eve(clientId = 'eve'): Promise<RawClient> {
    return (await RawClient.open(this.port, 5)).connected({ username: 'eve', password: 'pw', clientId });
  }

  close(): void {
    this.admin.close();
  }
}

/** Whether a client that has subscribed to it still gets `e/a`. */
async function stillGets(scene: Scene, eve: RawClient): Promise<string> {
  const other = await scene.eve('other');
  await other.publish('e/a', 'x', { qos: 1 });
  await other.leave();
  return eve.next().then(
    ({ cmd }) => (cmd === 'publish' ? 'still delivered' : cmd),
    () => 'closed',
  );
}

export const EFFECTS: readonly Effect[] = [
  {
    name: 'a subscription that a role does not allow any more',
    there: 'still delivered',
    here: 'disconnect',
    because: 'standing-subscription',
    async seen(scene) {
      const eve = await scene.eve();
      await eve.subscribe('e/a');
      await scene.say({
        command: 'addRoleACL',
        rolename: 'eves',
        acltype: 'subscribePattern',
        topic: 'e/a',
        priority: 9,
      });
      const seen = await stillGets(scene, eve);
      eve.close();
      return seen;
    },
  },
  {
    name: 'a topic that may not be received any more',
    there: 'e/b',
    async seen(scene) {
      const eve = await scene.eve();
      await eve.subscribe('e/#');
      await scene.say({ command: 'addRoleACL', rolename: 'eves', acltype: 'publishClientReceive', topic: 'e/a' });
      const other = await scene.eve('other');
      for (const topic of ['e/a', 'e/b']) await other.publish(topic, 'x', { qos: 1 });
      const { topic } = await eve.expect('publish');
      for (const one of [eve, other]) one.close();
      return topic;
    },
  },
  ...['disableClient', 'deleteClient', 'setClientId'].map(
    (command): Effect => ({
      name: `a client, after ${command}`,
      there: 'closed',
      async seen(scene) {
        const eve = await scene.eve();
        await scene.say({ command, username: 'eve', clientid: 'bound' });
        return (await eve.ended()).endsWith('closed') ? 'closed' : 'there';
      },
    }),
  ),
  {
    name: 'a client that is named by a command that fails',
    there: 'closed',
    here: 'there',
    because: 'stays-connected',
    async seen(scene) {
      const eve = await scene.eve();
      await scene.say({ command: 'addGroupClient', username: 'eve', groupname: 'nothing' });
      return eve.ping().then(
        () => {
          eve.close();
          return 'there';
        },
        () => 'closed',
      );
    },
  },
  {
    name: 'an answer, to another administrator',
    there: 'hears',
    here: 'does not hear',
    because: 'answers-to-the-asker',
    async seen(scene) {
      const other = await (await RawClient.open(scene.port, 5)).connected({ ...ADMIN, clientId: 'other' });
      await other.subscribe(RESPONSE);
      await scene.say({ command: 'listRoles' });
      await other.ping();
      const heard = other.waiting.some(({ cmd }) => cmd === 'publish');
      other.close();
      return heard ? 'hears' : 'does not hear';
    },
  },
  ...(
    [
      ['not JSON', undefined],
      ['[]', undefined],
      ['{"commands":[]}', undefined],
      ['{"commands":[7,{},{"command":7},{"command":"nonsense","correlationData":"c"}]}', undefined],
      [
        '{"commands":[{"command":"getClient"},{"command":"createClient","username":7},{"command":"getRole"}]}',
        undefined,
      ],
      ['{"commands":[{"command":"getRole","rolename":"eves","correlationData":"c"}]}', undefined],
      ['{"commands":[{"command":"getRole","rolename":"eves","correlationData":7}]}', undefined],
      ['{"commands":[{"command":"createClient","username":"x","roles":[{"rolename":"nothing"}]}]}', undefined],
      [
        '{"commands":[{"command":"modifyRole","rolename":"nothing"},{"command":"modifyGroup","groupname":"x"}]}',
        undefined,
      ],
      [
        '{"commands":[{"command":"modifyRole","rolename":"eves","textname":"t","acls":[]},{"command":"getRole","rolename":"eves"}]}',
        undefined,
      ],
      ['{"commands":[{"command":"setClientPassword","username":"eve","password":""}]}', undefined],
      [
        '{"commands":[{"command":"setDefaultACLAccess"},{"command":"setDefaultACLAccess","acls":[{"acltype":"x","allow":true}]}]}',
        undefined,
      ],
      ['{"commands":[{"command":"listClients","count":"x","verbose":true,"offset":1}]}', undefined],
      [
        '{"commands":[{"command":"createRole","rolename":"bad","acls":[{"acltype":"x","topic":"a"}]},{"command":"deleteRole","rolename":"bad"}]}',
        'bad-rules-refused',
      ],
      ['{"commands":[{"command":"createRole","rolename":""},{"command":"deleteRole","rolename":""}]}', 'empty-name'],
    ] as const
  ).map(
    ([payload, because]): Effect => ({
      name: `the answer to ${payload}`,
      there: '',
      ...(because !== undefined && { here: 'other', because }),
      seen: (scene) => scene.send(payload),
    }),
  ),
];
