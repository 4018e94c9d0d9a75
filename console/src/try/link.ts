/** One connection of the page to its broker, over a WebSocket to the port that it came from, in either protocol. */
import type { Login } from '../api/session.ts';
import { connectPacket, disconnectPacket, MqttReader, pingPacket, publishPacket, subscribePacket } from './mqtt.ts';
import { StompReader, stompFrame } from './stomp.ts';

export type TryProtocol = 'mqtt' | 'stomp';

export interface Came {
  readonly address: string;
  readonly body: string;
  /** What stands beside it, in words. */
  readonly notes: string;
}

export interface LinkOptions {
  readonly onOpen: () => void;
  readonly onMessage: (message: Came) => void;
  /** It has ended, and why; empty: it was closed here. */
  readonly onEnd: (because: string) => void;
}

export interface Link {
  subscribe(address: string): void;
  publish(address: string, body: string, retain: boolean): void;
  close(): void;
}

const KEEP_ALIVE_S = 60;

export const websocketUrl = (base = document.baseURI): string =>
  new URL('ws', base).href.replace(/^http/, 'ws').replace(/#.*$/, '');

/** Name and password as they were signed in with; a token goes in the password's place. */
export function credentialsOf({ authorization }: Login): readonly [name: string, password: string] {
  const [scheme, value = ''] = authorization.split(' ', 2);
  if (scheme !== 'Basic') return ['', value];
  const bytes = Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
  const text = new TextDecoder().decode(bytes);
  const colon = text.indexOf(':');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

export function openLink(protocol: TryProtocol, login: Login, options: LinkOptions): Link {
  return protocol === 'mqtt' ? openMqtt(login, options) : openStomp(login, options);
}

interface Ended {
  because: string;
}

function opened(subprotocol: string, { onEnd }: LinkOptions): readonly [WebSocket, Ended] {
  const socket = new WebSocket(websocketUrl(), [subprotocol]);
  socket.binaryType = 'arraybuffer';
  const ended: Ended = { because: 'The broker has closed the connection.' };
  socket.addEventListener('close', () => onEnd(ended.because));
  return [socket, ended];
}

function openMqtt(login: Login, options: LinkOptions): Link {
  const [socket, ended] = opened('mqtt', options);
  const reader = new MqttReader();
  let subscriptions = 0;
  let pings: ReturnType<typeof setInterval> | undefined;
  socket.addEventListener('open', () => {
    const clientId = `console-${crypto.randomUUID().slice(0, 8)}`;
    socket.send(connectPacket(clientId, ...credentialsOf(login), KEEP_ALIVE_S));
    pings = setInterval(() => socket.send(pingPacket()), (KEEP_ALIVE_S * 1_000) / 2);
  });
  socket.addEventListener('close', () => clearInterval(pings));
  socket.addEventListener('message', ({ data }) => {
    for (const packet of reader.push(new Uint8Array(data as ArrayBuffer))) {
      if (packet.kind === 'connack') {
        if (packet.code === 0) options.onOpen();
        else ended.because = `The broker refuses the connection (return code ${packet.code}).`;
      } else if (packet.kind === 'suback' && packet.refused) {
        options.onMessage({ address: '', body: 'The broker refuses this subscription.', notes: 'refused' });
      } else if (packet.kind === 'publish') {
        options.onMessage({ address: packet.topic, body: packet.payload, notes: packet.retained ? 'retained' : '' });
      }
    }
  });
  return {
    subscribe: (filter) => socket.send(subscribePacket(++subscriptions, filter)),
    publish: (topic, body, retain) => socket.send(publishPacket(topic, body, retain)),
    close() {
      ended.because = '';
      if (socket.readyState === WebSocket.OPEN) socket.send(disconnectPacket());
      socket.close();
    },
  };
}

function openStomp(login: Login, options: LinkOptions): Link {
  const [socket, ended] = opened('v12.stomp', options);
  const reader = new StompReader();
  const decoder = new TextDecoder();
  let subscriptions = 0;
  socket.addEventListener('open', () => {
    const [name, passcode] = credentialsOf(login);
    socket.send(
      stompFrame('CONNECT', { 'accept-version': '1.2', host: '/', login: name, passcode, 'heart-beat': '0,0' }),
    );
  });
  socket.addEventListener('message', ({ data }) => {
    const text = typeof data === 'string' ? data : decoder.decode(data as ArrayBuffer, { stream: true });
    for (const { command, headers, body } of reader.push(text)) {
      const header = (wanted: string): string => headers.find(([name]) => name === wanted)?.[1] ?? '';
      if (command === 'CONNECTED') options.onOpen();
      else if (command === 'ERROR') ended.because = `${header('message')}${body === '' ? '' : `: ${body}`}`;
      else if (command === 'MESSAGE')
        options.onMessage({ address: header('destination'), body, notes: header('content-type') });
    }
  });
  return {
    subscribe: (destination) =>
      socket.send(stompFrame('SUBSCRIBE', { id: String(++subscriptions), destination, ack: 'auto' })),
    publish: (destination, body) =>
      socket.send(stompFrame('SEND', { destination, 'content-type': 'text/plain' }, body)),
    close() {
      ended.because = '';
      if (socket.readyState === WebSocket.OPEN) socket.send(stompFrame('DISCONNECT', {}));
      socket.close();
    },
  };
}
