/** MQTT 5.0's properties, and a client with a kept session. */
import type * as wire from 'mqtt-packet';
import { RawClient } from '../../protocols/mqtt/raw-client.ts';
import type { TestBroker } from '../../support/broker.ts';
import { addTo, bytes, type Said, type Seen } from './said.ts';

export function mqttProperties(said: Said): wire.IPublishPacket['properties'] {
  const user: Record<string, string | string[]> = {};
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(said)) {
    // mqtt-packet writes texts as UTF-8.
    const text = (one: string): string => bytes(one).toString('utf8');
    if (name.startsWith('u:'))
      user[text(name.slice(2))] = Array.isArray(value) ? value.map(text) : text(value as string);
    else if (name === 'content-type') properties['contentType'] = text(value as string);
    else if (name === 'response-topic') properties['responseTopic'] = text(value as string);
    else if (name === 'correlation-data') properties['correlationData'] = bytes(value as string);
    else if (name === 'expiry') properties['messageExpiryInterval'] = Number(value);
    else if (name === 'payload-format') properties['payloadFormatIndicator'] = value === '1';
  }
  if (Object.keys(user).length > 0) properties['userProperties'] = user;
  return properties as wire.IPublishPacket['properties'];
}

export function mqttSeen(packet: wire.IPublishPacket): Seen {
  const seen: Record<string, string | string[]> = {};
  const { properties = {} } = packet;
  const latin = (text: string): string => Buffer.from(text, 'utf8').latin1Slice();
  if (properties.contentType !== undefined) seen['content-type'] = latin(properties.contentType);
  if (properties.responseTopic !== undefined) seen['response-topic'] = latin(properties.responseTopic);
  if (properties.correlationData !== undefined) seen['correlation-data'] = properties.correlationData.latin1Slice();
  if (properties.messageExpiryInterval !== undefined) seen['expiry'] = String(properties.messageExpiryInterval);
  if (properties.payloadFormatIndicator !== undefined)
    seen['payload-format'] = properties.payloadFormatIndicator ? '1' : '0';
  for (const [name, value] of Object.entries(properties.userProperties ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) addTo(seen, `u:${latin(name)}`, latin(one));
  }
  return { address: packet.topic, body: (packet.payload as Buffer).latin1Slice(), properties: seen };
}

/** A session that is kept, whether its client is there or not. */
export function mqttClient(broker: TestBroker, clientId: string, clean = false): Promise<RawClient> {
  return RawClient.connect(broker.ports.mqtt, clientId, {
    protocolVersion: 5,
    username: 'guest',
    password: Buffer.from('guest'),
    clean,
    properties: { sessionExpiryInterval: 1_000_000 },
  });
}
