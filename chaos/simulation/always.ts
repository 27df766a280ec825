/** What must hold after every single event, in every process that runs. */
import type { PublishCounts } from '../../src/actors/publisher/publish-ledger.ts'
import type { SymbolAccount } from '../../src/adapters/exchange/feed-account.ts'
import { Broken } from './broken.ts'
import type { Environment } from './environment.ts'
import type { K2 } from './k2.ts'

/** Frames of one offer, each at its largest: by so much the bound of memory may be exceeded. */
const offerBytesMax = 50 * 320

/** A look at all accounts costs more than an event: they are looked at now and then. */
const accountSteps = 16

export const checkAlways = (environment: Environment, k2: K2): void => {
  const { shared, accounts } = k2
  if (environment.scheduler.steps % accountSteps === 0) {
    for (const [symbol, account] of Object.entries(accounts.trades.snapshot())) {
      checkAccount(symbol, account)
      if (account.rejected > 0) environment.note('frame: refused')
    }
  }
  for (const { topic, publisher } of [shared.trades, shared.gaps]) {
    if (publisher.current !== undefined) checkCounts(topic, publisher.current.counts)
  }
  const publisher = shared.trades.publisher.current
  if (publisher !== undefined) {
    const { counts: { refused }, pendingBytes } = publisher
    const { publishBytesMax } = shared.config
    if (pendingBytes > publishBytesMax + offerBytesMax || pendingBytes < 0) {
      throw new Broken(`publisher: ${pendingBytes} bytes are pending of ${publishBytesMax}`)
    }
    if (pendingBytes > publishBytesMax) environment.note('feed: waits for the publisher')
    if (refused > 0) environment.note('spool: full')
  }
  const spool = shared.spool.current?.usage()
  if (spool !== undefined && spool.bytes > spool.bytesMax) {
    throw new Broken(`spool: ${spool.bytes} bytes of ${spool.bytesMax}`)
  }
  k2.check()
}

const checkCounts = (topic: string, counts: PublishCounts): void => {
  const { accepted, healed, recovered, acknowledged, setAside, spooled, inFlight } = counts
  if (accepted + healed + recovered === acknowledged + setAside + spooled + inFlight) return
  throw new Broken(`publisher, R16: ${topic}: ${JSON.stringify(counts)}`)
}

const checkAccount = (symbol: string, account: SymbolAccount): void => {
  const { received, accepted, rejected, refused, shed, offered } = account
  if (received === accepted + rejected + refused + shed + offered) return
  throw new Broken(`feed, R16: ${symbol}: ${JSON.stringify(account)}`)
}
