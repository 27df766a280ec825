/**
 * The one place where an actor starts a fiber: an Effect program presented as actor logic.
 *
 * Invariants:
 *  1. Exactly one fiber and one Scope per running actor. Stop and crash interrupt the fiber and
 *     close the scope, so that a restarted actor acquires its connections anew.
 *  2. A failure is reported when the program fails, before its release (R18). Success is reported
 *     after the release, since a finalizer may still fail.
 *  3. A release has a deadline. What is still held then is a leak in the registry, by name.
 *  4. A successor at the same address waits for its predecessor's release, never beyond its
 *     deadline.
 *  5. Typed failure, defect, interruption from inside, failed layer, throwing construction and
 *     throwing callback all arrive as one `ActorCrashed`; nothing reaches the process.
 *  6. The inbox is bounded: commands by count, and one too many crashes the actor instead of
 *     growing the heap; data by bytes, and its policy says what gives way. Commands overtake data.
 *  7. No program starts below an actor that has ended: orphans of a machine that threw stay empty.
 */
import { Effect, type ManagedRuntime, Queue, Schema, type Scope } from 'effect'
import type { AnyActorRef, EventObject } from 'xstate'
import type { PortLogic, PortSnapshot } from '../machines/port.ts'
import { crashOf } from '../machines/supervisor-crash.ts'
import { pathOf } from '../machines/supervisor-spec.ts'
import { failureOf } from './effect-failure.ts'
import { launch } from './effect-incarnation.ts'
import type { Clock, Tenure } from './effect-tenures.ts'
import { type DataLane, type Inbox, TwoLaneInbox } from './inbox.ts'
import type { Kernel } from './kernel.ts'
import type { CurrentActor } from './resource-registry.ts'
import type { ActorFacts } from './status-facts.ts'

export class CommandsOverflow extends Schema.TaggedError<CommandsOverflow>()('CommandsOverflow', {
  path: Schema.String,
  capacity: Schema.Int
}) {
  override get message() {
    return `${this.path}: more than ${this.capacity} commands wait; the program does not take them`
  }
}

class ParentEnded extends Schema.TaggedError<ParentEnded>()('ParentEnded', {
  path: Schema.String
}) {
  override get message() {
    return `${this.path}: an actor above has ended, so nothing may start here`
  }
}

/** What the program of an actor is given. */
export interface EffectActorArgs<TInput, TCommand, TNotice> {
  readonly input: TInput
  /** Stable address, `root/ingest/feed:binance`. */
  readonly path: string
  /** Events sent to the actor, `drain.requested` among them; data excepted. */
  readonly commands: Queue.Dequeue<TCommand>
  /** Sends to the machine that runs the program; silent once either of them has ended. */
  readonly notifyParent: (notice: TNotice) => void
  /** Tells the keeper that the child has started (`ready: 'reported'`). */
  readonly ready: () => void
  /** Adds facts to the actor's status until it ends. */
  readonly reportStatus: (read: () => ActorFacts) => void
}

/** What few programs need beside. */
export interface ProgramArgs<TInput, TCommand, TNotice> extends EffectActorArgs<
  TInput,
  TCommand,
  TNotice
> {
  /** The next command, else the next data, for programs that declare a data lane. */
  readonly inbox: Inbox<TCommand>
  /**
   * Wraps a callback that others will call, on their stack: a listener, an observer, a timer. What
   * it throws, or rejects, is a crash of this actor and not of the process.
   */
  readonly contain: Contain
}

type Contain = <Args extends ReadonlyArray<unknown>>(
  callback: (...args: Args) => unknown
) => (...args: Args) => void

export interface BridgeOptions {
  readonly kernel: Kernel
  /** Commands that may wait for one program. */
  readonly commandsMax: number
  /** Deadline of a release where the program names none. */
  readonly releaseMsMax: number
}

