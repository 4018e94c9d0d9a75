/** STOMP 1.2 for the load generator: https://stomp.github.io/stomp-specification-1.2.html */
import type { Talk, TalkOptions } from './talk.ts';
import { joined } from './talk.ts';

const EXPIRES = 'x-expires:60000';
const LENGTH = Buffer.from('\ncontent-length:');
const ACK = Buffer.from('\nack:');
const RECEIPT = Buffer.from('\nreceipt-id:');
const BLANK = Buffer.from('\n\n');
const TAIL = Buffer.from([0]);
const LINE_FEED = 10;

export function stomp(role: 'producer' | 'consumer', options: TalkOptions): Talk {
  const { user, password, vhost, name, persistent, confirmed, prefetch } = options;
  const destination = `/queue/${name}`;
  const said = (value: string): string =>
    value.replace(/[\\\n\r:]/g, (character) => `\\${{ '\\': '\\', '\n': 'n', '\r': 'r', ':': 'c' }[character]!}`);
  const connect = `CONNECT\naccept-version:1.2\nhost:${vhost}\nlogin:${user}\npasscode:${password}\nheart-beat:0,0\n\n\0`;
  const acking = confirmed ? `ack:client\nprefetch-count:${prefetch}` : 'ack:auto';
  const subscribe = `SUBSCRIBE\nid:1\nreceipt:s\ndestination:${said(destination)}\n${EXPIRES}\n${acking}\n\n\0`;
  const steps = [joined(connect), ...(role === 'consumer' ? [joined(subscribe)] : [])];

  return {
    steps,
    idOf: (n) => n,
    clearing: Buffer.alloc(0),
    message(id, body) {
      const receipt = confirmed ? `receipt:${id}\n` : '';
      const kept = persistent ? 'persistent:true\n' : '';
      const head = `SEND\ndestination:${said(destination)}\n${EXPIRES}\n${kept}content-length:${body.length}\n${receipt}\n`;
      return [joined(head), body, TAIL];
    },
    parse(buffer, heard, answers) {
      let at = 0;
      let ack = '';
      while (at < buffer.length) {
        if (buffer[at] === LINE_FEED) {
          at++;
          continue;
        }
        const blank = buffer.indexOf(BLANK, at);
        if (blank < 0) break;
        const headerValue = (name: Buffer): string | undefined => {
          const found = buffer.indexOf(name, at);
          if (found < 0 || found >= blank) return undefined;
          return buffer.toString('latin1', found + name.length, buffer.indexOf(LINE_FEED, found + 1));
        };
        const length = headerValue(LENGTH);
        const bodyAt = blank + BLANK.length;
        const end = length === undefined ? buffer.indexOf(0, bodyAt) : bodyAt + Number(length);
        if (end < 0 || end >= buffer.length) break;
        const command = buffer.toString('latin1', at, buffer.indexOf(LINE_FEED, at));
        if (command === 'MESSAGE') {
          heard.message(buffer, bodyAt);
          ack = headerValue(ACK) ?? '';
        } else if (command === 'RECEIPT') {
          const id = headerValue(RECEIPT);
          if (id === 's') heard.step();
          else heard.confirm(Number(id), false);
        } else if (command === 'CONNECTED') heard.step();
        else heard.error(buffer.toString('utf8', bodyAt, end).trim() || 'an error');
        at = end + 1;
      }
      // One for all before it.
      if (confirmed && ack !== '') answers.push(joined(`ACK\nid:${ack}\n\n\0`));
      return at;
    },
  };
}
