/** `entrepot completion`: what a shell needs to complete commands and options, made from the commands themselves. */
import type { Command } from 'commander';
import { Argument } from 'commander';
import { EXIT_CODES } from '../exit.ts';
import { withUsageCode } from './context.ts';

/** What may follow some words: `queues list` ─▶ its options. */
type Words = readonly (readonly [path: string, words: readonly string[]])[];

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function addCompletion(program: Command): void {
  withUsageCode(program.command('completion').description('print what a shell needs to complete the command'))
    .addArgument(new Argument('<shell>').choices([...SHELLS]))
    .addHelpText('after', EXIT_CODES)
    .addHelpText('after', '\nExample:\n  source <(entrepot completion bash)\n  entrepot completion fish | source')
    .action((shell: (typeof SHELLS)[number]) => {
      process.stdout.write(SCRIPTS[shell](wordsOf(program)));
    });
}

function wordsOf(command: Command, path: readonly string[] = []): Words {
  const options = command.options.flatMap(({ long }) => (long == null ? [] : [long]));
  const names = command.commands.map((one) => one.name());
  const own = [path.join(' '), [...names, ...options, '--help']] as const;
  return [own, ...command.commands.flatMap((one) => wordsOf(one, [...path, one.name()]))];
}

/** Commands lead on, options and what is given to them do not. */
function bash(words: Words): string {
  return `# entrepot
_entrepot() {
  local word path='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "\${path:+$path }$word" in
${words
  .filter(([path]) => path !== '')
  .map(([path]) => `      '${path}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${words.map(([path, next]) => `    '${path}') COMPREPLY=($(compgen -W '${next.join(' ')}' -- "\${COMP_WORDS[COMP_CWORD]}")) ;;`).join('\n')}
  esac
}
complete -o default -F _entrepot entrepot
`;
}

function zsh(words: Words): string {
  return `#compdef entrepot
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;
}

function fish(words: Words): string {
  const lines = words.map(([path, next]) => {
    const parts = path === '' ? [] : path.split(' ');
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
    const below = next.filter((word) => !word.startsWith('-'));
    const notYet = below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`];
    const when = [...seen, ...notYet].join('; and ');
    const condition = when === '' ? '' : ` -n '${when}'`;
    const options = next.filter((word) => word.startsWith('--')).map((word) => ` -l ${word.slice(2)}`);
    return [
      ...(below.length > 0 ? [`complete -c entrepot${condition} -f -a '${below.join(' ')}'`] : []),
      ...options.map((option) => `complete -c entrepot${condition}${option}`),
    ].join('\n');
  });
  return `${lines.join('\n')}\n`;
}

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (words: Words) => string>> = { bash, zsh, fish };
