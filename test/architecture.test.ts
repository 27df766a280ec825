/**
 * The rules of the code base that the compiler and the linter cannot state: which layer may import
 * which, who may run effects, who owns what must be released (R24), how files look, and what a
 * clone of the repository may contain.
 */
import { describe, expect, test } from 'vitest'
import {
  codeLines,
  filesUnder,
  type Import,
  importsOf,
  readText,
  runsWith,
  trackedFiles
} from './support/source-tree.ts'

const columnsMax = 100
const fileLinesMax = 300
const machineLinesMax = 250

/** Files of adapters that acquire what must be released → the actor that owns it (R24). */
const ownerOf: Readonly<Record<string, string>> = {
  'src/adapters/dead-letters/dead-letter-log.ts': 'src/actors/lander/dead-letter-actor.ts',
  'src/adapters/disk/deletion-queue.ts': 'src/actors/repair/expiry-actor.ts',
  'src/adapters/duckdb/memory-meter.ts': 'src/actors/reading/query-actor.ts',
  'src/adapters/duckdb/minutes-writer.ts': 'src/actors/rollup/rollup-actor.ts',
  'src/adapters/duckdb/parquet-rewriter.ts': 'src/actors/repair/compaction-actor.ts',
  'src/adapters/duckdb/parquet-writer.ts': 'src/actors/lander/lander-actor.ts',
  'src/adapters/duckdb/query-pool.ts': 'src/actors/reading/query-actor.ts',
  'src/adapters/duckdb/sql-pool.ts': 'src/actors/reading/query-actor.ts',
  'src/adapters/exchange/binance-socket.ts': 'src/actors/ingest/feed-actor.ts',
  'src/adapters/exchange/feed-pump.ts': 'src/actors/ingest/feed-actor.ts',
  'src/adapters/http/server.ts': 'src/actors/reading/http-actor.ts',
  'src/adapters/log/embedded-log.ts': 'src/actors/log/log-actor.ts',
  'src/adapters/log/kafka/kafka-log.ts': 'src/actors/log/kafka-log-actor.ts',
  'src/adapters/log/kafka/kafka-reader.ts': 'src/actors/lander/lander-actor.ts',
  'src/adapters/log/spool.ts': 'src/actors/log/spool-actor.ts',
  'src/adapters/query/hot-entries.ts': 'src/actors/reading/query-actor.ts',
  'src/adapters/query/hot-files.ts': 'src/actors/reading/query-actor.ts',
  'src/adapters/simulator/simulator.ts': 'src/actors/ingest/exchange-actor.ts',
  'src/adapters/telemetry/heap-monitor.ts': 'src/actors/degradation/process-monitors.ts',
  'src/adapters/telemetry/loop-delay.ts': 'src/actors/degradation/process-monitors.ts',
  'src/adapters/telemetry/process-sampler.ts': 'src/actors/telemetry-actor.ts',
  'src/adapters/thread/worker-thread.ts': 'src/actors/lander/lander-actor.ts'
}
const supervisionTree = 'src/actors/runtime-actor.ts'

/** Adapters reach other folders through ports of their own; these are no ports but vocabulary. */
const adaptersForAll = ['src/adapters/config/', 'src/adapters/telemetry/']

/** The exit code of the process depends on how the root ended. */
const machinesForMain = ['src/machines/supervisor-spec.ts']

const pureEffect = ['effect/Schema', 'effect/Duration']

const effectRunners = [
  'src/main.ts',
  // kafkajs asks by promises which schema wrote a message.
  'src/actors/lander/lander-log.ts',
  'src/actors/effect-actor.ts',
  'src/actors/effect-incarnation.ts'
]

const mayRunEffects = (path: string): boolean =>
  effectRunners.includes(path) ||
  path.startsWith('src/cli/') ||
  /^src\/actors\/.+-worker\.ts$/.test(path)

/** As wide as its types. */
const generatedClient = 'src/client/api-types.ts'

