/** One table of exit codes for all commands, and JSON of each that prints something. */
import { Command as Program } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/command/exit.ts';
import { addFamilies } from '../../src/command/families/index.ts';
import { Command } from '../support/command.ts';
import { withTemporaryDirectory } from '../support/directory.ts';
import { entrepot } from './harness.ts';

function leaves(command: Program, path: readonly string[] = []): { path: readonly string[]; command: Program }[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((one) => leaves(one, [...path, one.name()]));
}

const program = new Program('entrepot');
addFamilies(program);
const all = leaves(program);
/** What prints a script, and what prints JSON whatever is asked for. */
const WITHOUT_JSON = ['completion'];

describe.each(all.map(({ path, command }) => [path.join(' '), path, command] as const))('%s', (name, path, command) => {
  it('lists the codes in its help, and ends with 2 for an option that there is not', async () => {
    const help = await entrepot(...path, '--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toContain(EXIT_CODES.trim());
    const wrong = await entrepot(...path, '--nonsense');
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
    expect(wrong.stderr).toMatch(/unknown option '--nonsense'|required option '--\w+ <\w+>' not specified/);
  });

  it.skipIf(WITHOUT_JSON.includes(name))('has --json', () => {
    expect(command.options.map(({ long }) => long)).toContain('--json');
  });
});

it('the command itself and start list them too', async () => {
  for (const args of [['--help'], ['start', '--help']]) {
    const { code, stdout } = await Command.run(args);
    expect(code).toBe(0);
    expect(stdout).toContain(EXIT_CODES.trim());
  }
  expect((await Command.run([])).code).toBe(2);
  expect((await Command.run(['nonsense'])).code).toBe(2);
});

it('commands without a broker end with them: a wrong setting, no log, what is well', async () => {
  await withTemporaryDirectory(async (directory) => {
    const nowhere = `${directory}/none.yaml`;
    for (const args of [['config', 'check'], ['config', 'print'], ['health'], ['start'], ['queues', 'list']]) {
      expect((await Command.run([...args, '--config', nowhere])).code).toBe(2);
    }
    expect((await entrepot('log', 'verify', directory)).code).toBe(5);
    expect(await entrepot('config', 'check', '--json')).toMatchObject({ code: 0, stdout: '{"right":true}\n' });
    const printed = await entrepot('config', 'print', '--json');
    expect(JSON.parse(printed.stdout)).toMatchObject({ data: './data' });
    expect((await entrepot('status', '--data', directory)).code).toBe(3);
  });
});
