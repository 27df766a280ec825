/**
 * The group `degradation` of the supervision tree. Without it the last command holds, so both of
 * its actors are parked rather than that the process ends.
 */
import type { FromEffect } from '../effect-actor.ts'
import type { Kernel } from '../kernel.ts'
import type { Shared } from '../shared.ts'
import { type Child, worker } from '../supervisor-actor.ts'
import { degradationInput } from './degradation-input.ts'
import { makeManagerActor } from './manager-actor.ts'
import { openProcessMonitors } from './process-monitors.ts'
import { type SamplerPorts, samplerProgram } from './sampler-actor.ts'
import { signalsOf } from './signal-sources.ts'

const managerPath = 'root/degradation/manager'
const drainMsMax = 2_000
const onLimit = 'quarantine'

export interface DegradationGroup {
  readonly kernel: Kernel
  readonly fromEffect: FromEffect<never>
  readonly shared: Shared
  /** By default those of this process. */
  readonly openMonitors?: SamplerPorts['openMonitors']
}

/** The manager first: the first sample is its. */
export const degradationChildren = ({
  kernel,
  fromEffect,
  shared,
  openMonitors = openProcessMonitors(shared)
}: DegradationGroup): readonly Child[] => [
  worker(
    {
      id: 'manager',
      onLimit,
      drainMsMax,
      ready: 'started',
      // Of what was sampled while it was away only the newest counts.
      fate: { kind: 'stash', messagesMax: 1, overflow: 'drop_oldest' },
      input: { ...degradationInput(shared.config, signalsOf(shared)) }
    },
    makeManagerActor(shared)
  ),
  worker(
    { id: 'sampler', onLimit, drainMsMax },
    fromEffect(
      samplerProgram(shared, {
        openMonitors,
        tell: (event) => void kernel.addresses.at(managerPath).send(event)
      })
    )
  )
]
