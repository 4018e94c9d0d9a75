/** What the cells share: the broker, where the clients of the transport that is tried dial, and who watches. */
import type { ChannelModel, ConfirmChannel, GetMessage } from 'amqplib';
import { expect } from 'vitest';
import { RawClient } from '../../protocols/mqtt/raw-client.ts';
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
    await channel.assertQueue('empty');
    await channel.assertQueue('noted', { arguments: { 'x-passport': true } });
    await channel.assertQueue('once', { arguments: { 'x-message-deduplication': true } });
    await channel.bindQueue('once', 'amq.topic', 'mine.once');
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

  /** Has a message wait in this queue. */
  async fill(queue: string, body: string): Promise<void> {
    this.adminChannel.sendToQueue(queue, Buffer.from(body));
    await this.adminChannel.waitForConfirms();
  }

  /** Whose message of this id the queue `once` has taken, when `admin` has published one as well. */
  async once(id: string): Promise<string> {
    const { adminChannel } = this;
    adminChannel.publish('amq.topic', 'mine.once', Buffer.from('admin'), { headers: { 'x-deduplication-header': id } });
    await adminChannel.waitForConfirms();
    const got = await adminChannel.get('once', { noAck: true });
    expect((await adminChannel.purgeQueue('once')).messageCount).toBe(0);
    return got === false ? 'nobody' : got.content.toString();
  }

  /** Has a message of queue `noted` be rejected, and be lost with that; returns its id. */
  async drop(): Promise<string> {
    const { adminChannel } = this;
    const messageId = this.fresh('m');
    adminChannel.sendToQueue('noted', Buffer.from('x'), { messageId });
    await adminChannel.waitForConfirms();
    adminChannel.nack((await adminChannel.get('noted')) as GetMessage, false, false);
    await adminChannel.checkQueue('noted');
    return messageId;
  }

  /** Has a topic keep a message for who comes later. */
  async retain(topic: string): Promise<void> {
    const keeper = await RawClient.connect(this.ports.mqtt ?? this.broker.ports.mqtt, this.fresh('keeper'), {
      ...{ username: 'admin', password: Buffer.from('p') },
    });
    keeper.publish(topic, 'x', 1, 1, { retain: true });
    await keeper.next('puback');
    await keeper.leave();
  }

  consumers(queue: string): number {
    const [vhost] = [...this.broker.running.broker.allVhosts];
    return vhost!.topology.queues.get(queue)!.consumers.length;
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
