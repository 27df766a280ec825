/**
 * The simulation against K2 with a bug, in each of its promises: one that finds nothing would prove
 * nothing. How many seeds it took is printed.
 */
import { describe, expect, test } from 'vitest'
import { simulate, type SourceBug } from './support/planted-sources.ts'

const seedsMax = 400

type Planted = readonly [what: string, broken: RegExp, bug: SourceBug]

/** Fence, duplicates, order of the spool, hysteresis, offsets that are carried. */
const five: readonly Planted[] = [
  [
    'a commit that does not look where the table is: the fence (R19)',
    /^seed \d+: (?:table|lineage|partition|never quiet)/m,
    {
      file: 'adapters/iceberg/append.ts',
      from: 'if (mismatches.length > 0 ||',
      to: 'if (mismatches.length > advancesMax ||',
      more: '\nconst advancesMax = 1_000\n'
    }
  ],
  [
    'duplicates that are recognised for a while only (R4)',
    /^seed \d+: table: .+ is there twice/m,
    {
      file: 'market/sequence.ts',
      from: 'if (index === -1) return duplicate',
      to: "if (index === -1) return id > epoch.high - 8 ? duplicate : { kind: 'late', epoch: 0 }"
    }
  ],
  [
    'newer records that go past the spool (R36)',
    /^seed \d+: log: .+ came behind/m,
    {
      file: 'actors/publisher/lane-runner.ts',
      from: 'const isDirect = this.#isSpoolEmpty && !isSpilling()',
      to: 'const isDirect = !isSpilling()'
    }
  ],
  [
    'a level that is left without its cooldown: hysteresis (R38)',
    /^seed \d+: degradation: recovers after \d+ ms/m,
    {
      file: 'machines/degradation-ladder.ts',
      from: 'const isOver = atMs - ladder.changedMs >= waitMs',
      to: 'const isOver = atMs - ladder.changedMs >= waitMs / 2'
    }
  ],
  [
    'a commit with the offsets of the table that it was planned on (R9)',
    /^seed \d+: (?:table|lineage|partition|never quiet)/m,
    {
      file: 'adapters/iceberg/append.ts',
      from: 'recordedState(table.name, base.metadata)',
      to: 'recordedState(table.name, plannedOn(request, base.metadata))',
      more:
        '\nconst plans = new WeakMap<AppendRequest, TableMetadata>()\n' +
        'const plannedOn = (request: AppendRequest, metadata: TableMetadata) => {\n' +
        '  if (!plans.has(request)) plans.set(request, metadata)\n' +
        '  return plans.get(request)!\n' +
        '}\n'
    }
  ]
]

/** They take minutes: for `npm run ci:full`. */
const further: readonly Planted[] = [
  [
    'holes that are forgotten: what comes late never lands (R7)',
    /^seed \d+: table: .+ (?:is not there|is lost)/m,
    {
      file: 'market/sequence.ts',
      from: 'if (gapIds > 0) {',
      to: 'if (gapIds < 0) {'
    }
  ],
  [
    'a spool that is drained before the event log has it (R36)',
    /^seed \d+: (?:spool|log): .+ is lost/m,
    {
      file: 'actors/publisher/lane-runner.ts',
      from: 'const outcome = yield* this.#send(packed, leave)',
      to:
        'yield* spool.acknowledge(oldest)\n' +
        '      const outcome = yield* this.#send(packed, leave)'
    }
  ],
  [
    'a breaker that forgets its failures at the first success: hysteresis',
    /^seed \d+: .+publisher:trades# waited/m,
    {
      file: 'machines/circuit-breaker-machine.ts',
      from: "after: { upDelay: { actions: 'forgetAttempts' } },",
      to: "entry: 'forgetAttempts',"
    }
  ],
  [
    'a child that starts again as if it had never crashed: hysteresis',
    /^seed \d+: .+ waited/m,
    {
      file: 'machines/supervisor-child-setup.ts',
      from: '        attempt: context.attempt + 1,',
      to: '        attempt: 1,'
    }
  ],
  [
    'records that are told to be durable before they are (R11)',
    /^seed \d+: /m,
    {
      file: 'adapters/log/segment-log.ts',
      from: '    await this.#active.sync()\n    if (startsSegment)',
      to: '    if (startsSegment)'
    }
  ],
  [
    'a level that is left whatever its signals are: hysteresis (R33)',
    /^seed \d+: degradation: (?:recovers from|.+ asks for) /m,
    {
      file: 'machines/degradation-ladder.ts',
      from: 'return pressure !== null && (mark === null || pressure < mark)',
      to: 'return pressure !== null || mark === null'
    }
  ],
  [
    'tier 1 that is shed as tier 3 is (R34)',
    /^seed \d+: shedder: \w+ is of tier 1/m,
    {
      file: 'adapters/exchange/frame-shedder.ts',
      from:
        "    if (!isQuote && tier === 1) return 'taken' // (2)\n" +
        '    const share = (isQuote ? asks.quotesTaken : asks.tradesTaken)[tier]',
      to: '    const share = (isQuote ? asks.quotesTaken : asks.tradesTaken)[3]'
    }
  ],
  [
    'a hole that is closed as soon as it is claimed, and not by what landed (R29)',
    /^seed \d+: (?:never quiet|ledger|table)/m,
    {
      file: 'machines/gap-epoch.ts',
      from: '    return subtract(intersect(ranges, [[epoch.low, epoch.high]]), this.#holes)',
      to:
        '    const claimed = unite(this.#claims.flatMap(idsOfClaim))\n' +
        '    return intersect(ranges, [...subtract([[epoch.low, epoch.high]], this.#holes), ' +
        '...claimed])'
    }
  ],
  [
    'claims that are passed before they are in the ledger (R5)',
    /^seed \d+: ledger: .+ is unexplained/m,
    {
      file: 'actors/gaps/gap-writer.ts',
      from: 'session.claims = [...session.claims, ...claims]',
      to: 'session.claims = claims'
    }
  ]
]

const bugs = process.env['K2_CI_FULL'] === '1' ? [...five, ...further] : five

describe('K2 with a bug is found out', () => {
  test.for(bugs)('%s', { timeout: 900_000 }, async ([what, broken, bug], context) => {
    const { code, output } = await simulate(
      ['--seeds', String(seedsMax), '--until-broken'],
      bug
    )
    await context.annotate(output.trim())
    process.stdout.write(`${what}: ${output}`)
    expect(output).toMatch(broken)
    expect(code).toBe(1)
  })
})
