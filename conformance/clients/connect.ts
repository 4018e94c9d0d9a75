/** Connecting a client by the name of its protocol. */
import type { Peer } from '../peers/index.ts';
import { connectAmqp } from './amqp.ts';
import type { Client, Wire } from './client.ts';
import { connectMqtt } from './mqtt.ts';
import { connectStomp } from './stomp.ts';
import { connectStompWeb } from './stomp-web.ts';

export function connect(peer: Peer, wire: Wire): Promise<Client> {
  switch (wire) {
    case 'amqp':
      return connectAmqp(peer.amqpPort);
    case 'mqtt':
      return connectMqtt(`mqtt://127.0.0.1:${peer.mqttPort}`);
    case 'mqtt-ws':
      return connectMqtt(peer.wsMqttUrl);
    case 'stomp':
      return connectStomp(peer.stompPort);
    case 'stomp-ws':
      return connectStompWeb(peer.wsStompUrl);
  }
}
