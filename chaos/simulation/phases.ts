/** What a process was at when it ended, from what it was waiting for. */
import type { Sometimes } from './coverage.ts'
import type { PendingOperation } from './simulated-files.ts'

const places: readonly (readonly [RegExp, Sometimes])[] = [
  [/^\/data\/log\/.*\.log$/, 'ended in: log append'],
  [/^\/data\/spool\/.*\.log$/, 'ended in: spool append'],
  [/^\/data\/warehouse\/.*\/data\//, 'ended in: data file'],
  [/^\/data\/warehouse\/_k2\//, 'ended in: sequence state'],
  [/^\/data\/warehouse\/.*\/metadata\//, 'ended in: metadata'],
  [/^\/data\/warehouse\/_catalog\//, 'ended in: swap']
]

const changing: ReadonlySet<string> = new Set(['write', 'sync', 'link', 'rename', 'remove', 'open'])

export const phasesOf = (pending: readonly PendingOperation[]): readonly Sometimes[] => {
  const found = new Set<Sometimes>()
  for (const { kind, path } of pending) {
    if (!changing.has(kind)) continue
    for (const [pattern, what] of places) if (pattern.test(path)) found.add(what)
  }
  return [...found]
}
