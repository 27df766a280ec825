/**
 * The checker's verdict over K2 as its users run it: killed once while it captures, started again,
 * drained. What was sent to K2 before it was told durable must be in the table, exactly once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { examineDelivery } from '../../chaos/oracle/oracle.ts'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData } from '../support/exactness.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'
import { pyIceberg } from '../support/pyiceberg/pyiceberg.ts'
import { settingsOf, type Venue, withSource } from '../support/venue.ts'
import { openTable } from '../support/warehouse.ts'

const k2s = k2Fixture()
const [{ topic }] = checkedData('binance')
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const testMsMax = 400_000

/** A trade counts as sent so much later than it was issued, at most: the exchange is busy. */
const sendingMs = 1_000

/** Waits until all that had been sent to K2 by now is durable; when the last of it was issued. */
const settled = async (k2: K2Process, venue: Venue, sentBefore: number): Promise<number> => {
  const nowMs = Date.now() - sendingMs
  const sent = venue.control.status().counts.sent - sentBefore
  await k2.atLeast('k2_published_records_total', sent, { topic })
  return nowMs
}

test(
  'a kill between two lives: every hole is explained, nothing is lost, twice or wrong',
  async (context) => {
    const python = pyIceberg()
    if ('missing' in python) {
      context.skip(python.missing)
      return
    }
    const folder = mkdtempSync(join(tmpdir(), 'k2-issued-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const issued = join(folder, 'record')
    const dataFolder = k2s.dataFolder()
    let killedMs = 0
    let stoppedMs = 0
    let againMs = 0
    await withSource(
      makeGeneratorSource({ seed: 7, rate: 1_000 }),
      async (venue) => {
        const settings = {
          ...settingsOf(venue, symbols),
          K2_DATA_DIR: dataFolder,
          K2_DATA_TYPES: 'trades',
          K2_COMMIT_AGE: '200ms'
        }
        const first = k2s.start(settings)
        await first.atLeast('k2_landed_records', 1_000, { topic })
        killedMs = await settled(first, venue, 0)
        first.kill('SIGKILL')
        await first.exit()
        await expect.poll(() => venue.control.status().connections[0]?.closed).toBeTypeOf('string')
        const sentBefore = venue.control.status().counts.sent

        const second = k2s.start(settings)
        againMs = Date.now()
        await second.atLeast('k2_published_records_total', 2_000, { topic })
        stoppedMs = await settled(second, venue, sentBefore)
        second.kill('SIGINT')
        expect(await second.exit(), second.describe()).toEqual({ code: 0, signal: null })
      },
      { speed: 1, issuedRecord: { directory: issued } }
    )
    const verdict = await examineDelivery({
      issued,
      log: { folder: join(dataFolder, 'log'), topic },
      table: { metadata: openTable(dataFolder)!.metadataPath },
      explanations: [
        { symbol: '*', fromMs: killedMs, toMs: againMs, reason: 'ingest_killed' },
        { symbol: '*', fromMs: stoppedMs, toMs: Date.now(), reason: 'ingest_stopped' }
      ],
      cutGraceMs: 0,
      python: python.python
    })
    const shown = JSON.stringify({ killedMs, againMs, stoppedMs, ...verdict }, undefined, 2)
    await context.annotate(shown)
    expect(verdict.ok, shown).toBe(true)
    expect(verdict.landed).toBeGreaterThan(3_000)
    expect(verdict.landed).toBe(verdict.logged)
    // It came to an exchange that had begun, and was away for a while.
    expect(verdict.explained['not_delivered']).toBeGreaterThan(0)
  },
  testMsMax
)
