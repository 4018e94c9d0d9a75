/** Makes the tracer of a broker, where traces are switched on. */
import { hostname } from 'node:os';
import type { Clock } from '../clock/clock.ts';
import type { Config } from '../config/schema.ts';
import { type Logger, loggerOf } from '../logger.ts';
import { OtlpExporter } from '../tracing/exporter.ts';
import { Tracer } from '../tracing/tracer.ts';
import { PRODUCT, VERSION } from '../version.ts';

export function makeTracer({ otlp, sample }: Config['tracing'], logger: Logger, clock: Clock): Tracer {
  const resource = {
    'service.name': PRODUCT.toLowerCase(),
    'service.version': VERSION,
    'service.instance.id': hostname(),
  };
  const exporter = new OtlpExporter(otlp, clock, loggerOf(logger, 'tracing'), resource);
  return new Tracer({ exporter, clock, sample });
}
