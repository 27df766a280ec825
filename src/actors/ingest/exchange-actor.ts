/**
 * Program of the actor `exchange`: the simulated exchange that `npm start` listens to. Its status
 * tells its port, so that whoever demonstrates finds its lever (`/control`).
 */
import * as Effect from 'effect/Effect'
import { makeGeneratorSource } from '../../adapters/simulator/generator-source.ts'
import { openSimulator } from '../../adapters/simulator/simulator.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'

export const exchangeProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, telemetry, nowMs } = shared
      const simulator = yield* tracked('simulated exchange', 'server')(
        openSimulator({
          port: 0,
          source: makeGeneratorSource({ seed: config.simulatorSeed, rate: config.simulatorRate }),
          speed: 1,
          seed: config.simulatorSeed,
          now: nowMs,
          observe: (event) => telemetry.log('debug', `exchange.${event.type}`, { ...event })
        })
      )
      yield* shared.simulator.serve({ webSocketUrl: simulator.url, restUrl: simulator.restUrl })
      const port = Number(new URL(simulator.restUrl).port)
      reportStatus(() => ({ counters: { port } }))
      ready()
      yield* drainRequested(commands)
    })