const sources = filesUnder('src', ['.ts', '.mjs'])
const written = ['src', 'test', 'bench', 'chaos', 'demo', 'deploy', 'scripts']
  .flatMap((folder) => filesUnder(folder, ['.ts', '.mjs', '.mts', '.py']))
  .filter((path) => !path.startsWith('src/market/records/') && path !== generatedClient)
const textOf = new Map([...sources, ...written].map((path) => [path, readText(path)]))
const importsByFile: ReadonlyMap<string, readonly Import[]> = new Map(
  sources.map((path) => [path, importsOf(path, textOf.get(path) ?? '')])
)

describe('layers', () => {
  test('every module imports only what its layer may', () => {
    const violations = sources.flatMap((path) =>
      (importsByFile.get(path) ?? [])
        .filter(({ target }) => !mayImport(path, target))
        .map(({ target }) => `${path} imports ${target}`)
    )
    expect(violations).toEqual([])
  })

  test.each([
    ['src/adapters/log/a.ts', 'src/adapters/duckdb/b.ts', false],
    ['src/adapters/log/a.ts', 'src/adapters/logger/b.ts', false],
    ['src/adapters/log/a.ts', 'src/adapters/log/b.ts', true],
    ['src/adapters/log/a.ts', 'src/adapters/config/b.ts', true],
    ['src/adapters/log/a.ts', 'src/market/b.ts', true],
    ['src/adapters/log/a.ts', 'src/machines/b.ts', false],
    ['src/adapters/log/a.ts', 'test/b.ts', false],
    ['src/adapters/log/a.ts', 'node:fs', true],
    ['src/adapters/log/a.ts', 'xstate', false],
    ['src/market/a.ts', 'src/market/records/b.ts', true],
    ['src/market/a.ts', 'src/machines/b.ts', false],
    ['src/market/a.ts', 'effect/Schema', true],
    ['src/market/a.ts', 'effect/Effect', false],
    ['src/market/a.ts', 'node:fs', false],
    ['src/machines/a.ts', 'src/market/b.ts', true],
    ['src/machines/a.ts', 'src/adapters/log/b.ts', false],
    ['src/machines/a.ts', 'xstate', true],
    ['src/machines/a.ts', 'avsc', false],
    ['src/actors/a.ts', 'src/adapters/log/b.ts', true],
    ['src/actors/a.ts', 'src/main.ts', false],
    ['src/cli/a.ts', 'src/machines/b.ts', false],
    ['src/client/a.ts', 'src/adapters/http/b.ts', false],
    ['src/client/a.ts', 'node:http', false],
    ['src/visualizer/a.ts', 'src/adapters/http/b.ts', false],
    ['src/visualizer/a.ts', 'node:fs', false],
    ['src/visualizer/a.ts', 'uplot', true],
    ['src/main.ts', 'src/actors/b.ts', true],
    ['src/main.ts', 'bench/run.ts', false]
  ])('%s may import %s: %s', (path, target, expected) => {
    expect(mayImport(path, target)).toBe(expected)
  })

  test('modules of the project that are imported exist', () => {
    const missing = sources.flatMap((path) =>
      (importsByFile.get(path) ?? [])
        .filter(({ target }) => target.startsWith('src/') && !importsByFile.has(target))
        .map(({ target }) => `${path} imports ${target}`)
    )
    expect(missing).toEqual([])
  })

  test('every way to import is read, and what of it runs', () => {
    const text = [
      "import { a } from './a.ts'",
      "import type { B } from './b.ts'",
      'import {',
      '  type C,',
      '  c',
      "} from '../c.ts'",
      "import { type D, type E } from './d.ts'",
      "import './e.ts'",
      "export { f } from './f.ts'",
      "  const g = await import('./g.ts')",
      "const h = new URL('./h.ts', import.meta.url)",
      "import type from 'i'",
      "// import { z } from './z.ts'",
      "/** import { z } from './z.ts' */"
    ].join('\n')
    const found = importsOf('src/x/y.ts', text).map(
      ({ target, isValue }) => `${target} ${isValue ? 'runs' : 'types'}`
    )
    expect(found.sort()).toEqual([
      'i runs',
      'src/c.ts runs',
      'src/x/a.ts runs',
      'src/x/b.ts types',
      'src/x/d.ts types',
      'src/x/e.ts runs',
      'src/x/f.ts runs',
      'src/x/g.ts runs',
      'src/x/h.ts runs'
    ])
  })

  test('a module loaded by a computed name would escape these rules: only threads do it', () => {
    expect(linesWith(sources, /\bimport\((?!\s*')|\bcreateRequire\(/)).toEqual([
      // For pages that a package has.
      'src/adapters/http/page-files.ts: const packages = createRequire(import.meta.url)',
      // For the version of a package, by its name.
      'src/adapters/log/kafka/fast-kafkajs.ts: const require = createRequire(import.meta.url)',
      'src/adapters/thread/worker-bootstrap.mjs: await import(workerData.entry)'
    ])
  })

  test('the checker of deliveries shares no code with K2, not even through another module', () => {
    const theirs = new Map(
      ['chaos', 'test']
        .flatMap((folder) => filesUnder(folder, ['.ts']))
        .map((path) => [path, importsOf(path, readText(path))])
    )
    const reached = filesUnder('chaos/oracle', ['.ts']).flatMap((path) => [
      ...runsWith(path, theirs)
    ])
    expect(reached.length).toBeGreaterThan(5)
    const taken = reached.flatMap((path) =>
      (theirs.get(path) ?? []).flatMap(({ target }) => (target.startsWith('src/') ? [target] : []))
    )
    expect(taken).toEqual([])
  })

  test('effects are run by the bridge, by entry points and by nobody else', () => {
    const runners = sources.filter((path) => !mayRunEffects(path))
    expect(linesWith(runners, /\bEffect\.run[A-Z]|\.run(?:Promise|Fork|Sync|Callback)/)).toEqual([])
  })
})

describe('xstate as an actor runtime', () => {
  test('spawned children have ids of their own: without one, all but the last would leak', () => {
    const spawns = linesWith(sources, /\bspawn(?:Child)?\(/)
    expect(spawns.length).toBeGreaterThan(0)
    expect(spawns.filter((line) => !/\bid\b/.test(line))).toEqual([])
  })

  test('machines have no asynchronous actions: their mailbox would not wait for them', () => {
    const machines = sources.filter((path) => path.startsWith('src/machines/'))
    expect(linesWith(machines, /\basync\b|\bawait\b|\bPromise\b/)).toEqual([])
  })

  test("no machine catches all events: it would swallow its children's crashes", () => {
    expect(linesWith(sources, /^\s*'\*':/)).toEqual([])
  })
})

describe('ownership (R24)', () => {
  const acquires = /\bacquireRelease\b|\baddFinalizer\b|\bforkScoped\b/
  const imported = (path: string): ReadonlySet<string> => runsWith(path, importsByFile)

  test('every adapter that acquires what must be released is listed with its owner', () => {
    const acquirers = sources
      .filter((path) => path.startsWith('src/adapters/'))
      .filter((path) => linesWith([path], acquires).length > 0)
    expect(acquirers).toEqual(Object.keys(ownerOf))
  })

  test.each(Object.entries(ownerOf))('%s is owned by %s', (adapter, owner) => {
    expect(imported(owner)).toContain(adapter)
  })

  test.each([...new Set(Object.values(ownerOf))])('%s is in the supervision tree', (owner) => {
    expect(imported(supervisionTree)).toContain(owner)
  })

  test('a module of which only types are imported is not owned', () => {
    const importer = (isValue: boolean) =>
      new Map([
        ['a.ts', [{ target: 'b.ts', isValue }]],
        ['b.ts', []]
      ])
    expect([...runsWith('a.ts', importer(true))]).toEqual(['a.ts', 'b.ts'])
    expect([...runsWith('a.ts', importer(false))]).toEqual(['a.ts'])
  })
})

describe('files', () => {
  const modules = written.filter((path) => !path.endsWith('.py'))

  test('names are kebab-case, and no module only passes on others', () => {
    const kebab = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*[/.])+(?:ts|mjs|mts)$/
    expect(modules.filter((path) => !kebab.test(path))).toEqual([])
    expect(modules.filter((path) => /(?:^|\/)index\.(?:ts|mjs)$/.test(path))).toEqual([])
    expect(linesWith(sources, /^export \* from/)).toEqual([])
  })

  test('every source begins with a header', () => {
    const bare = sources.filter((path) => !textOf.get(path)?.startsWith('/**'))
    expect(bare).toEqual([])
  })

  test(`no line is longer than ${columnsMax} columns`, () => {
    const long = written.flatMap((path) =>
      (textOf.get(path) ?? '').split('\n').flatMap((line, index) => {
        const columns = line.length
        return columns > columnsMax ? [`${path}:${index + 1}: ${columns}`] : []
      })
    )
    expect(long).toEqual([])
  })

  test('no source is longer than its limit', () => {
    const counted = modules.filter((path) => !path.startsWith('test/'))
    const long = counted
      .map((path) => ({ path, lines: codeLines(textOf.get(path) ?? '').length }))
      .filter(({ path, lines }) =>
        lines > (path.startsWith('src/machines/') ? machineLinesMax : fileLinesMax)
      )
    expect(long).toEqual([])
  })

  test('lines are counted without blank lines and comments', () => {
    const text =
      "/**\n * Header.\n */\n\nconst a = 1 // why\n// a note\n  /* one */\nconst b = '//'\n"
    expect(codeLines(text).map(({ line }) => line)).toEqual([5, 8])
  })

  test('nothing is left for later', () => {
    const marks = /\b(?:T[O]DO|FIX[M]E|X[X]X|HA[C]K)\b/
    const marked = written.filter((path) => marks.test(textOf.get(path) ?? ''))
    expect(marked).toEqual([])
  })

  test('only entry points write to the console', () => {
    const quiet = sources.filter((path) => path !== 'src/main.ts' && !path.startsWith('src/cli/'))
    expect(linesWith(quiet, /\bconsole\b|process\.std(?:out|err)/)).toEqual([])
  })

  test('tests are skipped for want of recordings, outside programs or services only', () => {
    const tests = modules.filter((path) => path.startsWith('test/'))
    const skips = linesWith(
      tests.filter((path) => path !== 'test/architecture.test.ts'),
      /\.(?:skip|only|todo|fails)\b|\b(?:skip|run)If\b|\{\s*(?:skip|only|todo)\b|\bskip\(/
    )
    const allowed = [
      /^test\/support\/recordings\.ts: context\.skip\(message\)$/,
      /\bcontext\.skip\((?:found|python)\.missing\)/,
      /\bdescribe\.skipIf\(!hasOpenssl\)\(/,
      /\bdescribe\.skipIf\(!(?:areServicesRequired|canBrowse)\)\(/
    ]
    expect(skips.filter((skip) => !allowed.some((pattern) => pattern.test(skip)))).toEqual([])
  })
})

describe('package', () => {
  const manifest = JSON.parse(readText('package.json')) as Manifest
  const lock = JSON.parse(readText('package-lock.json')) as {
    readonly packages: Readonly<Record<string, Manifest & { readonly resolved?: string }>>
  }

  test('versions are exact, and the lock file has the same', () => {
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies }
    const loose = Object.entries(wanted).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)
    )
    expect(loose).toEqual([])
    expect(lock.packages['']?.dependencies).toEqual(manifest.dependencies)
    expect(lock.packages['']?.devDependencies).toEqual(manifest.devDependencies)
    const locked = Object.keys(wanted).map((name) => [
      name,
      lock.packages[`node_modules/${name}`]?.version
    ])
    expect(Object.fromEntries(locked)).toEqual(wanted)
  })

  test('the lock file names no registry', () => {
    const named = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined)
    expect(named).toEqual([])
  })

  test('npm keeps it so, on the Node versions that are tested', () => {
    const settings = readText('.npmrc').split('\n')
    expect(settings).toEqual(
      expect.arrayContaining([
        'omit-lockfile-registry-resolved=true',
        'save-exact=true',
        'engine-strict=true'
      ])
    )
    expect(settings.filter((line) => /registry\s*=|_auth|token/i.test(line))).toEqual([])
    expect(manifest.engines?.['node']).toMatch(/^>=20\.\d+\.\d+$/)
  })

  test('no file names a path of one machine or the host of a registry', () => {
    const found = trackedFiles().flatMap((path) => {
      const text = readText(path)
      if (text.includes('\0')) return []
      return placesOfOneMachine.flatMap((place) => {
        const hit = place.exec(text)?.[0]
        return hit === undefined ? [] : [`${path}: ${hit}`]
      })
    })
    expect(found).toEqual([])
  })
})

interface Manifest {
  readonly version?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** Written so that this file does not contain what it looks for. */
const placesOfOneMachine = [
  /[/]work[/]/,
  /[/]root[/]/,
  /[/](?:home|Users)[/][a-z]/,
  /\b[A-Z]:\\Users\b/,
  /registry[.](?:npmjs|yarnpkg|npmmirror)/,
  /npm[.]pkg[.]github/,
  /pypi[.]org/,
  /pythonhosted[.]org/,
  /proxy[.]golang/
]

const mayImport = (path: string, target: string): boolean => {
  const layer = layers.find(({ folder }) => path.startsWith(folder))
  if (layer === undefined) return false
  const isOurs = /^(?:src|test|bench|chaos|demo|deploy|scripts)\//.test(target)
  if (!isOurs) return layer.mayUse(target)
  return [layer.own(path), ...layer.imports].some((folder) => target.startsWith(folder))
}

interface Layer {
  readonly folder: string
  /** Where a file's neighbours are, which it may import. */
  readonly own: (path: string) => string
  /** What else of the project it may import, as beginnings of paths. */
  readonly imports: readonly string[]
  readonly mayUse: (packageName: string) => boolean
}

const layers: readonly Layer[] = [
  {
    folder: 'src/market/',
    own: () => 'src/market/',
    imports: [],
    mayUse: (name) => pureEffect.includes(name)
  },
  {
    folder: 'src/machines/',
    own: () => 'src/machines/',
    imports: ['src/market/'],
    mayUse: (name) => name === 'xstate' || pureEffect.includes(name)
  },
  {
    folder: 'src/adapters/',
    own: (path) => `${path.split('/').slice(0, 3).join('/')}/`,
    imports: ['src/market/', ...adaptersForAll],
    mayUse: (name) => !/^xstate(?:\/|$)/.test(name)
  },
  {
    folder: 'src/actors/',
    own: () => 'src/actors/',
    imports: ['src/machines/', 'src/market/', 'src/adapters/'],
    mayUse: () => true
  },
  {
    // It runs where K2 does not.
    folder: 'src/client/',
    own: () => 'src/client/',
    imports: [],
    mayUse: (name) => name === 'lossless-json'
  },
  {
    // A browser's: a client of the API like any other.
    folder: 'src/visualizer/',
    own: () => 'src/visualizer/',
    imports: ['src/market/', generatedClient],
    mayUse: (name) => /^(?:lit-html|uplot|elkjs\/lib\/elk-api\.js)$/.test(name)
  },
  {
    folder: 'src/cli/',
    own: () => 'src/cli/',
    imports: ['src/actors/', 'src/adapters/'],
    mayUse: () => true
  },
  {
    folder: 'src/main.ts',
    own: () => 'src/actors/',
    imports: ['src/adapters/', ...machinesForMain],
    mayUse: () => true
  }
]

/** `path: code` of every line of code that the pattern matches. */
const linesWith = (paths: readonly string[], pattern: RegExp): readonly string[] =>
  paths.flatMap((path) =>
    codeLines(textOf.get(path) ?? '')
      .filter(({ code }) => pattern.test(code))
      .map(({ code }) => `${path}: ${code.trim()}`)
  )
