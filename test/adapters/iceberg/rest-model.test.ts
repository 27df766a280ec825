/**
 * The commit protocol with a REST catalog that fails before and after it acts, answers late, not at
 * all or in fragments (R1, R9, R19): each offset lands once all the same.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeRestCatalog } from '../../../src/adapters/iceberg/rest-catalog.ts'
import { type HttpClient, makeHttpClient } from '../../../src/adapters/web/http-client.ts'
import {
  type FakeRestCatalog,
  type Misbehaviour,
  startFakeRestCatalog
} from '../../support/fake-iceberg-rest.ts'
import { checkLanding, planOf, type Site } from './landing-model.ts'
import { makeMemoryFiles, makeWorld } from './support.ts'

let client: HttpClient
const seen = new Set<string>()

beforeAll(() => {
  client = makeHttpClient({ connectionsMax: 8 })
})
afterAll(() => client.close())

/** A hanging answer costs this long; a slow machine only makes more outcomes unknown. */
const deadlineMs = 150

const faults: readonly Misbehaviour[] = [
  { status: 409, when: 'before' },
  { status: 429, when: 'before' },
  { status: 500, when: 'before' },
  { status: 500, when: 'after' },
  { status: 503, when: 'after' },
  { status: 504, when: 'after' },
  { does: 'reset', when: 'before' },
  { does: 'reset', when: 'after' },
  { does: 'cut', when: 'after' },
  { does: 'talk nonsense', when: 'before' },
  { does: 'talk nonsense', when: 'after' },
  { does: 'hang', when: 'after' },
  { does: 'hang', when: 'late' }
]

const siteAt = (fake: FakeRestCatalog): Site => {
  const files = makeMemoryFiles()
  const catalog = () =>
    makeRestCatalog({
      send: client.send,
      uri: fake.uri,
      oauthScope: 'catalog',
      nowMs: Date.now,
      deadlineMs
    })
  return {
    files,
    world: (seed) => makeWorld(seed, files, catalog),
    misbehave: ({ loseEvery }, random) => {
      fake.misbehave = ({ method, path }) => {
        const isCommit = method === 'POST' && path.includes('/tables/')
        if (!isCommit || random(loseEvery) > 0) return 'none'
        const fault = faults[random(faults.length)]!
        seen.add(JSON.stringify(fault))
        return fault
      }
    },
    settle: () => {
      fake.misbehave = () => 'none'
    }
  }
}

describe('two landers and retention, with a REST catalog that cannot be relied on', () => {
  it('land every offset once and never go back', async () => {
    await fc.assert(
      fc.asyncProperty(planOf, async (plan) => {
        const fake = await startFakeRestCatalog()
        try {
          await checkLanding(plan, siteAt(fake))
        } finally {
          await fake.close()
        }
      }),
      { numRuns: 15 }
    )
    expect(seen.size).toBeGreaterThan(faults.length / 2)
  }, 240_000)
})
