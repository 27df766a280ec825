/**
 * Ends the services of a demonstration that was killed: they have sessions of their own, and would
 * outlive it. Ends by itself once it is told that the demonstration is over.
 */
import { findStack } from '../deploy/local/stack.ts'

const [folder = ''] = process.argv.slice(2)
let isOver = false

process.on('message', () => {
  isOver = true
  process.disconnect()
})
process.on('disconnect', () => {
  if (!isOver) void findStack(folder).then((stack) => stack?.destroy())
})
// The demonstration's own signals reach its whole terminal.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
