/**
 * The back end that asks a service over HTTP, as RabbitMQ's does: four addresses, of users, vhosts, resources and topics. Whoever
 * waits for an answer waits alone; questions that are under way are bounded, by address of the client and in all.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { networkOf } from '../../../api/endpoint.ts';
import type { AccessRequest, Credentials, Identity, PendingAnswer } from '../../../api/identity.ts';
import { type Clock, Timer } from '../../../clock/clock.ts';
import { ownAddressOf } from '../../internal-authenticator.ts';
import { PasswordWork } from '../../password-work.ts';
import { AnswerCache } from '../answer-cache.ts';
import { type Backend, type CacheSettings, noStatistics, type ReportFailure, type Verdict } from '../backend.ts';
import { type Answered, Decisions, FAILURE_MS } from '../decisions.ts';
import {
  type Answer,
  type Asker,
  answerOf,
  resourceQuestion,
  topicQuestion,
  userQuestion,
  vhostQuestion,
} from './questions.ts';
import { HttpClient } from './request.ts';

/** What is asked at a time. */
const AT_A_TIME = 32;
/** Of an answer. */
const ANSWER_BYTES_MAX = 4_096;

export interface HttpBackendSettings {
  readonly userPath: string;
  readonly vhostPath: string;
  readonly resourcePath: string;
  readonly topicPath: string;
  readonly method: 'get' | 'post';
  readonly timeoutMs: number;
  readonly cache: CacheSettings;
  /** PEM of who may have signed the service's certificate; undefined: those that Node knows. */
  readonly authority: () => string | undefined;
}

/** An identity that it has let in, and what questions say of its client. */
type HttpIdentity = Asker;

export class HttpBackend implements Backend {
  readonly name = 'http';
  readonly statistics = noStatistics();
  private readonly settings: HttpBackendSettings;
  private readonly clock: Clock;
  private readonly client: HttpClient;
  private readonly report: ReportFailure;
  private readonly work = new PasswordWork(AT_A_TIME);
  private readonly logins: AnswerCache<Answer>;
  private readonly decisions: Decisions;
  private readonly secret = randomBytes(32);
  private readonly lookAgain: Timer;
  private changed: () => void = () => {};

  constructor(settings: HttpBackendSettings, clock: Clock, report: ReportFailure) {
    const nowMs = (): number => clock.monotonicMs();
    this.settings = settings;
    this.clock = clock;
    this.report = report;
    this.client = new HttpClient(clock, settings.authority());
    this.logins = new AnswerCache(settings.cache.entriesMax, nowMs);
    this.decisions = new Decisions(settings.cache, nowMs, () => this.changed());
    this.lookAgain = new Timer(() => this.changed());
  }

  authenticate(credentials: Credentials, address: string, done: (verdict: Verdict) => void): void {
    const { user = '', clientId } = credentials;
    const question = userQuestion(credentials);
    const key = createHmac('sha256', this.secret).update(question).digest('base64');
    const judged = (answer: Answer): void => {
      if ('failed' in answer) done({ failed: answer.failed });
      else if (answer.allowed) {
        this.statistics.accepted++;
        const identity: HttpIdentity = { user, tags: answer.tags, address: ownAddressOf(credentials), clientId };
        done(identity);
      } else {
        this.statistics.refused++;
        done({ unknown: 'the service says deny' });
      }
    };
    const known = this.logins.get(key);
    if (known !== undefined) {
      judged(known);
      return;
    }
    this.ask(this.settings.userPath, question, address, (answer) => {
      const { lifetimeMs } = this.settings.cache;
      this.logins.set(key, answer, 'failed' in answer ? Math.min(FAILURE_MS, lifetimeMs) : lifetimeMs);
      judged(answer);
    });
  }

  mayEnter(identity: Identity, vhost: string): boolean | PendingAnswer {
    const asker = askerOf(identity);
    return this.decide(this.settings.vhostPath, vhostQuestion(asker, vhost), asker.address);
  }

  permits(identity: Identity, request: AccessRequest): boolean | PendingAnswer {
    const asker = askerOf(identity, request.clientId);
    const { topicPath, resourcePath } = this.settings;
    if (request.resource === 'topic') return this.decide(topicPath, topicQuestion(asker, request), asker.address);
    return this.decide(resourcePath, resourceQuestion(asker, request), asker.address);
  }

  close(): void {
    this.work.close();
  }

  forget(): void {
    this.client.setAuthority(this.settings.authority());
    this.logins.clear();
    this.decisions.forget();
    this.changed();
  }

  onChanged(listener: () => void): void {
    this.changed = listener;
  }

  private decide(path: string, question: string, address: string): boolean | PendingAnswer {
    const answer = this.decisions.get(`${path}?${question}`, (done) => this.askWhether(path, question, address, done));
    // What clients have is asked for again while it holds, whether they do anything or not.
    if (!this.lookAgain.scheduled) this.clock.schedule(this.lookAgain, this.settings.cache.lifetimeMs / 2);
    return answer;
  }

  private askWhether(path: string, question: string, address: string, done: Answered): void {
    this.ask(path, question, address, (answer) => done('failed' in answer ? undefined : answer.allowed));
  }

  /** Its time begins now, whatever waits before it. @param done called once, later */
  private ask(path: string, question: string, address: string, done: (answer: Answer) => void): void {
    this.statistics.asked++;
    const { method, timeoutMs } = this.settings;
    const options = { method, timeoutMs, bytesMax: ANSWER_BYTES_MAX };
    const url = method === 'get' ? `${path}${path.includes('?') ? '&' : '?'}${question}` : path;
    let over = false;
    const end = (answer: Answer): void => {
      if (over) return;
      over = true;
      this.clock.cancel(timer);
      if ('failed' in answer) {
        this.statistics.failed++;
        this.report('http', answer.failed);
      }
      done(answer);
    };
    const timer = new Timer(() => end({ failed: `no answer within ${timeoutMs} ms` }));
    this.clock.schedule(timer, timeoutMs);
    const asked = this.work.run(networkOf(address), async () => {
      if (over) throw new Error('its time is over');
      return this.client.ask(url, method === 'get' ? options : { ...options, form: question });
    });
    const answered = asked ?? Promise.reject(new Error('too many questions wait'));
    answered.then(answerOf, (error: Error) => ({ failed: error.message })).then(end);
  }
}

/** One that somebody else has let in has no address, which is then its user's. */
function askerOf(identity: Identity, clientId?: string): Asker {
  const asker = identity as Partial<Asker> & Identity;
  return { ...asker, address: asker.address ?? '', clientId: clientId ?? asker.clientId };
}
