/** What the cells share: the broker, where the clients of the transport that is tried dial, and who watches. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { Issued } from '../../support/certificates.ts';
import { amqp, type Ports, type RuledBroker, startRuledBroker } from '../harness.ts';

export class Scene {
  readonly broker: RuledBroker;
  /** Those of the transport that is tried. */
  ports: Ports;
  private readonly admin: ChannelModel;
  readonly adminChannel: ConfirmChannel;
  private count = 0;

  private constructor(broker: RuledBroker, admin: ChannelModel, adminChannel: ConfirmChannel) {
    this.broker = broker;
    this.ports = broker.ports;
    this.admin = admin;
    this.adminChannel = adminChannel;
  }

  /** With the queues `there`, and `probe` that gets all that is published to topics. */
  static async open(tls: Issued | undefined): Promise<Scene> {
    const broker = await startRuledBroker({ tls });
    const admin = await amqp(broker.ports.amqp, 'admin');
    const channel = await admin.createConfirmChannel();
    await channel.assertQueue('probe');
    await channel.bindQueue('probe', 'amq.topic', '#');
    await channel.assertQueue('there');
    return new Scene(broker, admin, channel);
  }

  /** A name that nothing has yet. */
  fresh(prefix: string): string {
    return `${prefix}${++this.count}`;
  }

  /** How many messages have come to topics since it was asked last. */
  async arrived(): Promise<number> {
    return (await this.adminChannel.purgeQueue('probe')).messageCount;
  }

  queues(): string[] {
    const [vhost] = [...this.broker.running.broker.allVhosts];
    return [...vhost!.topology.queues.keys()];
  }

  async close(): Promise<void> {
    await this.admin.close();
    await this.broker.stop();
  }
}
