/** How a K2 of a run is wired to what is around it: stores, catalog, broker, ledger, coverage. */
import * as Effect from 'effect/Effect'
import type { Catalog } from '../../src/adapters/iceberg/ports.ts'
import { type Broker, type BrokerClient, brokerLog, brokerReader } from './broker.ts'
import type { Component } from './component.ts'
import { degradation } from './degradation.ts'
import { gaps } from './gaps.ts'
import { healing } from './healing.ts'
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
    | 'history'
    | 'ledger'
    | 'swaps'
    | 'broker'
    | 'catalog'
    | 'groups'
    | 'links'
  >
  readonly name: string
  readonly components: readonly Component[]
  readonly onEnd: () => void
}

export const k2Options = (site: Site): K2Options => {
  const { world, name, components, onEnd } = site
  const { environment, setup, venue, history, ledger, swaps, broker } = world
  const reading = broker === undefined ? undefined : brokerOf(world, broker)
  return {
    environment,
    name,
    roles: name === 'k2' ? ['ingest', 'land'] : ['land'],
    settings: setup.settings,
    limit: { restartsMax: setup.restartsMax, windowMs: 60_000 },
    isLevelled: setup.hasLadder && name === 'k2',
    hasLedger: setup.hasHealing,
    venue,
    history,
    openStores: (process) => () =>
      Effect.sync(() =>
        storesOf(storeFiles(process.files), noteSwaps(swaps, catalogOf(world, process)))
      ),
    broker: reading,
    components: [
      ...(setup.hasLadder ? [degradation()] : []),
      ...(setup.hasHealing
        ? [gaps({ openReader: reading && ((process) => reading.openReader(process, 'gaps')) })]
        : []),
      ...(setup.hasHealing ? [healing()] : []),
      ...components
    ],
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
    onLedger: () => ledger.noteCommit(),
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
  { environment, setup, groups, links }: Site['world'],
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
    openReader: (process, dataType) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => groups[dataType].join(process)),
          ({ leave }) => Effect.sync(leave)
        ),
        (member) => brokerReader(clientOf(process), member)
      )
  }
}
