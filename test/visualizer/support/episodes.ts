/** Episodes made by hand. */
import { actorLine } from '../../actors/watch/support.ts'
import type {
  Episode,
  WatchActor,
  WatchFrame,
  WatchMachine
} from '../../../src/visualizer/watch-types.ts'

export const actor = (path: string, state: string): WatchActor =>
  actorLine(path, {
    parent: path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : null,
    machines: { keeper: null, kept: 'switch' },
    state: { keeper: null, kept: state }
  })

const state = (path: string, edges: WatchMachine['root']['edges'] = []) => ({
  key: path.slice(path.lastIndexOf('.') + 1),
  path,
  type: 'atomic' as const,
  initial: null,
  tags: [],
  entry: [],
  exit: [],
  invoke: [],
  edges,
  states: []
})

const edge = { kind: 'event' as const, delay: null, guard: null, actions: [] }

/** off ⇄ on (low → high), and from anywhere to ended. */
export const switchMachine: WatchMachine = {
  id: 'switch',
  root: {
    ...state('', [{ ...edge, event: 'end', target: 'ended' }]),
    type: 'compound',
    initial: 'off',
    states: [
      state('off', [
        { ...edge, event: 'press', target: 'on', guard: 'hasPower' },
        { ...edge, event: 'turn', target: 'on' },
        { ...edge, event: 'noise', target: null }
      ]),
      {
        ...state('on', [{ ...edge, event: 'press', target: 'off' }]),
        type: 'compound',
        initial: 'low',
        states: [state('on.low', [{ ...edge, event: 'more', target: 'on.high' }]), state('on.high')]
      },
      state('ended', [{ ...edge, event: 'recover', target: 'check' }]),
      state('check', [
        { ...edge, event: '', kind: 'always', target: 'off', guard: 'isSafe' },
        { ...edge, event: '', kind: 'always', target: 'ended' }
      ])
    ]
  }
}

export const episode = (frames: readonly WatchFrame[]): Episode => ({
  version: 2,
  k2_version: '0.0.0',
  instance: 'one',
  started_at: 0,
  machines: [switchMachine],
  series: [{ name: 'received', label: 'received', unit: '' }],
  base: { seq: 0, at: 1_000, actors: [actor('root', 'up')] },
  frames
})
