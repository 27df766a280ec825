/** The journal of a real tree, over HTTP, as a page has it. */
import { expect, test, vi } from 'vitest'
import { Folded } from '../../../src/actors/watch/watch-fold.ts'
import type { WatchActor, WatchFrame } from '../../../src/adapters/http/watch-schemas.ts'
import { cleanUp, newFolder, startTree, type Tree } from '../support/runtime.ts'
import { watchStream } from '../../support/watch-stream.ts'

cleanUp()
vi.setConfig({ testTimeout: 300_000 })

interface Episode {
  readonly instance: string
  readonly machines: ReadonlyArray<{ readonly id: string }>
  readonly series: ReadonlyArray<{ readonly name: string }>
  readonly base: WatchFrame
  readonly frames: readonly WatchFrame[]
}

const urlOf = async (tree: Tree): Promise<string> => {
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  return tree.shared.http.current!.url
}

const historyOf = async (url: string): Promise<Episode> => {
  const response = await fetch(`${url}/v1/system/history`)
  return ((await response.json()) as { readonly data: Episode }).data
}

const folded = ({ base, frames }: Pick<Episode, 'base' | 'frames'>): WatchFrame => {
  const all = new Folded(0)
  for (const frame of [base, ...frames]) all.add(frame)
  return all.frame()
}

const lineOf = (actors: readonly WatchActor[] | undefined, path: string) =>
  actors?.find((line) => line.path === path)

test('a crash, as who watches sees it, and that it runs again', async () => {
  const tree = startTree(newFolder())
  const url = await urlOf(tree)
  const path = 'root/degradation/sampler'
  await tree.until('the sampler', () => tree.actor(path)?.state === 'up.running')
  const stream = await watchStream(url)
  tree.crash(path)
  const recovered = await stream.until(({ marks = [] }) =>
    marks.some(({ kind, path: of }) => kind === 'recovered' && of === path)
  )
  stream.close()
  const marks = stream.frames.flatMap((frame) => frame.marks ?? [])
  expect(marks.filter((mark) => mark.path === path)).toMatchObject([
    { kind: 'crash', text: `${path} crashed: Error: the test says so` },
    { kind: 'recovered' }
  ])
  const transitions = stream.frames.flatMap((frame) => frame.transitions ?? [])
  const ofKeeper = transitions.filter((it) => it.path === path && it.of === 'keeper')
  // Its start may be in the first frame that came.
  const own = ofKeeper.slice(ofKeeper.findIndex(({ from }) => from === 'up.running'))
  expect(own.map(({ from, to }) => `${from} > ${to}`)).toEqual([
    'up.running > releasing',
    'releasing > backingOff',
    'backingOff > standingBy',
    'standingBy > up.starting',
    'up.starting > up.running'
  ])
  expect(own[0]).toMatchObject({
    machine: 'child',
    event: 'xstate.error.actor.subject',
    guards: [{ guard: 'isAsked', target: 'releasing', result: false }],
    taken: [{ source: 'up', event: 'xstate.error.actor.subject', target: 'releasing' }]
  })
  expect(lineOf(recovered.actors, path)).toMatchObject({
    health: 'healthy',
    restarts: 1,
    crashes_in_window: 1,
    state: { keeper: 'up.running', kept: null },
    last_error: { tag: 'Error', message: 'the test says so' }
  })
  const parked = await watchStream(url)
  tree.park(path)
  await parked.until(({ marks = [] }) => marks.some(({ kind }) => kind === 'quarantined'))
  await fetch(`${url}/v1/system/actors/${path}/release`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-reason': 'it is fine' }
  })
  await parked.until(({ marks = [] }) => marks.some(({ kind }) => kind === 'recovered'))
  parked.close()
  expect(parked.frames.flatMap((frame) => frame.marks ?? []).map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['quarantined', 'released', 'operator', 'recovered'])
  )
})

