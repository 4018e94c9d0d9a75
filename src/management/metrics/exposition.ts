/**
 * Prometheus' text format, version 0.0.4: families, their samples, and how both are written.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import type { Histogram } from '../../metrics/histogram.ts';

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** For histograms, whose samples have names of their own. */
  readonly metricName?: string;
}

export interface FamilyHead {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'untyped';
}

export interface Family extends FamilyHead {
  readonly values: readonly Sample[];
}

/** A family of one sample. */
export function single(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: number,
  labels: Labels = {},
): Family {
  return { type, name, help, values: [{ labels, value }] };
}

/** The samples of one histogram. @param unit of its values, in that of the family: 1000 for milliseconds shown as seconds */
export function histogramSamples(
  name: string,
  labels: Labels,
  { bounds, counts, count, sum }: Histogram,
  unit = 1,
  written: (bound: number) => string = String,
): Sample[] {
  let below = 0;
  const samples: Sample[] = bounds.map((bound, i) => {
    below += counts[i]!;
    return { labels: { ...labels, le: written(bound / unit) }, value: below, metricName: `${name}_bucket` };
  });
  samples.push({ labels: { ...labels, le: '+Inf' }, value: count, metricName: `${name}_bucket` });
  samples.push({ labels, value: sum / unit, metricName: `${name}_sum` });
  samples.push({ labels, value: count, metricName: `${name}_count` });
  return samples;
}

export function writeHead({ name, help, type }: FamilyHead): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

export function writeSample(name: string, labels: string, value: number): string {
  return `${name}${labels} ${written(value)}\n`;
}

export function writeFamily(family: Family): string {
  let text = writeHead(family);
  for (const { labels, value, metricName } of family.values) {
    text += writeSample(metricName ?? family.name, writeLabels(labels), value);
  }
  return text;
}

/** `{name="value",…}`, or nothing. */
export function writeLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** A label's value as it stands between quotes. */
export function escaped(label: string): string {
  return /[\\\n"]/.test(label) ? label.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"') : label;
}

function written(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
