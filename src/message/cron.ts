/**
 * Calendars in the words of cron: five fields, minute, hour, day of the month, month and day of the week (0 and 7 are Sunday), each `*`, a
 * number, a range `a-b`, one of these with a step `/n`, or several of them parted by commas. Where both days are given either will
 * do, as cron has it. Time is UTC, so that no hour comes twice a year, or never.
 */

const FIELDS = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'day of the week', min: 0, max: 7 },
] as const;
const TEXT_MAX = 256;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The longest between two 29th of February. */
const DAYS_MAX = 366 * 8 + 1;

export class Cron {
  private readonly minutes: readonly number[];
  private readonly hours: readonly number[];
  private readonly days: ReadonlySet<number>;
  private readonly months: ReadonlySet<number>;
  private readonly weekdays: ReadonlySet<number>;
  private readonly anyDay: boolean;
  private readonly anyWeekday: boolean;

  /** @throws RangeError that says, without a full stop, what is wrong with it */
  constructor(text: string) {
    const fields = text.trim().split(/\s+/);
    if (text.length > TEXT_MAX || fields.length !== FIELDS.length) {
      throw new RangeError(`it must be ${FIELDS.length} fields: ${FIELDS.map(({ name }) => name).join(', ')}`);
    }
    const [minutes, hours, days, months, weekdays] = FIELDS.map((field, i) => valuesOf(fields[i]!, field)) as [
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
    this.minutes = minutes;
    this.hours = hours;
    this.days = new Set(days);
    this.months = new Set(months);
    this.weekdays = new Set(weekdays.map((day) => day % 7));
    this.anyDay = fields[2]!.startsWith('*');
    this.anyWeekday = fields[4]!.startsWith('*');
    if (this.after(0) === undefined) throw new RangeError('there is no such day');
  }

  /** The first minute that it means after this time. Epoch milliseconds; undefined: there is none */
  after(epochMs: number): number | undefined {
    const from = (Math.floor(epochMs / MINUTE_MS) + 1) * MINUTE_MS;
    let dayMs = Math.floor(from / DAY_MS) * DAY_MS;
    const end = dayMs + DAYS_MAX * DAY_MS;
    for (; dayMs < end; dayMs += DAY_MS) {
      const date = new Date(dayMs);
      if (!this.months.has(date.getUTCMonth() + 1)) {
        // The last day of that month: the loop goes on to the next one.
        dayMs = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0);
        continue;
      }
      if (!this.isDay(date)) continue;
      for (const hour of this.hours) {
        for (const minute of this.minutes) {
          const at = dayMs + (hour * 60 + minute) * MINUTE_MS;
          if (at >= from) return at;
        }
      }
    }
    return undefined;
  }

  /** Of a month that it means. */
  private isDay(date: Date): boolean {
    const day = this.days.has(date.getUTCDate());
    const weekday = this.weekdays.has(date.getUTCDay());
    return this.anyDay || this.anyWeekday ? day && weekday : day || weekday;
  }
}

function valuesOf(field: string, { name, min, max }: (typeof FIELDS)[number]): number[] {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [, range, step = '1'] = /^(\*|\d{1,2}(?:-\d{1,2})?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    if (range === undefined || Number(step) === 0) throw new RangeError(`'${part}' is no ${name}`);
    const hasStep = part.includes('/');
    const [first, last = hasStep ? max : first] =
      range === '*' ? [min, max] : (range.split('-').map(Number) as [number, number?]);
    if (first < min || last > max || first > last)
      throw new RangeError(`'${part}' is no ${name} from ${min} to ${max}`);
    for (let value = first; value <= last; value += Number(step)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}
