/** Asks the person at the terminal for a secret, without showing it. */
import { CommandError, EXIT } from '../exit.ts';

const CONTROL_C = '\u0003';
const CONTROL_D = '\u0004';
const SECRET_CHARACTERS_MAX = 4_096;

/** @throws CommandError usage: there is no terminal to ask at, and `otherwise` says what to do instead */
export function askSecret(question: string, otherwise: string): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true) throw new CommandError(EXIT.usage, otherwise);
  stderr.write(`${question}: `);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = '';
    const done = (finish: () => void): void => {
      stdin.off('data', read);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      finish();
    };
    const read = (chunk: string): void => {
      for (const character of chunk) {
        if (character === '\r' || character === '\n' || character === CONTROL_D) {
          done(() => resolve(typed));
          return;
        }
        if (character === CONTROL_C) {
          done(() => reject(new CommandError(EXIT.failed, 'given up')));
          return;
        }
        if (character === '\u007f' || character === '\b') typed = [...typed].slice(0, -1).join('');
        else if (character >= ' ' && typed.length < SECRET_CHARACTERS_MAX) typed += character;
      }
    };
    stdin.on('data', read);
  });
}
