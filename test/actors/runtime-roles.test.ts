import { randomUUID } from 'node:crypto'
import * as ManagedRuntime from 'effect/ManagedRuntime'
import { describe, expect, test } from 'vitest'
import { appLayer } from '../../src/actors/app-layer.ts'
import { makeFromEffect } from '../../src/actors/effect-actor.ts'
import { makeInspector } from '../../src/actors/inspector.ts'
import { makeKernel } from '../../src/actors/kernel.ts'
import { runtimeTree } from '../../src/actors/runtime-actor.ts'
import { makeShared } from '../../src/actors/shared.ts'
import { readConfig } from '../../src/adapters/config/config.ts'
import { makeTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import type { ChildSpec } from '../../src/machines/supervisor-spec.ts'

/** Groups of the tree with what they supervise, in start order. */
const treeOf = (roles: string): Readonly<Record<string, readonly string[]>> => {
  const config = readConfig({ K2_ROLES: roles, K2_KAFKA_BOOTSTRAP_SERVERS: 'kafka:9092' }, [])
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined })
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const kernel = makeKernel({ nowMs: Date.now, seed: 1 })
  const tree = runtimeTree({
    kernel,
    fromEffect: makeFromEffect(ManagedRuntime.make(appLayer(shared)), {
      kernel,
      commandsMax: 1,
      releaseMsMax: 1
    }),
    shared,
    actors: {
      inspector: makeInspector({ nowMs: Date.now, transitionsMax: 1 }),
      root: () => {
        throw new Error('nobody asks')
      }
    },
    http: {
      status: () => {
        throw new Error('nobody asks')
      },
      release: () => 'unknown',
      drain: () => ({ endsWithinSeconds: 0 }),
      run: () => Promise.reject(new Error('nobody asks')),
      version: '0'
    }
  })
  return Object.fromEntries(
    specsOf(tree.spec).map((spec) => [spec.id, specsOf(spec).map(({ id }) => id)])
  )
}

const specsOf = ({ input }: ChildSpec): readonly ChildSpec[] =>
  (input as { readonly specs?: readonly ChildSpec[] } | undefined)?.specs ?? []

describe('what the roles of a process start', () => {
  test('capturing needs no queries, and heals what it missed', () => {
    const { log, ingest, landing, ...others } = treeOf('ingest')
    const publishers = ['publisher:trades', 'publisher:quotes', 'publisher:reference_data']
    expect(log).toEqual(['event-log', 'spool', ...publishers, 'publisher:gaps'])
    expect(ingest).toEqual(['exchange', 'feed:simulated', 'reference:simulated'])
    expect(landing).toEqual(['dead-letters', 'claims'])
    expect(others).toEqual({
      telemetry: [],
      watch: [],
      conservation: [],
      reading: ['http'],
      degradation: ['manager', 'sampler'],
      repair: ['healer', 'disk']
    })
  })

  test('landing needs no feed, and no publisher but that of claims', () => {
    const { storage, log, landing, reading, ingest } = treeOf('land')
    expect(storage).toEqual(['trades', 'quotes', 'reference_data', 'gaps', 'candles'])
    expect(log).toEqual(['event-log', 'spool', 'publisher:gaps'])
    const landers = ['lander:trades', 'lander:quotes', 'lander:reference_data']
    expect(landing).toEqual(['dead-letters', 'gaps', 'claims', ...landers])
    expect(reading).toEqual(['http'])
    expect(ingest).toBe(undefined)
  })

  test('serving needs the tables only', () => {
    expect(treeOf('serve')).toEqual({
      telemetry: [],
      watch: [],
      conservation: [],
      storage: ['trades', 'quotes', 'reference_data', 'gaps', 'candles'],
      reading: ['queries', 'tail', 'http'],
      degradation: ['manager', 'sampler'],
      repair: ['disk']
    })
  })

  test('together they are what one process does by default', () => {
    const parts = ['ingest', 'land', 'serve'].map(treeOf)
    const whole = treeOf('ingest,land,serve')
    for (const [group, children] of Object.entries(whole)) {
      const known = new Set(parts.flatMap((part) => part[group] ?? []))
      expect([...known].toSorted(), group).toEqual(children.toSorted())
    }
  })
})