test('the history, folded, has the actors that are there, and their machines', async () => {
  const tree = startTree(newFolder())
  const url = await urlOf(tree)
  await tree.until('a quiet tree', () => tree.actor('root').tags.includes('healthy'))
  const stream = await watchStream(url)
  await stream.until(({ sample }) => sample !== undefined)
  stream.close()
  const history = await historyOf(url)
  const { actors, sample, degradation } = folded(history)
  const paths = (actor: ReturnType<Tree['actor']>): readonly string[] => [
    actor.path,
    ...actor.children.flatMap(paths)
  ]
  const isSteady = (path: string) => !path.startsWith('root/repair/healer/')
  expect(actors!.map(({ path }) => path).filter(isSteady).sort()).toEqual(
    paths(tree.actor('root')).filter(isSteady).toSorted()
  )
  const ids = history.machines.map(({ id }) => id)
  expect(ids).toEqual(['supervisor', 'child', 'circuit', 'degradation', 'feed', 'healer'])
  for (const { machines, state, parent, path } of actors!) {
    for (const of of ['keeper', 'kept'] as const) {
      if (machines[of] !== null) expect(ids).toContain(machines[of])
      expect(state[of] === null, path).toBe(machines[of] === null)
    }
    expect(parent === null).toBe(path === 'root')
  }
  expect(sample!.length).toBe(history.series.length)
  expect(degradation!.level).toBe('normal')
  const manager = lineOf(actors, 'root/degradation/manager')!
  expect(manager).toMatchObject({ machines: { keeper: 'child', kept: 'degradation' } })
})

test('who comes back with its last frame goes on there; elsewhere it begins anew', async () => {
  const folder = newFolder()
  const first = startTree(folder)
  const url = await urlOf(first)
  const { instance } = await historyOf(url)
  const stream = await watchStream(url)
  await stream.until(({ sample }) => sample !== undefined)
  stream.close()
  const { seq } = stream.frames.at(-1)!
  await first.until('a later frame', () => first.shared.watch.journal.seq > seq + 1)
  const again = await watchStream(url, { after: seq, instance })
  await again.until((frame) => frame.seq === seq + 2)
  again.close()
  expect(again.frames.map((frame) => frame.seq).slice(0, 2)).toEqual([seq + 1, seq + 2])
  const byHeader = await watchStream(url, { lastEventId: String(seq) })
  await byHeader.until((frame) => frame.seq === seq + 1)
  byHeader.close()
  await first.drain()
  const second = startTree(folder)
  const anew = await watchStream(await urlOf(second), { after: 1, instance })
  await anew.until(() => true)
  anew.close()
  expect(anew.resets).toEqual([(await historyOf(second.shared.http.current!.url)).instance])
  expect(anew.resets).not.toContain(instance)
})

test('who writes the journal may crash: it goes on, says so, and repeats nothing', async () => {
  const tree = startTree(newFolder())
  const url = await urlOf(tree)
  const before = await watchStream(url, { after: 0 })
  await fetch(`${url}/v1/system/pressure`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"level":"soft","expires_seconds":60}'
  })
  await before.until(({ changes = [] }) => changes.length > 0)
  tree.crash('root/watch')
  await before.until(({ marks = [] }) =>
    marks.some(({ kind, path }) => kind === 'recovered' && path === 'root/watch')
  )
  before.close()
  const seqs = before.frames.map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  const changes = before.frames.flatMap((frame) => frame.changes ?? [])
  expect(changes.length).toBeGreaterThan(0)
  expect(new Set(changes.map(({ at }) => at)).size).toBe(changes.length)
})

test('a client that is cut, or leaves, gives its place back', async () => {
  const tree = startTree(newFolder())
  const url = await urlOf(tree)
  const streams = await Promise.all(Array.from({ length: 20 }, () => watchStream(url)))
  await Promise.all(streams.map((stream) => stream.until(() => true)))
  expect(tree.shared.watch.viewers.count).toBe(20)
  for (const stream of streams) stream.close()
  await tree.until('free places', () => tree.shared.watch.viewers.count === 0)
  const head = await fetch(`${url}/v1/system/watch`, { method: 'HEAD' })
  expect(head.status).toBe(200)
  await tree.until('a free place', () => tree.shared.watch.viewers.count === 0)
})
