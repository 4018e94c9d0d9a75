/**
 * STOMP's clients of other languages, where they are installed (Debian's php-stomp, ruby-stomp, libnet-stomp-perl), and
 * syslog-ng's STOMP destination: the same scripts on this broker, and on RabbitMQ and ActiveMQ when the peers are asked for.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../../peers/index.ts';
import { startHere, startThere, type TestBroker } from '../../stomp/brokers.ts';
import { openRaw } from '../../stomp/clients/frames.ts';
import { differenceHere } from '../../stomp/differences.ts';
import { has, run, start } from '../../support/commands.ts';
import { temporaryDirectory } from '../../support/processes.ts';

const beside = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const php = has('php', '-r', 'exit(class_exists("Stomp") ? 0 : 1);');
const ruby = has('ruby', '-e', 'require "stomp"');
const perl = has('perl', '-MNet::Stomp', '-e', '1');
const SYSLOG_NG = '/usr/sbin/syslog-ng';
const syslog =
  spawnSync(SYSLOG_NG, ['--module-registry'], { encoding: 'utf8' }).stdout?.includes('Module: afstomp') === true;
if (!php) console.log('php-stomp: skipped, it is not installed');
if (!ruby) console.log('ruby-stomp: skipped, it is not installed');
if (!perl) console.log('libnet-stomp-perl: skipped, it is not installed');
if (!syslog) console.log('syslog-ng-mod-stomp: skipped, it is not installed');
const asked = process.env['CONFORMANCE_PEERS'] === 'all';

describe.each(['entrepot', 'rabbitmq', 'activemq'] as const)('on %s', (kind) => {
  const skipped = kind !== 'entrepot' && (!asked || installed(kind) === undefined);
  let broker: TestBroker;
  beforeAll(async () => {
    if (!skipped) broker = await (kind === 'entrepot' ? startHere() : startThere[kind]());
  }, 120_000);
  afterAll(() => broker?.stop(), 60_000);

  const works = async (command: string, file: string, lines: readonly string[], ...more: string[]): Promise<void> => {
    const words = [beside(file), String(broker.stompPort), `${command}-${process.pid}`, ...more];
    const { out, error, code } = await run(command, words, 50_000);
    expect(error).toBe('');
    expect([code, out.trim().split('\n')]).toEqual([0, lines]);
  };

  it.skipIf(skipped || !php)("PHP's Stomp extension", { timeout: 60_000 }, () =>
    works('php', 'stomp.php', ['ok 1.0', 'ok 1.1', 'ok refused']),
  );

  it.skipIf(skipped || !ruby)("Ruby's stomp gem", { timeout: 60_000 }, () =>
    works('ruby', 'stomp.rb', ['ok 1.0', 'ok 1.1', 'ok 1.2']),
  );

  it.skipIf(skipped || !perl)("Perl's Net::Stomp", { timeout: 60_000 }, () => {
    const late = differenceHere(kind, 'receipts-with-commit') === undefined ? [] : ['late'];
    return works('perl', 'stomp.pl', ['ok receipts', 'ok queue', 'ok again', 'ok topic', 'ok durable'], ...late);
  });

  it.skipIf(skipped || !syslog)("syslog-ng's STOMP destination", { timeout: 60_000 }, async () => {
    const folder = await temporaryDirectory('syslog');
    const at = (name: string): string => join(folder.path, name);
    const reader = await openRaw(broker.stompPort, '1.0');
    try {
      await reader.confirmed('SUBSCRIBE', { destination: '/queue/syslog', id: '1' });
      await writeFile(at('in'), 'one\ntwo\nthree\n');
      await writeFile(at('conf'), configuration(at('in'), broker.stompPort));
      const files = ['-f', at('conf'), '-R', at('persist'), '-p', at('pid'), '-c', at('control')];
      const program = start(SYSLOG_NG, ['-F', '--no-caps', ...files], 30_000);
      try {
        const bodies = [];
        for (let i = 0; i < 3; i++) bodies.push((await reader.next('MESSAGE', 20_000)).body.toString());
        expect(bodies).toEqual(['one', 'two', 'three']);
      } finally {
        program.kill();
        await program.ended;
      }
    } finally {
      reader.cut();
      await folder.remove();
    }
  });
});

function configuration(file: string, port: number): string {
  return `@version: 3.38
source s { file("${file}" flags(no-parse) follow-freq(1)); };
destination d {
  stomp(
    host("127.0.0.1") port(${port}) destination("/queue/syslog") username("guest") password("guest")
    persistent(yes) ack(yes) body("$MSG")
  );
};
log { source(s); destination(d); };
`;
}
