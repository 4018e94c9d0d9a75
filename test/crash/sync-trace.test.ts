/** No confirm before its sync: the judge of it on made-up traces, then a real trace of a few dozen confirms. */
import { describe, expect, it } from 'vitest';
import { straceInstalled, traceConfirms } from '../../conformance/sync-trace/run.ts';
import { parseTrace } from '../../conformance/sync-trace/strace.ts';
import { judge } from '../../conformance/sync-trace/verdict.ts';

const hex = (bytes: Buffer | string): string =>
  [...Buffer.from(bytes as string)].map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('');
const puback = (id: number): Buffer => Buffer.from([0x40, 2, id >> 8, id & 255]);
const SOCKET = '20<TCP:[127.0.0.1:1883->127.0.0.1:40000]>';
const expected = { protocol: 'mqtt', port: 1883, messages: new Map([['7', '<m-7>']]) } as const;

const opened = (flags: string): string =>
  `1 100.000000 openat(AT_FDCWD, "${hex('/d/log')}", O_RDWR${flags}, 0600) = 17<${hex('/d/log')}> <0.000010>`;
const WRITE = `2 100.000100 pwritev(17<${hex('/d/log')}>, [{iov_base="${hex('head')}", iov_len=4}, {iov_base="${hex('..<m-7>..')}", iov_len=9}], 2, 0) = 13 <0.000050>`;
const confirm = (at: string): string => `1 ${at} write(${SOCKET}, "${hex(puback(7))}", 4) = 4 <0.000010>`;
const verdictOf = (...lines: string[]) => judge(parseTrace(lines.join('\n')), '/d', expected);

describe('the judge of a trace', () => {
  it('accepts a confirm that was written after an fdatasync of the write before it', () => {
    const sync = `3 100.000200 fdatasync(17<${hex('/d/log')}>) = 0 <0.000300>`;
    const verdict = verdictOf(opened(''), WRITE, sync, confirm('100.000600'));
    expect(verdict).toMatchObject({ covered: 1, syncs: 1, by: 'fdatasync', slackMinUs: 100, failures: [] });
  });

  it('puts together a call that stands on two lines', () => {
    const began = `3 100.000200 fdatasync(17<${hex('/d/log')}> <unfinished ...>`;
    const returned = '3 100.000500 <... fdatasync resumed>) = 0 <0.000300>';
    expect(verdictOf(opened(''), WRITE, began, returned, confirm('100.000600')).covered).toBe(1);
    expect(verdictOf(opened(''), WRITE, began, confirm('100.000400'), returned).failures).toEqual([
      expect.stringContaining('100 µs before the sync'),
    ]);
  });

  it('accepts a synchronous write, by the way its file was opened', () => {
    expect(verdictOf(opened('|O_DSYNC'), WRITE, confirm('100.000151'))).toMatchObject({ covered: 1, by: 'O_DSYNC' });
    expect(verdictOf(opened('|O_DSYNC'), WRITE, confirm('100.000149')).failures).toHaveLength(1);
  });

  it('objects where no sync follows, where the sync began before the write was done, and where nothing was written', () => {
    const early = `3 100.000120 fdatasync(17<${hex('/d/log')}>) = 0 <0.000300>`;
    expect(verdictOf(opened(''), WRITE, confirm('100.000600')).failures).toEqual([
      expect.stringContaining('no sync covers it'),
    ]);
    expect(verdictOf(opened(''), WRITE, early, confirm('100.000600')).failures).toEqual([
      expect.stringContaining('no sync covers it'),
    ]);
    expect(verdictOf(opened(''), confirm('100.000600')).failures).toEqual([expect.stringContaining('in no write')]);
    expect(verdictOf(opened(''), WRITE).failures).toEqual([expect.stringContaining('no confirm')]);
  });

  it('reads AMQP acks for many and STOMP receipts', () => {
    const ack = Buffer.from([1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0xce]);
    const write = (id: string): string =>
      `2 100.000100 pwritev(17<${hex('/d/log')}>, [{iov_base="${hex(id)}", iov_len=${id.length}}], 1, 0) = ${id.length} <0.000050>`;
    const amqp = judge(
      parseTrace(
        [
          opened('|O_DSYNC'),
          write('<a-1><a-2>'),
          `1 100.0002 write(${SOCKET.replace('1883', '5672')}, "${hex(ack)}", 21) = 21 <0.00001>`,
        ].join('\n'),
      ),
      '/d',
      {
        protocol: 'amqp',
        port: 5672,
        messages: new Map([
          ['1', '<a-1>'],
          ['2', '<a-2>'],
        ]),
      },
    );
    expect(amqp).toMatchObject({ covered: 2, failures: [] });
    const receipt = 'RECEIPT\nreceipt-id:5\n\n\0';
    const stomp = judge(
      parseTrace(
        [
          opened('|O_DSYNC'),
          write('<s-5>'),
          `1 100.0002 write(${SOCKET.replace('1883', '61613')}, "${hex(receipt)}", ${receipt.length}) = ${receipt.length} <0.00001>`,
        ].join('\n'),
      ),
      '/d',
      { protocol: 'stomp', port: 61613, messages: new Map([['5', '<s-5>']]) },
    );
    expect(stomp).toMatchObject({ covered: 1, failures: [] });
  });
});

// Where strace is not installed the order of system calls cannot be seen; `npm run` on a machine that has it shows it.
describe.skipIf(!straceInstalled())('a broker under strace', () => {
  it('writes no confirm before the sync that covers it has returned', { timeout: 120_000 }, async () => {
    for (const verdict of await traceConfirms(60)) {
      expect(verdict.failures, verdict.protocol).toEqual([]);
      expect(verdict.covered).toBe(60);
      expect(verdict.syncs, 'many share a sync, all do not').toBeGreaterThan(1);
    }
  });
});
