/** `mosquitto_ctrl dynsec` and what it sets, here and on Mosquitto with its plugin: the same session, the same questions. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../mqtt/raw-client.ts';
import { run } from '../support/commands.ts';
import { ask } from './ask.ts';
import { ADMIN, type Pair, pluginPath, startPair } from './brokers.ts';
import { LAST, type Line, SESSION } from './commands.ts';
import { DIFFERENCES } from './differences.ts';
import { EFFECTS, Scene } from './effects.ts';
import { QUESTIONS } from './questions.ts';

const plugin = process.env['CONFORMANCE_PEERS'] === 'all' ? pluginPath() : undefined;
if (plugin === undefined && process.env['CONFORMANCE_PEERS'] === 'all') {
  console.log("mosquitto_ctrl or Mosquitto's dynamic security is not installed here: skipped");
}

let pair: Pair;

async function command(port: number, line: string): Promise<string> {
  const login = ['-h', '127.0.0.1', '-p', String(port), '-u', ADMIN.username, '-P', ADMIN.password];
  const { code, out, error } = await run('mosquitto_ctrl', [...login, 'dynsec', ...line.split(' ')]);
  const said = error.split('\n').filter((one) => !/^(Warning: You are|This means all)|^$/.test(one));
  return [`exit ${code}`, ...out.trimEnd().split('\n'), ...said].join('\n');
}

async function same(lines: readonly Line[]): Promise<void> {
  for (const [line, because] of lines) {
    const there = await command(pair.mosquitto.mqttPort, line);
    const here = await command(pair.entrepot.mqttPort, line);
    if (because === undefined) expect(`${line}: ${here}`).toBe(`${line}: ${there}`);
    else expect(here, `${line} is the same now: ${DIFFERENCES[because]}`).not.toBe(there);
  }
}

describe.skipIf(plugin === undefined)('dynamic security', () => {
  beforeAll(async () => {
    pair = await startPair(plugin!);
  }, 60_000);
  afterAll(() => pair?.stop());

  it(`prints the same in a session of ${SESSION.length} commands`, { timeout: 120_000 }, () => same(SESSION));

  it(`lets clients do the same: ${QUESTIONS.length} questions`, { timeout: 120_000 }, async () => {
    const answers: string[] = [];
    const expected: string[] = [];
    for (const [which, port] of [
      ['there', pair.mosquitto.mqttPort],
      ['here', pair.entrepot.mqttPort],
    ] as const) {
      const asker = await RawClient.open(port, 5);
      await asker.connected({ username: 'asker', password: 'pw', clientId: 'asker' });
      for (const [line, there, here = there] of QUESTIONS) {
        expected.push(`${which}: ${line}: ${which === 'there' ? there : here}`);
        const answer = await ask({ port, asker }, line).catch((error: Error) => error.message);
        answers.push(`${which}: ${line}: ${answer}`);
      }
      await asker.leave();
    }
    expect(answers).toEqual(expected);
  });

  it.each(EFFECTS.map((effect) => [effect.name, effect] as const))('%s', { timeout: 60_000 }, async (_name, effect) => {
    const seen: string[] = [];
    for (const port of [pair.mosquitto.mqttPort, pair.entrepot.mqttPort]) {
      const scene = await Scene.open(port);
      seen.push(await effect.seen(scene));
      scene.close();
    }
    const { there, here = there, because } = effect;
    if (there !== '') expect(seen).toEqual([there, here]);
    else if (because === undefined) expect(seen[1]).toBe(seen[0]);
    else expect(seen[1]).not.toBe(seen[0]);
  });

  it('how much is the same is said', () => {
    const differ = [
      [...SESSION, ...LAST].filter(([, because]) => because !== undefined).length,
      QUESTIONS.filter(([, , here]) => here !== undefined).length,
      EFFECTS.filter(({ because }) => because !== undefined).length,
    ];
    const of = [SESSION.length + LAST.length, QUESTIONS.length, EFFECTS.length];
    const said = ['commands', 'questions', 'effects'].map(
      (what, i) => `${of[i]} ${what}, ${differ[i]} of them otherwise`,
    );
    console.log(`dynamic security beside Mosquitto: ${said.join('; ')}; why is in differences.ts`);
    expect(SESSION.length).toBeGreaterThanOrEqual(40);
  });

  it('sets what is allowed by default', { timeout: 60_000 }, () => same(LAST));
});
