/**
 * Builds supervised children: a spec beside its logic, a tree of them read top to bottom.
 *
 * Invariants:
 *  1. A keeper waits for the release of everything at and below its child's path, machine
 *     children's own programs included; what misses the keeper's deadline is a leak.
 *  2. Programs that a machine orphaned by throwing are interrupted before the wait begins.
 *  3. What is sent to a child's address meets the fate that its spec names while it is down.
 */
import { type AnyActorLogic, fromCallback } from 'xstate'
import { childMachine } from '../machines/supervisor-child-machine.ts'
import { groupLimitDefault, seedFor } from '../machines/restart-policy.ts'
import { type SupervisorFlags, supervisorFlags } from '../machines/supervisor-flags.ts'
import { supervisorMachine } from '../machines/supervisor-machine.ts'
import type { SupervisorInput } from '../machines/supervisor-setup.ts'
import {
  type ChildSpec,
  childOf,
  childSpec,
  type ChildSpecOptions,
  InvalidChildSpec,
  pathOf,
  subjectId
} from '../machines/supervisor-spec.ts'
import type { SpillPort } from './address-line.ts'
import type { Kernel } from './kernel.ts'

/** A child as a supervisor takes it. */
export interface Child {
  readonly spec: ChildSpec
  readonly logic: AnyActorLogic
  /** Takes messages that are sent while the child is down, with the fate `spill`. */
  readonly spill?: SpillPort
}

/**
 * A child that does work: an Effect program, or a machine that runs some.
 * @throws InvalidChildSpec also where the fate is `spill` and there is no port, or the reverse
 */
export const worker = (
  options: Omit<ChildSpecOptions, 'type'>,
  logic: AnyActorLogic,
  ports: Pick<Child, 'spill'> = {}
): Child => {
  const spec = childSpec({ ...options, type: 'worker' })
  if ((spec.fate.kind === 'spill') !== (ports.spill !== undefined)) {
    const faults = ['fate "spill" and a spill port go together']
    throw new InvalidChildSpec({ childId: spec.id, faults })
  }
  return { spec, logic, ...ports }
}

type SupervisorOptions = Omit<ChildSpecOptions, 'type' | 'input'> & Partial<SupervisorFlags>

/**
 * A child that supervises others, in start order. `templates` is logic for children that are added
 * later by `child.add_requested`, by the `src` of their spec.
 * @throws InvalidChildSpec on ids that repeat, and on flags that contradict a child
 */
export const supervisor = (
  kernel: Kernel,
  { strategy, intensity, autoShutdown, ...options }: SupervisorOptions,
  children: ReadonlyArray<Child>,
  templates: Readonly<Record<string, AnyActorLogic>> = {}
): Child => {
  const logics = new Map<string, Pick<Child, 'logic' | 'spill'>>(
    Object.entries(templates).map(([src, logic]) => [src, { logic }])
  )
  const ids = new Set<string>()
  for (const child of children) {
    const { spec } = child
    if (ids.has(spec.id)) {
      throw new InvalidChildSpec({ childId: spec.id, faults: ['id repeats among siblings'] })
    }
    ids.add(spec.id)
    logics.set(spec.src, child)
  }
  const actors = Object.fromEntries(
    [...logics].map(([src, child]) => [src, keeperOf(kernel, child)])
  )
  const specs = children.map(({ spec }) => spec)
  const input: SupervisorInput = {
    specs,
    flags: supervisorFlags(options.id, { strategy, intensity, autoShutdown }, specs),
    sources: [...logics.keys()],
    seed: seedFor(kernel.seed, options.id)
  }
  return {
    spec: childSpec({
      // Holds all children's own deadlines, one after the other.
      shutdownMsMax: 60_000,
      limit: groupLimitDefault,
      ...options,
      type: 'supervisor',
      input: { ...input }
    }),
    logic: supervisorMachine.provide({ actors })
  }
}

const keeperOf = (kernel: Kernel, { logic, spill }: Pick<Child, 'logic' | 'spill'>) =>
  childMachine.provide({
    actors: { subject: logic as never, awaitRelease: releaseWaiter(kernel) as never },
    actions: {
      openMessages: ({ self }) => {
        const subject = childOf(self, subjectId)
        if (subject !== undefined) kernel.addresses.up(pathOf(self), subject)
      },
      closeMessages: ({ self, context }) =>
        kernel.addresses.down(pathOf(self), context.spec.fate, spill),
      endMessages: ({ self }) => kernel.addresses.gone(pathOf(self))
    }
  })

/** A synchronous subscription, which is what `fromCallback` is for. */
const releaseWaiter = (kernel: Kernel) =>
  fromCallback<{ type: 'child.released' }, { readonly path: string }>(({ input, sendBack }) => {
    const held = kernel.tenures.within(input.path)
    for (const tenure of held) tenure.dismiss()
    const cancel = kernel.tenures.whenClosed(held, () => sendBack({ type: 'child.released' }))
    return () => {
      cancel()
      for (const tenure of held) tenure.expire()
    }
  })
