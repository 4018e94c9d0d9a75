/** `entrepot import`: what another broker has of users and rights, taken over by a stopped one. */
import type { Command } from 'commander';
import { type Flags, loadConfig } from '../../config/load.ts';
import type { MosquittoFiles } from '../import-mosquitto.ts';
import type { CommandOutput } from '../logs.ts';
import { alone, family, printing, reported } from './context.ts';

type ImportFlags = Flags & { readonly json?: boolean };

export function addImport(program: Command): void {
  const importing = family(program, 'import', 'take over what another broker has; this one is stopped meanwhile');
  withData(
    alone(
      importing,
      'rabbitmq <file>',
      "users, their hashed passwords, permissions and topic permissions of RabbitMQ's exported definitions",
    ),
  ).action((file: string, { json, ...flags }: ImportFlags) =>
    telling(json === true, async (output) => {
      const { importRabbitmq } = await import('../import.ts');
      await importRabbitmq(file, loadConfig(flags, process.env).config, output);
    }),
  );
  withData(alone(importing, 'mosquitto', "users, their hashed passwords, and what they may do, of Mosquitto's files"))
    .option('--passwords <file>', 'its password_file')
    .option('--acl <file>', 'its acl_file: each user gets roles that say the same')
    .option('--dynamic-security <file>', "the dynamic security plugin's dynamic-security.json")
    .option('--dry-run', 'say what would be taken, and take nothing')
    .action(({ json, passwords, acl, dynamicSecurity, dryRun, ...flags }: ImportFlags & MosquittoFiles) =>
      telling(json === true, async (output) => {
        const { importMosquitto } = await import('../import-mosquitto.ts');
        const files = { passwords, acl, dynamicSecurity, dryRun };
        await importMosquitto(files, loadConfig(flags, process.env).config, output);
      }),
    );
}

function withData(command: Command): Command {
  return command
    .option('--config <file>', 'read settings from a YAML file (or ENTREPOT_CONFIG)')
    .option('--data <dir>', 'the data directory (default: ./data)');
}

/** Its lines; as JSON those of what it has left out apart from what it has done. */
function telling(json: boolean, work: (output: CommandOutput) => Promise<void>): Promise<void> {
  return reported(async () => {
    const { out, note } = printing(json);
    if (!json) return work({ out, note });
    const lines: string[] = [];
    await work({ out: (line) => void lines.push(line), note });
    const isLeft = (line: string): boolean => line.startsWith(LEFT_OUT);
    const leftOut = lines.filter(isLeft).map((line) => line.slice(LEFT_OUT.length));
    out(JSON.stringify({ done: lines.filter((line) => !isLeft(line)), leftOut }));
  });
}

const LEFT_OUT = 'left out: ';
