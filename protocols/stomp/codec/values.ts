/**
 * Reads header values that are true, false or a whole number. Every handler reads them here, so that one word means the same in
 * every frame.
 *
 *     true     true in any case (Python writes True), 1 (as PHP writes it)
 *     false    false in any case, 0, nothing at all (as PHP writes it)
 *     number   decimal digits, with blanks around them (1.0's clients pad)
 *
 * Any other word is refused: taken for the opposite of what was meant, it would lose messages.
 */
import { FrameError } from './errors.ts';
import { decimalOf, type Frame, isTrue } from './frame.ts';

/** The value of a header that must be true or false; undefined if the frame does not have it. Not for the hot path. */
export function flag(frame: Frame, name: string): boolean | undefined {
  const text = frame.header(name);
  return text === undefined ? undefined : booleanOf(name, text);
}

/** As `flag`, for a kind of header: whether it is there and says true. */
export function isSet(frame: Frame, kind: number, name: string): boolean {
  const index = frame.indexOf(kind);
  if (index < 0) return false;
  return (
    isTrue(frame.buffer, frame.valueStart(index), frame.valueEnd(index)) || booleanOf(name, frame.valueText(index))
  );
}

function booleanOf(name: string, text: string): boolean {
  switch (text.trim().toLowerCase()) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
    case '':
      return false;
    default:
      throw new FrameError('Invalid header', `'${name}' must be 'true' or 'false', not '${text}'.`);
  }
}

/** The number that a header of this kind spells; the frame must have one. */
export function numberOf(frame: Frame, kind: number, name: string): number {
  const index = frame.indexOf(kind);
  const value = decimalOf(frame.buffer, frame.valueStart(index), frame.valueEnd(index));
  if (value < 0) throw notNumber(name, frame.text(kind)!);
  return value;
}

/** A whole number from `min` to `max` that `text` spells. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^ *[+-]?\d{1,15} *$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value === 0 ? 0 : value;
  if (Number.isNaN(value)) throw notNumber(name, text);
  throw new FrameError('Invalid header', `'${name}' must be from ${min} to ${max}, not '${text}'.`);
}

function notNumber(name: string, text: string): FrameError {
  return new FrameError('Invalid header', `'${name}' must be a decimal number, not '${text}'.`);
}