export interface ProgramOptions<TCommand> {
  /** The child's `shutdownMsMax`. */
  readonly releaseMsMax?: number
  readonly commandsMax?: number
  /** Which events are data, and how much of them may wait. */
  readonly data?: DataLane<TCommand>
}

type Settled =
  | { readonly type: 'effect.succeeded'; readonly output: unknown }
  | { readonly type: 'effect.failed'; readonly error: unknown }

interface Incarnation<TCommand> {
  readonly tenure: Tenure
  readonly inbox: TwoLaneInbox<TCommand>
}

type Program<A, E, R, TInput, TCommand, TNotice> = (
  args: ProgramArgs<TInput, TCommand, TNotice>
) => Effect.Effect<A, E, R | Scope.Scope | CurrentActor>

interface Settings<A, E, R, ER, TInput, TCommand, TNotice> extends BridgeOptions {
  readonly runtime: ManagedRuntime.ManagedRuntime<R, ER>
  readonly program: Program<A, E, R, TInput, TCommand, TNotice>
  readonly data?: DataLane<TCommand>
}

/** Binds a runtime and a kernel; the result turns programs into actor logic. */
export const makeFromEffect =
  <R, ER>(runtime: ManagedRuntime.ManagedRuntime<R, ER>, options: BridgeOptions) =>
  <
    A,
    E,
    TInput,
    TCommand extends EventObject = EventObject,
    TNotice extends EventObject = EventObject
  >(
    program: Program<A, E, R, TInput, TCommand, TNotice>,
    programOptions: ProgramOptions<TCommand> = {}
  ): PortLogic<A, TInput, TCommand> => {
    const settings: Settings<A, E, R, ER, TInput, TCommand, TNotice> = {
      ...options,
      ...programOptions,
      runtime,
      program
    }
    const running = new WeakMap<object, Incarnation<TCommand>>()

    return {
      getInitialSnapshot: (_scope, input) => ({
        status: 'active',
        output: undefined,
        error: undefined,
        input
      }),
      getPersistedSnapshot: (snapshot) => snapshot,
      restoreSnapshot: (snapshot) => snapshot as PortSnapshot<A, TInput>,

      start(snapshot, { self }) {
        if (snapshot.status !== 'active') return
        try {
          if (hasEndedAncestor(self)) throw new ParentEnded({ path: pathOf(self) })
          running.set(self, begin(settings, self, snapshot.input))
        } catch (error) {
          // Thrown here, xstate makes it the actor's error: one shape for that path too (5).
          throw crashOf(error)
        }
      },

      transition(snapshot, event: TCommand | Settled, { self }) {
        if (snapshot.status !== 'active') return snapshot
        const { input } = snapshot
        const incarnation = running.get(self)
        const failed = (error: unknown): PortSnapshot<A, TInput> => {
          incarnation?.tenure.dismiss()
          return { status: 'error', output: undefined, error: crashOf(error), input }
        }
        if (isSettled(event)) {
          return event.type === 'effect.succeeded'
            ? { status: 'done', output: event.output as A, error: undefined, input }
            : failed(event.error)
        }
        if (event.type === 'xstate.stop') {
          incarnation?.tenure.dismiss()
          return { status: 'stopped', output: undefined, error: undefined, input }
        }
        if (incarnation?.inbox.isData(event) === true) {
          // Nobody can wait here: where the policy is to wait, an address offers instead.
          incarnation.inbox.offerNow(event)
          return snapshot
        }
        if (incarnation?.inbox.command(event) === true) return snapshot
        const overflow = { path: pathOf(self), capacity: settings.commandsMax }
        settings.kernel.observe({ type: 'commands.refused', ...overflow })
        return failed(new CommandsOverflow(overflow))
      }
    }
  }

export type FromEffect<R> = ReturnType<typeof makeFromEffect<R, never>>

