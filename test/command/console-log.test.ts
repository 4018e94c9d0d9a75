/** The command's log: JSON for programs, a line for people on a terminal, and a level for each area. */
import { expect, it } from 'vitest';
import { ConsoleLog, forPeople, type LogSettings } from '../../src/command/console-log.ts';

function logTo(settings: Partial<LogSettings>, isTTY = false): { log: ConsoleLog; lines: string[] } {
  const lines: string[] = [];
  const output = { isTTY, write: (line: string) => lines.push(line) };
  return { log: new ConsoleLog({ level: 'info', levels: {}, format: 'auto', ...settings }, output), lines };
}

it('is JSON where nobody looks, with the area of each line', () => {
  const { log, lines } = logTo({});
  log.area('auth').warn({ client: 'amqp 10.0.0.1:5', reason: 'no' }, 'a client was refused');
  log.info({}, 'of none');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 40, area: 'auth', client: 'amqp 10.0.0.1:5', reason: 'no', msg: 'a client was refused' },
    { level: 30, msg: 'of none' },
  ]);
  expect(JSON.parse(lines[1]!)).not.toHaveProperty('area');
});

it('is for people on a terminal, unless JSON is asked for; and everywhere if text is', () => {
  const first = (settings: Partial<LogSettings>, isTTY: boolean): string => {
    const { log, lines } = logTo(settings, isTTY);
    log.area('certificates').info({ certificate: '/a.pem' }, 'hello');
    return lines[0]!;
  };
  expect(first({}, true)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}info {3}certificates {2}hello {2}certificate=\/a\.pem\n$/);
  expect(first({ format: 'json' }, true)).toMatch(/^\{"level":30/);
  expect(first({ format: 'text' }, false)).toMatch(/^\d\d:/);
});

it('has a level for each area, which may change', () => {
  const { log, lines } = logTo({ level: 'warn', levels: { auth: 'debug', certificates: 'silent' } });
  const say = (): void => {
    log.debug({}, 'none');
    log.area('auth').debug({}, 'auth');
    log.area('certificates').error({}, 'certificates');
    log.area('storage').info({}, 'storage');
  };
  say();
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['auth']);
  log.levels = { level: 'info', levels: { certificates: 'info' }, format: 'auto' };
  lines.length = 0;
  say();
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['certificates', 'storage']);
});

it('shows people what a client said without letting it move their cursor', () => {
  const event = { level: 40, time: 0, msg: 'refused', name: 'a\u001b[2Jb\n\u009bc', n: 5, list: [1] };
  expect(forPeople(JSON.stringify(event))).toBe(
    '00:00:00.000  warn   refused  name="a\\u001b[2Jb\\n\\u009bc" n=5 list=[1]\n',
  );
});

it('shows people where a fault happened', () => {
  const { log, lines } = logTo({ format: 'text' });
  log.error({ err: new Error('broken') }, 'a fault');
  expect(lines.join('')).toMatch(/error {2}a fault\nError: broken\n {4}at /);
});
