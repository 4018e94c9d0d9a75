/** `entrepot doctor` */
import type { Command } from 'commander';
import { CommandError, EXIT, EXIT_CODES } from '../exit.ts';
import { padTo, safeText, widthOf, wrapped } from '../print/text.ts';
import { printing, repeated, reported, withUsageCode } from './context.ts';

interface DoctorFlags {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: string[];
  readonly json?: boolean;
  readonly log: boolean;
}

const MARKS = { ok: 'ok     ', warning: 'warning', wrong: 'WRONG  ' } as const;
/** Cells of what is looked at. */
const ABOUT_CELLS = 24;

export function addDoctor(program: Command): void {
  withUsageCode(
    program
      .command('doctor')
      .description('say what is wrong with this machine, these settings and this log; nothing is changed'),
  )
    .option('--data <dir>', 'the data directory (default: ./data)')
    .option('--config <file>', 'the settings (or ENTREPOT_CONFIG)')
    .option('--listen <address>', 'as the broker is started with; may be repeated', repeated)
    .option('--no-log', 'do not read the log through, which takes long where it is large')
    .option('--json', 'print JSON')
    .addHelpText('after', EXIT_CODES)
    .action((flags: DoctorFlags) => reported(() => doctor(flags)));
}

async function doctor({ config, data, listen, json, log }: DoctorFlags): Promise<void> {
  const { examine } = await import('../doctor/doctor.ts');
  const { out, width } = printing(json === true);
  const given = {
    ...(config !== undefined && { config }),
    ...(data !== undefined && { data }),
    ...(listen !== undefined && { listen }),
  };
  let wrong = 0;
  for await (const finding of examine(given, process.env, { log })) {
    if (finding.verdict === 'wrong') wrong++;
    if (json === true) out(JSON.stringify(finding));
    else {
      const head = `${MARKS[finding.verdict]}  ${padTo(safeText(finding.about), ABOUT_CELLS, false)}  `;
      const [first = '', ...more] = wrapped(safeText(finding.text), width - widthOf(head));
      out(head + first);
      for (const line of more) out(' '.repeat(widthOf(head)) + line);
    }
  }
  if (wrong > 0) throw new CommandError(EXIT.failed, `${wrong === 1 ? 'one thing is' : `${wrong} things are`} wrong`);
}