/** Starts one run of the program, behind its predecessor at the same path. */
const begin = <A, E, R, ER, TInput, TCommand extends EventObject, TNotice>(
  settings: Settings<A, E, R, ER, TInput, TCommand, TNotice>,
  self: AnyActorRef,
  input: TInput
): Incarnation<TCommand> => {
  const { kernel, runtime, program, commandsMax, releaseMsMax, data } = settings
  const path = pathOf(self)
  const commands = Effect.runSync(Queue.dropping<TCommand>(commandsMax))
  const inbox = new TwoLaneInbox(commands, data)
  const detach = kernel.addresses.attach(path, inbox)
  const status = makeStatusReport(kernel, path, { queue: inbox.data, bytesMax: data?.bytesMax })
  const args: ProgramArgs<TInput, TCommand, TNotice> = {
    input,
    path,
    commands,
    inbox,
    contain: containFor((error) => {
      if (isActive(self)) self.send({ type: 'effect.failed', error })
      // Too late for a crash, and still not to be overlooked.
      else kernel.observe({ type: 'callback.failed', path, ...describe(error) })
    }),
    notifyParent: (notice) => sendToParent(self, notice as EventObject),
    ready: () => sendToParent(self, { type: 'child.ready' }),
    reportStatus: status.report
  }
  const tenure = launch({
    kernel,
    runtime,
    path,
    clock: clockOf(self),
    releaseMsMax,
    program: () => program(args),
    onFailed: (cause) => sendIfActive(self, { type: 'effect.failed', error: failureOf(cause) }),
    onSucceeded: (output) => sendIfActive(self, { type: 'effect.succeeded', output }),
    onExit: () => {
      detach()
      kernel.addresses.returned(path, inbox.close())
    },
    onEnded: status.withdraw
  })
  return { tenure, inbox }
}

const containFor =
  (fail: (error: unknown) => void): Contain =>
  (callback) =>
  (...args) => {
    try {
      const result = callback(...args)
      if (result instanceof Promise) result.catch(fail)
    } catch (error) {
      fail(error)
    }
  }

const describe = (error: unknown) => {
  const { tag, message } = crashOf(error)
  return { tag, message }
}

const isSettled = (event: EventObject): event is Settled =>
  event.type === 'effect.succeeded' || event.type === 'effect.failed'

const sendIfActive = (self: AnyActorRef, event: Settled): void => {
  if (isActive(self)) self.send(event)
}

const sendToParent = (self: AnyActorRef, event: EventObject): void => {
  const parent = self._parent
  if (parent !== undefined && isActive(self) && isActive(parent)) parent.send(event)
}

const isActive = (actor: AnyActorRef): boolean => {
  try {
    return actor.getSnapshot().status === 'active'
  } catch {
    // Only an actor that is still being created has no snapshot.
    return true
  }
}

const hasEndedAncestor = (self: AnyActorRef): boolean => {
  const parent = self._parent
  return parent !== undefined && (!isActive(parent) || hasEndedAncestor(parent))
}

/** Every actor carries its system's clock; the public type of a reference does not say so. */
const clockOf = (self: AnyActorRef): Clock => (self as unknown as { readonly clock: Clock }).clock

interface DataQueue {
  readonly queue: TwoLaneInbox<never>['data']
  readonly bytesMax: number | undefined
}

/** What the program says of itself, and what waits for it. */
const makeStatusReport = (kernel: Kernel, path: string, { queue, bytesMax = 0 }: DataQueue) => {
  let readProgram = (): ActorFacts => ({})
  const read = (): ActorFacts => {
    const facts = readProgram()
    if (queue === undefined) return facts
    return {
      ...facts,
      queueBytes: (facts.queueBytes ?? 0) + queue.queuedBytes,
      queueBytesMax: (facts.queueBytesMax ?? 0) + bytesMax,
      counters: { ...facts.counters, ...queue.counters }
    }
  }
  const withdraw = kernel.facts.report(path, read)
  return {
    withdraw,
    report: (next: () => ActorFacts) => {
      readProgram = next
    }
  }
}
