/**
 * What the venue has issued, trade by trade, in files of its own: the first witness of whoever
 * checks afterwards what became of it.
 *
 * 1. `trades.csv` has a line per trade, in the order of issue, also of those that nobody got:
 *    `deliveries` counts the connections to which it was written whole.
 * 2. `connections.csv` has a line per connection that has ended: what was written to it last may
 *    not have arrived.
 * 3. It is bounded: beyond `bytesMax` nothing more is recorded, and `trades.csv` says so in its
 *    last line, `#full`.
 * 4. Lines are written in groups; `close` makes them durable. A write that fails ends the record,
 *    with a line to `observe`, never the exchange.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Playback, TradeSource, VenueTrade } from './trade-source.ts'

export interface IssuedRecordOptions {
  /** A folder that holds no record yet. */
  readonly directory: string
  readonly bytesMax?: number
}

export type IssuedRecordEvent = {
  readonly type: 'issued_record.ended'
  readonly reason: string
}

export interface IssuedRecord {
  readonly issued: (stream: number, tradeId: number, deliveries: number) => void
  readonly connectionOpened: (connection: number) => void
  readonly connectionClosed: (connection: number, reason: string) => void
  /** Writes what has been gathered, if it is much or has waited for long. */
  readonly turnEnded: () => void
  readonly close: () => void
}

export interface IssuedRecordPorts {
  readonly source: TradeSource
  readonly playback: Playback
  /** Wall clock, ms. */
  readonly now: () => number
  readonly observe: (event: IssuedRecordEvent) => void
}

export const issuedHeader = 'symbol,id,price,quantity,trade_ms,issued_ms,deliveries'
const connectionsHeader = 'connection,opened_ms,closed_ms,reason'
const bytesMaxDefault = 8 * 1_024 ** 3
const tradesPerWrite = 2_048
const waitMsMax = 200

/** @throws the disk's own error, where the files cannot be made */
export const openIssuedRecord = (
  { directory, bytesMax = bytesMaxDefault }: IssuedRecordOptions,
  ports: IssuedRecordPorts
): IssuedRecord => {
  mkdirSync(directory, { recursive: true })
  const trades = openSync(join(directory, 'trades.csv'), 'wx')
  const connections = openSync(join(directory, 'connections.csv'), 'wx')
  return new FileRecord({ trades, connections, bytesMax }, ports)
}

interface Files {
  readonly trades: number
  readonly connections: number
  readonly bytesMax: number
}

interface Pending {
  readonly ids: number[]
  /** By id: when it was issued, and to how many connections. */
  readonly issuedMs: number[]
  readonly deliveries: number[]
}

class FileRecord implements IssuedRecord {
  readonly #files: Files
  readonly #ports: IssuedRecordPorts
  readonly #symbols: readonly string[]
  readonly #pending = new Map<number, Pending>()
  readonly #openedMs = new Map<number, number>()
  #count = 0
  #writtenMs: number
  #bytes = 0
  #hasEnded = false

  constructor(files: Files, ports: IssuedRecordPorts) {
    this.#files = files
    this.#ports = ports
    this.#symbols = ports.source.streams.map((name) => name.split('@', 1)[0]!.toUpperCase())
    this.#writtenMs = ports.now()
    this.#put(files.trades, `${issuedHeader}\n`)
    this.#put(files.connections, `${connectionsHeader}\n`)
  }

  issued(stream: number, tradeId: number, deliveries: number): void {
    if (this.#hasEnded) return
    let pending = this.#pending.get(stream)
    if (pending === undefined)
      this.#pending.set(stream, (pending = { ids: [], issuedMs: [], deliveries: [] }))
    pending.ids.push(tradeId)
    pending.issuedMs.push(this.#ports.now())
    pending.deliveries.push(deliveries)
    this.#count++
  }

  connectionOpened(connection: number): void {
    this.#openedMs.set(connection, this.#ports.now())
  }

  connectionClosed(connection: number, reason: string): void {
    const openedMs = this.#openedMs.get(connection)
    this.#openedMs.delete(connection)
    const line = `${connection},${openedMs ?? ''},${this.#ports.now()},${reason}\n`
    if (!this.#hasEnded) this.#put(this.#files.connections, line)
  }

  turnEnded(): void {
    if (this.#count === 0) return
    if (this.#count >= tradesPerWrite || this.#ports.now() - this.#writtenMs >= waitMsMax)
      this.#write()
  }

  close(): void {
    this.#write()
    this.#hasEnded = true
    for (const file of [this.#files.trades, this.#files.connections]) {
      fsyncSync(file)
      closeSync(file)
    }
  }

  #write(): void {
    this.#writtenMs = this.#ports.now()
    const lines: string[] = []
    for (const [stream, pending] of this.#pending) this.#linesOf(stream, pending, lines)
    this.#pending.clear()
    this.#count = 0
    const text = lines.join('')
    if (this.#hasEnded || text === '') return
    if (this.#bytes + text.length > this.#files.bytesMax) {
      this.#put(this.#files.trades, '#full\n')
      this.#end(`it has reached ${this.#files.bytesMax} bytes`)
    } else this.#put(this.#files.trades, text)
  }

  #linesOf(stream: number, { ids, issuedMs, deliveries }: Pending, lines: string[]): void {
    const symbol = this.#symbols[stream]!
    const known = this.#tradesOf(symbol, ids)
    ids.forEach((id, index) => {
      const trade = known.get(id)
      if (trade === undefined) return
      const { price, quantity, timeMs } = trade
      const times = `${timeMs},${issuedMs[index]}`
      lines.push(`${symbol},${id},${price},${quantity},${times},${deliveries[index]}\n`)
    })
  }

  /** The venue's own history knows them: the values are those of its REST replies. */
  #tradesOf(symbol: string, ids: readonly number[]): ReadonlyMap<number, VenueTrade> {
    const first = ids.reduce((least, id) => Math.min(least, id), Number.POSITIVE_INFINITY)
    const last = ids.reduce((most, id) => Math.max(most, id), -1)
    const trades = this.#ports.playback.trades(symbol, first, last - first + 1)
    return new Map(trades.map((trade) => [trade.id, trade]))
  }

  #put(file: number, text: string): void {
    try {
      this.#bytes += writeSync(file, text)
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error))
    }
  }

  #end(reason: string): void {
    this.#hasEnded = true
    this.#ports.observe({ type: 'issued_record.ended', reason })
  }
}
