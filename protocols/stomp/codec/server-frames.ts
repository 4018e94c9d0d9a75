/**
 * CONNECTED and ERROR, the frames that are written once or never on a connection. MESSAGE and RECEIPT have writers of
 * their own, which write in place. Every frame's NUL is followed by an LF, as RabbitMQ's and ActiveMQ's are: clients that
 * read line by line wait for it.
 */
import { bytesOf } from '../../../src/api/index.ts';
import { VERSION_TEXT, type Version } from './version.ts';

export function connectedFrame(
  version: Version,
  session: string,
  server: string,
  heartbeat: { readonly sendMs: number; readonly receiveMs: number },
): Buffer {
  return Buffer.from(
    `CONNECTED\nversion:${VERSION_TEXT[version]}\nsession:${session}\nserver:${server}\n` +
      `heart-beat:${heartbeat.sendMs},${heartbeat.receiveMs}\n\n\0\n`,
  );
}

/** `title` needs no escaping; `receiptId` (bytes as `textOf` reads them) and `headers` (each `name:value`) are escaped already. */
export function errorFrame(
  title: string,
  detail: string,
  receiptId: string | undefined,
  headers: readonly string[],
): Buffer {
  const body = `${detail}\n`;
  const lines = [`message:${title}`, ...headers];
  if (receiptId !== undefined) lines.push(`receipt-id:${receiptId}`);
  lines.push('content-type:text/plain;charset=utf-8', `content-length:${Buffer.byteLength(body)}`);
  return Buffer.concat([bytesOf(`ERROR\n${lines.join('\n')}\n\n`), Buffer.from(`${body}\0\n`)]);
}
