/** `node scripts/run.mjs <entry.ts> [args]`: makes ready and runs an entry point. */
import { makeReady, startEntry } from './start-entry.mjs'

const [entry, ...args] = process.argv.slice(2)
if (entry === undefined) {
  console.error('usage: node scripts/run.mjs <entry.ts> [arguments]')
  process.exit(2)
}
makeReady()
startEntry(entry, args)
