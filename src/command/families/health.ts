/** `entrepot health`: for container engines and scripts, which know 0 and 1. */
import type { Command } from 'commander';
import { LISTEN_NAMES } from '../../config/listen.ts';
import { type Flags, loadConfig } from '../../config/load.ts';
import { alone, printing, repeated, reported } from './context.ts';

export function addHealth(program: Command): void {
  alone(
    program,
    'health',
    'ask the broker that runs here with these settings how it is; exits with 1 unless all is well',
  )
    .option('--config <file>', 'read settings from a YAML file (or ENTREPOT_CONFIG)')
    .option(
      '--listen <address>',
      `as the broker is started with (${LISTEN_NAMES.join(', ')}); may be repeated`,
      repeated,
    )
    .action(({ json, ...flags }: Flags & { readonly json?: boolean }) =>
      reported(async () => {
        const { askHealth } = await import('../health.ts');
        const status = await askHealth(loadConfig(flags, process.env).config);
        printing(json === true).out(json === true ? JSON.stringify({ status }) : status);
      }),
    );
}
