/**
 * One run of an Effect program at an address: its fiber, its scope, its commands, its tenure.
 *
 * Invariants:
 *  1. The scope is closed exactly once, by a fiber of its own, as soon as the program has ended; no
 *     path leaves it open.
 *  2. `onFailed` is called when the program fails, `onSucceeded` when its release is over or given
 *     up; at most one of them, once. A dismissed program has nobody to tell.
 *  3. The closing fiber does not belong to the runtime: a release that hangs must not hang
 *     `dispose`.
 */
import { type Cause, Effect, Exit, type Fiber, type ManagedRuntime, Scope } from 'effect'
import { crashOf } from '../machines/supervisor-crash.ts'
import { failureOf } from './effect-failure.ts'
import type { Clock, Tenure } from './effect-tenures.ts'
import type { Kernel } from './kernel.ts'
import { CurrentActor, type ResourceHandle } from './resource-registry.ts'

export interface Launch<A, E, R, ER> {
  readonly kernel: Kernel
  readonly runtime: ManagedRuntime.ManagedRuntime<R, ER>
  readonly path: string
  readonly clock: Clock
  readonly releaseMsMax: number
  /** Called once the predecessor is gone; may throw. */
  readonly program: () => Effect.Effect<A, E, R | Scope.Scope | CurrentActor>
  readonly onFailed: (cause: Cause.Cause<unknown>) => void
  readonly onSucceeded: (value: A) => void
  /** The program has ended: it takes nothing more. Its release is still to come. */
  readonly onExit: () => void
  readonly onEnded: () => void
}

/** Starts the program behind its predecessor at the same path, which it dismisses. */
export const launch = <A, E, R, ER>(options: Launch<A, E, R, ER>): Tenure => {
  const { kernel, path, clock, releaseMsMax } = options
  const predecessors = kernel.tenures.within(path)
  const held = makeHoldings(kernel, path)
  const scope = Scope.makeUnsafe()
  const settle = { succeed: undefined as (() => void) | undefined }
  let fiber: Fiber.Fiber<A, E | ER> | undefined
  const tenure = kernel.tenures.open({
    path,
    clock,
    releaseMsMax,
    interrupt: () => fiber?.interruptUnsafe(),
    onExpired: () => {
      held.leakAll()
      settle.succeed?.()
    },
    onEnded: () => {
      held.releaseAll()
      options.onEnded()
    }
  })
  for (const predecessor of predecessors) predecessor.dismiss()
  const program = Effect.suspend(options.program).pipe(
    Effect.provideService(Scope.Scope, scope),
    Effect.provideService(CurrentActor, { path, register: held.register })
  ) as Effect.Effect<A, E, R> // restates what the two services do: they leave R
  const gone = Effect.callback<void>((resume) =>
    Effect.sync(kernel.tenures.whenClosed(predecessors, () => resume(Effect.void)))
  )
  fiber = options.runtime.runFork(
    predecessors.length === 0 ? program : Effect.andThen(gone, program)
  )
  // A program may run to its end, or be dismissed, before `runFork` returns.
  if (tenure.isDismissed()) fiber.interruptUnsafe()
  fiber.addObserver((exit) => {
    tenure.beginRelease()
    try {
      options.onExit()
      if (Exit.isSuccess(exit))
        settle.succeed = once(() => {
          if (!tenure.isDismissed()) options.onSucceeded(exit.value)
        })
      else if (!tenure.isDismissed()) options.onFailed(exit.cause)
    } finally {
      // Whatever a listener does, the scope closes (1).
      Effect.runForkWith(kernel.context)(Scope.close(scope, exit)).addObserver((closed) => {
        if (Exit.isFailure(closed)) reportRelease(options, exit, closed.cause)
        else settle.succeed?.()
        settle.succeed = undefined
        tenure.end()
      })
    }
  })
  return tenure
}

/** After a success, a failing finalizer is the failure; otherwise the crash is already known. */
const reportRelease = <A, E, R, ER>(
  { kernel, path, onFailed }: Launch<A, E, R, ER>,
  exit: Exit.Exit<unknown, unknown>,
  cause: Cause.Cause<unknown>
): void => {
  if (Exit.isSuccess(exit)) {
    onFailed(cause)
    return
  }
  const { tag, message } = crashOf(failureOf(cause))
  kernel.observe({ type: 'release.failed', path, tag, message })
}

const makeHoldings = (kernel: Kernel, path: string) => {
  const handles = new Set<ResourceHandle>()
  const register: CurrentActor['Service']['register'] = (name, kind) => {
    const handle = kernel.registry.register(path, name, kind)
    handles.add(handle)
    const release = () => {
      handles.delete(handle)
      handle.release()
    }
    return { leak: handle.leak, release }
  }
  register('program', 'fiber')
  return {
    register,
    leakAll: () => handles.forEach((handle) => handle.leak()),
    // At the end of the scope only the program's own entry is left, unless a finalizer was skipped.
    releaseAll: () => handles.forEach((handle) => handle.release())
  }
}

const once = (action: () => void) => {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}
