/** `entrepot config`: the settings, looked at without a broker. */
import type { Command } from 'commander';
import { parse } from 'yaml';
import { type Flags, loadConfig } from '../../config/load.ts';
import { printConfig } from '../../config/print.ts';
import { alone, family, printing, reported } from './context.ts';

type ConfigFlags = Pick<Flags, 'config'> & { readonly json?: boolean };

export function addConfig(program: Command): void {
  const config = family(program, 'config', 'look at the settings');
  alone(config, 'check', 'say whether the settings are right, and where they are not')
    .option('--config <file>', 'read settings from a YAML file (or ENTREPOT_CONFIG)')
    .action(({ json, ...flags }: ConfigFlags) =>
      reported(async () => {
        loadConfig(flags, process.env);
        printing(json === true).out(json === true ? '{"right":true}' : 'The settings are right.');
      }),
    );
  alone(config, 'print', 'print the settings in force as a configuration file')
    .option('--config <file>', 'read settings from a YAML file (or ENTREPOT_CONFIG)')
    .action(({ json, ...flags }: ConfigFlags) =>
      reported(async () => {
        const text = printConfig(loadConfig(flags, process.env));
        // What is printed is what a program gets as well, secrets left out.
        process.stdout.write(json === true ? `${JSON.stringify(parse(text))}\n` : text);
      }),
    );
}
