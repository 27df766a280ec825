/** The healer, over the simulated venue's history. */
import * as Effect from 'effect/Effect'
import { healerInput, makeHealerActor } from '../../src/actors/repair/healer-actor.ts'
import { worker } from '../../src/actors/supervisor-actor.ts'
import type { Component } from './component.ts'

const drainMsMax = 2_000
/** So that a second address is there to be asked. */
const restUrls = ['https://venue.simulated', 'https://other.simulated']

export const healing = (): Component => ({
  name: 'healing',
  children: ({ shared, kernel, fromEffect, limit }) =>
    shared.hasRole('ingest')
      ? {
          repair: [
            worker(
              {
                id: 'healer',
                onLimit: 'quarantine',
                limit,
                drainMsMax,
                ready: 'started',
                input: { ...healerInput(shared, kernel) }
              },
              makeHealerActor(fromEffect, shared, Effect.succeed(restUrls))
            )
          ]
        }
      : {},
  check: () => undefined
})
