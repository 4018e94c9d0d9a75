/** Runs one piece of work with the neutral gauge instead: a program of its own, in C, that knows none of the brokers. */
import { execFile } from 'node:child_process';
import type { Measured, Ports, Work } from './work.ts';

interface GaugeOutput {
  readonly published: number;
  readonly confirmed: number;
  readonly received: number;
  readonly duplicates: number;
  readonly pub_rate: number;
  readonly recv_rate: number;
  readonly lat_us: { readonly p50: number; readonly p99: number };
}

export async function runGauge(program: string, work: Work, ports: Ports): Promise<Measured> {
  const options: Record<string, string | number> = {
    '--pub': work.publish,
    '--sub': work.consume,
    '--pub-port': ports.publish,
    '--sub-port': ports.consume,
    '--count': work.count,
    '--size': work.bodyBytes,
    '--subs': work.subscribers,
    // Without it, it subscribes over STOMP to a queue, and publishes over AMQP to a topic.
    '--fanout': work.fanout || (work.publish === 'amqp' && work.consume === 'stomp') ? 1 : 0,
    '--confirm': work.window > 0 ? 1 : 0,
    '--window': work.window > 0 ? work.window : 1000,
    '--persistent': work.persistent ? 1 : 0,
    '--autoack': work.acknowledge ? 0 : 1,
    '--prefetch': work.prefetch,
    '--dest': work.destination,
    '--only': work.publishOnly ? 1 : 0,
    '--user': work.user ?? 'guest',
    '--pass': work.user ?? 'guest',
  };
  const text = await new Promise<string>((resolve, reject) => {
    execFile(
      program,
      Object.entries(options).flatMap(([k, v]) => [k, String(v)]),
      { timeout: 180_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(stderr.trim() || error.message));
      },
    );
  });
  const output = JSON.parse(text) as GaugeOutput;
  if (work.publishOnly) return { rate: output.pub_rate, complete: output.confirmed / work.count, duplicates: 0 };
  const expected = work.count * (work.fanout ? work.subscribers : 1);
  return {
    rate: output.recv_rate,
    complete: output.received / expected,
    duplicates: output.duplicates,
    p50Us: output.lat_us.p50,
    p99Us: output.lat_us.p99,
  };
}
