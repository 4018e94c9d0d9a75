/** Load in all three protocols, every message with a confirm: AMQP publisher confirms, MQTT QoS 1 and 2, STOMP receipts. */
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { cutAmqp } from '../clients/amqp.ts';
import { connectStomp } from '../clients/stomp.ts';
import type { Peer } from '../peers/index.ts';
import { bodyOf, type Ledger } from './ledger.ts';

/** Unconfirmed messages at most, for each publisher. */
const WINDOW = 64;

/** Sends one message and calls back when the broker has confirmed it. It may never call back: brokers get killed. */
type Send = (body: Buffer, serial: number, confirmed: () => void) => void;

export interface Publisher {
  readonly name: string;
  /** Drops the connection without a word. */
  drop(): void;
}

export interface Load {
  readonly publishers: readonly Publisher[];
  stop(): void;
}

/** Publishes as fast as the windows allow until it is stopped; `onConfirm` after each confirm. */
export async function startLoad(peer: Peer, ledger: Ledger, round: number, onConfirm: () => void): Promise<Load> {
  let stopped = false;
  const run = (name: string, send: Send, drop: () => void): Publisher => {
    let serial = 0;
    let open = 0;
    const fill = (): void => {
      while (!stopped && open < WINDOW) {
        const id = `${round}.${name}.${serial}`;
        const mine = serial++;
        ledger.published.set(id, mine);
        open++;
        send(bodyOf(id, mine), mine, () => {
          open--;
          ledger.confirmed.add(id);
          onConfirm();
          fill();
        });
      }
    };
    setImmediate(fill);
    return { name, drop };
  };

  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}?heartbeat=0`);
  model.on('error', () => {});
  const channel = await model.createConfirmChannel();
  channel.on('error', () => {});
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${peer.mqttPort}`, {
    protocolVersion: 4,
    clientId: `kill-publisher-${round}`,
    reconnectPeriod: 0,
    keepalive: 0,
  });
  device.on('error', () => {});
  const stomp = await connectStomp(peer.stompPort);

  const publishers = [
    run(
      'amqp',
      (body, _, confirmed) => {
        channel.publish('amq.topic', 'kill.amqp', body, { persistent: true }, (error) => {
          if (error === null || error === undefined) confirmed();
        });
      },
      () => cutAmqp(model),
    ),
    run(
      'mqtt',
      (body, serial, confirmed) => {
        device.publish('kill/mqtt', body, { qos: serial % 2 === 0 ? 1 : 2 }, (error) => {
          if (error === null || error === undefined) confirmed();
        });
      },
      () => device.end(true),
    ),
    run(
      'stomp',
      (body, _, confirmed) => {
        stomp.publishTopic(['kill', 'stomp'], { body }).then(confirmed, () => {});
      },
      () => stomp.cut(),
    ),
  ];
  return {
    publishers,
    stop() {
      stopped = true;
    },
  };
}
