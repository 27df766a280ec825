/** How a K2 of a run is wired to what is around it: stores, catalog, broker, ledger, coverage. */
import * as Effect from 'effect/Effect'
import type { Catalog } from '../../src/adapters/iceberg/ports.ts'
import { type Broker, type BrokerClient, brokerLog, brokerReader } from './broker.ts'
import type { Component } from './component.ts'
import type { K2Options } from './k2.ts'
import type { SimulatedProcess } from './process.ts'
import { embeddedCatalog, remoteCatalog, storeFiles, storesOf } from './stores.ts'
import { noteSwaps } from './swap-notes.ts'
import type { World } from './world.ts'

export interface Site {
  readonly world: Pick<
    World,
    | 'environment'
    | 'setup'
    | 'venue'
    | 'ledger'
    | 'swaps'
    | 'broker'
    | 'catalog'
    | 'group'
    | 'links'
  >
  readonly name: string
  readonly components: readonly Component[]
  readonly onEnd: () => void
}

export const k2Options = (site: Site): K2Options => {
  const { world, name, components, onEnd } = site
  const { environment, setup, venue, ledger, swaps, broker } = world
  return {
    environment,
    name,
    roles: name === 'k2' ? ['ingest', 'land'] : ['land'],
    settings: setup.settings,
    limit: { restartsMax: setup.restartsMax, windowMs: 60_000 },
    venue,
    openStores: (process) => () =>
      Effect.sync(() =>
        storesOf(storeFiles(process.files), noteSwaps(swaps, catalogOf(world, process)))
      ),
    broker: broker === undefined ? undefined : brokerOf(world, broker),
    components,
    acknowledged: (batch) => ledger.note(batch),
    spool: {
      spooled: (batch) => {
        environment.note('spool: used')
        ledger.note(batch)
      },
      drained: () => environment.note('spool: drained')
    },
    onCommit: (event) => {
      swaps.noteLanded(event.snapshotId)
      for (const { counters } of event.positions) {
        if (counters.duplicates > 0) environment.note('fold: duplicate')
        if (counters.gapIds > 0) environment.note('fold: gap')
        if (counters.late > 0) environment.note('fold: late')
      }
    },
    onLetter: ({ reason, detail }) => ledger.letters.push(`${reason}: ${detail}`),
    onEnd
  }
}

const catalogOf = (
  { environment, catalog: service, links }: Site['world'],
  process: SimulatedProcess
): Catalog =>
  service === undefined
    ? embeddedCatalog(storeFiles(process.files))
    : remoteCatalog({ environment, service, process, link: links.catalog })

const brokerOf = (
  { environment, setup, group, links }: Site['world'],
  broker: Broker
): NonNullable<K2Options['broker']> => {
  const clientOf = (process: SimulatedProcess): BrokerClient => ({
    environment,
    broker,
    process,
    link: links.broker,
    sendMsMax: setup.settings.kafkaSendMs,
    onLate: () => environment.note('discarded send arrived late')
  })
  return {
    serve: (process) => (shared) =>
      Effect.andThen(
        shared.logTopics.serve(broker.topics),
        shared.log.serve(brokerLog(clientOf(process)))
      ),
    openReader: (process) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => group.join(process)),
          ({ leave }) => Effect.sync(leave)
        ),
        (member) => brokerReader(clientOf(process), member)
      )
  }
}
